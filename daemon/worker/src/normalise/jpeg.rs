//! JPEG to gray: whole files, and the pieces that TIFF wraps.

use super::gray::{Gray, luminance, luminance_of_inks};
use crate::parse::{Jpeg, check_raster_size};
use types::{Limits, Reason};
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

/// How the inks of a CMYK picture are stored.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Inks {
    /// 255 is full ink.
    Straight,
    /// 255 is no ink.
    Inverted,
}

/// The px of a JPEG as stored.
pub(super) fn decode(jpeg: &[u8], inks: Inks, limits: &Limits) -> Result<Gray, Reason> {
    let side_max = limits.side_px_max as usize;
    let options = DecoderOptions::default().set_max_width(side_max).set_max_height(side_max);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    decoder.decode_headers().map_err(|_| Reason::Malformed)?;
    let (width, height) = decoder.dimensions().ok_or(Reason::Malformed)?;
    check_raster_size(width as u64, height as u64, limits)?;
    // Brightness is stored apart in the usual colour space, so the colours need not be decoded at all.
    let wanted = match decoder.input_colorspace() {
        Some(ColorSpace::Luma | ColorSpace::YCbCr) => ColorSpace::Luma,
        Some(ColorSpace::CMYK) => ColorSpace::CMYK,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let decoded = decoder.decode().map_err(|_| Reason::Malformed)?;
    let px: Vec<u8> = match wanted {
        ColorSpace::Luma => decoded,
        ColorSpace::CMYK => {
            let flip = if inks == Inks::Inverted { 0xFF } else { 0 };
            decoded.chunks_exact(4).map(|px| luminance_of_inks([0, 1, 2, 3].map(|i| px[i] ^ flip))).collect()
        }
        _ => decoded.chunks_exact(3).map(|px| luminance(px[0], px[1], px[2])).collect(),
    };
    if px.len() != width * height {
        return Err(Reason::Malformed);
    }
    Ok(Gray { width: width as u32, height: height as u32, px })
}

/// A JPEG file: its px as they are to be shown, and its resolution in that orientation.
pub(super) fn page(document: &[u8], limits: &Limits) -> Result<(Gray, Option<(f64, f64)>), Reason> {
    let facts = Jpeg::read(document, limits)?;
    let inks = if facts.is_from_adobe { Inks::Inverted } else { Inks::Straight };
    let gray = decode(document, inks, limits)?;
    if (gray.width, gray.height) != (facts.width, facts.height) {
        return Err(Reason::Malformed);
    }
    let is_sideways = facts.orientation.quarter_turns % 2 == 1;
    let dpi = facts.dpi.map(|(x, y)| if is_sideways { (y, x) } else { (x, y) });
    Ok((gray.oriented(facts.orientation), dpi))
}
