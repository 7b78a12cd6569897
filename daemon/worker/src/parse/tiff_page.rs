//! What one TIFF directory says about its page: size, samples, and where the coded px lie.
//!
//! Checks sizes and bounds before anything is decoded. A page whose coding is not known is still a
//! page; decoding it fails alone. Reduced images in the chain count as pages too: dropping one that is
//! wrongly marked would lose a page in silence, keeping one costs a small page.

use super::{
    check_raster_size,
    tiff::{Directory, Tiff},
};
use types::{Limits, Reason};

/// Names of TIFF's compression numbers.
pub(crate) mod compression {
    pub(crate) const NONE: u64 = 1;
    pub(crate) const HUFFMAN: u64 = 2;
    pub(crate) const GROUP_3: u64 = 3;
    pub(crate) const GROUP_4: u64 = 4;
    pub(crate) const LZW: u64 = 5;
    pub(crate) const JPEG: u64 = 7;
    pub(crate) const DEFLATE: u64 = 8;
    pub(crate) const OLD_DEFLATE: u64 = 32946;
    pub(crate) const PACK_BITS: u64 = 32773;

    /// All that can be decoded.
    pub(crate) const KNOWN: [u64; 9] =
        [NONE, HUFFMAN, GROUP_3, GROUP_4, LZW, JPEG, DEFLATE, OLD_DEFLATE, PACK_BITS];
}

/// Names of TIFF's photometric interpretations.
pub(crate) mod photometric {
    pub(crate) const WHITE_IS_ZERO: u64 = 0;
    pub(crate) const RGB: u64 = 2;
    pub(crate) const PALETTE: u64 = 3;
    pub(crate) const SEPARATED: u64 = 5;
    pub(crate) const YCBCR: u64 = 6;
}

mod tag {
    pub(super) const WIDTH: u16 = 256;
    pub(super) const HEIGHT: u16 = 257;
    pub(super) const BITS_PER_SAMPLE: u16 = 258;
    pub(super) const COMPRESSION: u16 = 259;
    pub(super) const PHOTOMETRIC: u16 = 262;
    pub(super) const FILL_ORDER: u16 = 266;
    pub(super) const STRIP_OFFSETS: u16 = 273;
    pub(super) const ORIENTATION: u16 = 274;
    pub(super) const SAMPLES_PER_PIXEL: u16 = 277;
    pub(super) const ROWS_PER_STRIP: u16 = 278;
    pub(super) const STRIP_BYTE_COUNTS: u16 = 279;
    pub(super) const X_RESOLUTION: u16 = 282;
    pub(super) const Y_RESOLUTION: u16 = 283;
    pub(super) const PLANAR_CONFIGURATION: u16 = 284;
    pub(super) const T4_OPTIONS: u16 = 292;
    pub(super) const RESOLUTION_UNIT: u16 = 296;
    pub(super) const PREDICTOR: u16 = 317;
    pub(super) const COLOR_MAP: u16 = 320;
    pub(super) const TILE_WIDTH: u16 = 322;
    pub(super) const TILE_LENGTH: u16 = 323;
    pub(super) const TILE_OFFSETS: u16 = 324;
    pub(super) const TILE_BYTE_COUNTS: u16 = 325;
    pub(super) const EXTRA_SAMPLES: u16 = 338;
    pub(super) const SAMPLE_FORMAT: u16 = 339;
    pub(super) const JPEG_TABLES: u16 = 347;
}

/// One page as its directory describes it. Field names are those of the format.
pub(crate) struct TiffPage<'a> {
    pub(crate) file: Tiff<'a>,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) bits: u64,
    pub(crate) samples: usize,
    pub(crate) are_planes_separate: bool,
    pub(crate) compression: u64,
    pub(crate) photometric: u64,
    pub(crate) is_lsb_first: bool,
    pub(crate) has_predictor: bool,
    pub(crate) t4_options: u64,
    /// Of the first extra sample: 1 associated alpha, 2 unassociated alpha.
    pub(crate) alpha: Option<u64>,
    pub(crate) color_map: Vec<u64>,
    pub(crate) jpeg_tables: &'a [u8],
    /// Size of a strip or tile, px.
    pub(crate) chunk: (u32, u32),
    /// Offset and size of each strip or tile, plane by plane, row by row.
    pub(crate) chunks: Vec<(u64, u64)>,
    pub(crate) orientation: Orientation,
    pub(crate) resolution: Resolution,
    /// Samples, compression and predictor are all of a kind that can be decoded.
    pub(crate) is_decodable: bool,
}

/// Pages of the file; refused when a size or a bound is wrong, or when no page can be decoded.
pub(super) fn examine(document: &[u8], limits: &Limits) -> Result<u32, Reason> {
    let directories = Tiff::open(document)?.directories(limits)?;
    let mut decodable = 0;
    for directory in &directories {
        decodable += u32::from(TiffPage::read(directory, limits)?.is_decodable);
    }
    let pages = u32::try_from(directories.len()).map_err(|_| Reason::TooManyPages)?;
    if decodable == 0 { Err(Reason::UnsupportedFormat) } else { Ok(pages) }
}

impl<'a> TiffPage<'a> {
    /// Reads and checks one directory.
    pub(crate) fn read(directory: &Directory<'a>, limits: &Limits) -> Result<Self, Reason> {
        let side = |tag| directory.number(tag).ok_or(Reason::Malformed);
        let (width, height) = (side(tag::WIDTH)?, side(tag::HEIGHT)?);
        check_raster_size(width, height, limits)?;
        let narrow = |value: u64| u32::try_from(value).map_err(|_| Reason::PageTooLarge);
        let (width, height) = (narrow(width)?, narrow(height)?);
        let samples = directory.number(tag::SAMPLES_PER_PIXEL).unwrap_or(1);
        let bits = directory.number(tag::BITS_PER_SAMPLE).unwrap_or(1);
        let compression = directory.number(tag::COMPRESSION).unwrap_or(compression::NONE);
        let predictor = directory.number(tag::PREDICTOR).unwrap_or(1);
        let is_unsigned = matches!(directory.number(tag::SAMPLE_FORMAT), None | Some(1 | 4));
        let is_decodable = compression::KNOWN.contains(&compression)
            && (1..=SAMPLES_MAX).contains(&samples)
            && (1..=BITS_MAX).contains(&bits)
            && matches!(predictor, 1 | 2)
            && is_unsigned;
        let planes = if directory.number(tag::PLANAR_CONFIGURATION) == Some(2) { samples } else { 1 };
        let chunk = chunk_size(directory, width, height, limits)?;
        Ok(Self {
            file: directory.file(),
            width,
            height,
            bits,
            samples: usize::try_from(samples).map_err(|_| Reason::Malformed)?,
            are_planes_separate: planes > 1,
            compression,
            photometric: directory.number(tag::PHOTOMETRIC).unwrap_or(photometric::WHITE_IS_ZERO),
            is_lsb_first: directory.number(tag::FILL_ORDER) == Some(2),
            has_predictor: predictor == 2,
            t4_options: directory.number(tag::T4_OPTIONS).unwrap_or(0),
            alpha: directory.number(tag::EXTRA_SAMPLES).filter(|kind| matches!(kind, 1 | 2)),
            color_map: directory.numbers(tag::COLOR_MAP).unwrap_or_default(),
            jpeg_tables: directory.bytes(tag::JPEG_TABLES).unwrap_or_default(),
            chunk,
            chunks: chunks(directory, width, height, chunk, planes)?,
            orientation: Orientation::of(directory),
            resolution: Resolution::of(directory),
            is_decodable,
        })
    }
}

/// Most samples of a px: CMYK and alpha, with one to spare.
const SAMPLES_MAX: u64 = 6;
/// Most bits of a sample.
const BITS_MAX: u64 = 16;

/// Size of a tile, or of a strip: fax software writes 0xFFFFFFFF rows for "all".
fn chunk_size(directory: &Directory, width: u32, height: u32, limits: &Limits) -> Result<(u32, u32), Reason> {
    let Some(tile_width) = directory.number(tag::TILE_WIDTH) else {
        let rows = directory.number(tag::ROWS_PER_STRIP).unwrap_or(u64::MAX).min(height.into());
        return if rows == 0 {
            Err(Reason::Malformed)
        } else {
            Ok((width, u32::try_from(rows).unwrap_or(height)))
        };
    };
    let tile_height = directory.number(tag::TILE_LENGTH).ok_or(Reason::Malformed)?;
    check_raster_size(tile_width, tile_height, limits)?;
    let narrow = |value: u64| u32::try_from(value).map_err(|_| Reason::PageTooLarge);
    Ok((narrow(tile_width)?, narrow(tile_height)?))
}

/// Where the strips or tiles lie; all of them must be there and inside the file.
fn chunks(
    directory: &Directory,
    width: u32,
    height: u32,
    chunk: (u32, u32),
    planes: u64,
) -> Result<Vec<(u64, u64)>, Reason> {
    // Some writers of tiles use the tags of strips for where they lie.
    let has_tile_tags = directory.number(tag::TILE_OFFSETS).is_some();
    let (offsets, counts) = if has_tile_tags {
        (tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS)
    } else {
        (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS)
    };
    let offsets = directory.numbers(offsets)?;
    let mut counts = directory.numbers(counts)?;
    if let ([at], [] | [0]) = (offsets.as_slice(), counts.as_slice()) {
        // Early fax software leaves the size of a single strip out: it runs to the end of the file.
        counts = vec![directory.file().bytes_after(*at)?];
    }
    let needed = u64::from(width.div_ceil(chunk.0)) * u64::from(height.div_ceil(chunk.1)) * planes;
    if (offsets.len() as u64) < needed || (counts.len() as u64) < needed {
        return Err(Reason::Malformed);
    }
    let chunks: Vec<_> =
        offsets.into_iter().zip(counts).take(usize::try_from(needed).unwrap_or_default()).collect();
    chunks.iter().try_for_each(|(at, bytes)| directory.file().slice(*at, *bytes).map(drop))?;
    Ok(chunks)
}

/// Resolution as written.
#[derive(Clone, Copy)]
pub(crate) struct Resolution {
    x: Option<f64>,
    y: Option<f64>,
    unit: u64,
}

impl Resolution {
    pub(super) fn of(directory: &Directory) -> Self {
        Self {
            x: directory.rational(tag::X_RESOLUTION),
            y: directory.rational(tag::Y_RESOLUTION),
            unit: directory.number(tag::RESOLUTION_UNIT).unwrap_or(INCH),
        }
    }

    /// In dpi, when the file says so in inches or centimetres.
    pub(crate) fn dpi(self) -> Option<(f64, f64)> {
        let per_inch = match self.unit {
            INCH => 1.0,
            CENTIMETRE => 2.54,
            _ => return None,
        };
        Some((self.x? * per_inch, self.y? * per_inch))
    }
}

const INCH: u64 = 2;
const CENTIMETRE: u64 = 3;

/// How stored px are to be shown: mirrored first, then turned clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orientation {
    /// Left and right are exchanged.
    pub(crate) is_mirrored: bool,
    /// Clockwise quarter turns, 0 to 3.
    pub(crate) quarter_turns: u8,
}

impl Orientation {
    /// Of the tag that TIFF and Exif share; anything but 1 to 8 means "as stored".
    pub(super) fn of(directory: &Directory) -> Self {
        let (is_mirrored, quarter_turns) = match directory.number(tag::ORIENTATION) {
            Some(2) => (true, 0),
            Some(3) => (false, 2),
            Some(4) => (true, 2),
            Some(5) => (true, 3),
            Some(6) => (false, 1),
            Some(7) => (true, 1),
            Some(8) => (false, 3),
            _ => (false, 0),
        };
        Self { is_mirrored, quarter_turns }
    }
}
