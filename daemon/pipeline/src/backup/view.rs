//! What a client is told of a backup.

use types::{Digest, Label, RunId};

/// A backup that has begun.
#[derive(Clone, Debug)]
pub struct BackupBegun {
    /// Which run.
    pub run: RunId,
    /// The site.
    pub site: Label,
    /// Version of what is written.
    pub format: u32,
    /// Records of the ledger that belong to it.
    pub records: u64,
    /// Hash of the last of them.
    pub tip: Digest,
    /// Days that a copy of the keys is kept.
    pub keys_days: u32,
    /// Seconds after which a run that asks for nothing is over.
    pub lease_s: u64,
    /// What the manifest's signature verifies with.
    pub verifying_key: Digest,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFile {
    /// `ledger/SEGMENT` or `blobs/DOCUMENT/AREA-BLOB`.
    pub path: String,
    /// Bytes that belong to the run.
    pub bytes: u64,
}

/// The end of a backup.
#[derive(Clone, Debug)]
pub struct BackupSigned {
    /// JSON, as it was signed.
    pub manifest: Vec<u8>,
    /// Ed25519, with the site's key.
    pub signature: [u8; 64],
}
