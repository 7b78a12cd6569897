//! Garbage of crashes, removed on proof and never on a guess.
//!
//! | garbage | proof |
//! |---|---|
//! | a blob that the state of its document does not name | the state, read after the blob was seen |
//! | the key of an upload that never became a document | older than a mark that the ledger still holds, by more than any upload lasts |
//! | the key of a document that the ledger says is destroyed | the ledger |
//! | the folder of a document without a key | the ledger, as for keys: an older keystore may have been put back |
//!
//! Where the ledger was put back from an old copy, nothing of this is proof: it is counted, said and kept.
//! The vault sweeps its own unfinished files when it is opened.

use crate::{
    artefacts::page_blob,
    desk::Desk,
    mark::{self, Trust},
    opening::StartError,
    refusal::Refusal,
};
use ::store::{Contract, Document, Query};
use lifecycle::{Actor, Position, State, SystemEvent};
use std::{cell::Cell, collections::BTreeMap, sync::Arc, time::Duration};
use types::{BlobId, DocId};
use vault::{Area, BlobName, Swept, Vault};

/// How often the whole store is looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// An upload ends within this, or never: the key of an older one without a record is garbage.
const UPLOAD_MAX_MS: u64 = 24 * 60 * 60 * 1000;
/// Documents looked at in one go.
const LOOK_MAX: usize = 500;

/// Folders that are looked at between two words of how far it is.
const TOLD_EVERY: u64 = 1_000;

/// What a sweep removed.
#[derive(Default)]
struct Removed {
    blobs: u64,
    keys: u64,
    bytes: u64,
}

/// When the vault was opened, before anybody works with it: its unfinished files, and ciphertext that no key opens if
/// the ledger does not know its document, or knows that it was destroyed.
pub(crate) fn at_opening(
    vault: &Vault,
    store: &dyn Contract,
    trust: Trust,
    gets_on: impl Fn(),
) -> Result<(), StartError> {
    let is_dead = |doc| match store.get(doc) {
        Ok(Some(document)) => document.state.position == Position::Gone,
        Ok(None) => is_orphan(trust, doc),
        Err(_) => false,
    };
    let looked = Cell::new(0_u64);
    let told = || {
        looked.set(looked.get() + 1);
        if looked.get().is_multiple_of(TOLD_EVERY) {
            gets_on();
        }
    };
    let Swept { temporaries, directories, areas, kept } = vault.sweep(is_dead, told)?;
    if temporaries + directories + areas > 0 {
        tracing::info!(count = temporaries + directories + areas, "swept what a crash had left in the vault");
    }
    let living = if kept > 0 { keyless(vault, |doc| store.get(doc).map_err(StartError::from))? } else { 0 };
    if living > 0 {
        tracing::error!(
            count = living,
            "documents have ciphertext and no key: an older keystore was put back; nothing of them is removed, see \
             docs/guide/incidents.md"
        );
    }
    Ok(())
}

/// Living documents whose ciphertext no key opens.
pub(crate) fn keyless<E: From<vault::VaultError>>(
    vault: &Vault,
    get: impl Fn(DocId) -> Result<Option<Document>, E>,
) -> Result<u64, E> {
    let mut living = 0;
    for doc in vault.keyless()? {
        living += u64::from(get(doc)?.is_some_and(|document| document.state.position != Position::Gone));
    }
    Ok(living)
}

/// At start, before any station runs: what the stations that a crash cut short left with their documents.
pub(crate) async fn at_start(desk: &Arc<Desk>) {
    let swept = desk.blocking(|desk| {
        let mut swept = Removed::default();
        let mut after = None;
        loop {
            let docs = desk.store.runnable(after, LOOK_MAX)?;
            let Some(last) = docs.last() else { return Ok(swept) };
            after = Some(*last);
            docs.iter().try_for_each(|doc| sweep_blobs(desk, *doc, |_| true, &mut swept))?;
        }
    });
    finish(desk, swept.await).await;
}

/// Now and daily until the daemon drains: documents at rest, and keys.
pub(crate) async fn run(desk: Arc<Desk>) {
    let mut draining = desk.draining.clone();
    while !desk.is_draining() {
        finish(&desk, sweep_all(&desk).await).await;
        let marked = desk.blocking(|desk| mark::write(desk).map_err(crate::artefacts::disk)).await;
        if let Err(refusal) = marked {
            tracing::warn!(%refusal, "the mark of the ledger could not be written; the next sweep does it");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP_EVERY) => {}
            _ = draining.changed() => {}
        }
    }
}

async fn finish(desk: &Arc<Desk>, swept: Result<Removed, Refusal>) {
    let Removed { blobs, keys, bytes } = match swept {
        Ok(swept) => swept,
        Err(refusal) => return tracing::warn!(%refusal, "the sweep did not finish; it is done again"),
    };
    if blobs + keys == 0 {
        return;
    }
    tracing::info!(blobs, keys, bytes, "swept what crashes had left");
    if let Err(error) = desk.book.note(Actor::Daemon, SystemEvent::Swept { blobs, keys, bytes }).await {
        tracing::error!(%error, "a sweep could not be written to the ledger");
    }
}

async fn sweep_all(desk: &Arc<Desk>) -> Result<Removed, Refusal> {
    let looked = desk.blocking(|desk| {
        let mut swept = Removed::default();
        sweep_documents(desk, &mut swept)?;
        Ok((swept, unneeded_keys(desk)?))
    });
    let (mut swept, garbage) = looked.await?;
    if garbage.is_empty() {
        return Ok(swept);
    }
    for doc in desk.book.sweep(garbage.keys().copied().collect()).await? {
        let Some(blobs) = garbage.get(&doc) else { continue };
        swept.keys += 1;
        swept.blobs += blobs.len() as u64;
        swept.bytes += blobs.iter().sum::<u64>();
    }
    Ok(swept)
}

fn sweep_documents(desk: &Arc<Desk>, swept: &mut Removed) -> Result<(), Refusal> {
    let mut after = None;
    loop {
        let documents = desk.store.scan(&Query::default(), after, LOOK_MAX)?;
        let Some(last) = documents.last() else { return Ok(()) };
        after = Some(last.id);
        for Document { id, .. } in &documents {
            if desk.is_draining() {
                return Ok(());
            }
            sweep_blobs(desk, *id, is_at_rest, swept)?;
        }
    }
}

/// No station writes blobs of a document at rest before its state says that it moves again.
fn is_at_rest(state: &State) -> bool {
    match state.position {
        Position::At(_) => false,
        Position::Stopped(_) | Position::Review | Position::Kept | Position::Rejected | Position::Gone => {
            true
        }
    }
}

fn sweep_blobs(
    desk: &Desk,
    doc: DocId,
    wanted: impl Fn(&State) -> bool,
    swept: &mut Removed,
) -> Result<(), Refusal> {
    // In this order: a blob that was there before the state was read is named by it, or by nothing.
    let blobs = desk.vault.blobs(doc)?;
    let Some(Document { state, .. }) = desk.store.get(doc)? else { return Ok(()) };
    if !wanted(&state) || desk.latch.is_held() {
        return Ok(());
    }
    let garbage: Vec<_> = blobs.into_iter().filter(|(blob, _)| !is_named(&state, *blob)).collect();
    if desk.trust() == Trust::RolledBack {
        if !garbage.is_empty() {
            tracing::warn!(%doc, blobs = garbage.len(), "blobs that no event names are kept: the ledger is an old one");
        }
        return Ok(());
    }
    for (BlobName { doc, area, blob }, bytes) in garbage {
        desk.vault.remove(doc, area, blob)?;
        swept.blobs += 1;
        swept.bytes += bytes;
    }
    Ok(())
}

/// Whether a state names a blob. What reviewers left is named by nothing yet and stays.
fn is_named(state: &State, found: BlobName) -> bool {
    let blobs = &state.blobs;
    let is = |named: Option<BlobId>| named == Some(found.blob);
    match found.area {
        Area::Original => is(blobs.original),
        Area::Normalised => {
            let page = |index| {
                (0..state.pages.unwrap_or_default() as usize).any(|n| page_blob(index, n) == found.blob)
            };
            is(blobs.raster) || blobs.raster.is_some_and(page)
        }
        Area::Text => is(blobs.text),
        Area::Redacted => is(blobs.product) || is(blobs.map) || is(blobs.manifest),
        Area::Review => true,
    }
}

/// Keys that look as if no document needed them, with the sizes of the blobs under each. The writer looks again.
fn unneeded_keys(desk: &Desk) -> Result<BTreeMap<DocId, Vec<u64>>, Refusal> {
    let (mut garbage, mut unknown) = (BTreeMap::new(), 0_u64);
    for doc in desk.vault.documents() {
        // In this order: an arrival is written before it is over.
        let arriving = desk.arriving.has(doc);
        let is_garbage = match desk.store.get(doc)? {
            Some(Document { state, .. }) => state.position == Position::Gone,
            None if arriving => false,
            None => {
                let is_orphan = is_orphan(desk.trust(), doc);
                unknown += u64::from(!is_orphan);
                is_orphan
            }
        };
        if is_garbage {
            garbage.insert(doc, desk.vault.blobs(doc)?.into_iter().map(|(_, bytes)| bytes).collect());
        }
    }
    if unknown > 0 {
        tracing::warn!(
            count = unknown,
            "keys without a record are kept: too young to judge, or an old ledger was put back"
        );
    }
    Ok(garbage)
}

/// Had the upload become a document, the ledger would have had it before the mark, and it still has all of that.
fn is_orphan(trust: Trust, doc: DocId) -> bool {
    match trust {
        Trust::Holds(marked) => doc.given_at().plus(UPLOAD_MAX_MS) < marked,
        Trust::Unmarked | Trust::RolledBack => false,
    }
}
