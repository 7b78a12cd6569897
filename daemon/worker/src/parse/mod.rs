//! The role `parse`: what the document is, how many pages it has, what else it carries.
//!
//! Reads structure only and decides by content, never by a name. It decodes no px, so a gigapixel page
//! is refused by the numbers in its header. It repairs nothing and quotes nothing: a document that
//! breaks a limit or its own structure is refused with one reason.

mod findings;
mod format;
mod jpeg;
mod pdf;
mod png;
mod tiff;
mod tiff_page;

pub(crate) use format::Format;
pub(crate) use jpeg::Jpeg;
pub(crate) use png::Png;
pub(crate) use tiff::Tiff;
pub(crate) use tiff_page::{Orientation, TiffPage, compression, photometric};

use crate::talk::{Stop, Talk};
use findings::{Findings, TRAILING_DATA};
use std::sync::Arc;
use types::{Limits, Reason};
use wire::{Done, ParsedDocument};

/// Takes the document and says what it is made of.
pub(crate) fn run(talk: &mut Talk, bytes: u64, limits: &Limits) -> Result<Done, Stop> {
    check_file_size(bytes, limits)?;
    let document = Arc::new(talk.data(bytes)?);
    Ok(Done::Parsed(structure(document, limits)?))
}

/// Refuses a file over its limit before a byte of it is taken.
pub(crate) fn check_file_size(bytes: u64, limits: &Limits) -> Result<(), Reason> {
    if bytes > limits.file_bytes_max { Err(Reason::FileTooLarge) } else { Ok(()) }
}

/// Refuses a raster over the limits before it is allocated.
pub(crate) fn check_raster_size(width: u64, height: u64, limits: &Limits) -> Result<(), Reason> {
    let side_max = u64::from(limits.side_px_max);
    let fits = width <= side_max && height <= side_max && width.saturating_mul(height) <= limits.page_px_max;
    match (width, height) {
        (0, _) | (_, 0) => Err(Reason::Malformed),
        _ if fits => Ok(()),
        _ => Err(Reason::PageTooLarge),
    }
}

fn structure(document: Arc<Vec<u8>>, limits: &Limits) -> Result<ParsedDocument, Reason> {
    let mut findings = Findings::new();
    let pages = match Format::of(&document)? {
        Format::Pdf => pdf::examine(document, limits, &mut findings)?,
        Format::Tiff => tiff_page::examine(&document, limits)?,
        Format::Png => {
            let image = Png::read(&document, limits)?;
            note_trailing_data(image.has_trailing_data, &mut findings);
            1
        }
        Format::Jpeg => {
            let image = Jpeg::read(&document, limits)?;
            note_trailing_data(image.has_trailing_data, &mut findings);
            1
        }
    };
    Ok(ParsedDocument { pages, findings: findings.into_iter().map(str::to_owned).collect() })
}

fn note_trailing_data(found: bool, findings: &mut Findings) {
    if found {
        findings.insert(TRAILING_DATA);
    }
}

#[cfg(test)]
pub(crate) mod made;
#[cfg(test)]
mod tests;
