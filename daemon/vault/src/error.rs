//! What can go wrong with keys and blobs. Paths here hold ids only, never a name that somebody gave.

use crate::{Area, BlobName};
use std::io;
use std::path::{Path, PathBuf};
use types::DocId;

/// Why the vault refused. Each message says what was found, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The disk, its quota or its inodes are used up; nothing half written stays.
    #[error("no space left to {doing} {}; free some and try again", path.display())]
    Full {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("{} is in use by another process; stop that one first", path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The file is not a usable master key.
    #[error("{} is no master key: {fault}", path.display())]
    BadMasterKey {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: &'static str,
    },
    /// The files were made with another master key.
    #[error("{} was made with another master key; give the one it was made with, or restore it from the same backup", path.display())]
    WrongMasterKey {
        /// The file that does not open.
        path: PathBuf,
    },
    /// The file is under a root key that this vault does not have.
    #[error("{} is under a root key that the file root beside it does not hold: they are of different times. Restore all files of keys from the same backup", path.display())]
    ForeignRoot {
        /// The file that does not open.
        path: PathBuf,
    },
    /// The file has another format.
    #[error("{} has format {found}, this program reads format {expected}: it is from another release, or it is damaged. Use the release that wrote it, or restore it from backup", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The number found; 0 when it is no such file at all.
        found: u8,
        /// The number that is read.
        expected: u8,
    },
    /// A vault is there already, or sealed blobs whose keystore is missing.
    #[error("{} holds a vault or sealed blobs already; a new one would make them unreadable. Open it, or restore its keystore from backup", path.display())]
    NotEmpty {
        /// Its directory.
        path: PathBuf,
    },
    /// A file of the vault is not as it was written.
    #[error("{} is damaged at byte {offset}: {fault}. Restore it from backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// Expected and found, in words.
        fault: &'static str,
    },
    /// The keystore is older than its journal: somebody put back an old copy.
    #[error(
        "the keystore is of generation {keystore}, its journal of generation {journal}: an older keystore was put back. Restore both from the same backup"
    )]
    RolledBack {
        /// Generation in the keystore.
        keystore: u64,
        /// Generation in the journal.
        journal: u64,
    },
    /// The document has no key: never made, or destroyed.
    #[error("there is no key for document {doc}: it is unknown or was destroyed")]
    NoKey {
        /// Which.
        doc: DocId,
    },
    /// The area's key was destroyed while the document lives on.
    #[error("the key of area {area} of document {doc} was destroyed")]
    AreaDestroyed {
        /// Whose.
        doc: DocId,
        /// Which.
        area: Area,
    },
    /// There is no such blob.
    #[error("there is no blob {blob}")]
    NoBlob {
        /// Which.
        blob: BlobName,
    },
    /// There is such a blob already; blobs are never overwritten.
    #[error("blob {blob} exists already; blobs are never overwritten")]
    BlobExists {
        /// Which.
        blob: BlobName,
    },
    /// A blob is not as it was sealed: changed, cut, extended, or put in the place of another.
    #[error(
        "blob {blob} is not as it was sealed: {fault}. Restore it from backup and see who can write to its directory"
    )]
    Tampered {
        /// Which.
        blob: BlobName,
        /// What does not fit.
        fault: &'static str,
    },
    /// A blob would be larger than its format can hold.
    #[error("blob {blob} is larger than a sealed blob can be (256 TiB)")]
    TooLong {
        /// Which.
        blob: BlobName,
    },
    /// A file that was taken in while the appliance was sealed does not open.
    #[error("{} is not as it was sealed, or is of another site. Restore it from backup and see who can write to its directory", path.display())]
    IntakeUnusable {
        /// Which.
        path: PathBuf,
    },
    /// The passphrase file asks for too little or too much, or is damaged.
    #[error("{} cannot be used: {fault}. Restore it from backup", path.display())]
    BadPassphraseFile {
        /// Which.
        path: PathBuf,
        /// Why.
        fault: &'static str,
    },
    /// The passphrase is too short or too long.
    #[error("a passphrase has {min} to {max} bytes, this one has {found}")]
    BadPassphrase {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        min: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Sealed facts are not as they were sealed, or belong to another document or purpose.
    #[error(
        "sealed facts of document {doc} do not open for {purpose}: they were changed or belong elsewhere"
    )]
    FactsTampered {
        /// Whose.
        doc: DocId,
        /// What for.
        purpose: &'static str,
    },
    /// The text is no recipient of an escrow.
    #[error(
        "expected an age recipient for X25519 (age1 and 58 characters), as `lazaretctl key escrow` prints it"
    )]
    BadRecipient,
    /// Keys are escrowed to at least two.
    #[error(
        "keys are escrowed to at least {min} different recipients, found {found}; set backup.recipients in lazaret.toml"
    )]
    FewRecipients {
        /// Different ones that were given.
        found: usize,
        /// As many are needed.
        min: usize,
    },
    /// The file holds no escrow identity.
    #[error("{} holds no age identity for X25519 (a line AGE-SECRET-KEY-1…)", path.display())]
    BadIdentity {
        /// The file.
        path: PathBuf,
    },
    /// The escrow was not made for this identity.
    #[error(
        "these keys were not escrowed to this identity; give the one whose recipient the manifest of the run names"
    )]
    WrongIdentity,
    /// The file is no escrow of keys, or not as it was written.
    #[error("the file of keys does not open: {fault}")]
    NotEscrow {
        /// What does not fit.
        fault: &'static str,
    },
    /// Facts are small; this is none.
    #[error("facts for {purpose} are {found} bytes, at most {max} are sealed; keep them in a blob")]
    FactsTooLong {
        /// What for.
        purpose: &'static str,
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
}

impl VaultError {
    /// Why a file does not begin with `magic`, whose last byte is the number of the format.
    pub(crate) fn version(path: &Path, file: &[u8], magic: &[u8; 8]) -> Self {
        let found = file.get(7).copied().filter(|_| file.starts_with(&magic[..7])).unwrap_or_default();
        Self::Version { path: path.to_owned(), found, expected: magic[7] }
    }
}

/// Says what was tried, and on what, when the operating system refuses.
pub(crate) trait Context<T> {
    fn when(self, doing: &'static str, path: &Path) -> Result<T, VaultError>;
}

impl<T> Context<T> for io::Result<T> {
    fn when(self, doing: &'static str, path: &Path) -> Result<T, VaultError> {
        self.map_err(|source| {
            let path = path.to_owned();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => VaultError::Full { doing, path },
                _ => VaultError::Io { doing, path, source },
            }
        })
    }
}
