//! # watch
//!
//! Reads: the inbox folders. Leaves: nothing yet; it hands settled files to intake. The scan is the truth,
//! `notify` only shortens the wait. Below the free-space floor nothing is claimed and files wait.

use crate::{desk::Desk, intake};
use config::Source;
use inbox::{Inbox, InboxError, InboxSettings, Scan};
use lifecycle::{Actor, SystemEvent};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, task::JoinSet};
use types::{Label, Reason};

/// Shortest pause between two looks at a folder: a busy sender must not keep us spinning.
const LOOK_PAUSE_MIN: Duration = Duration::from_millis(20);
/// Files of one inbox that are taken in at once; they share fsyncs.
const TAKE_AT_ONCE_MAX: usize = 8;

/// One watched folder.
pub(crate) struct Folder {
    pub(crate) source: Label,
    inbox: Mutex<Inbox>,
    pub(crate) hint: Notify,
    pub(crate) path: PathBuf,
    pub(crate) scan_every: Duration,
}

impl Folder {
    /// Opens the inbox of a source; none if it has no folder. What can never be taken in is left alone when
    /// nobody could note it.
    pub(crate) fn open(source: &Source, leave_refused: bool) -> Result<Option<Self>, InboxError> {
        let Some(folder) = source.folder.clone() else { return Ok(None) };
        let path = folder.clone();
        let settings = InboxSettings {
            source: source.name.clone(),
            folder,
            settle_ms: source.settle_ms,
            file_bytes_max: source.limits.file_bytes_max,
            create: false,
            leave_refused,
            ignored_endings: Vec::new(),
        };
        let inbox = Mutex::new(Inbox::open(&settings)?);
        let scan_every = Duration::from_millis(source.scan_ms);
        Ok(Some(Self { source: source.name.clone(), inbox, hint: Notify::new(), path, scan_every }))
    }

    /// Runs something on the inbox.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Inbox) -> T) -> T {
        work(&mut self.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Files that lie in the folder now.
    pub(crate) fn waiting(&self) -> u64 {
        self.with(|inbox| inbox.waiting()).map_or(0, u64::from)
    }
}

/// Watches one folder until the daemon drains.
pub(crate) async fn run(desk: Arc<Desk>, folder: Arc<Folder>) {
    let mut draining = desk.draining.clone();
    let mut had_space = true;
    while !desk.is_draining() {
        let has_space = desk.has_space();
        if had_space && !has_space {
            // About the folder as a whole: no file of it is named.
            note_refused(&desk, &folder, &types::Phi::default(), Reason::DiskFull).await;
        }
        had_space = has_space;
        let next = if has_space { scan(&desk, &folder).await } else { None };
        let wait = next.unwrap_or(folder.scan_every).min(folder.scan_every);
        tokio::time::sleep(LOOK_PAUSE_MIN).await;
        tokio::select! {
            () = folder.hint.notified() => {}
            () = tokio::time::sleep(wait.saturating_sub(LOOK_PAUSE_MIN)) => {}
            _ = draining.changed() => {}
        }
    }
}

/// One look at the folder; gives when the next is due because files settle or more are there.
async fn scan(desk: &Arc<Desk>, folder: &Arc<Folder>) -> Option<Duration> {
    let look = folder.clone();
    let now = desk.now();
    let scanned = tokio::task::spawn_blocking(move || look.with(|inbox| inbox.scan(now))).await;
    let Scan { ready, refused, vanished, more, next_due, .. } = match scanned {
        Ok(Ok(scan)) => scan,
        Ok(Err(error)) => {
            tracing::warn!(source = %folder.source, %error, "the inbox cannot be scanned; its files wait");
            return None;
        }
        Err(_) => return None,
    };
    for entry in refused {
        note_refused(desk, folder, &entry.name, entry.reason).await;
    }
    for name in vanished {
        let name = desk.vault.keyed_digest("file-name", &[name.as_bytes()]);
        note(desk, SystemEvent::Vanished { source: folder.source.clone(), name, entry: None }).await;
    }
    let mut taking = JoinSet::new();
    for candidate in ready {
        while taking.len() >= TAKE_AT_ONCE_MAX {
            taking.join_next().await;
        }
        if desk.is_draining() || !desk.has_space() {
            break;
        }
        taking.spawn(intake::take(desk.clone(), folder.clone(), candidate));
    }
    while taking.join_next().await.is_some() {}
    if more { Some(Duration::ZERO) } else { next_due }
}

async fn note_refused(desk: &Arc<Desk>, folder: &Folder, name: &types::Phi, reason: Reason) {
    tracing::warn!(source = %folder.source, reason = reason.code(), "an inbox entry was refused");
    let name = desk.vault.keyed_digest("file-name", &[name.expose().as_bytes()]);
    note(desk, SystemEvent::Refused { source: folder.source.clone(), reason, name, entry: None }).await;
}

async fn note(desk: &Arc<Desk>, event: SystemEvent) {
    if let Err(error) = desk.book.note(Actor::Daemon, event).await {
        tracing::error!(%error, "an inbox event could not be written");
    }
}
