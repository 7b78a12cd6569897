//! # ocr
//!
//! Reads: page rasters, through workers that see nothing else. Leaves: `Read { text }`: words with
//! boxes, confidence, lines and blocks. Blank pages cost nothing.
//! Can refuse because: a worker broke the rules. A page that no worker could read is marked unread.

use crate::{
    artefacts::{self, RasterIndex, RasterPage, TextPage, TextPages, page_blob},
    desk::Desk,
    facts,
    readings::{Got, believe_words, by_groups, page_text, send_blob},
    refusal::Refusal,
    workers::{out_of_turn, send_job},
};
use ::store::Document;
use lifecycle::{Outcome, Sealed};
use sandbox::Worker;
use std::{collections::BTreeMap, sync::Arc};
use types::{BlobId, Confidence, DocId, Limits, PageGeometry, PageWords, Reason};
use vault::{Area, Vault};
use wire::{Job, Kind, OcrPage, PageJob, PageResult, Role, decode, encode};

pub(crate) async fn run(desk: &Arc<Desk>, doc: &Document) -> Result<Outcome, Refusal> {
    let (id, raster) = (doc.id, doc.state.blobs.raster);
    let index: RasterIndex =
        desk.blocking(move |desk| artefacts::open_json(desk, id, Area::Normalised, raster)).await?;
    let to_read: BTreeMap<u32, PageGeometry> = (0..)
        .zip(&index.pages)
        .filter(|(_, page)| page.failed.is_none() && !page.geometry.blank)
        .map(|(number, page)| (number, page.geometry))
        .collect();
    let mut read = read_pages(desk, doc, raster.ok_or(Reason::StorageError)?, to_read, false).await?;
    let pages: Vec<TextPage> = (0..)
        .zip(index.pages)
        .map(|(number, RasterPage { geometry, failed })| match (failed, read.remove(&number)) {
            (Some(reason), _) | (None, Some(Err(reason))) => {
                TextPage { geometry, words: PageWords::default(), unread: Some(reason) }
            }
            (None, Some(Ok(page))) => TextPage { geometry, words: page.words, unread: None },
            (None, None) => TextPage { geometry, words: PageWords::default(), unread: None },
        })
        .collect();
    desk.blocking(move |desk| seal_text(desk, id, pages)).await
}

/// Reads the pages in all four turns and gives those that are not upright: (page, clockwise degrees).
pub(crate) async fn find_turns(
    desk: &Arc<Desk>,
    doc: &Document,
    raster: BlobId,
    pages: BTreeMap<u32, PageGeometry>,
) -> Result<Vec<(u32, u16)>, Refusal> {
    let rotated: BTreeMap<u32, u16> =
        pages.iter().map(|(page, geometry)| (*page, geometry.rotation_deg)).collect();
    let read = read_pages(desk, doc, raster, pages, true).await?;
    let turned = read.into_iter().filter_map(|(page, result)| {
        let best = result.ok()?.best_turn_deg;
        let already = rotated.get(&page).copied().unwrap_or_default();
        (best != 0).then_some((page, (already + best) % 360))
    });
    Ok(turned.collect())
}

async fn read_pages(
    desk: &Arc<Desk>,
    doc: &Document,
    raster: BlobId,
    pages: BTreeMap<u32, PageGeometry>,
    orient: bool,
) -> Result<BTreeMap<u32, Result<OcrPage, Reason>>, Refusal> {
    let limits = desk.limits(&doc.state.source);
    let (id, workers, vault) = (doc.id, desk.workers.clone(), desk.vault.clone());
    let numbers = pages.keys().copied().collect();
    let pages = Arc::new(pages);
    by_groups(numbers, desk.workers.processes(), move |group| {
        let (workers, vault, pages) = (workers.clone(), vault.clone(), pages.clone());
        async move {
            let talk = move |worker: &mut Worker| {
                let count = u32::try_from(group.len()).unwrap_or_default();
                worker.allow(count, limits.page_cpu_seconds_max, limits.page_wall_ms_max);
                worker.conversation().expect_pages(count);
                let mut got = Vec::new();
                let ended = send_job(worker, &Job::Ocr { pages: count }).and_then(|()| {
                    group.iter().try_for_each(|page| {
                        let geometry = pages.get(page).copied().ok_or_else(out_of_turn)?;
                        let blob = page_blob(raster, *page as usize);
                        got.push(read_page(worker, &vault, id, blob, geometry, orient, &limits)?);
                        Ok(())
                    })
                });
                Ok(Got { pages: got, ended: ended.err() })
            };
            workers.with(Role::Ocr, limits, talk).await
        }
    })
    .await
}

fn read_page(
    worker: &mut Worker,
    vault: &Vault,
    doc: DocId,
    blob: BlobId,
    geometry: PageGeometry,
    orient: bool,
    limits: &Limits,
) -> Result<Result<OcrPage, Reason>, Refusal> {
    worker.send(Kind::PageJob, &encode(&PageJob::Read { geometry, orient })?)?;
    send_blob(vault, worker, doc, Area::Normalised, blob)?;
    let frame = worker.recv()?;
    if frame.kind != Kind::PageResult {
        return Err(out_of_turn());
    }
    match decode::<PageResult>(&frame.payload)? {
        PageResult::Words(OcrPage { words, best_turn_deg }) => {
            let words = believe_words(words, &geometry, limits)?;
            if !matches!(best_turn_deg, 0 | 90 | 180 | 270) {
                return Err(out_of_turn());
            }
            Ok(Ok(OcrPage { words, best_turn_deg }))
        }
        PageResult::Failed { reason } => Ok(Err(reason)),
        PageResult::Raster { .. } | PageResult::Verified(_) => Err(out_of_turn()),
    }
}

fn seal_text(desk: &Desk, doc: DocId, pages: Vec<TextPage>) -> Result<Outcome, Refusal> {
    let words: usize = pages.iter().map(|page| page.words.words.len()).sum();
    let sum: f64 =
        pages.iter().flat_map(|page| &page.words.words).map(|word| f64::from(word.confidence.get())).sum();
    let unread = pages.iter().filter(|page| page.unread.is_some()).count();
    let digest = vault::sha256(text_of(&pages).as_bytes());
    let text = desk.new_blob();
    artefacts::seal_json(desk, doc, Area::Text, text, &TextPages { pages })?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a mean of values 0..1")]
    let mean = if words == 0 { 0.0 } else { (sum / words as f64) as f32 };
    Ok(Outcome::Read {
        text,
        words: u32::try_from(words).unwrap_or(u32::MAX),
        confidence: Confidence::new(mean),
        unread_pages: u32::try_from(unread).unwrap_or(u32::MAX),
        sealed: Sealed(facts::seal_digest(&desk.vault, doc, facts::TEXT, digest)?),
    })
}

/// The text rendition: pages end with a form feed.
pub(crate) fn text_of(pages: &[TextPage]) -> String {
    let mut text = String::new();
    for page in pages {
        page_text(&page.words, &mut text);
        text.push('\x0C');
    }
    text
}
