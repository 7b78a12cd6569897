//! What a vault is told, and what it tells: plain facts, no key.

#[cfg(doc)]
use crate::Vault;
use crate::{Area, KeyId};
use types::{DocId, UnixMillis};

/// What is to be destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// Whose.
    pub doc: DocId,
    /// These areas; none stands for the whole document with its facts.
    pub areas: Option<Vec<Area>>,
}

/// Proof of a destruction, as the ledger records it (A46).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destruction {
    /// The last generation that held the keys.
    pub generation_before: u64,
    /// The first that does not.
    pub generation_after: u64,
    /// Directories, or files of destroyed areas, of dead ciphertext that could not be removed; [`Vault::sweep`] tries again.
    pub directories_left: u64,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Temporary files of blobs that were never finished.
    pub temporaries: u64,
    /// Directories of documents that have no key and that nobody needs.
    pub directories: u64,
    /// Directories of documents that have no key, kept: whoever was asked did not say that nobody needs them.
    pub kept: u64,
    /// Documents with blobs of areas that have no key.
    pub areas: u64,
}

/// What is cheap to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VaultStatus {
    /// Generation of the keystore; one more at each destruction and rotation.
    pub generation: u64,
    /// When this generation was made.
    pub generation_made: UnixMillis,
    /// Documents that have a key.
    pub documents: u64,
    /// Names the master key.
    pub master_key_id: KeyId,
    /// When the root key was made: at the last rotation, or with the vault.
    pub root_made: UnixMillis,
}
