//! File formats, written as scanners and fax servers write them.

mod images;
mod pdf;
mod tiff;

pub(crate) use images::{jpeg_gray, jpeg_rgb, png};
pub(crate) use pdf::{Image, Trap, many_pages, scanned, trapped};
pub(crate) use tiff::{Packing, Tiff, packed};
