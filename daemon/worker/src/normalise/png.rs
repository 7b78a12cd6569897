//! PNG to gray, row by row where the file allows it.

use super::gray::{Gray, luminance, over_white};
use crate::parse::Png;
use png::{ColorType, Decoder, DecodingError, Transformations};
use std::io::Cursor;
use types::{Limits, Reason};

/// Memory that the decoder may use beside the px: two rows and its window.
const DECODER_BYTES_MAX: usize = 16 << 20;

/// A PNG file: its px and its resolution.
pub(super) fn page(document: &[u8], limits: &Limits) -> Result<(Gray, Option<(f64, f64)>), Reason> {
    let facts = Png::read(document, limits)?;
    let mut gray = Gray::white(facts.width, facts.height, limits)?;
    let mut decoder =
        Decoder::new_with_limits(Cursor::new(document), png::Limits { bytes: DECODER_BYTES_MAX });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(refusal)?;
    let (color, _eight_bits) = reader.output_color_type();
    if reader.info().interlaced {
        let bytes = reader.output_buffer_size().ok_or(Reason::PageTooLarge)?;
        let mut decoded = vec![0; bytes];
        reader.next_frame(&mut decoded).map_err(refusal)?;
        let row_bytes = reader.output_line_size(facts.width).ok_or(Reason::PageTooLarge)?;
        for (y, row) in (0..facts.height).zip(decoded.chunks_exact(row_bytes)) {
            to_gray(row, color, gray.row_mut(y));
        }
    } else {
        for y in 0..facts.height {
            let row = reader.next_row().map_err(refusal)?.ok_or(Reason::Truncated)?;
            to_gray(row.data(), color, gray.row_mut(y));
        }
    }
    Ok((gray, facts.dpi))
}

fn to_gray(row: &[u8], color: ColorType, gray: &mut [u8]) {
    match color {
        ColorType::Grayscale | ColorType::Indexed => gray.copy_from_slice(row),
        ColorType::GrayscaleAlpha => {
            fill(gray, row.chunks_exact(2).map(|px| over_white(px[0], px[1])));
        }
        ColorType::Rgb => fill(gray, row.chunks_exact(3).map(|px| luminance(px[0], px[1], px[2]))),
        ColorType::Rgba => {
            fill(gray, row.chunks_exact(4).map(|px| over_white(luminance(px[0], px[1], px[2]), px[3])));
        }
    }
}

fn fill(gray: &mut [u8], values: impl Iterator<Item = u8>) {
    gray.iter_mut().zip(values).for_each(|(px, value)| *px = value);
}

fn refusal(error: DecodingError) -> Reason {
    match error {
        DecodingError::LimitsExceeded => Reason::PageTooLarge,
        DecodingError::IoError(_) => Reason::Truncated,
        DecodingError::Format(_) | DecodingError::Parameter(_) => Reason::Malformed,
    }
}
