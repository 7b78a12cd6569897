//! # normalise
//!
//! Reads: the original, through workers. Leaves: `Normalised { raster }`: upright, deskewed page rasters
//! with square px, one blob a page, each with its transform back to source px.
//! Can refuse because: a worker broke the rules, or not one page could be made.

use crate::{
    artefacts::{self, RasterIndex, RasterPage, disk, page_blob},
    desk::Desk,
    ocr,
    readings::{Got, believe_geometry, by_groups, send_original},
    refusal::Refusal,
    workers::{out_of_turn, read_data, send_job},
};
use ::store::Document;
use lifecycle::Outcome;
use sandbox::Worker;
use std::{io::Write, sync::Arc};
use types::{BlobId, DocId, Limits, PageGeometry, Reason, Transform};
use vault::{Area, Vault};
use wire::{Job, Kind, PageResult, Refusal as WorkerRefusal, Role, decode, packed_bytes};

/// Stand-in for a page that could not be made: a small sheet of letter paper that becomes black.
const LOST_PAGE: PageGeometry = PageGeometry {
    width_px: 850,
    height_px: 1100,
    dpi: 100,
    rotation_deg: 0,
    skew_centideg: 0,
    transform: Transform::IDENTITY,
    bilevel: true,
    blank: false,
};

/// One page as made.
struct Made {
    geometry: PageGeometry,
    upright_unsure: bool,
}

pub(crate) async fn run(desk: &Arc<Desk>, doc: &Document) -> Result<Outcome, Refusal> {
    let index = desk.new_blob();
    let count = doc.state.pages.ok_or(Reason::StorageError)?;
    let all: Vec<u32> = (0..count).collect();
    let mut made = make(desk, doc, index, all, 0).await?;
    let unsure: Vec<u32> = made
        .iter()
        .filter(|(_, page)| matches!(page, Ok(Made { upright_unsure: true, .. })))
        .map(|(page, _)| *page)
        .collect();
    if !unsure.is_empty() {
        let geometries =
            unsure.iter().filter_map(|page| Some((*page, made.get(page)?.as_ref().ok()?.geometry))).collect();
        for (page, turn) in ocr::find_turns(desk, doc, index, geometries).await? {
            desk.vault.remove(doc.id, Area::Normalised, page_blob(index, page as usize))?;
            made.extend(make(desk, doc, index, vec![page], turn).await?);
        }
    }
    let pages: Vec<RasterPage> = made
        .into_values()
        .map(|page| match page {
            Ok(made) => RasterPage { geometry: made.geometry, failed: None },
            Err(reason) => RasterPage { geometry: LOST_PAGE, failed: Some(reason) },
        })
        .collect();
    if let Some(reason) = all_failed(&pages) {
        return Err(reason.into());
    }
    let blank_pages = pages.iter().filter(|page| page.geometry.blank).count();
    let id = doc.id;
    desk.blocking(move |desk| {
        artefacts::seal_json(desk, id, Area::Normalised, index, &RasterIndex { pages })
    })
    .await?;
    Ok(Outcome::Normalised { raster: index, blank_pages: u32::try_from(blank_pages).unwrap_or(u32::MAX) })
}

fn all_failed(pages: &[RasterPage]) -> Option<Reason> {
    let first = pages.first()?.failed?;
    pages.iter().all(|page| page.failed.is_some()).then_some(first)
}

type Pages = std::collections::BTreeMap<u32, Result<Made, Reason>>;

/// Makes these pages; all are turned clockwise by `turn` degrees against their source if it is not 0.
async fn make(
    desk: &Arc<Desk>,
    doc: &Document,
    index: BlobId,
    pages: Vec<u32>,
    turn: u16,
) -> Result<Pages, Refusal> {
    let limits = desk.limits(&doc.state.source);
    let (id, bytes, original) =
        (doc.id, doc.state.bytes, doc.state.blobs.original.ok_or(Reason::StorageError)?);
    let (workers, vault) = (desk.workers.clone(), desk.vault.clone());
    by_groups(pages, desk.workers.processes(), move |group| {
        let (workers, vault) = (workers.clone(), vault.clone());
        async move {
            let talk = move |worker: &mut Worker| {
                let (first, count) = (
                    group.first().copied().unwrap_or_default(),
                    u32::try_from(group.len()).unwrap_or_default(),
                );
                let turns =
                    if turn == 0 { Vec::new() } else { group.iter().map(|page| (*page, turn)).collect() };
                worker.allow(count, limits.page_cpu_seconds_max, limits.page_wall_ms_max);
                let mut pages = Vec::new();
                let ended = converse(
                    worker,
                    &vault,
                    id,
                    original,
                    &Job::Normalise { bytes, limits, first, count, turns },
                    |worker, n| {
                        let page = first as usize + n;
                        pages.push(receive(worker, &vault, id, page_blob(index, page), &limits)?);
                        Ok(())
                    },
                );
                Ok(Got { pages, ended: ended.err() })
            };
            workers.with(Role::Normalise, limits, talk).await
        }
    })
    .await
}

fn converse(
    worker: &mut Worker,
    vault: &Vault,
    doc: DocId,
    original: BlobId,
    job: &Job,
    mut page: impl FnMut(&mut Worker, usize) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let Job::Normalise { count, .. } = job else { return Err(out_of_turn()) };
    worker.conversation().expect_pages(*count);
    send_job(worker, job)?;
    send_original(vault, worker, doc, original)?;
    (0..*count as usize).try_for_each(|n| page(worker, n))
}

/// Receives one page and seals its px.
fn receive(
    worker: &mut Worker,
    vault: &Vault,
    doc: DocId,
    blob: BlobId,
    limits: &Limits,
) -> Result<Result<Made, Reason>, Refusal> {
    let frame = worker.recv()?;
    let result = match frame.kind {
        Kind::PageResult => decode::<PageResult>(&frame.payload)?,
        Kind::Refusal => return Err(Refusal::Because(decode::<WorkerRefusal>(&frame.payload)?.reason)),
        _ => return Err(out_of_turn()),
    };
    match result {
        PageResult::Failed { reason } => Ok(Err(reason)),
        PageResult::Raster { geometry, upright_unsure } => {
            let geometry = believe_geometry(geometry, limits)?;
            let mut writer = vault.writer(doc, Area::Normalised, blob)?;
            read_data(worker, packed_bytes(&geometry), |chunk| writer.write_all(chunk).map_err(disk))?;
            writer.finish()?;
            Ok(Ok(Made { geometry, upright_unsure }))
        }
        PageResult::Words(_) | PageResult::Verified(_) => Err(out_of_turn()),
    }
}
