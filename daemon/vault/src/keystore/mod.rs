//! Document keys: born in groups, looked up, destroyed for good.
//!
//! Only wrapped seeds stay in memory; a seed is unwrapped for each use and wiped after it. What is in
//! the clear for long is one generation key and the root key above it.
//!
//! Destruction, in the order that makes a crash at any point harmless:
//! 1. a new generation key; the surviving keys are wrapped under it into a new file, synced;
//! 2. a second name, `keystore.retired`, for the old file, synced;
//! 3. the new file takes the place of the old one, synced: *here the victims cease to exist*;
//! 4. a new journal (an old one is recognised by its generation and replaced at open);
//! 5. the old generation key is overwritten in the retired file, synced, and the file removed.

mod entry;
mod file;
mod journal;

pub(crate) use entry::Scope;

use crate::durable::{TEMPORARY_PREFIX, finish_retirement, swap, wipe_if_there};
use crate::error::Context;
use crate::root::{Root, Roots};
use crate::secret::Secret;
use crate::{RestoredKeys, VaultError, Victim};
use entry::{Doom, Entry};
use file::{Entries, Generation, WIPED};
use journal::Journal;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use types::{DocId, UnixMillis};

const FILE_NAME: &str = "keystore";
/// Keys that the journal may hold when it is opened before they move into the file (5.5 MiB).
const JOURNAL_KEYS_MAX: u64 = 65_536;

/// The keys of all documents.
pub(crate) struct Keystore {
    dir: PathBuf,
    ring: RwLock<Ring>,
    /// Whoever holds it may change the files.
    files: Mutex<Files>,
    /// Documents that wait for a key: at most one for each thread that called [`Keystore::add`].
    waiting: Mutex<BTreeSet<DocId>>,
}

/// What is in memory.
struct Ring {
    generation: Generation,
    entries: Entries,
}

/// What is on disk.
struct Files {
    journal: Journal,
    /// The root key that the keystore file is under.
    root: Root,
}

impl Keystore {
    /// Is there one? The file is written last, so what lies beside it is complete.
    pub(crate) fn exists(dir: &Path) -> bool {
        dir.join(FILE_NAME).exists()
    }

    /// Writes an empty one.
    pub(crate) fn create(dir: &Path, root: &Root, at: UnixMillis) -> Result<(), VaultError> {
        let generation = Generation::first(at);
        Journal::create(dir, generation.number)?;
        write(dir, root, &Ring { generation, entries: Entries::new() })
    }

    /// Reads file and journal, and finishes what a crash interrupted.
    pub(crate) fn open(dir: &Path, roots: &Roots) -> Result<Self, VaultError> {
        finish_retirement(dir, FILE_NAME, WIPED).when("retire the old keystore in", dir)?;
        remove_temporaries(dir).when("remove leftovers in", dir)?;
        let path = dir.join(FILE_NAME);
        let bytes = fs::read(&path).when("read the keystore", &path)?;
        let (root, generation, mut entries) = file::decode(|id| roots.find(id), &path, &bytes)?;
        let mut journal = Journal::open(dir, generation.number, &mut entries)?;
        let ring = Ring { generation, entries };
        if journal.keys() > JOURNAL_KEYS_MAX {
            write(dir, root, &ring)?;
            journal = settle(dir, ring.generation.number)?;
        }
        let (ring, files) = (RwLock::new(ring), Mutex::new(Files { journal, root: root.copy() }));
        Ok(Self { dir: dir.to_owned(), ring, files, waiting: Mutex::default() })
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
        let mut files = lock(&self.files);
        if self.knows(doc) {
            return Ok(()); // whoever held the files before took this document along
        }
        let mut group = std::mem::take(&mut *lock(&self.waiting));
        group.insert(doc);
        prepare(&group)?;
        let born: Vec<_> = {
            let ring = self.ring();
            if files.journal.generation != ring.generation.number {
                files.journal = Journal::create(&self.dir, ring.generation.number)?;
            }
            group.retain(|doc| !ring.entries.contains_key(doc));
            let birth = |doc| (doc, ring.generation.wrap(doc, None, &Secret::generate()));
            group.into_iter().map(birth).collect()
        };
        files.journal.append(&born)?;
        let born = born.into_iter().map(|(doc, root)| (doc, Entry::Whole(root)));
        self.ring.write().unwrap_or_else(PoisonError::into_inner).entries.extend(born);
        Ok(())
    }

    /// Has this document a key?
    pub(crate) fn knows(&self, doc: DocId) -> bool {
        self.ring().entries.contains_key(&doc)
    }

    /// Has this document a key for this scope?
    pub(crate) fn lives(&self, doc: DocId, scope: Scope) -> bool {
        self.ring().entries.get(&doc).is_some_and(|entry| entry.lives(scope))
    }

    /// The document's seed for a scope, unwrapped.
    pub(crate) fn seed(&self, doc: DocId, scope: Scope) -> Result<Secret, VaultError> {
        let ring = self.ring();
        let entry = ring.entries.get(&doc).ok_or(VaultError::NoKey { doc })?;
        match scope {
            Scope::Area(area) if !entry.lives(scope) => Err(VaultError::AreaDestroyed { doc, area }),
            _ => entry.seed(&ring.generation, doc, scope).ok_or_else(|| self.unusable()),
        }
    }

    /// Every seed that is held for a document; none of an unknown one.
    pub(crate) fn held(&self, doc: DocId) -> Result<Vec<Secret>, VaultError> {
        let ring = self.ring();
        let Some(entry) = ring.entries.get(&doc) else { return Ok(Vec::new()) };
        entry.held(&ring.generation, doc).ok_or_else(|| self.unusable())
    }

    /// The generation key and the root key above it, to be tried on a sample.
    pub(crate) fn above(&self) -> [Secret; 2] {
        let root = lock(&self.files).root.secret().copy();
        [self.ring().generation.secret().copy(), root]
    }

    /// Destroys keys: a new generation without them. Returns the generations before and after.
    pub(crate) fn destroy(&self, victims: &[Victim], at: UnixMillis) -> Result<(u64, u64), VaultError> {
        self.renew(&mut lock(&self.files), None, &dooms(victims), at)
    }

    /// Wraps a new generation under another root key; harmless when it is under that one already.
    /// Returns the generations before and after.
    pub(crate) fn move_under(&self, root: &Root, at: UnixMillis) -> Result<(u64, u64), VaultError> {
        let mut files = lock(&self.files);
        if files.root.id == root.id {
            let number = self.ring().generation.number;
            return Ok((number, number));
        }
        self.renew(&mut files, Some(root), &BTreeMap::new(), at)
    }

    fn renew(
        &self,
        files: &mut Files,
        root: Option<&Root>,
        dooms: &BTreeMap<DocId, Doom>,
        at: UnixMillis,
    ) -> Result<(u64, u64), VaultError> {
        let (before, next) = {
            let ring = self.ring();
            let next = ring.without(dooms, at).ok_or_else(|| self.unusable())?;
            (ring.generation.number, next)
        };
        let after = next.generation.number;
        write(&self.dir, root.unwrap_or(&files.root), &next)?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = next;
        if let Some(root) = root {
            files.root = root.copy();
        }
        files.journal = settle(&self.dir, after)?;
        Ok((before, after))
    }

    /// The file's bytes under another root key, and the documents in it.
    pub(crate) fn escrow(&self, root: &Root) -> (Vec<u8>, Vec<DocId>) {
        let ring = self.ring();
        let documents = ring.entries.keys().copied().collect();
        (file::encode(root, &ring.generation, &ring.entries), documents)
    }

    /// Writes the keys of an escrow under a root key and a generation of its own, but only those that
    /// `keep` wants. The file is written last, so a vault that exists is complete.
    pub(crate) fn restore(
        dir: &Path,
        (escrow, under): (&[u8], &Root),
        root: &Root,
        at: UnixMillis,
        keep: impl Fn(DocId) -> bool,
    ) -> Result<RestoredKeys, VaultError> {
        let path = Path::new("escrow/keystore");
        let find = |id| if id == under.id { Some(under) } else { None };
        let (_, generation, mut entries) = file::decode(find, path, escrow)?;
        let before = entries.len();
        entries.retain(|doc, _| keep(*doc));
        let dropped = (before - entries.len()) as u64;
        let next = Ring { generation, entries }.without(&BTreeMap::new(), at).ok_or_else(|| {
            let fault = "expected a document key that opens under the generation key";
            VaultError::Damaged { path: path.to_owned(), offset: 0, fault }
        })?;
        Journal::create(dir, next.generation.number)?;
        write(dir, root, &next)?;
        Ok(RestoredKeys { documents: next.entries.into_keys().collect(), dropped })
    }

    /// Every document that has a key, in order.
    pub(crate) fn documents(&self) -> Vec<DocId> {
        self.ring().entries.keys().copied().collect()
    }

    /// Generation, when it was made, and number of documents.
    pub(crate) fn status(&self) -> (u64, UnixMillis, u64) {
        let ring = self.ring();
        (ring.generation.number, ring.generation.made, ring.entries.len() as u64)
    }

    /// Runs something during which no key is born or destroyed.
    pub(crate) fn at_rest<T>(&self, run: impl FnOnce(&Self) -> T) -> T {
        let _files = lock(&self.files);
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
    fn without(&self, dooms: &BTreeMap<DocId, Doom>, at: UnixMillis) -> Option<Self> {
        let generation = self.generation.next(at);
        let mut entries = Entries::new();
        for (doc, entry) in &self.entries {
            let none = BTreeSet::new();
            let dead = match dooms.get(doc) {
                Some(Doom::Whole) => continue,
                Some(Doom::Areas(areas)) => areas,
                None => &none,
            };
            entries.insert(*doc, entry.move_on(*doc, &self.generation, &generation, dead)?);
        }
        Some(Self { generation, entries })
    }
}

/// One doom for each document, whatever the list says twice.
fn dooms(victims: &[Victim]) -> BTreeMap<DocId, Doom> {
    let mut dooms: BTreeMap<DocId, Doom> = BTreeMap::new();
    for victim in victims {
        let doom = dooms.entry(victim.doc).or_insert_with(|| Doom::Areas(BTreeSet::new()));
        match (&mut *doom, &victim.areas) {
            (Doom::Areas(dead), Some(areas)) => dead.extend(areas),
            _ => *doom = Doom::Whole,
        }
    }
    dooms
}

/// Replaces the keystore file. Nothing can fail once the name is replaced, so that memory and disk
/// never disagree about the generation.
fn write(dir: &Path, root: &Root, ring: &Ring) -> Result<(), VaultError> {
    let bytes = file::encode(root, &ring.generation, &ring.entries);
    swap(dir, FILE_NAME, &bytes, WIPED).when("write the keystore in", dir)
}

/// What follows [`write`]: an empty journal, and the end of the old file.
fn settle(dir: &Path, generation: u64) -> Result<Journal, VaultError> {
    let journal = Journal::create(dir, generation)?;
    finish_retirement(dir, FILE_NAME, WIPED).when("retire the old keystore in", dir)?;
    Ok(journal)
}

/// Whatever was being written may hold the keys that are in force now, wrapped under keys that still are.
fn remove_temporaries(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
            wipe_if_there(&entry.path())?;
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
        let dir = root.path();
        let roots = Roots { current: Root::generate(UnixMillis(1)), next: None, unfinished: false };
        Keystore::create(dir, &roots.current, UnixMillis(1)).unwrap();
        let keystore = Keystore::open(dir, &roots).unwrap();
        let doc = |number: u64| DocId::from_bytes(u128::from(number).to_be_bytes());
        let born: Vec<_> = (0..=JOURNAL_KEYS_MAX)
            .map(|i| (doc(i), keystore.ring().generation.wrap(doc(i), None, &Secret::generate())))
            .collect();
        lock(&keystore.files).journal.append(&born).unwrap();
        drop(keystore);
        for _ in 0..2 {
            let keystore = Keystore::open(dir, &roots).unwrap();
            assert_eq!(lock(&keystore.files).journal.keys(), 0);
            assert_eq!(keystore.status(), (1, UnixMillis(1), JOURNAL_KEYS_MAX + 1));
            assert!(keystore.seed(doc(JOURNAL_KEYS_MAX), Scope::Facts).is_ok());
            assert!(!dir.join("keystore.retired").exists());
        }
    }
}
