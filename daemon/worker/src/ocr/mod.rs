//! Reads words from rasters: conditions each page, shows it to Tesseract, maps the words back.
//!
//! It sees px and sizes only: no file format, no name, no path after it was prepared.

mod condition;
mod raster;
mod tesseract;
mod turn;
mod words;

pub(crate) use raster::Gray;

use crate::talk::{Stop, Talk};
use condition::Detail;
use std::path::Path;
use tesseract::{Layout, Tesseract, TesseractError};
use types::{PageGeometry, PageWords, Reason};
use wire::{Done, OcrPage, PageJob, PageResult, packed_bytes};

/// The reading engine, loaded before the process is confined.
pub(crate) struct Engine {
    tesseract: Tesseract,
}

/// The engine cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error("the reading engine cannot be loaded: {0}")]
pub(crate) struct EngineError(#[from] TesseractError);

impl Engine {
    /// Loads the engine's data; after confinement it opens nothing.
    pub(crate) fn prepare(tessdata: &Path) -> Result<Self, EngineError> {
        Ok(Self { tesseract: Tesseract::load(tessdata)? })
    }

    /// Reads the words of a page; with `orient` also in which turn it reads best.
    pub(crate) fn read(
        &mut self,
        page: Gray,
        geometry: &PageGeometry,
        orient: bool,
    ) -> Result<OcrPage, EngineError> {
        let shown = condition::condition(page, geometry.dpi, geometry.bilevel, Detail::Full);
        let raw = self.tesseract.read(&shown.image, shown.dpi, Layout::Page)?;
        let best_turn_deg =
            if orient { turn::best_turn(&mut self.tesseract, &shown.image, shown.dpi, &raw)? } else { 0 };
        Ok(OcrPage { words: words::on_page(raw, shown.scale, geometry), best_turn_deg })
    }

    /// Reads the words of a page of the product, whose words were read before.
    pub(crate) fn reread(&mut self, page: Gray, geometry: &PageGeometry) -> Result<PageWords, EngineError> {
        let shown = condition::condition(page, geometry.dpi, geometry.bilevel, Detail::Quick);
        let raw = self.tesseract.read(&shown.image, shown.dpi, Layout::Page)?;
        Ok(words::on_page(raw, shown.scale, geometry))
    }
}

/// Reads `pages` pages. A page that cannot be read does not fail the others.
pub(crate) fn run(engine: &mut Engine, talk: &mut Talk, pages: u32) -> Result<Done, Stop> {
    for _ in 0..pages {
        let PageJob::Read { geometry, orient } = talk.page_job()? else {
            return Err(Reason::WorkerProtocol.into());
        };
        let px = talk.data(packed_bytes(&geometry))?;
        talk.page(&read_page(engine, &geometry, px, orient)?)?;
    }
    Ok(Done::Read)
}

fn read_page(
    engine: &mut Engine,
    geometry: &PageGeometry,
    px: Vec<u8>,
    orient: bool,
) -> Result<PageResult, Stop> {
    let page = Gray::from_wire(geometry, px).ok_or(Reason::WorkerProtocol)?;
    if geometry.blank {
        return Ok(PageResult::Words(OcrPage { words: PageWords::default(), best_turn_deg: 0 }));
    }
    let read = engine.read(page, geometry, orient);
    Ok(read.map_or(PageResult::Failed { reason: Reason::WorkerPanic }, PageResult::Words))
}

#[cfg(test)]
pub(crate) mod tests;
