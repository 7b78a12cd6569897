//! The markers of a JPEG: size, resolution, orientation, and whether it ends. Does not decode.

use super::{Orientation, Tiff, check_raster_size, tiff_page::Resolution};
use types::{Limits, Reason};

/// Facts of a JPEG.
pub(crate) struct Jpeg {
    /// Width as stored, px.
    pub(crate) width: u32,
    /// Height as stored, px.
    pub(crate) height: u32,
    /// Horizontal and vertical resolution as stored, when the file gives one.
    pub(crate) dpi: Option<(f64, f64)>,
    /// How the stored px are to be shown.
    pub(crate) orientation: Orientation,
    /// Written by Adobe's software, which stores inks inverted.
    pub(crate) is_from_adobe: bool,
    /// Bytes lie behind the end.
    pub(super) has_trailing_data: bool,
}

const START_OF_IMAGE: u8 = 0xD8;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP14: u8 = 0xEE;
const CENTIMETRES_PER_INCH: f64 = 2.54;

impl Jpeg {
    /// Walks the markers up to the end of the image.
    pub(crate) fn read(document: &[u8], limits: &Limits) -> Result<Self, Reason> {
        let mut reader = Markers { bytes: document, at: 0 };
        let (mut size, mut jfif_dpi, mut exif, mut is_from_adobe) = (None, None, Exif::default(), false);
        for _ in 0..limits.objects_max {
            let marker = reader.next_marker()?;
            match marker {
                END_OF_IMAGE => {
                    let (width, height) = size.ok_or(Reason::Malformed)?;
                    let has_trailing_data = document[reader.at..].iter().any(|byte| *byte != 0);
                    let Exif { dpi, orientation } = exif;
                    let dpi = jfif_dpi.or(dpi);
                    return Ok(Self { width, height, dpi, orientation, is_from_adobe, has_trailing_data });
                }
                // Markers without a body: start of image, TEM, restarts.
                START_OF_IMAGE | 0x01 | 0xD0..=0xD7 => {}
                _ => {
                    let body = reader.body()?;
                    match marker {
                        // Lossless, hierarchical and arithmetic coding: no scanner or camera writes them.
                        0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                            return Err(Reason::UnsupportedFormat);
                        }
                        0xC0..=0xC2 => {
                            let found = frame_size(body)?;
                            check_raster_size(found.0.into(), found.1.into(), limits)?;
                            size = size.or(Some(found));
                        }
                        START_OF_SCAN => reader.skip_entropy_coded_data(),
                        APP0 => jfif_dpi = jfif_dpi.or_else(|| jfif_resolution(body)),
                        APP14 => is_from_adobe |= body.starts_with(b"Adobe"),
                        APP1 => exif = Exif::of(body, limits).unwrap_or(exif),
                        _ => {}
                    }
                }
            }
        }
        Err(Reason::TooManyObjects)
    }
}

struct Markers<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Markers<'a> {
    /// The next marker; bytes before it that belong to nothing are passed over, as decoders do.
    fn next_marker(&mut self) -> Result<u8, Reason> {
        loop {
            match self.bytes.get(self.at..) {
                Some([0xFF, code, ..]) if !matches!(code, 0x00 | 0xFF) => {
                    self.at += 2;
                    return Ok(*code);
                }
                Some([_, _, ..]) => self.at += 1,
                _ => return Err(Reason::Truncated),
            }
        }
    }

    /// The body of the marker just read.
    fn body(&mut self) -> Result<&'a [u8], Reason> {
        let rest = &self.bytes[self.at..];
        let [high, low, ..] = *rest else { return Err(Reason::Truncated) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 2 {
            return Err(Reason::Malformed);
        }
        let body = rest.get(2..length).ok_or(Reason::Truncated)?;
        self.at += length;
        Ok(body)
    }

    /// Moves to the marker that ends the entropy-coded data; restarts and stuffed bytes belong to it.
    fn skip_entropy_coded_data(&mut self) {
        let ends = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF | 0xD0..=0xD7);
        let rest = &self.bytes[self.at..];
        self.at += rest.windows(2).position(ends).unwrap_or(rest.len());
    }
}

/// Width and height of a start-of-frame body.
fn frame_size(body: &[u8]) -> Result<(u32, u32), Reason> {
    let [_precision, h0, h1, w0, w1, ..] = *body else { return Err(Reason::Malformed) };
    Ok((u16::from_be_bytes([w0, w1]).into(), u16::from_be_bytes([h0, h1]).into()))
}

fn jfif_resolution(body: &[u8]) -> Option<(f64, f64)> {
    let [b'J', b'F', b'I', b'F', 0, _, _, unit, x0, x1, y0, y1, ..] = *body else { return None };
    let per_inch = match unit {
        1 => 1.0,
        2 => CENTIMETRES_PER_INCH,
        _ => return None,
    };
    let dpi = |value: [u8; 2]| f64::from(u16::from_be_bytes(value)) * per_inch;
    Some((dpi([x0, x1]), dpi([y0, y1])))
}

/// What a camera or scanner adds.
#[derive(Clone, Copy, Default)]
struct Exif {
    dpi: Option<(f64, f64)>,
    orientation: Orientation,
}

impl Exif {
    /// Damaged Exif says nothing; it is no reason to refuse the picture.
    fn of(body: &[u8], limits: &Limits) -> Option<Self> {
        let directory = Tiff::open(body.strip_prefix(b"Exif\0\0")?).ok()?.first_directory(limits).ok()?;
        Some(Self { dpi: Resolution::of(&directory).dpi(), orientation: Orientation::of(&directory) })
    }
}
