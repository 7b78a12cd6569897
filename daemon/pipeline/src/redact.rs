//! # redact
//!
//! Reads: rasters, words, class. Leaves: `Redacted { product, map }`: a PDF made by a worker that saw
//! only px, boxes and the words that may stay, and read again by another that saw only the PDF.
//! Can refuse because: `redaction-structure`. What the re-reading finds is hidden, and a page that fails
//! twice becomes black: nothing unproven is ever released.

use crate::{
    artefacts::{self, MapBox, MapPage, RedactionMap, TextPage, TextPages, page_blob},
    desk::Desk,
    facts::{self, ArrivalFacts},
    gate::{self, Expected},
    refusal::Refusal,
    workers::{out_of_turn, read_data, send_job},
};
use ::store::Document;
use lifecycle::{Outcome, Sealed};
use policy::{Identified, KnownValue, PageView};
use sandbox::Worker;
use std::{io::Write, sync::Arc};
use types::{BlobId, Digest, DocId, IdKind, Limits, Phi, Reason, Rect, Word};
use vault::{Area, Vault};
use wire::{DATA_CHUNK_BYTES_MAX, Done, Job, Kind, PageJob, Role, decode, encode, packed_bytes};

/// Products painted for one document at most: the first, one repair, one with black pages.
const ROUNDS_MAX: usize = 3;
/// A product is not larger than this for each of its pages, bytes.
const PRODUCT_PAGE_BYTES_MAX: u64 = 64 << 20;

/// One page on its way to the painter.
pub(crate) struct Sheet {
    pub(crate) text: TextPage,
    pub(crate) map: MapPage,
}

pub(crate) async fn run(desk: &Arc<Desk>, doc: &Document) -> Result<Outcome, Refusal> {
    let (id, raster) = (doc.id, doc.state.blobs.raster.ok_or(Reason::StorageError)?);
    let limits = desk.limits(&doc.state.source);
    let (text, sealed) = (doc.state.blobs.text, doc.state.sealed_arrival.clone());
    let (mut sheets, values) = desk.blocking(move |desk| identify(desk, id, text, &sealed.0)).await?;
    if doc.state.failures + 1 >= desk.settings.workers.tries_max {
        // Workers died on it: the last try shows nothing at all, and a person decides.
        sheets.iter_mut().for_each(|sheet| sheet.map.black = true);
    }
    for round in 0..ROUNDS_MAX {
        let (product, digest) = paint(desk, id, raster, &sheets, limits).await?;
        let expected = Arc::new(sheets.iter().map(Expected::of).collect::<Vec<_>>());
        let verdict = gate::verify(desk, id, product, expected, &values, limits).await?;
        if verdict.structure_sound && verdict.failing.is_empty() {
            return desk.blocking(move |desk| seal_outcome(desk, id, product, digest, sheets)).await;
        }
        desk.vault.remove(id, Area::Redacted, product)?;
        if !verdict.structure_sound {
            sheets.iter_mut().for_each(|sheet| sheet.map.black = true);
        }
        for (page, hidden_too) in verdict.failing {
            let Some(sheet) = sheets.get_mut(page) else { return Err(out_of_turn()) };
            // Once more with what the other reading showed; then the whole page.
            if round == 0 && !hidden_too.is_empty() {
                sheet.map.boxes.extend(hidden_too)
            } else {
                sheet.map.black = true
            }
        }
    }
    // Even black pages did not pass: the painter itself is not to be trusted.
    Err(Reason::RedactionStructure.into())
}

/// Runs the detectors and lays out what is to be hidden.
fn identify(
    desk: &Desk,
    doc: DocId,
    text: Option<BlobId>,
    sealed: &[u8],
) -> Result<(Vec<Sheet>, Arc<Vec<KnownValue>>), Refusal> {
    let facts = ArrivalFacts::open(&desk.vault, doc, sealed)?;
    let text: TextPages = artefacts::open_json(desk, doc, Area::Text, text)?;
    let known: Vec<KnownValue> = facts
        .patient_context
        .into_iter()
        .map(|(field, text)| KnownValue { kind: kind_of(&field), text })
        .collect();
    let views: Vec<PageView<'_>> =
        text.pages.iter().map(|page| PageView { words: &page.words, geometry: &page.geometry }).collect();
    let Identified { pages: hits, values } = desk.policy.load().identify(&views, &known);
    let sheets = text.pages.into_iter().zip(hits).map(|(text, hits)| {
        let black = text.is_opaque();
        let boxes = hits
            .into_iter()
            .map(|hit| {
                let hidden = hit.words.iter().filter_map(|index| text.words.words.get(*index as usize));
                let digest = digest_of(&desk.vault, hidden.map(|word| &word.text));
                MapBox { rect: hit.rect, kind: hit.kind, rule: hit.rule, confidence: hit.confidence, digest }
            })
            .collect();
        Sheet { text, map: MapPage { black, boxes } }
    });
    Ok((sheets.collect(), Arc::new(values)))
}

/// Keyed digest of hidden words, so that a map can prove what it hides without showing it (B22).
pub(crate) fn digest_of<'a>(vault: &Vault, words: impl Iterator<Item = &'a Phi>) -> Digest {
    let parts: Vec<&[u8]> = words.map(|word| word.expose().as_bytes()).collect();
    vault.keyed_digest("redacted-words", &parts)
}

/// What a field of the upload's patient context identifies, by its name.
fn kind_of(field: &str) -> IdKind {
    let field = field.to_ascii_lowercase();
    let holds = |parts: &[&str]| parts.iter().any(|part| field.contains(part));
    if holds(&["name"]) {
        IdKind::Name
    } else if holds(&["birth", "dob"]) {
        IdKind::BirthDate
    } else if holds(&["member", "plan", "insurance"]) {
        IdKind::MemberId
    } else if holds(&["account"]) {
        IdKind::Account
    } else if holds(&["phone", "fax", "tel"]) {
        IdKind::Phone
    } else if holds(&["address", "street", "city", "zip"]) {
        IdKind::Address
    } else if holds(&["mail"]) {
        IdKind::Email
    } else if holds(&["ssn", "social"]) {
        IdKind::Ssn
    } else {
        IdKind::Mrn
    }
}

impl Sheet {
    /// The boxes to paint.
    pub(crate) fn rects(&self) -> Vec<Rect> {
        self.map.boxes.iter().map(|hidden| hidden.rect).collect()
    }

    /// The words that stay: those that no box touches.
    fn words_that_stay(&self) -> Vec<Word> {
        if self.map.black {
            return Vec::new();
        }
        let free = |word: &&Word| !self.map.boxes.iter().any(|hidden| hidden.rect.overlaps(word.rect));
        self.text.words.words.iter().filter(free).cloned().collect()
    }
}

/// Has a worker paint the product and seals it.
async fn paint(
    desk: &Arc<Desk>,
    doc: DocId,
    raster: BlobId,
    sheets: &[Sheet],
    limits: Limits,
) -> Result<(BlobId, Digest), Refusal> {
    let jobs: Vec<(PageJob, bool)> = sheets
        .iter()
        .map(|sheet| {
            let job = PageJob::Paint {
                geometry: sheet.text.geometry,
                boxes: sheet.rects(),
                words: sheet.words_that_stay(),
                black: sheet.map.black,
            };
            (job, sheet.map.black)
        })
        .collect();
    let (vault, product) = (desk.vault.clone(), desk.new_blob());
    let talk = move |worker: &mut Worker| {
        let count = u32::try_from(jobs.len()).unwrap_or(u32::MAX);
        worker.allow(count, limits.page_cpu_seconds_max, limits.page_wall_ms_max);
        send_job(worker, &Job::Redact { pages: count })?;
        for (page, (job, black)) in jobs.iter().enumerate() {
            worker.send(Kind::PageJob, &encode(job)?)?;
            let PageJob::Paint { geometry, .. } = job else { return Err(out_of_turn()) };
            if *black {
                send_black(worker, packed_bytes(geometry))?;
            } else {
                crate::readings::send_blob(&vault, worker, doc, Area::Normalised, page_blob(raster, page))?;
            }
        }
        let frame = worker.recv()?;
        let Done::Product { bytes } = decode::<Done>(&frame.payload)? else { return Err(out_of_turn()) };
        if frame.kind != Kind::Done || bytes > PRODUCT_PAGE_BYTES_MAX * u64::from(count) {
            return Err(out_of_turn());
        }
        let mut writer = vault.writer(doc, Area::Redacted, product)?;
        read_data(worker, bytes, |chunk| writer.write_all(chunk).map_err(artefacts::disk))?;
        Ok((product, writer.finish()?.sha256))
    };
    desk.workers.with(Role::Redact, limits, talk).await
}

/// The px of a page that is black anyway never leave the vault.
fn send_black(worker: &mut Worker, bytes: u64) -> Result<(), Refusal> {
    let chunk = vec![0; DATA_CHUNK_BYTES_MAX];
    let mut left = bytes;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        worker.send_data(&chunk[..now])?;
        left -= now as u64;
    }
    Ok(())
}

fn seal_outcome(
    desk: &Desk,
    doc: DocId,
    product: BlobId,
    digest: Digest,
    sheets: Vec<Sheet>,
) -> Result<Outcome, Refusal> {
    let pages: Vec<MapPage> = sheets.into_iter().map(|sheet| sheet.map).collect();
    let boxes = pages.iter().map(|page| page.boxes.len()).sum::<usize>();
    let black = pages.iter().filter(|page| page.black).count();
    let map = desk.new_blob();
    artefacts::seal_json(desk, doc, Area::Redacted, map, &RedactionMap { pages })?;
    Ok(Outcome::Redacted {
        product,
        map,
        boxes: u32::try_from(boxes).unwrap_or(u32::MAX),
        black_pages: u32::try_from(black).unwrap_or(u32::MAX),
        sealed: Sealed(facts::seal_digest(&desk.vault, doc, facts::PRODUCT, digest)?),
    })
}
