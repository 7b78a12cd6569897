//! Paints boxes and builds the product, a PDF of pictures and permitted words.
//!
//! It gets px, boxes and the words that may stay, and nothing else: it could not copy a byte of the
//! original if it wanted to. It decides nothing about what is hidden, and it fails as a whole when a
//! box cannot be made black.

pub(crate) mod layer;
mod paint;
pub(crate) mod pdf;
pub(crate) mod picture;

use crate::talk::{Stop, Talk};
use layer::{Units, units};
use paint::Sheet;
use pdf::{Leaf, Product};
use picture::Picture;
use types::{PageGeometry, Reason, Rect, Word};
use wire::{Done, PageJob, packed_bytes};

/// Takes `pages` pages and answers with the product.
pub(crate) fn run(talk: &mut Talk, pages: u32) -> Result<(), Stop> {
    let mut product = Product::new(pages as usize);
    for _ in 0..pages {
        let PageJob::Paint { geometry, boxes, words, black } = talk.page_job()? else {
            return Err(Reason::WorkerProtocol.into());
        };
        let px = talk.data(packed_bytes(&geometry))?;
        let leaf = if black { black_leaf(&geometry) } else { leaf(geometry, px, &boxes, &words)? };
        product.add(&leaf);
    }
    let product = product.finish();
    talk.done(&Done::Product { bytes: product.len() as u64 })?;
    talk.send_data(&product)
}

/// A page with its boxes painted and its words laid out.
fn leaf(geometry: PageGeometry, px: Vec<u8>, boxes: &[Rect], words: &[Word]) -> Result<Leaf, Reason> {
    let mut sheet = Sheet::new(geometry, px).ok_or(Reason::WorkerProtocol)?;
    if !boxes.iter().all(|rect| rect.is_inside(geometry.width_px, geometry.height_px)) {
        return Err(Reason::RedactionStructure);
    }
    // Grown before any is painted: a neighbour's black is not ink.
    let snapped: Vec<Rect> = boxes.iter().map(|rect| sheet.snapped(*rect)).collect();
    snapped.iter().for_each(|rect| sheet.blacken(*rect));
    let picture = picture::encode(&sheet, boxes)?;
    Ok(Leaf { picture, text: layer::text(words, boxes, &geometry), ..black_leaf(&geometry) })
}

/// A page of the same size without px or words.
fn black_leaf(geometry: &PageGeometry) -> Leaf {
    let side = |px: u32| Units(units(px, geometry.dpi));
    let (width, height) = (side(geometry.width_px), side(geometry.height_px));
    Leaf { width, height, picture: Picture::black(), text: String::new() }
}

#[cfg(test)]
pub(crate) mod tests;
