//! One page of a TIFF to gray, strip by strip or tile by tile.

use super::{
    gray::Gray,
    jpeg::{self, Inks},
    samples::Reading,
    unpack::{Rows, unpack},
};
use crate::parse::{Tiff, TiffPage, compression, photometric};
use std::borrow::Cow;
use types::{Limits, Reason};

/// Page `index` of the file: its px as they are to be shown, and its resolution in that orientation.
pub(super) fn page(
    document: &[u8],
    index: u32,
    limits: &Limits,
) -> Result<(Gray, Option<(f64, f64)>), Reason> {
    let directories = Tiff::open(document)?.directories(limits)?;
    let directory = directories.get(index as usize).ok_or(Reason::NoPages)?;
    let page = TiffPage::read(directory, limits)?;
    let gray = decode(&page, limits)?;
    let is_sideways = page.orientation.quarter_turns % 2 == 1;
    let dpi = page.resolution.dpi().map(|(x, y)| if is_sideways { (y, x) } else { (x, y) });
    Ok((gray.oriented(page.orientation), dpi))
}

fn decode(page: &TiffPage, limits: &Limits) -> Result<Gray, Reason> {
    if !page.is_decodable {
        return Err(Reason::UnsupportedFormat);
    }
    let reading = Reading::of(page)?;
    let mut gray = Gray::white(page.width, page.height, limits)?;
    let across = page.width.div_ceil(page.chunk.0);
    let down = page.height.div_ceil(page.chunk.1);
    for ((plane, row, column), (at, bytes)) in places(across, down).zip(&page.chunks) {
        let (x, y) = (column * page.chunk.0, row * page.chunk.1);
        let packed = page.file.slice(*at, *bytes)?;
        if page.compression == compression::JPEG {
            place_jpeg(page, packed, (x, y), &mut gray, limits)?;
        } else {
            place_rows(page, packed, (x, y), &reading.of_plane(plane), &mut gray)?;
        }
    }
    Ok(gray)
}

/// Plane, row and column of each strip or tile, in the order of the file.
fn places(across: u32, down: u32) -> impl Iterator<Item = (usize, u32, u32)> {
    (0..).flat_map(move |plane| {
        (0..down).flat_map(move |row| (0..across).map(move |column| (plane, row, column)))
    })
}

/// A strip or tile that is a JPEG of its own, but for the tables that the directory holds for all.
fn place_jpeg(
    page: &TiffPage,
    packed: &[u8],
    (x, y): (u32, u32),
    gray: &mut Gray,
    limits: &Limits,
) -> Result<(), Reason> {
    let piece = jpeg::decode(&whole_jpeg(page, packed)?, Inks::Straight, limits)?;
    let width = piece.width.min(page.width - x) as usize;
    for (row, values) in (y..page.height).zip(piece.rows()) {
        gray.row_mut(row)[x as usize..][..width].copy_from_slice(&values[..width]);
    }
    Ok(())
}

/// The abbreviated JPEG of a strip, completed. TIFF says in its own tags whether three components are
/// RGB; decoders only learn it from Adobe's marker.
fn whole_jpeg<'a>(page: &TiffPage, packed: &'a [u8]) -> Result<Cow<'a, [u8]>, Reason> {
    const START: [u8; 2] = [0xFF, 0xD8];
    const END: [u8; 2] = [0xFF, 0xD9];
    const ADOBE_UNTRANSFORMED: [u8; 16] =
        [0xFF, 0xEE, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, 0];
    let is_rgb = page.photometric == photometric::RGB && page.samples == 3;
    if page.jpeg_tables.is_empty() && !is_rgb {
        return Ok(packed.into());
    }
    let scan = packed.strip_prefix(&START).ok_or(Reason::Malformed)?;
    let tables = page.jpeg_tables.strip_prefix(&START).unwrap_or_default();
    let tables = tables.strip_suffix(&END).unwrap_or(tables);
    let marker: &[u8] = if is_rgb { &ADOBE_UNTRANSFORMED } else { &[] };
    Ok([&START, marker, tables, scan].concat().into())
}

fn place_rows(
    page: &TiffPage,
    packed: &[u8],
    (x, y): (u32, u32),
    reading: &Reading,
    gray: &mut Gray,
) -> Result<(), Reason> {
    let (columns, count) = (page.chunk.0, page.chunk.1.min(page.height - y));
    let row_bytes = reading.row_bytes(columns)?;
    let mut unpacked = unpack(page, packed, Rows { columns, count, row_bytes })?;
    let width = columns.min(page.width - x) as usize;
    for (row, packed_row) in (y..page.height).zip(unpacked.chunks_exact_mut(row_bytes)) {
        reading.write(packed_row, &mut gray.row_mut(row)[x as usize..][..width]);
    }
    Ok(())
}
