//! The handle that other rooms hold.

use crate::{
    StoreError,
    catch_up::catch_up,
    draft::Draft,
    trees::{Known, Trees},
};
use ledger::{Lookup, Placed};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{
        PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
    },
};
use types::Digest;

/// The index. One writer and many readers: an answer is never a mixture of before and after a record.
pub struct Store {
    trees: Trees,
    dir: PathBuf,
    pub(crate) ledger_dir: PathBuf,
    /// Reads records where the index says they lie.
    pub(crate) lookup: Lookup,
    known: RwLock<Known>,
    /// Last record applied by a rebuild that is under way.
    rebuilt: AtomicU64,
    /// Held as long as the index is open.
    _lock: File,
}

/// Trees that do not change while this lives.
pub(crate) struct Reading<'s> {
    pub(crate) trees: &'s Trees,
    pub(crate) known: RwLockReadGuard<'s, Known>,
}

impl Store {
    pub(crate) fn new(trees: Trees, known: Known, dir: &Path, ledger_dir: &Path, lock: File) -> Self {
        let (lookup, known, rebuilt) = (Lookup::new(ledger_dir), RwLock::new(known), AtomicU64::new(0));
        let (dir, ledger_dir) = (dir.to_owned(), ledger_dir.to_owned());
        Self { trees, dir, ledger_dir, lookup, known, rebuilt, _lock: lock }
    }

    /// Shuts writers out for the length of an answer. A poisoned lock only says that a thread panicked
    /// between transactions; what is committed is whole.
    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading { trees: &self.trees, known: self.known.read().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Shuts everybody else out.
    pub(crate) fn writing<T>(
        &self,
        write: impl FnOnce(&Trees, &mut Known) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        write(&self.trees, &mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes a batch of the ledger visible, all of it or nothing. Records that are visible already are ignored.
    ///
    /// # Errors
    /// [`StoreError::Gap`] for a record that is not the next; [`StoreError::Illegal`] or
    /// [`StoreError::NeverArrived`] for one that cannot be; otherwise what sled says.
    pub fn apply(&self, batch: &[Placed]) -> Result<(), StoreError> {
        self.writing(|trees, known| {
            let tip = known.tip.seq;
            let mut draft = Draft::new(trees, known)?;
            batch.iter().filter(|placed| placed.record.seq > tip).try_for_each(|placed| draft.add(placed))?;
            draft.commit()
        })
    }

    /// The last record that is visible; 0 before the first.
    #[must_use]
    pub fn applied_seq(&self) -> u64 {
        self.reading().known.tip.seq
    }

    /// The ledger's hash of the last record that is visible; it covers all records before. Zeros before the first.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.reading().known.tip.digest
    }

    /// Builds the index again while it is open; queries wait. Returns the number of records.
    ///
    /// # Errors
    /// Those of the ledger and of [`Store::apply`]. The index is then incomplete and the daemon must restart.
    pub fn rebuild(&self, mut progress: impl FnMut(u64)) -> Result<u64, StoreError> {
        let records = self.writing(|trees, known| {
            trees.clear()?;
            *known = trees.known()?;
            let reached = catch_up(trees, known, &self.ledger_dir, &mut |seq| {
                self.rebuilt.store(seq, Ordering::Relaxed);
                progress(seq);
            })?;
            Ok(reached.applied)
        })?;
        self.flush()?;
        Ok(records)
    }

    /// Last record applied by [`Store::rebuild`]: answers also while that keeps everybody else waiting.
    #[must_use]
    pub fn rebuilt_seq(&self) -> u64 {
        self.rebuilt.load(Ordering::Relaxed)
    }

    /// Writes out what sled holds, and makes it durable: sled's own flush does not.
    ///
    /// # Errors
    /// What sled or the file system say. Nothing is lost: the ledger has it all.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.trees.flush()?;
        sync_files(&self.dir)
    }
}

/// fsync of every file of the index, then of its folders.
fn sync_files(dir: &Path) -> Result<(), StoreError> {
    let failed = |what| move |source| StoreError::Io { what, path: dir.to_owned(), source };
    for entry in fs::read_dir(dir).map_err(failed("list"))? {
        let entry = entry.map_err(failed("list"))?;
        let kind = entry.file_type().map_err(failed("look at"))?;
        if kind.is_dir() {
            sync_files(&entry.path())?;
        } else if let Some(file) = open_unless_gone(&entry.path()).map_err(failed("open a file of"))? {
            file.sync_all().map_err(failed("fsync a file of"))?;
        }
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("fsync"))
}

/// sled replaces its snapshots while we look.
fn open_unless_gone(path: &Path) -> std::io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
