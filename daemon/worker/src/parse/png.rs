//! The chunks of a PNG: size, resolution, and whether the file ends where it says. Does not inflate.

use super::check_raster_size;
use types::{Limits, Reason};

/// Facts of a PNG.
pub(crate) struct Png {
    /// Width, px.
    pub(crate) width: u32,
    /// Height, px.
    pub(crate) height: u32,
    /// Horizontal and vertical resolution, when the file gives one.
    pub(crate) dpi: Option<(f64, f64)>,
    /// Bytes lie behind the end.
    pub(super) has_trailing_data: bool,
}

const SIGNATURE_BYTES: usize = 8;
const METRES_PER_INCH: f64 = 0.0254;

impl Png {
    /// Walks the chunks up to `IEND`.
    pub(crate) fn read(document: &[u8], limits: &Limits) -> Result<Self, Reason> {
        let mut rest = document.get(SIGNATURE_BYTES..).ok_or(Reason::Truncated)?;
        let (kind, header) = take_chunk(&mut rest)?;
        let (width, height) = match (kind, header) {
            (b"IHDR", [w0, w1, w2, w3, h0, h1, h2, h3, ..]) => {
                (u32::from_be_bytes([*w0, *w1, *w2, *w3]), u32::from_be_bytes([*h0, *h1, *h2, *h3]))
            }
            _ => return Err(Reason::Malformed),
        };
        check_raster_size(width.into(), height.into(), limits)?;
        let (mut dpi, mut has_px) = (None, false);
        for _ in 0..limits.objects_max {
            match take_chunk(&mut rest)? {
                (b"IEND", _) if has_px => {
                    let has_trailing_data = rest.iter().any(|byte| *byte != 0);
                    return Ok(Self { width, height, dpi, has_trailing_data });
                }
                (b"IEND", _) => return Err(Reason::Malformed),
                (b"IDAT", _) => has_px = true,
                (b"pHYs", body) => dpi = resolution(body),
                _ => {}
            }
        }
        Err(Reason::TooManyObjects)
    }
}

/// Cuts the next chunk off: its kind and its body.
fn take_chunk<'a>(rest: &mut &'a [u8]) -> Result<(&'a [u8; 4], &'a [u8]), Reason> {
    let (length, after) = rest.split_first_chunk::<4>().ok_or(Reason::Truncated)?;
    let (kind, after) = after.split_first_chunk::<4>().ok_or(Reason::Truncated)?;
    let (body, after) =
        after.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or(Reason::Truncated)?;
    let (_checksum, after) = after.split_first_chunk::<4>().ok_or(Reason::Truncated)?;
    *rest = after;
    Ok((kind, body))
}

/// Resolution in dpi of a `pHYs` chunk that is given per metre.
fn resolution(body: &[u8]) -> Option<(f64, f64)> {
    let [x0, x1, x2, x3, y0, y1, y2, y3, 1] = *body else { return None };
    let dpi = |per_metre: [u8; 4]| f64::from(u32::from_be_bytes(per_metre)) * METRES_PER_INCH;
    Some((dpi([x0, x1, x2, x3]), dpi([y0, y1, y2, y3])))
}
