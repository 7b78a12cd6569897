//! Document keys: born in groups, looked up, destroyed for good.
//!
//! Only wrapped keys stay in memory; a document's key is unwrapped for each use and wiped after it.
//! What is in the clear for long is one generation key and the key above it.
//!
//! Destruction, in the order that makes a crash at any point harmless:
//! 1. a new generation key; the surviving keys are wrapped under it into a new file, synced;
//! 2. a second name, `keystore.retired`, for the old file, synced;
//! 3. the new file takes the place of the old one, synced: *here the victims cease to exist*;
//! 4. a new journal (an old one is recognised by its generation and replaced at open);
//! 5. the old generation key is overwritten in the retired file, synced, and the file removed.

mod file;
mod journal;

use crate::durable::{TEMPORARY_PREFIX, remove_if_there, stage, sync, sync_names};
use crate::error::Context;
use crate::secret::Secret;
use crate::{MasterKey, VaultError};
use file::{Above, Entries, GENERATION_KEY, Generation};
use journal::Journal;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use types::DocId;

const FILE_NAME: &str = "keystore";
const RETIRED_NAME: &str = "keystore.retired";
/// Keys that the journal may hold when it is opened before they move into the file (5.5 MiB).
const JOURNAL_KEYS_MAX: u64 = 65_536;

/// The keys of all documents.
pub(crate) struct Keystore {
    dir: PathBuf,
    above: Above,
    ring: RwLock<Ring>,
    /// Whoever holds it may change the files.
    journal: Mutex<Journal>,
    /// Documents that wait for a key: at most one for each thread that called [`Keystore::add`].
    waiting: Mutex<BTreeSet<DocId>>,
}

/// What is in memory.
struct Ring {
    generation: Generation,
    entries: Entries,
}

impl Keystore {
    /// Is there one? The file is written last, so what lies beside it is complete.
    pub(crate) fn exists(dir: &Path) -> bool {
        dir.join(FILE_NAME).exists()
    }

    /// Writes an empty one.
    pub(crate) fn create(dir: &Path, master: &MasterKey) -> Result<(), VaultError> {
        let generation = Generation::first();
        Journal::create(dir, generation.number)?;
        write(dir, &above(master), &Ring { generation, entries: Entries::new() })
    }

    /// Reads file and journal, and finishes what a crash interrupted.
    pub(crate) fn open(dir: &Path, master: &MasterKey) -> Result<Self, VaultError> {
        let above = above(master);
        finish_retirement(dir).when("retire the old keystore in", dir)?;
        remove_temporaries(dir).when("remove leftovers in", dir)?;
        let path = dir.join(FILE_NAME);
        let bytes = fs::read(&path).when("read the keystore", &path)?;
        let (generation, mut entries) = file::decode(&above, &path, &bytes)?;
        let mut journal = Journal::open(dir, generation.number, &mut entries)?;
        let ring = Ring { generation, entries };
        if journal.keys() > JOURNAL_KEYS_MAX {
            write(dir, &above, &ring)?;
            journal = settle(dir, ring.generation.number)?;
        }
        let (ring, journal) = (RwLock::new(ring), Mutex::new(journal));
        Ok(Self { dir: dir.to_owned(), above, ring, journal, waiting: Mutex::default() })
    }

    /// Gives a document a key, durable on return; one that has a key keeps it. Calls that arrive
    /// while the disk is busy share the next sync. `prepare` runs once for the documents of a group.
    pub(crate) fn add(
        &self,
        doc: DocId,
        prepare: impl FnOnce(&BTreeSet<DocId>) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        if self.knows(doc) {
            return Ok(());
        }
        lock(&self.waiting).insert(doc);
        let mut journal = lock(&self.journal);
        if self.knows(doc) {
            return Ok(()); // whoever held the journal before took this document along
        }
        let mut group = std::mem::take(&mut *lock(&self.waiting));
        group.insert(doc);
        prepare(&group)?;
        let born: Vec<_> = {
            let ring = self.ring();
            if journal.generation != ring.generation.number {
                *journal = Journal::create(&self.dir, ring.generation.number)?;
            }
            group.retain(|doc| !ring.entries.contains_key(doc));
            group.into_iter().map(|doc| (doc, ring.generation.wrap(doc, &Secret::generate()))).collect()
        };
        journal.append(&born)?;
        self.ring.write().unwrap_or_else(PoisonError::into_inner).entries.extend(born);
        Ok(())
    }

    /// Has this document a key?
    pub(crate) fn knows(&self, doc: DocId) -> bool {
        self.ring().entries.contains_key(&doc)
    }

    /// The document's key, unwrapped.
    pub(crate) fn key(&self, doc: DocId) -> Result<Secret, VaultError> {
        let ring = self.ring();
        let wrapped = ring.entries.get(&doc).ok_or(VaultError::NoKey { doc })?;
        ring.generation.unwrap(doc, wrapped).ok_or_else(|| self.unusable())
    }

    /// Destroys keys: a new generation without them. Returns the generations before and after.
    pub(crate) fn destroy(&self, victims: &[DocId]) -> Result<(u64, u64), VaultError> {
        let mut journal = lock(&self.journal);
        let (before, next) = {
            let ring = self.ring();
            let next = ring.without(&victims.iter().copied().collect()).ok_or_else(|| self.unusable())?;
            (ring.generation.number, next)
        };
        let after = next.generation.number;
        write(&self.dir, &self.above, &next)?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = next;
        *journal = settle(&self.dir, after)?;
        Ok((before, after))
    }

    /// Every document that has a key, in order.
    pub(crate) fn documents(&self) -> Vec<DocId> {
        self.ring().entries.keys().copied().collect()
    }

    /// Generation and number of keys.
    pub(crate) fn status(&self) -> (u64, u64) {
        let ring = self.ring();
        (ring.generation.number, ring.entries.len() as u64)
    }

    /// Runs something during which no key is born or destroyed.
    pub(crate) fn at_rest<T>(&self, run: impl FnOnce(&Self) -> T) -> T {
        let _journal = lock(&self.journal);
        run(self)
    }

    fn ring(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn unusable(&self) -> VaultError {
        let fault = "expected a document key that opens under the generation key";
        VaultError::Damaged { path: self.dir.join(FILE_NAME), offset: 0, fault }
    }
}

impl Ring {
    /// The next generation, without the victims; none when a key does not open.
    fn without(&self, victims: &BTreeSet<DocId>) -> Option<Self> {
        let generation = self.generation.next();
        let survivors = self.entries.iter().filter(|(doc, _)| !victims.contains(doc));
        let entries = survivors
            .map(|(doc, wrapped)| {
                let key = self.generation.unwrap(*doc, wrapped)?;
                Some((*doc, generation.wrap(*doc, &key)))
            })
            .collect::<Option<Entries>>()?;
        Some(Self { generation, entries })
    }
}

fn above(master: &MasterKey) -> Above {
    Above { key: master.for_keystore(), id: master.id() }
}

/// Replaces the keystore file; the old one, if any, keeps the name `keystore.retired`. Nothing can
/// fail once the name is replaced, so that memory and disk never disagree about the generation.
fn write(dir: &Path, above: &Above, ring: &Ring) -> Result<(), VaultError> {
    let bytes = file::encode(above, &ring.generation, &ring.entries);
    let put = || -> io::Result<()> {
        let names = File::open(dir)?;
        let staged = stage(dir, FILE_NAME, &bytes)?;
        finish_retirement(dir)?;
        let current = dir.join(FILE_NAME);
        if current.exists() {
            fs::hard_link(&current, dir.join(RETIRED_NAME))?;
            // If the replacement survived a power cut and this name did not, nobody would find the old
            // generation key and wipe it.
            sync(&names);
        }
        fs::rename(staged, current)?;
        sync(&names);
        Ok(())
    };
    put().when("write the keystore in", dir)
}

/// What follows [`write`]: an empty journal, and the end of the old file.
fn settle(dir: &Path, generation: u64) -> Result<Journal, VaultError> {
    let journal = Journal::create(dir, generation)?;
    finish_retirement(dir).when("retire the old keystore in", dir)?;
    Ok(journal)
}

/// Wipes the generation key of a replaced keystore file, then removes the file. A second name of
/// the *current* file (the crash came before the replacement) is only removed.
fn finish_retirement(dir: &Path) -> io::Result<()> {
    let (retired, current) = (dir.join(RETIRED_NAME), dir.join(FILE_NAME));
    let old = match fs::metadata(&retired) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let new = fs::metadata(current)?;
    if (old.dev(), old.ino()) != (new.dev(), new.ino()) {
        let file = OpenOptions::new().write(true).open(&retired)?;
        file.write_all_at(&[0; GENERATION_KEY.end - GENERATION_KEY.start], GENERATION_KEY.start as u64)?;
        sync(&file);
    }
    fs::remove_file(retired)?;
    sync_names(dir)
}

fn remove_temporaries(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
            remove_if_there(&entry.path())?;
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_long_journal_moves_into_the_file_at_open() {
        let root = tempfile::tempdir().unwrap();
        let (dir, key_file) = (root.path(), root.path().join("key"));
        MasterKey::generate_file(&key_file).unwrap();
        let master = MasterKey::from_file(&key_file).unwrap();
        Keystore::create(dir, &master).unwrap();
        let keystore = Keystore::open(dir, &master).unwrap();
        let doc = |number: u64| DocId::from_bytes(u128::from(number).to_be_bytes());
        let born: Vec<_> = (0..=JOURNAL_KEYS_MAX)
            .map(|i| (doc(i), keystore.ring().generation.wrap(doc(i), &Secret::generate())))
            .collect();
        lock(&keystore.journal).append(&born).unwrap();
        drop(keystore);
        for _ in 0..2 {
            let keystore = Keystore::open(dir, &master).unwrap();
            assert_eq!(lock(&keystore.journal).keys(), 0);
            assert_eq!(keystore.status(), (1, JOURNAL_KEYS_MAX + 1));
            assert!(keystore.key(doc(JOURNAL_KEYS_MAX)).is_ok());
            assert!(!dir.join(RETIRED_NAME).exists());
        }
    }
}
