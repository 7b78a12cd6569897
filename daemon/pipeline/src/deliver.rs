//! # deliver
//!
//! Reads: the route's rendition. Leaves: `Delivered { receipt }`: `ID.pdf`, then `ID.json`, in the
//! route's folder, each by rename. `(document, route)` is the idempotency key: doing it twice is doing it once.
//! Can refuse because: `delivery-failed`; tried again with growing pauses, never given up. `disk-full`: the target
//! has no room and is on the disk of the state directory; the ballast is given up. `retention-over`: what
//! the route wants was destroyed before a person sent the document there.

use crate::{
    artefacts::Verified,
    desk::Desk,
    facts::{self, ArrivalFacts},
    handover::{self, Turn},
    refusal::Refusal,
    store::Hashes,
};
use ::store::Document;
use lifecycle::{Disclosure, Outcome, Rendition};
use outbox::{FolderTarget, OutboxError, Staging};
use serde::Serialize;
use std::{fs, os::unix::fs::MetadataExt as _, path::Path, sync::Arc};
use types::{Confidence, DocClass, DocId, Label, Reason, Schedule};
use vault::Area;

/// `ID.json`: ids, hashes, class, route; nothing of the patient.
#[derive(Serialize)]
struct DeliveryManifest<'a> {
    schema_version: u32,
    id: DocId,
    source: &'a Label,
    class: Option<DocClass>,
    confidence: Option<Confidence>,
    route: &'a Label,
    owner: Option<&'a Label>,
    rendition: Rendition,
    pages: Option<u32>,
    black_pages: u32,
    received_at: String,
    correlation_id: Option<Label>,
    sha256: Hashes,
}

/// What was delivered, and the document's turn, to be kept until that is written.
pub(crate) async fn run(desk: &Arc<Desk>, doc: &Document) -> Result<(Outcome, Option<Turn>), Refusal> {
    let name = doc.state.route.clone().ok_or(Reason::StorageError)?;
    let id = doc.id;
    if let Some(receipt) = desk.blocking(move |desk| handover::served(desk, id)).await?.get(&name) {
        // It has the document from before; a new class is no reason to hand it over twice.
        return Ok((Outcome::Delivered { receipt: *receipt, disclosure: None }, None));
    }
    let policy = desk.policy.load_full();
    let (Some(route), Some(target)) = (policy.route_named(&name), handover::target(desk, &name)) else {
        tracing::error!(route = %name, "the route is gone from the policy; the document waits");
        return Err(Reason::DeliveryFailed.into());
    };
    let rendition = rendition_of(route);
    let is_our_disk = shares_disk(&target.folder, &desk.settings.paths.state_dir);
    let refused = |error: OutboxError| {
        tracing::warn!(route = %route.name, %error, "the target did not take the document");
        refusal(&error, is_our_disk)
    };
    let (to, document) = (name.clone(), doc.clone());
    let staging = desk.blocking(move |desk| stage(desk, &document, &to, rendition, &target)).await?;
    let (staged, manifest) = match staging.map_err(refused)? {
        (Staging::Seen(manifest), _) => (None, manifest),
        (Staging::Staged(staged), manifest) => (Some(staged), manifest),
    };
    let turn = handover::take_if_same(desk, doc).await?;
    match (turn, staged) {
        (Some(turn), staged) => {
            if let Some(staged) = staged {
                desk.blocking(move |_| Ok(staged.place())).await?.map_err(refused)?;
            }
            let receipt = handover::receipt(desk, &manifest);
            let disclosure = disclosure(desk, doc, &route.name)?;
            Ok((Outcome::Delivered { receipt, disclosure }, Some(turn)))
        }
        (None, Some(staged)) => {
            tracing::info!(doc = %id, route = %name, "the delivery was called back");
            desk.blocking(move |_| Ok(staged.withdraw())).await?.map_err(refused)?;
            Err(Refusal::Overtaken)
        }
        (None, None) => Err(Refusal::Overtaken),
    }
}

/// A target that is full is its owner's matter, unless its disk is the one that the ballast is given up for.
fn refusal(error: &OutboxError, is_our_disk: bool) -> Refusal {
    match error {
        OutboxError::Full if is_our_disk => Refusal::NotNow(Reason::DiskFull),
        _ => Refusal::Because(Reason::DeliveryFailed),
    }
}

/// Whether two folders lie on one file system; when that cannot be told, the target's own error is the answer.
fn shares_disk(target: &Path, state_dir: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|folder| folder.dev());
    matches!((device(target), device(state_dir)), (Ok(one), Ok(other)) if one == other)
}

/// Who uploaded, how classified, how sure, where to, what: one line for whoever asks later (A39). None when
/// the policy no longer has the route, for a delivery of an earlier run.
pub(crate) fn disclosure(
    desk: &Desk,
    doc: &Document,
    route: &Label,
) -> Result<Option<Box<Disclosure>>, Refusal> {
    let policy = desk.policy.load();
    let Some(target) = policy.route_named(route) else { return Ok(None) };
    let arrival = desk.store.events_after(doc.id, 0, 1)?;
    let uploaded_by = arrival.into_iter().next().ok_or(Reason::StorageError)?.by;
    let state = &doc.state;
    Ok(Some(Box::new(Disclosure {
        uploaded_by,
        class: state.class,
        confidence: state.confidence,
        route: route.clone(),
        owner: Some(target.owner.clone()),
        rendition: rendition_of(target),
    })))
}

const fn rendition_of(route: &policy::Route) -> Rendition {
    match route.rendition {
        policy::RouteRendition::Redacted => Rendition::Redacted,
        policy::RouteRendition::Original => Rendition::Original,
    }
}

/// Prepares the delivery out of sight, and gives its manifest. The product goes from the vault to the target in
/// pieces, and is not ready before its hash is what it was when it was made.
fn stage(
    desk: &Desk,
    doc: &Document,
    route: &Label,
    rendition: Rendition,
    target: &FolderTarget,
) -> Result<Result<(Staging, Vec<u8>), OutboxError>, Refusal> {
    let (id, state) = (doc.id, &doc.state);
    let facts = ArrivalFacts::open(&desk.vault, id, &state.sealed_arrival.0)?;
    let digest = |purpose, sealed: &Option<lifecycle::Sealed>| {
        facts::open_digest(&desk.vault, id, purpose, sealed.as_ref()).ok_or(Reason::StorageError)
    };
    let sha256 = Hashes {
        original: facts.sha256,
        redacted: digest(facts::PRODUCT, &state.sealed_product)?,
        text: digest(facts::TEXT, &state.sealed_text)?,
    };
    let (area, blob, expected) = match rendition {
        Rendition::Original => (Area::Original, state.blobs.original, sha256.original),
        Rendition::Redacted | Rendition::Text => (Area::Redacted, state.blobs.product, sha256.redacted),
    };
    let part = if area == Area::Original { Schedule::Original } else { Schedule::Redacted };
    if state.is_destroyed(part) {
        return Err(Reason::RetentionOver.into());
    }
    let reader = desk.vault.reader(id, area, blob.ok_or(Reason::StorageError)?)?;
    let manifest = manifest(doc, route, rendition, facts.correlation_id, sha256)?;
    let mut product = Verified::new(reader, expected);
    let staged = target.stage(id, route, &mut product, &manifest);
    if product.is_wrong() {
        Err(Reason::StorageError.into())
    } else {
        Ok(staged.map(|staged| (staged, manifest)))
    }
}

fn manifest(
    doc: &Document,
    route: &Label,
    rendition: Rendition,
    correlation_id: Option<Label>,
    sha256: Hashes,
) -> Result<Vec<u8>, Refusal> {
    let (id, state) = (doc.id, &doc.state);
    let manifest = DeliveryManifest {
        schema_version: 1,
        id,
        source: &state.source,
        class: state.class,
        confidence: state.confidence,
        route,
        owner: state.owner.as_ref(),
        rendition,
        pages: state.pages,
        black_pages: state.black_pages,
        received_at: state.received_at.to_string(),
        correlation_id,
        sha256,
    };
    Ok(serde_json::to_vec_pretty(&manifest).map_err(|_| Reason::StorageError)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    // Issue, disk pressure: "work in flight completes"; a delivery is work in flight.
    #[test]
    fn a_full_target_is_a_full_disk_only_where_it_is_ours() {
        let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap());
        assert!(shares_disk(ours.path(), ours.path()));
        assert!(!shares_disk(other.path(), ours.path()), "/dev/shm is a file system of its own");
        assert!(!shares_disk(Path::new("/no such folder"), ours.path()));
        assert!(matches!(refusal(&OutboxError::Full, true), Refusal::NotNow(Reason::DiskFull)));
        assert!(matches!(refusal(&OutboxError::Full, false), Refusal::Because(Reason::DeliveryFailed)));
        assert!(matches!(refusal(&OutboxError::Conflict, true), Refusal::Because(Reason::DeliveryFailed)));
    }
}
