//! The files about one document: its records against the checkpoint, and what the site signed before.

use super::check::{Files, finding, is_signed, parse};
use crate::fail::Outcome;
use ledger::{Proof, Signed};
use lifecycle::{Body, Event, Record};
use serde::Deserialize;
use types::{Digest, DocId};

/// `manifest.json` of a document: what was made of it, signed when it was made.
#[derive(Deserialize)]
struct Made {
    manifest: String,
    signature: String,
}

#[derive(Deserialize)]
struct Of {
    id: DocId,
}

/// Checks all of it; gives the number of records.
pub(super) fn check(files: &mut Files<'_>, id: DocId, site_key: Digest, end: &Signed) -> Outcome<usize> {
    let path = |name: &str| format!("documents/{id}/{name}");
    let events = path("events.json");
    let proof: Proof = parse(&events, &files.take(&events)?)?;
    let (checkpoint, _) = proof.check().map_err(|fault| finding(format!("{events}: {fault}")))?;
    if proof.document != id {
        return Err(finding(format!("{events}: the proof is for document {}", proof.document)));
    }
    if checkpoint != *end || proof.since.is_some() {
        return Err(finding(format!("{events}: proven against another checkpoint than the last one")));
    }
    for leaf in &proof.leaves {
        let record: Record = parse(&events, leaf.record.as_bytes())?;
        certificate(files, id, site_key, &record)?;
    }
    let summary: Of = parse(&path("document.json"), &files.take(&path("document.json"))?)?;
    if summary.id != id {
        return Err(finding(format!("{}: it is about document {}", path("document.json"), summary.id)));
    }
    files.take(&path("accounting.json"))?;
    let made = path("manifest.json");
    if let Some(signed) = files.take_if_there(&made)? {
        let Made { manifest, signature } = parse(&made, &signed)?;
        let of: Of = parse(&made, manifest.as_bytes())?;
        if of.id != id || !is_signed(site_key, manifest.as_bytes(), signature.as_bytes()) {
            return Err(finding(format!("{made}: the site did not sign this for the document")));
        }
    }
    Ok(proof.leaves.len())
}

/// A destruction in the records has its certificate beside them, the same and signed (B46).
fn certificate(files: &mut Files<'_>, id: DocId, site_key: Digest, record: &Record) -> Outcome {
    let Body::Document { event: Event::Destroyed { certificate, signature, .. }, .. } = &record.body else {
        return Ok(());
    };
    let path = format!("documents/{id}/certificate-{}", record.seq);
    let same = files.take(&format!("{path}.json"))? == certificate.as_bytes()
        && files.take(&format!("{path}.sig"))? == signature.as_bytes();
    if same && is_signed(site_key, certificate.as_bytes(), signature.as_bytes()) {
        return Ok(());
    }
    Err(finding(format!("{path}: not the certificate of the record, or not signed by the site")))
}
