//! # deliver
//!
//! Reads: the route's rendition. Leaves: `Delivered { receipt }`: `ID.pdf`, then `ID.json`, in the
//! route's folder, each by rename. `(document, route)` is the idempotency key: doing it twice is doing it once.
//! Can refuse because: `delivery-failed`; tried again with growing pauses, never given up.

use crate::{
    artefacts::disk,
    desk::Desk,
    facts::{self, ArrivalFacts},
    refusal::Refusal,
    store::Hashes,
};
use ::store::Document;
use lifecycle::{Disclosure, Outcome, Rendition};
use outbox::FolderTarget;
use serde::Serialize;
use std::{io::Read, sync::Arc};
use types::{Confidence, DocClass, DocId, Label, Reason};
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

pub(crate) async fn run(desk: &Arc<Desk>, doc: &Document) -> Result<Outcome, Refusal> {
    let name = doc.state.route.clone().ok_or(Reason::StorageError)?;
    let policy = desk.policy.load_full();
    let Some(route) = policy.route_named(&name) else {
        tracing::error!(route = %name, "the route is gone from the policy; the document waits");
        return Err(Reason::DeliveryFailed.into());
    };
    let rendition = match route.rendition {
        policy::RouteRendition::Redacted => Rendition::Redacted,
        policy::RouteRendition::Original => Rendition::Original,
    };
    let document = doc.clone();
    let (bytes, manifest) = desk.blocking(move |desk| load(desk, &document, &name, rendition)).await?;
    let receipt = desk.vault.keyed_digest("delivery", &[&bytes, &manifest]);
    let target = FolderTarget { folder: desk.settings.paths.outbox_dir.join(&route.folder) };
    target.deliver(doc.id, bytes, manifest).await.map_err(|error| {
        tracing::warn!(route = %route.name, %error, "the target did not take the document");
        Refusal::Because(Reason::DeliveryFailed)
    })?;
    let disclosure = Some(Box::new(disclosure(desk, doc, &route.name, rendition)?));
    Ok(Outcome::Delivered { receipt, disclosure })
}

/// Who uploaded, how classified, how sure, where to, what: one line for whoever asks later (A39).
fn disclosure(
    desk: &Desk,
    doc: &Document,
    route: &Label,
    rendition: Rendition,
) -> Result<Disclosure, Refusal> {
    let arrival = desk.store.events_after(doc.id, 0, 1)?;
    let uploaded_by = arrival.into_iter().next().ok_or(Reason::StorageError)?.by;
    let state = &doc.state;
    Ok(Disclosure {
        uploaded_by,
        class: state.class,
        confidence: state.confidence,
        route: route.clone(),
        owner: state.owner.clone(),
        rendition,
    })
}

fn load(
    desk: &Desk,
    doc: &Document,
    route: &Label,
    rendition: Rendition,
) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
    let (id, state) = (doc.id, &doc.state);
    let facts = ArrivalFacts::open(&desk.vault, id, &state.sealed_arrival.0)?;
    let digest = |purpose, sealed: &Option<lifecycle::Sealed>| {
        let sealed = sealed.as_ref().ok_or(Reason::StorageError)?;
        facts::open_digest(&desk.vault, id, purpose, &sealed.0).ok_or(Reason::StorageError)
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
    let mut bytes = Vec::new();
    let mut reader = desk.vault.reader(id, area, blob.ok_or(Reason::StorageError)?)?;
    reader.read_to_end(&mut bytes).map_err(disk)?;
    if vault::sha256(&bytes) != expected {
        return Err(Reason::StorageError.into());
    }
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
        correlation_id: facts.correlation_id,
        sha256,
    };
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|_| Reason::StorageError)?;
    Ok((bytes, manifest))
}
