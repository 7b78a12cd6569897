//! The door to everything: one vault, open in one process.

use crate::blob::Blobs;
use crate::durable::{make_dir, sync_names};
use crate::error::Context;
use crate::keystore::Keystore;
use crate::site::Site;
use crate::{Area, BlobName, BlobReader, BlobWriter, MasterKey, VaultError, facts};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use types::{BlobId, Digest, DocId};

const BLOBS_NAME: &str = "blobs";
const LOCK_NAME: &str = "lock";

/// Sealed blobs and their keys.
pub struct Vault {
    keys: Keystore,
    site: Site,
    blobs: Blobs,
    /// Held as long as the vault is open; the kernel lets go of it when the process dies.
    _lock: File,
}

/// Proof of a destruction, as the ledger records it (A46).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destruction {
    /// The last generation that held the keys.
    pub generation_before: u64,
    /// The first that does not.
    pub generation_after: u64,
    /// Directories of dead ciphertext that could not be removed; [`Vault::sweep`] tries again.
    pub directories_left: u64,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Temporary files of blobs that were never finished.
    pub temporaries: u64,
    /// Directories of documents that have no key.
    pub directories: u64,
}

/// What is cheap to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VaultStatus {
    /// Generation of the keystore; one more at each destruction.
    pub generation: u64,
    /// Documents that have a key.
    pub documents: u64,
}

impl Vault {
    /// Is there a vault?
    #[must_use]
    pub fn exists(dir: &Path) -> bool {
        Keystore::exists(dir)
    }

    /// Makes an empty vault; the directory itself is made when missing, its parent must exist.
    ///
    /// # Errors
    /// When there is a vault already, or blobs that a new keystore could never open.
    pub fn create(dir: &Path, master: &MasterKey) -> Result<(), VaultError> {
        let blobs = dir.join(BLOBS_NAME);
        if Self::exists(dir) || Blobs::any(&blobs) {
            return Err(VaultError::NotEmpty { path: dir.to_owned() });
        }
        make_dir(dir).when("make the directory", dir)?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_names(parent).when("sync the directory", parent)?;
        }
        let _lock = lock(dir)?;
        make_dir(&blobs).when("make the directory", &blobs)?;
        Site::create(dir, master)?;
        Keystore::create(dir, master)
    }

    /// Opens the vault, and finishes what a crash interrupted.
    ///
    /// # Errors
    /// When another process has it open, the master key is another one, or a file is damaged.
    pub fn open(dir: &Path, master: &MasterKey) -> Result<Self, VaultError> {
        let lock = lock(dir)?;
        let keys = Keystore::open(dir, master)?;
        let site = Site::open(dir, master)?;
        Ok(Self { keys, site, blobs: Blobs::new(dir.join(BLOBS_NAME)), _lock: lock })
    }

    /// Gives a document its key and its directory, both durable on return. Concurrent calls share
    /// one sync. A document that has a key keeps it, so intake can be repeated after a crash.
    ///
    /// # Errors
    /// When the disk is full; the vault is as before.
    pub fn new_document(&self, doc: DocId) -> Result<(), VaultError> {
        self.keys.add(doc, |group| self.blobs.make_dirs(group))
    }

    /// Has this document a key?
    #[must_use]
    pub fn knows(&self, doc: DocId) -> bool {
        self.keys.knows(doc)
    }

    /// Starts a new blob.
    ///
    /// # Errors
    /// When the document has no key, or there is such a blob already.
    pub fn writer(&self, doc: DocId, area: Area, blob: BlobId) -> Result<BlobWriter, VaultError> {
        self.blobs.writer(BlobName { doc, area, blob }, &self.keys.key(doc)?)
    }

    /// Opens a blob.
    ///
    /// # Errors
    /// When the document has no key, there is no such blob, or its header or end is not as sealed.
    pub fn reader(&self, doc: DocId, area: Area, blob: BlobId) -> Result<BlobReader, VaultError> {
        self.blobs.reader(BlobName { doc, area, blob }, &self.keys.key(doc)?)
    }

    /// Removes a blob for good; one that is not there is fine.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn remove(&self, doc: DocId, area: Area, blob: BlobId) -> Result<(), VaultError> {
        self.blobs.remove(BlobName { doc, area, blob })
    }

    /// Seals small facts under the document's key.
    ///
    /// # Errors
    /// When the document has no key, or the facts are longer than [`crate::FACTS_BYTES_MAX`].
    pub fn seal_facts(&self, doc: DocId, purpose: &'static str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        facts::seal(&self.keys.key(doc)?, doc, purpose, plain)
    }

    /// Opens what [`Self::seal_facts`] sealed for the same document and purpose.
    ///
    /// # Errors
    /// When the document has no key, or the bytes are not as sealed.
    pub fn open_facts(
        &self,
        doc: DocId,
        purpose: &'static str,
        sealed: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        facts::open(&self.keys.key(doc)?, doc, purpose, sealed)
    }

    /// HMAC-SHA-256 under a secret of the site: equal for equal parts, useless for guessing them.
    #[must_use]
    pub fn keyed_digest(&self, purpose: &'static str, parts: &[&[u8]]) -> Digest {
        self.site.digest(purpose, parts)
    }

    /// Signs a message with the site's key (Ed25519; B27).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.site.sign(message)
    }

    /// The key that signatures verify with.
    #[must_use]
    pub fn verifying_key(&self) -> [u8; 32] {
        self.site.verifying_key()
    }

    /// Destroys the keys of documents, then their blobs: nobody can read them afterwards, not even
    /// with the master key and a copy of every file as it is now. Documents without a key are fine,
    /// so the call can be repeated after a crash.
    ///
    /// # Errors
    /// When the new keystore cannot be written (nothing happened) or the old one not be wiped (the
    /// keys are gone from the vault already; repeat the call).
    pub fn destroy(&self, docs: &[DocId]) -> Result<Destruction, VaultError> {
        let (generation_before, generation_after) = self.keys.destroy(docs)?;
        let directories_left = self.blobs.remove_documents(docs);
        Ok(Destruction { generation_before, generation_after, directories_left })
    }

    /// Every document that has a key, in order.
    #[must_use]
    pub fn documents(&self) -> Vec<DocId> {
        self.keys.documents()
    }

    /// Removes what a crash left: temporary files of earlier processes, and directories of documents
    /// that have no key. Blobs that are being written are spared.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn sweep(&self) -> Result<Swept, VaultError> {
        let mut swept = Swept::default();
        for doc in self.blobs.documents()? {
            self.keys.at_rest(|keys| -> Result<(), VaultError> {
                if keys.knows(doc) {
                    swept.temporaries += self.blobs.sweep_document(doc)?;
                } else {
                    swept.directories += 1 - self.blobs.remove_documents(&[doc]);
                }
                Ok(())
            })?;
        }
        Ok(swept)
    }

    /// The finished blobs of a document, with their sizes on disk.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn blobs(&self, doc: DocId) -> Result<Vec<(BlobName, u64)>, VaultError> {
        self.blobs.list(doc)
    }

    /// What is cheap to know.
    #[must_use]
    pub fn status(&self) -> VaultStatus {
        let (generation, documents) = self.keys.status();
        VaultStatus { generation, documents }
    }
}

fn lock(dir: &Path) -> Result<File, VaultError> {
    let path = dir.join(LOCK_NAME);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).when("open the lock", &path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(VaultError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(source).when("lock", &path),
    }
}
