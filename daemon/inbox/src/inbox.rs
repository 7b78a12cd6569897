//! A watched folder.

use crate::{InboxError, Name, folder::Folder, seen::Watchlist};
use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use types::Label;

/// What the configuration says of a watched folder.
#[derive(Clone, Debug)]
pub struct InboxSettings {
    /// Whose files lie in it.
    pub source: Label,
    /// The folder.
    pub folder: PathBuf,
    /// Make the folder when it is missing at the start. Later it is never made: a missing folder is one
    /// that was unmounted.
    pub create: bool,
    /// Leave what can never be taken in where it lies, and do not tell it.
    pub leave_refused: bool,
    /// How long a file must stay unchanged, in ms.
    pub settle_ms: u64,
    /// Largest file that is read, in bytes.
    pub file_bytes_max: u64,
    /// Endings of files that are still being written, beside the usual ones.
    pub ignored_endings: Vec<String>,
}

/// A watched folder: [`Inbox::scan`] sees, [`Inbox::claim`] takes.
pub struct Inbox {
    pub(crate) settings: InboxSettings,
    pub(crate) folder: Folder,
    pub(crate) seen: Watchlist,
    /// Files claimed since the last scan: they are gone, but they did not vanish.
    pub(crate) taken: Mutex<HashSet<Name>>,
}

/// What can be said of an inbox without a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxStatus {
    /// It lies on a network file system: only scans notice files, and only the settling time tells whether
    /// they are complete.
    pub network: bool,
}

impl Inbox {
    /// Opens a folder, and makes `.claimed` and `.refused` in it.
    ///
    /// # Errors
    /// When the folder is missing and must not be made, cannot be used, or was prepared by somebody else.
    pub fn open(settings: &InboxSettings) -> Result<Self, InboxError> {
        let folder = Folder::open(&settings.folder, settings.create)?;
        let seen = Watchlist::new(Duration::from_millis(settings.settle_ms));
        Ok(Self { settings: settings.clone(), folder, seen, taken: Mutex::default() })
    }

    /// Whose files lie here.
    #[must_use]
    pub fn source(&self) -> &Label {
        &self.settings.source
    }

    /// What can be said without a scan.
    #[must_use]
    pub fn status(&self) -> InboxStatus {
        InboxStatus { network: self.folder.network }
    }

    pub(crate) fn note_taken(&self, name: &Name) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
    }

    pub(crate) fn take_taken(&self) -> HashSet<Name> {
        std::mem::take(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
