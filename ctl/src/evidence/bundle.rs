//! The names in a bundle, and its manifest, as the daemon writes them.

use serde::Deserialize;
use types::Digest;

/// Lists every other file with its hash.
pub(crate) const MANIFEST: &str = "manifest.json";
/// Ed25519 signature of the site over the bytes of the manifest, hex.
pub(crate) const SIGNATURE: &str = "manifest.sig";
/// The first checkpoint and the last one of each key, with `%%` between them.
pub(crate) const KEYS: &str = "keys.notes";
/// The record that names the site's key, with its proof.
pub(crate) const SITE_KEY: &str = "site-key.json";
/// What stands between two notes.
pub(crate) const NOTE_END: &str = "%%\n";

/// What is needed of `manifest.json`.
#[derive(Deserialize)]
pub(crate) struct Manifest {
    pub(crate) site_key: Digest,
    pub(crate) documents: u64,
    pub(crate) files: Vec<Listed>,
}

/// One file of it.
#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(crate) path: String,
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
    path.len() <= 128 && path.split('/').all(fits)
}
