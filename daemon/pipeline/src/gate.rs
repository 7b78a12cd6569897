//! The gate of the redact station: a fresh worker that sees only the product says what it is made of and
//! what can still be read; policy compares that with what had to go. Nothing is released without it.

use crate::{
    artefacts::MapBox,
    desk::Desk,
    readings::{Got, believe_words, by_groups, send_blob},
    redact::{Sheet, digest_of},
    refusal::Refusal,
    workers::{out_of_turn, send_job},
};
use policy::{KnownValue, PageView};
use sandbox::Worker;
use std::sync::Arc;
use types::{BlobId, DocId, Limits, PageGeometry, PageWords, Reason, Rect};
use vault::{Area, Vault};
use wire::{Done, Job, Kind, PageJob, PageResult, Role, VerifiedPage, decode, encode};

/// What a page of the product must be.
#[derive(Clone)]
pub(crate) struct Expected {
    geometry: PageGeometry,
    boxes: Vec<Rect>,
    black: bool,
}

impl Expected {
    /// As the sheet says.
    pub(crate) fn of(sheet: &Sheet) -> Self {
        Self { geometry: sheet.text.geometry, boxes: sheet.rects(), black: sheet.map.black }
    }
}

/// What the gate says of a product.
pub(crate) struct Verdict {
    /// It is built as it must be.
    pub(crate) structure_sound: bool,
    /// Pages that may not go out, and what else to hide on each (nothing: hide the page).
    pub(crate) failing: Vec<(usize, Vec<MapBox>)>,
}

/// One group's answer.
struct Checked {
    page: VerifiedPage,
    /// What its worker said of the whole; none when it ended early.
    structure_sound: Option<bool>,
}

pub(crate) async fn verify(
    desk: &Arc<Desk>,
    doc: DocId,
    product: BlobId,
    expected: Arc<Vec<Expected>>,
    values: &Arc<Vec<KnownValue>>,
    limits: Limits,
) -> Result<Verdict, Refusal> {
    let (workers, vault) = (desk.workers.clone(), desk.vault.clone());
    let bytes = desk.vault.reader(doc, Area::Redacted, product)?.plain_bytes();
    let pages = u32::try_from(expected.len()).unwrap_or(u32::MAX);
    let wanted = expected.clone();
    let checked = by_groups((0..pages).collect(), desk.workers.processes(), move |group| {
        let (workers, vault, wanted) = (workers.clone(), vault.clone(), wanted.clone());
        async move {
            let talk = move |worker: &mut Worker| {
                let first = group.first().copied().unwrap_or_default();
                let count = u32::try_from(group.len()).unwrap_or_default();
                worker.allow(count, limits.page_cpu_seconds_max, limits.page_wall_ms_max);
                worker.conversation().expect_pages(count);
                let job = Job::Verify { bytes, first, count, pages };
                let mut got = Vec::new();
                let ended =
                    check_group(worker, &vault, doc, product, &job, &group, &wanted, &limits, &mut got);
                let structure_sound = ended.as_ref().ok().copied();
                let pages =
                    got.into_iter().map(|page| page.map(|page| Checked { page, structure_sound })).collect();
                Ok(Got { pages, ended: ended.err() })
            };
            workers.with(Role::Verify, limits, talk).await
        }
    })
    .await?;
    let values = values.clone();
    desk.blocking(move |desk| {
        if checked.len() != expected.len() {
            return Err(out_of_turn());
        }
        let mut said = Vec::new();
        let mut verdict = Verdict { structure_sound: true, failing: Vec::new() };
        for (number, answer) in checked {
            let number = number as usize;
            let expected = expected.get(number).ok_or_else(out_of_turn)?;
            match answer {
                // A page whose re-reading failed is unproven: it goes black.
                Err(_) if expected.black => verdict.structure_sound = false,
                Err(_) => verdict.failing.push((number, Vec::new())),
                Ok(checked) => {
                    said.extend(checked.structure_sound);
                    if let Some(hidden_too) = judge(desk, &checked.page, expected, &values) {
                        verdict.failing.push((number, hidden_too));
                    }
                }
            }
        }
        // Every worker looks at the whole product: one at least must have, and none may object.
        verdict.structure_sound &= said.contains(&true) && !said.contains(&false);
        Ok(verdict)
    })
    .await
}

#[expect(clippy::too_many_arguments, reason = "one conversation, told in one place")]
fn check_group(
    worker: &mut Worker,
    vault: &Vault,
    doc: DocId,
    product: BlobId,
    job: &Job,
    group: &[u32],
    wanted: &[Expected],
    limits: &Limits,
    got: &mut Vec<Result<VerifiedPage, Reason>>,
) -> Result<bool, Refusal> {
    send_job(worker, job)?;
    send_blob(vault, worker, doc, Area::Redacted, product)?;
    for page in group {
        let expected = wanted.get(*page as usize).cloned().ok_or_else(out_of_turn)?;
        let Expected { geometry, boxes, black } = expected;
        worker.send(Kind::PageJob, &encode(&PageJob::Check { geometry, boxes, black })?)?;
        let frame = worker.recv()?;
        let answer = match frame.kind {
            Kind::PageResult => decode::<PageResult>(&frame.payload)?,
            // The product could not even be opened: it is not built as it must be.
            Kind::Refusal => return Err(Reason::RedactionStructure.into()),
            _ => return Err(out_of_turn()),
        };
        match answer {
            PageResult::Verified(mut page) => {
                page.words = believe_words(page.words, &geometry, limits)?;
                page.layer = believe_words(page.layer, &geometry, limits)?;
                got.push(Ok(page));
            }
            PageResult::Failed { reason } => got.push(Err(reason)),
            PageResult::Raster { .. } | PageResult::Words(_) => return Err(out_of_turn()),
        }
    }
    let frame = worker.recv()?;
    match decode::<Done>(&frame.payload)? {
        Done::Verified { structure_sound } if frame.kind == Kind::Done => Ok(structure_sound),
        _ => Err(out_of_turn()),
    }
}

/// None when the page may go out; else what to hide too (nothing: the whole page).
fn judge(
    desk: &Desk,
    page: &VerifiedPage,
    expected: &Expected,
    values: &[KnownValue],
) -> Option<Vec<MapBox>> {
    let Expected { geometry, black, .. } = expected;
    let same_size = page.width_px == geometry.width_px && page.height_px == geometry.height_px;
    let whole = same_size && page.boxes_solid;
    if *black {
        let dark = whole && page.black && page.words.words.is_empty() && page.layer.words.is_empty();
        return if dark { None } else { Some(Vec::new()) };
    }
    if !whole {
        return Some(Vec::new());
    }
    if geometry.blank && !(page.words.words.is_empty() && page.layer.words.is_empty()) {
        // Called blank, and yet it can be read: nobody looked for identifiers on it.
        return Some(Vec::new());
    }
    let policy = desk.policy.load();
    if policy.residue(&page.words, &page.layer, values).is_empty() {
        return None;
    }
    let read = |words: &PageWords| -> Vec<MapBox> {
        let hits = policy.identify(&[PageView { words, geometry }], values).pages.into_iter().flatten();
        hits.map(|hit| {
            let hidden = hit.words.iter().filter_map(|index| words.words.get(*index as usize));
            let digest = digest_of(&desk.vault, hidden.map(|word| &word.text));
            MapBox { rect: hit.rect, kind: hit.kind, rule: hit.rule, confidence: hit.confidence, digest }
        })
        .collect()
    };
    let mut hidden_too = read(&page.words);
    hidden_too.extend(read(&page.layer));
    Some(hidden_too)
}
