//! Certificates of destruction (A46): what was destroyed, why, for whom, and until when a backup could still open
//! it. Compact JSON, signed as it stands with the site's key; nothing in it names a patient.

use crate::store::hex;
use lifecycle::{Actor, Over, State};
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write as _};
use types::{BlobId, Digest, DocId, Label, Schedule, UnixMillis};
use vault::{Area, Destruction, Portrait, Vault};

/// Changes when a field changes its meaning or goes; not when one is added.
const SCHEMA_VERSION: u32 = 1;
/// First field of each: the site's key signs other things too, and none of them begins so.
pub(crate) const KIND: &str = "lazaret-deletion-certificate";
/// How it was destroyed.
const METHOD: &str = "cryptographic erase, NIST SP 800-88";
/// Blobs that a certificate lists, so that it stays below 64 KiB; the digest covers all of them.
const BLOBS_LISTED_MAX: usize = 200;

/// What every certificate of this appliance says.
pub(crate) struct Certifier {
    pub(crate) site: Label,
    /// From a destruction to the end of the last older copy of the keystore, ms.
    pub(crate) backups_ms: u64,
}

/// One destruction of one document, or of parts of it.
pub(crate) struct Facts<'a> {
    pub(crate) doc: DocId,
    pub(crate) state: &'a State,
    pub(crate) over: &'a Over,
    pub(crate) portraits: &'a [Portrait],
    pub(crate) destruction: &'a Destruction,
    /// The keys were gone already: a run before this one was cut off between destruction and record.
    pub(crate) interrupted: bool,
    pub(crate) by: &'a Actor,
    pub(crate) at: UnixMillis,
}

#[derive(Serialize)]
struct Certificate<'a> {
    kind: &'static str,
    schema_version: u32,
    site: &'a Label,
    document: DocId,
    /// All of it, with what was known from outside: file name, patient context.
    whole: bool,
    areas: Vec<&'static str>,
    blobs: Vec<Blob>,
    blobs_total: usize,
    /// SHA-256 over a line `AREA BLOB BYTES SHA256` for each blob, in the order of the areas and of the ids.
    blobs_digest: Digest,
    keystore_generation_before: u64,
    keystore_generation_after: u64,
    /// The blobs could be named no more, and the generation before did not hold the keys either.
    completes_interrupted_run: bool,
    by: &'a Actor,
    /// Schedule → the rule whose time was over.
    why: BTreeMap<&'static str, &'a Label>,
    at: String,
    backups_until: String,
    method: &'static str,
    pubkey: String,
}

#[derive(Serialize)]
struct Blob {
    area: &'static str,
    blob: BlobId,
    bytes: u64,
    /// Of the ciphertext.
    sha256: Digest,
}

impl Certifier {
    /// The certificate and its signature, hex.
    pub(crate) fn certify(&self, vault: &Vault, facts: &Facts<'_>) -> (String, String) {
        let mut blobs: Vec<Blob> = facts.portraits.iter().map(blob).collect();
        blobs.sort_by_key(|blob| (blob.area, blob.blob));
        let mut lines = String::new();
        for Blob { area, blob, bytes, sha256 } in &blobs {
            // Writing to a String cannot fail.
            writeln!(lines, "{area} {blob} {bytes} {sha256}").unwrap_or(());
        }
        let blobs_total = blobs.len();
        blobs.truncate(BLOBS_LISTED_MAX);
        let over = facts.over.schedules();
        let certificate = Certificate {
            kind: KIND,
            schema_version: SCHEMA_VERSION,
            site: &self.site,
            document: facts.doc,
            whole: *facts.over == Over::Whole,
            areas: areas_of(&over).into_iter().map(Area::name).collect(),
            blobs,
            blobs_total,
            blobs_digest: vault::sha256(lines.as_bytes()),
            keystore_generation_before: facts.destruction.generation_before,
            keystore_generation_after: facts.destruction.generation_after,
            completes_interrupted_run: facts.interrupted,
            by: facts.by,
            why: over.iter().map(|part| (part.name(), &facts.state.schedules.of(*part).rule)).collect(),
            at: facts.at.to_string(),
            backups_until: facts.at.plus(self.backups_ms).to_string(),
            method: METHOD,
            pubkey: hex(&vault.verifying_key()),
        };
        let text = serde_json::to_string(&certificate).expect("maps with text keys, numbers and text");
        let signature = hex(&vault.sign(text.as_bytes()));
        (text, signature)
    }
}

/// Where the parts of a document lie.
pub(crate) fn areas_of(parts: &[Schedule]) -> Vec<Area> {
    let areas = |part: &Schedule| match part {
        Schedule::Original => &[Area::Original][..],
        Schedule::Text => &[Area::Normalised, Area::Text],
        Schedule::Redacted => &[Area::Redacted],
        Schedule::Review => &[Area::Review],
        Schedule::Log => &[],
    };
    parts.iter().flat_map(areas).copied().collect()
}

fn blob(portrait: &Portrait) -> Blob {
    Blob {
        area: portrait.area.name(),
        blob: portrait.blob,
        bytes: portrait.file_bytes,
        sha256: portrait.sha256,
    }
}
