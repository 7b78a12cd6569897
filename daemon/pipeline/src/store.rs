//! # store
//!
//! Reads: all artefacts, back from disk. Leaves: `Stored { manifest }`, signed (B27): who made what from
//! what, with the three hashes (B28).
//! Can refuse because: `storage-error`: an artefact does not read back as it was written.

use crate::{
    artefacts::{self, TextPages},
    desk::Desk,
    facts::{self, ArrivalFacts},
    ocr::text_of,
    refusal::Refusal,
};
use ::store::Document;
use lifecycle::Outcome;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use types::{BlobId, Digest, DocClass, DocId, Label, Reason};
use vault::Area;

/// Version of the manifest's shape.
const MANIFEST_VERSION: u32 = 1;

/// What was made of a document: sealed, signed, and (without the patient) delivered beside the product.
#[derive(Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) manifest_version: u32,
    pub(crate) id: DocId,
    pub(crate) build: String,
    pub(crate) source: Label,
    pub(crate) class: Option<DocClass>,
    pub(crate) rules: Vec<Label>,
    pub(crate) pages: Option<u32>,
    pub(crate) black_pages: u32,
    pub(crate) boxes: u32,
    pub(crate) sha256: Hashes,
    /// SHA-256 of the redaction map (B27), since it is recorded.
    pub(crate) sha256_redaction_map: Option<Digest>,
}

/// The three hashes (B28).
#[derive(Serialize, Deserialize)]
pub(crate) struct Hashes {
    pub(crate) original: Digest,
    pub(crate) redacted: Digest,
    pub(crate) text: Digest,
}

/// A manifest and its Ed25519 signature over the exact bytes of `manifest`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Signed {
    pub(crate) manifest: String,
    pub(crate) signature: String,
    pub(crate) key: String,
}

pub(crate) async fn run(desk: &Arc<Desk>, doc: &Document) -> Result<Outcome, Refusal> {
    let doc = doc.clone();
    desk.blocking(move |desk| {
        let manifest = check(desk, &doc)?;
        let text = serde_json::to_string(&manifest).map_err(|_| Reason::StorageError)?;
        let signed = Signed {
            signature: artefacts::hex(&desk.vault.sign(text.as_bytes())),
            key: artefacts::hex(&desk.vault.verifying_key()),
            manifest: text,
        };
        let blob = desk.new_blob();
        artefacts::seal_json(desk, doc.id, Area::Redacted, blob, &signed)?;
        Ok(Outcome::Stored { manifest: blob })
    })
    .await
}

/// Reads every artefact back and compares it with the hash taken when it was made.
fn check(desk: &Desk, doc: &Document) -> Result<Manifest, Refusal> {
    let (id, state) = (doc.id, &doc.state);
    let facts = ArrivalFacts::open(&desk.vault, id, &state.sealed_arrival.0)?;
    let original = same(hash(desk, id, Area::Original, state.blobs.original)?, Some(facts.sha256))?;
    let opened = |purpose, sealed: &Option<lifecycle::Sealed>| {
        facts::open_digest(&desk.vault, id, purpose, sealed.as_ref())
    };
    let redacted = same(
        hash(desk, id, Area::Redacted, state.blobs.product)?,
        opened(facts::PRODUCT, &state.sealed_product),
    )?;
    let pages: TextPages = artefacts::open_json(desk, id, Area::Text, state.blobs.text)?;
    let text =
        same(vault::sha256(text_of(&pages.pages).as_bytes()), opened(facts::TEXT, &state.sealed_text))?;
    Ok(Manifest {
        manifest_version: MANIFEST_VERSION,
        id,
        build: sandbox::BUILD.to_owned(),
        source: state.source.clone(),
        class: state.class,
        rules: state.rules.clone(),
        pages: state.pages,
        black_pages: state.black_pages,
        boxes: state.boxes,
        sha256: Hashes { original, redacted, text },
        sha256_redaction_map: Some(hash(desk, id, Area::Redacted, state.blobs.map)?),
    })
}

fn same(found: Digest, expected: Option<Digest>) -> Result<Digest, Refusal> {
    if Some(found) == expected { Ok(found) } else { Err(Reason::StorageError.into()) }
}

fn hash(desk: &Desk, doc: DocId, area: Area, blob: Option<BlobId>) -> Result<Digest, Refusal> {
    artefacts::sha256_of(desk.vault.reader(doc, area, blob.ok_or(Reason::StorageError)?)?)
}
