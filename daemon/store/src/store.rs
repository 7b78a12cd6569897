//! The handle that other rooms hold.

use crate::{StoreError, catch_up::catch_up, draft::Draft, record::Tip, trees::Trees};
use lifecycle::Record;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock, RwLockReadGuard},
};
use types::Digest;

/// The index. One writer and many readers: an answer is never a mixture of before and after a record.
pub struct Store {
    trees: Trees,
    dir: PathBuf,
    tip: RwLock<Tip>,
    /// Held as long as the index is open.
    _lock: File,
}

/// Trees that do not change while this lives.
pub(crate) struct Reading<'s> {
    pub(crate) trees: &'s Trees,
    tip: RwLockReadGuard<'s, Tip>,
}

impl Reading<'_> {
    /// The last record that is visible.
    pub(crate) fn seq(&self) -> u64 {
        self.tip.seq
    }
}

impl Store {
    pub(crate) fn new(trees: Trees, dir: PathBuf, tip: Tip, lock: File) -> Self {
        Self { trees, dir, tip: RwLock::new(tip), _lock: lock }
    }

    /// Shuts writers out for the length of an answer. A poisoned lock only says that a thread panicked
    /// between transactions; what is committed is whole.
    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading { trees: &self.trees, tip: self.tip.read().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Shuts everybody else out.
    pub(crate) fn writing<T>(
        &self,
        write: impl FnOnce(&Trees, &mut Tip) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        write(&self.trees, &mut self.tip.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes a record of the ledger visible. One that is visible already is ignored.
    ///
    /// # Errors
    /// [`StoreError::Gap`] for a record that is not the next; [`StoreError::Illegal`] or
    /// [`StoreError::NeverArrived`] for one that cannot be; otherwise what sled says.
    pub fn apply(&self, record: &Record) -> Result<(), StoreError> {
        self.writing(|trees, tip| {
            if record.seq <= tip.seq {
                return Ok(());
            }
            let mut draft = Draft::new(trees, *tip)?;
            draft.add(record)?;
            *tip = draft.commit()?;
            Ok(())
        })
    }

    /// The last record that is visible; 0 before the first.
    #[must_use]
    pub fn applied_seq(&self) -> u64 {
        self.reading().tip.seq
    }

    /// A digest over all records that are visible, in their order.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.reading().tip.digest
    }

    /// Builds the index again while it is open; queries wait. Returns the number of records.
    ///
    /// # Errors
    /// Those of the ledger and of [`Store::apply`]. The index is then incomplete and the daemon must restart.
    pub fn rebuild(&self, ledger_dir: &Path, mut progress: impl FnMut(u64)) -> Result<u64, StoreError> {
        let records = self.writing(|trees, tip| {
            trees.clear()?;
            let reached = catch_up(trees, ledger_dir, &mut progress)?;
            *tip = reached.tip;
            Ok(reached.applied)
        })?;
        self.flush()?;
        Ok(records)
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
