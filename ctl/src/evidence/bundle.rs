//! The names in a bundle, and its manifest, as the daemon writes them: `docs/reference/evidence-format.md`.

use serde::Deserialize;
use types::{Digest, DocId};

/// Lists every other file with its hash.
pub(crate) const MANIFEST: &str = "manifest.json";
/// Ed25519 signature of the site over the bytes of the manifest, hex.
pub(crate) const SIGNATURE: &str = "manifest.sig";
/// The first checkpoint and the last one of each key, with `%%` between them.
pub(crate) const KEYS: &str = "keys.notes";
/// From each of these checkpoints to the next: the ledger only grew.
pub(crate) const CONSISTENCY: &str = "consistency.json";
/// The record that names the site's key, with its proof.
pub(crate) const SITE_KEY: &str = "site-key.json";
/// What stands between two notes.
pub(crate) const NOTE_END: &str = "%%\n";
/// What the manifest says it is.
pub(crate) const KIND: &str = "lazaret-evidence";
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// What is needed of `manifest.json`.
#[derive(Deserialize)]
pub(crate) struct Manifest {
    pub(crate) kind: String,
    pub(crate) schema_version: u32,
    pub(crate) site_key: Digest,
    pub(crate) documents: Vec<DocId>,
    pub(crate) newer: Vec<Newer>,
    pub(crate) files: Vec<Listed>,
}

/// A record that came after the checkpoint.
#[derive(Deserialize)]
pub(crate) struct Newer {
    pub(crate) document: DocId,
    pub(crate) seq: u64,
}

/// One file of it.
#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(crate) path: String,
    pub(crate) bytes: usize,
    pub(crate) sha256: Digest,
}

/// Is it a path that the daemon writes: letters, digits, dots and hyphens, with slashes between, and no
/// part that begins with a dot?
pub(crate) fn is_plain(path: &str) -> bool {
    let fits = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    };
    path.len() <= PATH_BYTES_MAX && path.split('/').all(fits)
}

/// Longest path, bytes.
pub(crate) const PATH_BYTES_MAX: usize = 128;
