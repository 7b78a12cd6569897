//! # intake
//!
//! Reads: a settled file, never parsed. Leaves: `Arrived`. Claim by rename, copy from the held
//! descriptor, seal, fsync, read back and compare, ledger, and only then unlink.
//! Can refuse because: the disk is full or the file changed under our hands; it then stays in the inbox.

use crate::{
    artefacts, book::Admission, copies, desk::Desk, facts::ArrivalFacts, refusal::Refusal, retain,
    watch::Folder,
};
use inbox::{Candidate, Claimed};
use lifecycle::{Actor, Arrival, Channel, Sealed, Term, Trip};
use std::{
    io::{Read, Write},
    sync::Arc,
};
use types::{BlobId, Digest, DocId, Label, Phi, Reason, UnixMillis};
use vault::{Area, BlobFacts};

/// Bytes copied at a time.
const COPY_CHUNK_BYTES: usize = 256 << 10;

/// Takes one settled file in.
pub(crate) async fn take(desk: Arc<Desk>, folder: Arc<Folder>, candidate: Candidate) {
    let in_intake = desk.gauges.intake();
    let (id, owner) = (desk.new_doc(), folder.clone());
    let claimed = tokio::task::spawn_blocking(move || owner.with(|inbox| inbox.claim(candidate, id))).await;
    match claimed {
        Ok(Ok(Some(claimed))) => resume(&desk, &folder, claimed).await,
        // It changed or went since the scan: the next scan sees what it is now.
        Ok(Ok(None)) => {}
        Ok(Err(error)) => {
            tracing::warn!(source = %folder.source, %error, "a file could not be claimed; it waits")
        }
        Err(_) => {}
    }
    drop(in_intake);
}

/// Takes in what was claimed before a crash.
pub(crate) async fn resume_all(desk: &Arc<Desk>, folder: &Arc<Folder>) {
    /// Leftovers come in batches; one that cannot be taken in comes again, so the rounds are bounded.
    const ROUNDS_MAX: usize = 64;
    for _ in 0..ROUNDS_MAX {
        if !resume_some(desk, folder).await {
            return;
        }
    }
}

/// Takes in some of what was claimed and is not under way: a crash, or a full disk, left it there. False when
/// there was nothing or it cannot be listed. Not to be called while files of this folder are being claimed.
pub(crate) async fn resume_some(desk: &Arc<Desk>, folder: &Arc<Folder>) -> bool {
    let owner = folder.clone();
    let leftovers = match tokio::task::spawn_blocking(move || owner.with(|inbox| inbox.leftovers())).await {
        Ok(Ok(leftovers)) => leftovers,
        Ok(Err(error)) => {
            tracing::error!(source = %folder.source, %error, "claimed files cannot be listed; they wait");
            return false;
        }
        Err(_) => return false,
    };
    let any = !leftovers.is_empty();
    for claimed in leftovers {
        resume(desk, folder, claimed).await;
    }
    any
}

/// Takes in what was claimed, now or before a crash.
pub(crate) async fn resume(desk: &Arc<Desk>, folder: &Arc<Folder>, claimed: Claimed) {
    let (id, source) = (claimed.id, folder.source.clone());
    let arriving = desk.arriving.begin(id);
    folder.sightings(|sightings| sightings.claim(claimed.name_bytes(), id));
    let admitted = admit(desk, source, claimed).await;
    if !matches!(admitted, Ok(Some(_))) {
        folder.sightings(|sightings| sightings.put_back(id));
    }
    match admitted {
        Ok(Some(claimed)) => {
            tracing::info!(doc = %id, source = %folder.source, "received");
            // Before it is removed: a file that is gone and not accounted for would look like one that vanished.
            account(desk, folder, id).await;
            if let Err(error) = claimed.remove() {
                // The ledger has it: the next look removes the claimed file.
                tracing::error!(doc = %id, %error, "a claimed file could not be removed");
            }
            desk.wake.notify_one();
        }
        Ok(None) => tracing::info!(source = %folder.source, "the file was still being written; it waits"),
        Err(refusal) => {
            tracing::warn!(doc = %id, source = %folder.source, %refusal, "intake failed; the file waits")
        }
    }
    drop(arriving);
}

/// Writes down that the ledger has the document of a file.
pub(crate) async fn account(desk: &Arc<Desk>, folder: &Arc<Folder>, id: DocId) {
    let place = folder.clone();
    let written = desk.blocking(move |desk| {
        let arrived = desk.store.events_after(id, 0, 1)?;
        let Some(record) = arrived.first() else { return Ok(()) };
        place.sightings(|sightings| sightings.arrived(id, record.seq)).map_err(artefacts::disk)
    });
    if let Err(refusal) = written.await {
        tracing::warn!(doc = %id, %refusal, "the journal of files seen waits for space");
    }
}

/// None when the file was still being written and was put back.
async fn admit(desk: &Arc<Desk>, source: Label, claimed: Claimed) -> Result<Option<Claimed>, Refusal> {
    let id = claimed.id;
    match desk.store.get(id) {
        Ok(None) => {}
        Ok(Some(known)) => {
            copies::settle(&*desk.store, &desk.book, &known).await;
            return Ok(Some(claimed));
        }
        Err(error) => {
            put_back(claimed);
            return Err(error.into());
        }
    }
    let by = Actor::Inbox { source: source.clone(), uid: claimed.owner_uid() };
    let sealed = desk.blocking(move |desk| seal_claimed(desk, &source, claimed)).await?;
    let Some((claimed, arrival)) = sealed else { return Ok(None) };
    let original = arrival.original;
    let admission = match desk.book.admit(id, by, arrival).await {
        Ok(admission) => admission,
        Err(error) => {
            put_back(claimed);
            forget(desk, id, original);
            return Err(error.into());
        }
    };
    // It is admitted: a blob too many is no reason to keep the file.
    if let Err(refusal) = drop_duplicate(desk, id, original, &admission) {
        tracing::warn!(doc = %id, %refusal, "the bytes of a duplicate could not be removed");
    }
    Ok(Some(claimed))
}

fn seal_claimed(
    desk: &Desk,
    source: &Label,
    mut claimed: Claimed,
) -> Result<Option<(Claimed, Arrival)>, Refusal> {
    let id = claimed.id;
    let sealed = seal_original(desk, id, &mut claimed.open());
    let unchanged = claimed.unchanged().unwrap_or(false) && !claimed.is_too_large();
    let (blob, facts) = match sealed {
        Ok(sealed) if unchanged => sealed,
        Ok((blob, _)) => {
            put_back(claimed);
            forget(desk, id, Some(blob));
            return Ok(None);
        }
        Err(refusal) => {
            put_back(claimed);
            return Err(refusal);
        }
    };
    let known = ArrivalFacts::of_claimed(&claimed, facts.sha256);
    match arrival(desk, id, source, Channel::Inbox, blob, &facts, &known, None, desk.now()) {
        Ok(arrival) => Ok(Some((claimed, arrival))),
        Err(refusal) => {
            put_back(claimed);
            forget(desk, id, Some(blob));
            Err(refusal)
        }
    }
}

/// Removes the sealed copy of a file that was not admitted.
pub(crate) fn forget(desk: &Desk, doc: DocId, original: Option<BlobId>) {
    if let Some(Err(error)) = original.map(|blob| desk.vault.remove(doc, Area::Original, blob)) {
        tracing::warn!(%doc, %error, "the copy of a file that was not taken in could not be removed");
    }
}

fn put_back(claimed: Claimed) {
    if let Err(error) = claimed.put_back() {
        // It stays claimed: the next look takes it in again.
        tracing::error!(%error, "a claimed file could not be put back");
    }
}

/// Copies, seals, fsyncs, then reads back and compares.
pub(crate) fn seal_original(
    desk: &Desk,
    doc: DocId,
    from: &mut impl Read,
) -> Result<(BlobId, BlobFacts), Refusal> {
    if !desk.vault.knows(doc) {
        desk.vault.new_document(doc)?;
    }
    let blob = desk.new_blob();
    let mut writer = desk.vault.writer(doc, Area::Original, blob)?;
    let mut chunk = vec![0; COPY_CHUNK_BYTES];
    loop {
        match from.read(&mut chunk).map_err(artefacts::disk)? {
            0 => break,
            read => writer.write_all(&chunk[..read]).map_err(artefacts::disk)?,
        }
    }
    let facts = writer.finish()?;
    verify_sealed(desk, doc, blob, facts.sha256)?;
    Ok((blob, facts))
}

/// Reads a sealed original back and compares its hash.
pub(crate) fn verify_sealed(desk: &Desk, doc: DocId, blob: BlobId, expected: Digest) -> Result<(), Refusal> {
    let found = artefacts::sha256_of(desk.vault.reader(doc, Area::Original, blob)?)?;
    if found == expected { Ok(()) } else { Err(Reason::StorageError.into()) }
}

/// The arrival of sealed bytes.
#[expect(clippy::too_many_arguments, reason = "an arrival is what comes together here")]
pub(crate) fn arrival(
    desk: &Desk,
    doc: DocId,
    source: &Label,
    channel: Channel,
    original: BlobId,
    facts: &BlobFacts,
    known: &ArrivalFacts,
    idempotency: Option<Digest>,
    received: UnixMillis,
) -> Result<Arrival, Refusal> {
    let schedules = retain::terms(desk, None, source, &[], known.retention.as_ref(), received);
    let Term { rule, until } = schedules.last().clone();
    Ok(Arrival {
        source: source.clone(),
        channel,
        bytes: facts.bytes,
        original: Some(original),
        content: content_digest(desk, source, facts),
        idempotency,
        duplicate_of: None,
        trip: Trip::CURRENT,
        sealed: Sealed(known.seal(&desk.vault, doc)?),
        retention: rule,
        retain_until: until,
        schedules: Some(Box::new(schedules)),
        destroyed_before: None,
        resent_of: None,
        received_at: None,
    })
}

/// A duplicate's bytes are kept once, under the first document's key.
pub(crate) fn drop_duplicate(
    desk: &Desk,
    doc: DocId,
    original: Option<BlobId>,
    admission: &Admission,
) -> Result<(), Refusal> {
    let duplicate = !matches!(admission, Admission::New { duplicate_of: None });
    match original {
        Some(blob) if duplicate => Ok(desk.vault.remove(doc, Area::Original, blob)?),
        _ => Ok(()),
    }
}

/// Keyed digest of (source, size, SHA-256): the same bytes from the same source are the same document (A24).
fn content_digest(desk: &Desk, source: &Label, facts: &BlobFacts) -> Digest {
    let size = facts.bytes.to_be_bytes();
    desk.vault.keyed_digest("content", &[source.as_str().as_bytes(), &size, &facts.sha256.0])
}

/// Keyed digest of an idempotency key, bound to the caller.
pub(crate) fn idempotency_digest(desk: &Desk, caller: &str, key: &Phi) -> Digest {
    desk.vault.keyed_digest("idempotency", &[caller.as_bytes(), key.expose().as_bytes()])
}
