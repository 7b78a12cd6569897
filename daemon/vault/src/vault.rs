//! The door to everything: one vault, open in one process.

use crate::blob::Blobs;
use crate::durable::{make_dir, sync_names};
use crate::error::Context;
use crate::intake::SealedReader;
use crate::keystore::{Keystore, Scope};
use crate::root::{self, Root};
use crate::samples::{Portrait, SampleTrial, Samples};
use crate::signer::Signer;
use crate::site::{self, Site};
use crate::{
    Area, BlobName, BlobReader, BlobWriter, CheckpointKeys, Destruction, MasterKey, Rotation, Swept,
    VaultError, VaultStatus, Victim, facts, rotate,
};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use types::{BlobId, Digest, DocId, UnixMillis};

pub(crate) const BLOBS_NAME: &str = "blobs";
const SAMPLES_NAME: &str = "samples";
const LOCK_NAME: &str = "lock";

/// Sealed blobs and their keys.
pub struct Vault {
    pub(crate) dir: PathBuf,
    pub(crate) keys: Keystore,
    site: Site,
    signer: Mutex<Signer>,
    pub(crate) blobs: Blobs,
    samples: Samples,
    /// Whoever holds it may replace the keys above; what writes under the root key holds it too.
    top: Mutex<Top>,
    pub(crate) clock: fn() -> UnixMillis,
    /// Held as long as the vault is open; the kernel lets go of it when the process dies.
    _lock: File,
}

/// The keys above all others.
pub(crate) struct Top {
    master: MasterKey,
    pub(crate) root: Root,
}

impl Vault {
    /// Is there a vault?
    #[must_use]
    pub fn exists(dir: &Path) -> bool {
        Keystore::exists(dir)
    }

    /// Does anything of a document lie in the vault? Needs no key.
    #[must_use]
    pub fn holds_documents(dir: &Path) -> bool {
        Blobs::any(&dir.join(BLOBS_NAME))
    }

    /// Does this master key open the vault? It stays closed, and no other process is kept out.
    ///
    /// # Errors
    /// [`VaultError::WrongMasterKey`]; when the root key cannot be read.
    pub fn fits(dir: &Path, master: &MasterKey) -> Result<(), VaultError> {
        root::read(dir, master).map(drop)
    }

    /// Makes an empty vault; the directory itself is made when missing, its parent must exist.
    ///
    /// # Errors
    /// When there is a vault already, or blobs that a new keystore could never open.
    pub fn create(dir: &Path, master: &MasterKey, clock: fn() -> UnixMillis) -> Result<(), VaultError> {
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
        let root = Root::generate(clock());
        root::write(dir, &[&root], &[master])?;
        Site::create(dir, &root)?;
        Signer::create(dir, &root)?;
        Keystore::create(dir, &root, clock())
    }

    /// Opens the vault, and finishes what a crash interrupted.
    ///
    /// # Errors
    /// When another process has it open, the master key is another one, or a file is damaged.
    pub fn open(dir: &Path, master: &MasterKey, clock: fn() -> UnixMillis) -> Result<Self, VaultError> {
        let lock = lock(dir)?;
        let roots = root::read(dir, master)?;
        let keys = Keystore::open(dir, &roots)?;
        let root = rotate::resume(dir, &keys, roots, master, clock())?;
        let site = Site::open(dir, &root)?;
        let signer = Mutex::new(Signer::open(dir, &root)?);
        let (blobs, samples) = (Blobs::new(dir.join(BLOBS_NAME)), Samples::new(dir.join(SAMPLES_NAME)));
        let top = Mutex::new(Top { master: master.copy(), root });
        Ok(Self { dir: dir.to_owned(), keys, site, signer, blobs, samples, top, clock, _lock: lock })
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
    /// When the document or the area has no key, or there is such a blob already.
    pub fn writer(&self, doc: DocId, area: Area, blob: BlobId) -> Result<BlobWriter, VaultError> {
        self.blobs.writer(BlobName { doc, area, blob }, &self.keys.seed(doc, Scope::Area(area))?)
    }

    /// Opens a blob.
    ///
    /// # Errors
    /// When the document or the area has no key, there is no such blob, or its header or end is not as sealed.
    pub fn reader(&self, doc: DocId, area: Area, blob: BlobId) -> Result<BlobReader, VaultError> {
        self.blobs.reader(BlobName { doc, area, blob }, &self.keys.seed(doc, Scope::Area(area))?)
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
        facts::seal(&self.keys.seed(doc, Scope::Facts)?, doc, purpose, plain)
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
        facts::open(&self.keys.seed(doc, Scope::Facts)?, doc, purpose, sealed)
    }

    /// Opens a file that was sealed with [`crate::IntakeKey::seal`] into `dir`.
    ///
    /// # Errors
    /// When there is none, or its beginning is not as it was sealed.
    pub fn open_sealed(&self, doc: DocId, dir: &Path) -> Result<SealedReader, VaultError> {
        SealedReader::open(self.site.intake(), doc, dir)
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

    /// Signs a checkpoint with the key in force (Ed25519).
    #[must_use]
    pub fn sign_checkpoint(&self, text: &[u8]) -> [u8; 64] {
        self.signer().sign(text)
    }

    /// The public keys of checkpoints: the one in force, and the next.
    #[must_use]
    pub fn checkpoint_keys(&self) -> CheckpointKeys {
        self.signer().keys()
    }

    /// Puts the next checkpoint key in force, durably, and erases the one before it. A checkpoint that
    /// announces the next key must be durable before.
    ///
    /// # Errors
    /// When the operating system refuses: then either nothing happened, or the old key is out of force
    /// and only its wiping is left, which the next call or start repeats.
    pub fn rotate_checkpoint_key(&self) -> Result<(), VaultError> {
        let top = self.top();
        self.signer().rotate(&top.root)
    }

    pub(crate) fn signer(&self) -> MutexGuard<'_, Signer> {
        self.signer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hashes the sealed blobs of some areas, or of all, and keeps the beginning of the largest of each
    /// area, durable on return: what a certificate of destruction names, and what
    /// [`Self::try_sample`] tries. To be called before [`Self::destroy`]; repeating it is harmless.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn portray(&self, doc: DocId, areas: Option<&[Area]>) -> Result<Vec<Portrait>, VaultError> {
        self.samples.portray(&self.blobs, doc, areas.unwrap_or(&Area::ALL))
    }

    /// Tries every key that is held on the samples of a document: seeds of every document, generation
    /// key, secrets of the site, root key, master key. None fits once the document is destroyed.
    ///
    /// # Errors
    /// When the operating system refuses, or the keystore is damaged.
    pub fn try_sample(&self, doc: DocId) -> Result<SampleTrial, VaultError> {
        let samples = self.samples.of_document(doc)?;
        let mut trial = SampleTrial { samples: samples.len() as u64, ..SampleTrial::default() };
        let mut attempt = |key: &crate::secret::Secret| {
            trial.keys_tried += 1;
            trial.opened += samples.iter().filter(|sample| sample.opens_with(key)).count() as u64;
        };
        {
            let top = self.top();
            attempt(top.master.secret());
            attempt(top.root.secret());
            site::secrets(&self.dir, &top.root)?.iter().for_each(&mut attempt);
        }
        self.keys.above().iter().for_each(&mut attempt);
        for other in self.keys.documents() {
            self.keys.held(other)?.iter().for_each(&mut attempt);
        }
        Ok(trial)
    }

    /// Removes the samples of a document; none is fine.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn remove_samples(&self, doc: DocId) -> Result<(), VaultError> {
        self.samples.remove(doc)
    }

    /// Destroys the keys of documents or of areas, then their blobs: nobody can read them afterwards,
    /// not even with the master key and a copy of every file as it is now. What has no key is fine, so
    /// the call can be repeated after a crash.
    ///
    /// # Errors
    /// When the new keystore cannot be written (nothing happened) or the old one not be wiped (the
    /// keys are gone from the vault already; repeat the call).
    pub fn destroy(&self, victims: &[Victim]) -> Result<Destruction, VaultError> {
        let (generation_before, generation_after) = self.keys.destroy(victims, (self.clock)())?;
        let (whole, parts): (Vec<_>, Vec<_>) = victims.iter().partition(|victim| victim.areas.is_none());
        let docs: Vec<DocId> = whole.iter().map(|victim| victim.doc).collect();
        let mut directories_left = self.blobs.remove_documents(&docs);
        for Victim { doc, areas } in parts {
            directories_left += self.blobs.remove_areas(*doc, areas.as_deref().unwrap_or_default());
        }
        Ok(Destruction { generation_before, generation_after, directories_left })
    }

    /// Replaces the root key and makes a new generation under it, while everything goes on.
    ///
    /// # Errors
    /// When the disk is full or refuses: everything still opens, and the next call or start goes on.
    pub fn rotate(&self) -> Result<Rotation, VaultError> {
        let mut top = self.top();
        let master = top.master.copy();
        self.rotate_to(&mut top, master)
    }

    /// Like [`Self::rotate`], and puts it under another master key. From then on the vault opens with
    /// `new` only.
    ///
    /// # Errors
    /// As [`Self::rotate`]; until it succeeds the vault opens with both master keys.
    pub fn rotate_master(&self, new: MasterKey) -> Result<Rotation, VaultError> {
        self.rotate_to(&mut self.top(), new)
    }

    fn rotate_to(&self, top: &mut Top, new: MasterKey) -> Result<Rotation, VaultError> {
        let masters = (&top.master, &new);
        let (root, mut rotation) = rotate::rotate(&self.dir, &self.keys, &top.root, masters, (self.clock)())?;
        *top = Top { master: new, root };
        // The new keys are the only ones by now: to call that a failure would make somebody throw the new key away.
        rotation.is_settled = root::retire(&self.dir).is_ok();
        Ok(rotation)
    }

    /// Every document that has a key, in order.
    #[must_use]
    pub fn documents(&self) -> Vec<DocId> {
        self.keys.documents()
    }

    /// Removes what a crash left: temporary files of earlier processes, blobs of areas that have no key, and
    /// directories of documents that have no key, if `is_dead` says that nobody needs the document: an older
    /// keystore that was put back knows less than there is. Blobs that are being written are spared. `told` hears
    /// of each document that was looked at.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn sweep(&self, is_dead: impl Fn(DocId) -> bool, told: impl Fn()) -> Result<Swept, VaultError> {
        let mut swept = Swept::default();
        for doc in self.blobs.documents()? {
            self.keys.at_rest(|keys| -> Result<(), VaultError> {
                if keys.knows(doc) {
                    swept.temporaries += self.blobs.sweep_document(doc)?;
                    swept.areas += u64::from(self.sweep_areas(keys, doc)?);
                } else if is_dead(doc) {
                    swept.directories += 1 - self.blobs.remove_documents(&[doc]);
                } else {
                    swept.kept += 1;
                }
                Ok(())
            })?;
            told();
        }
        Ok(swept)
    }

    /// Documents that have a directory and no key.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn keyless(&self) -> Result<Vec<DocId>, VaultError> {
        let mut found = self.blobs.documents()?;
        found.retain(|doc| !self.keys.knows(*doc));
        Ok(found)
    }

    /// Removes blobs of areas whose key was destroyed; true when there were any.
    fn sweep_areas(&self, keys: &Keystore, doc: DocId) -> Result<bool, VaultError> {
        let is_dead = |area: &Area| !keys.lives(doc, Scope::Area(*area));
        let dead: Vec<Area> = Area::ALL.into_iter().filter(is_dead).collect();
        let any = self.blobs.of_document(doc)?.iter().any(|name| dead.contains(&name.area));
        Ok(any && self.blobs.remove_areas(doc, &dead) == 0)
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
        let (generation, generation_made, documents) = self.keys.status();
        let top = self.top();
        let (master_key_id, root_made) = (top.master.id(), top.root.made);
        VaultStatus { generation, generation_made, documents, master_key_id, root_made }
    }

    pub(crate) fn top(&self) -> MutexGuard<'_, Top> {
        self.top.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the vault for this process.
pub(crate) fn lock(dir: &Path) -> Result<File, VaultError> {
    let path = dir.join(LOCK_NAME);
    types::hold(&path).when("lock", &path)?.ok_or(VaultError::InUse { path })
}
