//! What is known of one document beside its records.

use super::folder::Folder;
use crate::{
    accounting,
    artefacts::{self, sha256_of},
    desk::Desk,
    queries::view,
    refusal::Refusal,
    submit::refused,
    view::{Code, DocumentView, Refused},
};
use ::store::Document;
use lifecycle::{Body, Event, Record};
use serde::Serialize;
use types::{BlobId, Confidence, Digest, DocClass, DocId, Label, Reason};
use vault::Area;

/// `document.json`: how it is seen at the time of the export.
#[derive(Serialize)]
struct Summary {
    id: DocId,
    source: Label,
    state: String,
    reason: Option<Reason>,
    class: Option<DocClass>,
    confidence: Option<Confidence>,
    route: Option<Label>,
    owner: Option<Label>,
    received_at: String,
    updated_at: String,
    retain_until: String,
    holds: Vec<Label>,
    duplicate_of: Option<DocId>,
    sha256_original: Option<Digest>,
    sha256_redacted: Option<Digest>,
    sha256_text: Option<Digest>,
    /// Of the map of what is hidden, as it lies under the document's key (B27).
    sha256_redaction_map: Option<Digest>,
}

#[derive(Serialize)]
struct Told {
    at: String,
    how: &'static str,
    recipient: String,
    rendition: Option<lifecycle::Rendition>,
    why: Option<Label>,
}

/// A record that came after the checkpoint of the bundle.
#[derive(Serialize)]
pub(super) struct Newer {
    document: DocId,
    seq: u64,
}

/// Puts its files, and says which of its records the checkpoint over `size` does not cover.
pub(super) fn about(
    desk: &Desk,
    document: Document,
    size: u64,
    folder: &mut Folder<'_>,
) -> Result<Vec<Newer>, Refused> {
    let (id, blobs) = (document.id, document.state.blobs.clone());
    let path = |name: &str| format!("documents/{id}/{name}");
    let map = map_sha256(desk, id, blobs.map)?;
    folder.put_json(path("document.json"), &summary(view(desk, document).map_err(refused)?, map))?;
    let mut records = desk.store.events(id).map_err(refused)?;
    let newer = records.split_off(records.partition_point(|record| record.seq <= size));
    certificates(id, &records, folder)?;
    let told = accounting::accounting(&records).into_iter();
    let told: Vec<Told> = told
        .map(|d| Told {
            at: d.at.to_string(),
            how: d.how,
            recipient: d.recipient,
            rendition: d.rendition,
            why: d.why,
        })
        .collect();
    folder.put_json(path("accounting.json"), &told)?;
    // B27: the manifest of what was made of it, signed when it was made.
    let signed = blobs.manifest.map(|blob| artefacts::open(desk, id, Area::Redacted, blob));
    if let Some(signed) = if_there(signed)? {
        folder.put(path("manifest.json"), signed)?;
    }
    Ok(newer.into_iter().map(|record| Newer { document: id, seq: record.seq }).collect())
}

/// Nothing for what was destroyed meanwhile or is damaged: the events say which.
fn if_there<T>(opened: Option<Result<T, Refusal>>) -> Result<Option<T>, Refused> {
    match opened {
        Some(Ok(opened)) => Ok(Some(opened)),
        Some(Err(Refusal::NotNow(reason))) => Err(Refused::because(Code::Temporary, reason)),
        Some(Err(_)) | None => Ok(None),
    }
}

fn map_sha256(desk: &Desk, id: DocId, map: Option<BlobId>) -> Result<Option<Digest>, Refused> {
    let hash = |blob| sha256_of(desk.vault.reader(id, Area::Redacted, blob)?);
    if_there(map.map(hash))
}

/// The certificates of what was destroyed, exactly as they were signed (B46).
fn certificates(id: DocId, records: &[Record], folder: &mut Folder<'_>) -> Result<(), Refused> {
    let signed = records.iter().filter_map(|record| match &record.body {
        Body::Document { event: Event::Destroyed { certificate, signature, .. }, .. } => {
            Some((record.seq, certificate, signature))
        }
        _ => None,
    });
    for (seq, certificate, signature) in signed {
        let path = format!("documents/{id}/certificate-{seq}");
        folder.put(format!("{path}.json"), certificate.clone().into_bytes())?;
        folder.put(format!("{path}.sig"), signature.clone().into_bytes())?;
    }
    Ok(())
}

fn summary(view: DocumentView, sha256_redaction_map: Option<Digest>) -> Summary {
    Summary {
        id: view.id,
        source: view.source,
        state: view.state.to_string(),
        reason: view.reason,
        class: view.class,
        confidence: view.confidence,
        route: view.route,
        owner: view.owner,
        received_at: view.received_at.to_string(),
        updated_at: view.updated_at.to_string(),
        retain_until: view.retain_until.to_string(),
        holds: view.holds,
        duplicate_of: view.duplicate_of,
        sha256_original: view.sha256_original,
        sha256_redacted: view.sha256_redacted,
        sha256_text: view.sha256_text,
        sha256_redaction_map,
    }
}
