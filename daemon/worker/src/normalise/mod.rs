//! The role `normalise`: page rasters, upright, straight, with square px, and the way back to the px
//! of the source.
//!
//! This is the trust reset: after it, no station sees the original format. Pages are decoded one at a
//! time, each within the limits before memory is taken for it, and a page that fails does so alone.
//! It reads no text and judges no content.

mod dpi;
mod gray;
mod ink;
mod jpeg;
mod lone_image;
mod page;
mod pdf;
mod png;
mod profile;
mod samples;
mod skew;
mod tiff;
mod unpack;
mod upright;
mod warp;

use crate::{
    parse::{Format, Tiff, check_file_size},
    talk::{Stop, Talk},
};
use hayro::hayro_syntax::Pdf;
use page::{Dpi, Normalised, Scan};
use pdf::Origin;
use std::sync::Arc;
use types::{Limits, Reason};
use wire::{Done, PageResult};

/// Takes the document and gives its pages `first..first + count`; `turns` are clockwise degrees of
/// pages whose side is known.
pub(crate) fn run(
    talk: &mut Talk,
    bytes: u64,
    limits: &Limits,
    first: u32,
    count: u32,
    turns: &[(u32, u16)],
) -> Result<Done, Stop> {
    check_file_size(bytes, limits)?;
    let source = Source::open(talk.data(bytes)?)?;
    let end = first.saturating_add(count).min(source.pages(limits)?);
    for index in first..end {
        let turn = turns.iter().find(|(page, _)| *page == index).map(|(_, degrees)| (degrees / 90 % 4) as u8);
        match source.page(index, limits).and_then(|scan| page::normalise(scan, turn, limits)) {
            Ok(page) => send(talk, &page)?,
            Err(reason) => talk.page(&PageResult::Failed { reason })?,
        }
    }
    Ok(Done::Normalised)
}

fn send(talk: &mut Talk, page: &Normalised) -> Result<(), Stop> {
    talk.page(&PageResult::Raster { geometry: page.geometry, upright_unsure: page.is_upright_unsure })?;
    if page.geometry.bilevel { talk.send_data(&page.px.packed()) } else { talk.send_data(&page.px.px) }
}

/// A document whose pages can be had one by one.
enum Source {
    Pdf(Box<Pdf>),
    Tiff(Vec<u8>),
    Png(Vec<u8>),
    Jpeg(Vec<u8>),
}

impl Source {
    fn open(document: Vec<u8>) -> Result<Self, Reason> {
        Ok(match Format::of(&document)? {
            Format::Pdf => Self::Pdf(Box::new(Pdf::new(Arc::new(document)).map_err(|_| Reason::Malformed)?)),
            Format::Tiff => Self::Tiff(document),
            Format::Png => Self::Png(document),
            Format::Jpeg => Self::Jpeg(document),
        })
    }

    fn pages(&self, limits: &Limits) -> Result<u32, Reason> {
        let pages = match self {
            Self::Pdf(pdf) => pdf.pages().len(),
            Self::Tiff(document) => Tiff::open(document)?.directories(limits)?.len(),
            Self::Png(_) | Self::Jpeg(_) => 1,
        };
        u32::try_from(pages).ok().filter(|pages| *pages <= limits.pages_max).ok_or(Reason::TooManyPages)
    }

    fn page(&self, index: u32, limits: &Limits) -> Result<Scan, Reason> {
        let said = |(px, dpi)| Scan { px, dpi: Dpi::Said(dpi) };
        match self {
            Self::Pdf(pdf) => pdf::page(pdf, index, limits).map(|(px, origin)| match origin {
                Origin::Image(dpi) => Scan { px, dpi: Dpi::Said(Some(dpi)) },
                Origin::Rendering(dpi) => Scan { px, dpi: Dpi::Exact(dpi) },
            }),
            Self::Tiff(document) => tiff::page(document, index, limits).map(said),
            Self::Png(document) => png::page(document, limits).map(said),
            Self::Jpeg(document) => jpeg::page(document, limits).map(said),
        }
    }
}

#[cfg(test)]
mod tests;
