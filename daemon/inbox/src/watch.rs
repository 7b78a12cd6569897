//! File system events: a hint that a scan is worth its while, never more. Events can be lost, and on network
//! file systems there are none.

use crate::{InboxError, Name};
use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};
use tokio::sync::mpsc::Sender;

/// Watches until it is dropped.
pub struct Watch {
    watcher: RecommendedWatcher,
    /// Folders that could not be watched so far.
    unwatched: Vec<PathBuf>,
}

/// Sends on `wake` when something happens in one of the folders that a scan would see. A full channel means
/// that somebody is about to scan anyway.
///
/// # Errors
/// [`InboxError::Watch`] when the system gives no events at all. A folder that cannot be watched is no error:
/// see [`Watch::arm`].
pub fn watch(folders: &[PathBuf], wake: Sender<()>) -> Result<Watch, InboxError> {
    let on_event = move |event: notify::Result<Event>| {
        // An error may mean that events were lost: then a scan is due too.
        if event.map_or(true, |event| matters(&event)) {
            wake.try_send(()).ok();
        }
    };
    let watcher = notify::recommended_watcher(on_event).map_err(InboxError::Watch)?;
    let mut watch = Watch { watcher, unwatched: folders.to_vec() };
    watch.arm();
    Ok(watch)
}

impl Watch {
    /// Tries to watch the folders that could not be watched so far, and says how many still cannot.
    pub fn arm(&mut self) -> usize {
        let watcher = &mut self.watcher;
        self.unwatched.retain(|folder| watcher.watch(folder, RecursiveMode::NonRecursive).is_err());
        self.unwatched.len()
    }

    /// Watches a folder again that was unmounted or replaced: the old watch went with the old folder.
    pub fn rearm(&mut self, folder: &Path) {
        // The watch may be gone already, which is what unwatching asks for.
        self.watcher.unwatch(folder).ok();
        if !self.unwatched.iter().any(|other| other == folder) {
            self.unwatched.push(folder.to_owned());
        }
        self.arm();
    }
}

/// Whether a scan could see what happened. Our own scans open and close files, and must not wake themselves.
fn matters(event: &Event) -> bool {
    let seen = match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    };
    let ignored =
        |path: &PathBuf| path.file_name().is_some_and(|name| Name::new(name.as_bytes()).is_ignored(&[]));
    seen && (event.paths.is_empty() || !event.paths.iter().all(ignored))
}
