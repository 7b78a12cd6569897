//! Evidence about documents for somebody who does not trust us: their records with proofs, hashes,
//! disclosures and signed manifests, in one list that the site signs. No content, no name of a patient.
//!
//! What is handed out is written to the ledger before its first byte. Only records that the last
//! checkpoint covers are proven; what is newer comes with the next export.

use crate::{
    accounting, artefacts,
    desk::Desk,
    opening::LEDGER_DIR,
    queries::{find, view},
    refusal::Refusal,
    submit::refused,
    view::{Caller, Code, DocumentView, EvidenceFile, EvidenceOf, Refused},
};
use ::store::{Document, Query};
use ledger::{CheckpointLog, Leaf, Proof, ProofFault, Signed};
use lifecycle::{Body, Event, Record, SystemEvent};
use serde::Serialize;
use std::{collections::BTreeSet, path::Path, sync::Arc};
use tokio::sync::mpsc;
use types::{Confidence, Digest, DocClass, DocId, Label, Reason, UnixMillis};
use vault::Area;

/// Documents of one export: their proofs are held in memory. A longer range is exported in parts.
pub(crate) const DOCUMENTS_MAX: usize = 1000;
/// Files that wait for a slow reader.
const FILES_WAITING_MAX: usize = 4;
const SCHEMA_VERSION: u32 = 1;

/// `manifest.json`: every other file with its hash. Its signature lies beside it.
#[derive(Serialize)]
struct Manifest {
    schema_version: u32,
    site: Label,
    made_at: String,
    documents: usize,
    /// Ed25519 public key of the site, hex; `site-key.json` proves that the ledger names it.
    site_key: Digest,
    files: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    path: String,
    bytes: usize,
    sha256: Digest,
}

/// `documents/ID/document.json`.
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
}

#[derive(Serialize)]
struct Told {
    at: String,
    how: &'static str,
    recipient: String,
    rendition: Option<lifecycle::Rendition>,
    why: Option<Label>,
}

/// Chooses the documents, writes the export to the ledger, and hands out file by file.
pub(crate) async fn export(
    desk: &Arc<Desk>,
    caller: &Caller,
    of: EvidenceOf,
) -> Result<mpsc::Receiver<Result<EvidenceFile, Refused>>, Refused> {
    let documents = desk.blocking(move |desk| Ok(choose(desk, of))).await.map_err(refused)??;
    let count = u32::try_from(documents.len()).unwrap_or(u32::MAX);
    let event = SystemEvent::EvidenceExported { documents: count };
    desk.book.note(caller.actor.clone(), event).await.map_err(refused)?;
    let (send, receive) = mpsc::channel(FILES_WAITING_MAX);
    let desk = desk.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(no) = gather(&desk, &documents, &send) {
            drop(send.blocking_send(Err(no)));
        }
    });
    Ok(receive)
}

fn choose(desk: &Desk, of: EvidenceOf) -> Result<Vec<Document>, Refused> {
    let documents = match of {
        EvidenceOf::Documents(ids) if ids.len() <= DOCUMENTS_MAX => {
            ids.into_iter().map(|id| find(desk, id)).collect::<Result<Vec<_>, _>>()?
        }
        EvidenceOf::Documents(_) => return Err(too_many()),
        EvidenceOf::Received { from, to } => received(desk, from, to)?,
    };
    if documents.is_empty() {
        return Err(Refused::new(Code::NotFound, "no document was received in this range"));
    }
    Ok(documents)
}

/// Ids begin with the time at which the document was claimed, so a range of time is a range of ids.
fn received(desk: &Desk, from: UnixMillis, to: UnixMillis) -> Result<Vec<Document>, Refused> {
    let before = DocId::from_parts(UnixMillis(from.0.saturating_sub(1)), u128::MAX);
    let found = desk.store.scan(&Query::default(), Some(before), DOCUMENTS_MAX + 1).map_err(refused)?;
    let end = DocId::from_parts(to, 0);
    let found: Vec<_> = found.into_iter().take_while(|document| document.id < end).collect();
    if found.len() > DOCUMENTS_MAX { Err(too_many()) } else { Ok(found) }
}

fn too_many() -> Refused {
    let message =
        format!("more than {DOCUMENTS_MAX} documents; name fewer, or export a shorter range at a time");
    Refused::new(Code::TooLarge, message)
}

/// Where files go, and what the manifest will say of them.
struct Folder<'a> {
    send: &'a mpsc::Sender<Result<EvidenceFile, Refused>>,
    listed: Vec<Listed>,
}

impl Folder<'_> {
    fn put(&mut self, path: String, bytes: Vec<u8>) -> Result<(), Refused> {
        let listed = Listed { path: path.clone(), bytes: bytes.len(), sha256: vault::sha256(&bytes) };
        self.listed.push(listed);
        self.hand(path, bytes)
    }

    fn hand(&self, path: String, bytes: Vec<u8>) -> Result<(), Refused> {
        let gone = |_| Refused::new(Code::Temporary, "nobody listens any more");
        self.send.blocking_send(Ok(EvidenceFile { path, bytes })).map_err(gone)
    }

    fn put_json(&mut self, path: String, value: &impl Serialize) -> Result<(), Refused> {
        self.put(path, json(value)?)
    }
}

fn gather(
    desk: &Desk,
    documents: &[Document],
    send: &mpsc::Sender<Result<EvidenceFile, Refused>>,
) -> Result<(), Refused> {
    let ledger_dir = desk.settings.paths.state_dir.join(LEDGER_DIR);
    let Proven { proofs, site_key, turns } = prove(&ledger_dir, documents)?;
    let mut folder = Folder { send, listed: Vec::new() };
    for proof in proofs {
        let path = |name: &str| format!("documents/{}/{name}", proof.document);
        folder.put_json(path("events.json"), &proof)?;
    }
    for document in documents {
        about(desk, document.clone(), &mut folder)?;
    }
    folder.put(
        "keys.notes".to_owned(),
        turns.iter().map(Signed::note).collect::<Vec<_>>().join("%%\n").into(),
    )?;
    if let Some(leaf) = site_key {
        folder.put_json("site-key.json".to_owned(), &leaf)?;
    }
    let manifest = json(&Manifest {
        schema_version: SCHEMA_VERSION,
        site: desk.settings.site.clone(),
        made_at: desk.now().to_string(),
        documents: documents.len(),
        site_key: Digest(desk.vault.verifying_key()),
        files: std::mem::take(&mut folder.listed),
    })?;
    let signature = artefacts::hex(&desk.vault.sign(&manifest));
    folder.hand("manifest.json".to_owned(), manifest)?;
    folder.hand("manifest.sig".to_owned(), signature.into_bytes())
}

/// What all rests on: everything is proven against the last of the turns.
struct Proven {
    proofs: Vec<Proof>,
    site_key: Option<Leaf>,
    turns: Vec<Signed>,
}

fn prove(ledger_dir: &Path, documents: &[Document]) -> Result<Proven, Refused> {
    let ids: BTreeSet<DocId> = documents.iter().map(|document| document.id).collect();
    let is_key = |event: &SystemEvent| matches!(event, SystemEvent::SiteKey { .. });
    let (proofs, site_key) = ledger::prove_many(ledger_dir, &ids, is_key).map_err(|fault| match fault {
        ProofFault::NoCheckpoint => Refused::new(Code::Temporary, fault.to_string()),
        other => broken(&other),
    })?;
    let Some(first) = proofs.first() else {
        return Err(Refused::new(Code::Temporary, ProofFault::NoCheckpoint.to_string()));
    };
    let end = Signed::parse(&first.checkpoint).map_err(|fault| broken(&fault))?;
    let turns = CheckpointLog::turns_of(ledger_dir, &end).map_err(|error| broken(&error))?;
    // The log was put aside in this moment.
    let turns = turns.ok_or_else(|| Refused::new(Code::Temporary, ProofFault::NoCheckpoint.to_string()))?;
    Ok(Proven { proofs, site_key, turns })
}

fn broken(error: &dyn std::error::Error) -> Refused {
    tracing::error!(%error, "evidence cannot be made");
    Refused::new(Code::Internal, error.to_string())
}

/// What is known of one document beside its records.
fn about(desk: &Desk, document: Document, folder: &mut Folder<'_>) -> Result<(), Refused> {
    let (id, manifest) = (document.id, document.state.blobs.manifest);
    let path = |name: &str| format!("documents/{id}/{name}");
    folder.put_json(path("document.json"), &summary(view(desk, document).map_err(refused)?))?;
    let records = desk.store.events(id).map_err(refused)?;
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
    match manifest.map(|blob| artefacts::open(desk, id, Area::Redacted, blob)) {
        Some(Ok(signed)) => folder.put(path("manifest.json"), signed),
        Some(Err(Refusal::NotNow(reason))) => Err(Refused::because(Code::Temporary, reason)),
        // Destroyed meanwhile, or damaged: the events say which.
        Some(Err(_)) | None => Ok(()),
    }
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

fn summary(view: DocumentView) -> Summary {
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
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Refused> {
    serde_json::to_vec_pretty(value).map_err(|_| Refused::because(Code::Internal, Reason::StorageError))
}
