//! What a run holds, as it is signed.

use serde::Serialize;
use types::{Digest, Label, RunId};

/// What is signed at the end of a run. Fields are added, never changed.
#[derive(Serialize)]
pub(super) struct Manifest<'a> {
    pub(super) format: u32,
    pub(super) site: &'a Label,
    pub(super) run: RunId,
    pub(super) begun: String,
    pub(super) finished: String,
    pub(super) build: &'static str,
    pub(super) verifying_key: Digest,
    pub(super) ledger: ManifestLedger<'a>,
    pub(super) keys: ManifestKeys<'a>,
    pub(super) files: ManifestFiles,
}

#[derive(Serialize)]
pub(super) struct ManifestLedger<'a> {
    pub(super) records: u64,
    pub(super) tip: Digest,
    pub(super) root: Digest,
    pub(super) files: Vec<ManifestExtent<'a>>,
}

#[derive(Serialize)]
pub(super) struct ManifestExtent<'a> {
    pub(super) name: &'a str,
    pub(super) bytes: u64,
}

#[derive(Serialize)]
pub(super) struct ManifestKeys<'a> {
    pub(super) file: String,
    pub(super) bytes: u64,
    pub(super) sha256: Digest,
    pub(super) documents: u64,
    pub(super) until: String,
    pub(super) recipients: &'a [Digest],
}

#[derive(Serialize)]
pub(super) struct ManifestFiles {
    pub(super) list: String,
    pub(super) list_sha256: Digest,
    pub(super) blobs: u64,
    pub(super) bytes: u64,
}
