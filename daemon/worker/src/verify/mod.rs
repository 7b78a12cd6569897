//! Re-reads the product: what it is made of, whether its boxes are black, and which words it shows.
//!
//! It sees the product and the boxes that it must have, and neither the original nor the words that were
//! removed: it only reports; the daemon judges.

mod form;
mod layer;
pub(crate) mod render;
mod structure;

use crate::ocr::{Engine, Gray};
use crate::redact::layer::{UNITS_A_POINT, Units};
use crate::talk::{Stop, Talk};
use form::FoundPage;
use hayro::hayro_syntax::Pdf;
use std::sync::Arc;
use types::{PageGeometry, PageWords, Reason, Rect};
use wire::{Done, PageJob, PageResult, VerifiedPage};

/// Takes the product and checks pages `first..first + count`.
pub(crate) fn run(
    engine: &mut Engine,
    talk: &mut Talk,
    bytes: u64,
    first: u32,
    count: u32,
    pages: u32,
) -> Result<Done, Stop> {
    let product = Arc::new(talk.data(bytes)?);
    let reader = Reader::open(&product, pages);
    for index in first..first.saturating_add(count) {
        let PageJob::Check { geometry, boxes, black } = talk.page_job()? else {
            return Err(Reason::WorkerProtocol.into());
        };
        let page =
            reader.as_ref().and_then(|reader| reader.check(engine, index as usize, &geometry, &boxes, black));
        talk.page(
            &page.map_or(PageResult::Failed { reason: Reason::RedactionStructure }, PageResult::Verified),
        )?;
    }
    Ok(Done::Verified { structure_sound: reader.is_some() })
}

/// A product whose structure is sound.
struct Reader<'a> {
    pages: Vec<FoundPage<'a>>,
    shown: Pdf,
}

/// Brightest px of a black box or page.
const BLACK_MAX: u8 = 24;

impl<'a> Reader<'a> {
    /// `None` when anything about the product is not as it must be.
    fn open(product: &'a Arc<Vec<u8>>, pages: u32) -> Option<Self> {
        let found = form::pages(product, pages).filter(|_| structure::is_sound(product, pages))?;
        let shown = Pdf::new(Arc::clone(product)).ok().filter(|pdf| pdf.pages().len() == pages as usize)?;
        Some(Self { pages: found, shown })
    }

    fn check(
        &self,
        engine: &mut Engine,
        index: usize,
        geometry: &PageGeometry,
        boxes: &[Rect],
        black: bool,
    ) -> Option<VerifiedPage> {
        let found = self.pages.get(index)?;
        let (width_px, height_px) =
            (side_px(&found.width, geometry.dpi)?, side_px(&found.height, geometry.dpi)?);
        if (width_px, height_px) != (geometry.width_px, geometry.height_px) {
            return None;
        }
        let layer = layer::words(found.text, geometry)?;
        let page = render::page(&self.shown, index, width_px, height_px)?;
        let boxes_solid = boxes.iter().all(|rect| is_black(&page, *rect));
        let black = black && page.px().iter().all(|&value| value <= BLACK_MAX);
        let words = if black { PageWords::default() } else { engine.reread(page, geometry).ok()? };
        Some(VerifiedPage { width_px, height_px, words, layer, boxes_solid, black })
    }
}

/// The px of a side at this resolution; lengths were rounded down by less than one unit.
fn side_px(side: &Units, dpi: u32) -> Option<u32> {
    u32::try_from((u128::from(side.0) * u128::from(dpi)).div_ceil(72 * u128::from(UNITS_A_POINT))).ok()
}

fn is_black(page: &Gray, rect: Rect) -> bool {
    let dark = |y: u32| {
        page.row(y as usize)[rect.x0 as usize..rect.x1 as usize].iter().all(|&value| value <= BLACK_MAX)
    };
    rect.is_inside(page.width() as u32, page.height() as u32) && (rect.y0..rect.y1).all(dark)
}

#[cfg(test)]
mod tests;
