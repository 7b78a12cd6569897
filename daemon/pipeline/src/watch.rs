//! # watch
//!
//! Reads: the inbox folders. Leaves: nothing yet; it hands settled files to intake. The scan is the truth,
//! `notify` only shortens the wait. Below the free-space floor nothing is claimed and files wait.

use crate::{
    StartError,
    closing::Closed,
    desk::Desk,
    durable::unless_full,
    intake,
    sightings::{self, Sightings},
};
use config::{Settings, Source};
use inbox::{Candidate, Inbox, InboxError, InboxSettings, Name, RefusedEntry, Scan};
use lifecycle::{Actor, Body, Record, SystemEvent};
use std::{
    fs,
    ops::Deref,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, task::JoinSet};
use types::{Label, Reason};
use vault::Vault;

/// Shortest pause between two looks at a folder: a busy sender must not keep us spinning.
const LOOK_PAUSE_MIN: Duration = Duration::from_millis(20);
/// Files of one inbox that are taken in at once; they share fsyncs.
const TAKE_AT_ONCE_MAX: usize = 8;

/// One inbox folder.
pub(crate) struct Place {
    pub(crate) source: Label,
    inbox: Mutex<Inbox>,
    pub(crate) hint: Notify,
    pub(crate) path: PathBuf,
    pub(crate) scan_every: Duration,
}

impl Place {
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

/// One watched folder, with the journal of what was seen there.
pub(crate) struct Folder {
    place: Place,
    /// What was seen here and what became of it.
    sightings: Mutex<Sightings>,
    /// Held from a record about a file to the line in the journal, so that nobody counts in between.
    pub(crate) books: tokio::sync::Mutex<()>,
    /// The folder was looked at since the start.
    pub(crate) looked: AtomicBool,
}

impl Deref for Folder {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Folder {
    /// Opens all inboxes with their journals; a day that was closed just before a crash is folded now.
    pub(crate) fn open_all(
        settings: &Settings,
        vault: &Vault,
        closed: &Closed,
    ) -> Result<Vec<Arc<Self>>, StartError> {
        let state_dir = &settings.paths.state_dir;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(sightings::folder(state_dir))?;
        let mut folders = Vec::new();
        for source in &settings.sources {
            let path = sightings::path_of(state_dir, &source.name);
            let mut seen = Sightings::open(path, vault, closed.through, closed.files(&source.name))?;
            unless_full(seen.close(closed.through, vault), "a journal of files seen")?;
            let Some(place) = Place::open(source, false)? else { continue };
            let (sightings, looked) = (Mutex::new(seen), AtomicBool::new(false));
            folders.push(Arc::new(Self { place, sightings, books: tokio::sync::Mutex::default(), looked }));
        }
        Ok(folders)
    }

    /// Runs something on the journal. A journal that cannot be written keeps what it learnt and writes it later.
    pub(crate) fn sightings<T>(&self, work: impl FnOnce(&mut Sightings) -> T) -> T {
        work(&mut self.sightings.lock().unwrap_or_else(PoisonError::into_inner))
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
            note_refused(&desk, &folder, &types::Phi::default(), Reason::DiskFull, None).await;
        }
        had_space = has_space;
        // Without space files are seen and counted all the same; they are not claimed.
        let next = scan(&desk, &folder).await.filter(|_| has_space);
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
    // A claim that a full disk cut short must not wait for the next start. Nothing is under way here now.
    intake::resume_some(desk, folder).await;
    let look = folder.clone();
    let scanned = desk.blocking(move |desk| Ok(look_and_note(desk, &look))).await;
    let first = !folder.looked.swap(true, Ordering::SeqCst);
    let Scan { ready, refused, mut vanished, more, next_due, complete, .. } = match scanned {
        Ok(Ok(scan)) => scan,
        Ok(Err(error)) => {
            tracing::warn!(source = %folder.source, %error, "the inbox cannot be scanned; its files wait");
            folder.looked.fetch_and(!first, Ordering::SeqCst);
            return None;
        }
        Err(_) => return None,
    };
    if first && complete {
        let missing = folder.clone();
        vanished.extend(desk.blocking(move |_| Ok(gone_meanwhile(&missing))).await.unwrap_or_default());
    }
    for entry in refused {
        refuse(desk, folder, entry).await;
    }
    for name in vanished {
        vanish(desk, folder, &name).await;
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

/// Looks, and writes down what was seen before anything is done with it.
fn look_and_note(desk: &Desk, folder: &Folder) -> Result<Scan, LookError> {
    let mut scan = folder.with(|inbox| inbox.scan())?;
    let seq = desk.store.applied_seq();
    folder.sightings(|sightings| {
        let renamed =
            |(old, new): &(Name, Name)| sightings.rename(old.as_bytes(), new.as_bytes(), &desk.vault);
        scan.renamed.iter().try_for_each(renamed)?;
        // A sidecar is a file once it is handed out as one.
        let leaving = scan.refused.iter().filter(|entry| entry.leaves).map(|entry| &entry.found);
        let all = scan.fresh.iter().chain(leaving).chain(scan.ready.iter().map(Candidate::file_name));
        sightings.sight(all.map(Name::as_bytes), seq, &desk.vault)?;
        scan.vanished.retain(|name| sightings.number(name.as_bytes()).is_some());
        Ok(scan)
    })
}

/// Why a look at a folder led to nothing.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Inbox(#[from] InboxError),
    #[error("what was seen cannot be written down: {0}")]
    Journal(#[from] std::io::Error),
}

/// Files that the last run saw, and that are neither here nor claimed.
fn gone_meanwhile(folder: &Folder) -> Vec<Name> {
    let names = folder.sightings(|sightings| sightings.lying());
    let lies = |name: &Name| folder.with(|inbox| inbox.lies(name)).unwrap_or(true);
    names.iter().map(|name| Name::new(name)).filter(|name| !lies(name)).collect()
}

/// Writes a refusal down, then moves the entry away: a crash in between repeats the move, not the record.
async fn refuse(desk: &Arc<Desk>, folder: &Arc<Folder>, entry: RefusedEntry) {
    let RefusedEntry { reason, leaves, .. } = entry;
    if !leaves {
        note_refused(desk, folder, &entry.name, reason, None).await;
        return;
    }
    let _books = folder.books.lock().await;
    let number = folder.sightings(|sightings| sightings.number(entry.found.as_bytes()));
    let known = recorded(desk, folder, number);
    let written = match known {
        Some(seq) => Some(seq),
        None => note_refused(desk, folder, &entry.name, reason, number).await,
    };
    let Some(seq) = written else {
        let place = folder.clone();
        let again = desk.blocking(move |_| {
            place.with(|inbox| inbox.look_again(&entry));
            Ok(())
        });
        return drop(again.await);
    };
    let (place, now) = (folder.clone(), desk.now());
    let moved = desk.blocking(move |_| {
        let moved = place.with(|inbox| inbox.set_aside(&entry, now));
        let kept = place.sightings(|sightings| sightings.refused(entry.found.as_bytes(), seq));
        Ok((moved, kept))
    });
    match moved.await {
        Ok((Ok(()), Ok(()))) | Err(_) => {}
        Ok((Err(error), _)) => {
            tracing::warn!(source = %folder.source, %error, "a refused entry stays in the inbox")
        }
        Ok((_, Err(error))) => {
            tracing::warn!(source = %folder.source, %error, "the journal of files seen waits for space")
        }
    }
}

async fn vanish(desk: &Arc<Desk>, folder: &Arc<Folder>, name: &Name) {
    let _books = folder.books.lock().await;
    let Some(number) = folder.sightings(|sightings| sightings.number(name.as_bytes())) else { return };
    let seq = match recorded(desk, folder, Some(number)) {
        Some(seq) => seq,
        None => {
            tracing::warn!(source = %folder.source, "a file is gone that nobody took; see lazaretctl balance");
            let digest = desk.vault.keyed_digest("file-name", &[name.as_bytes()]);
            let (source, entry) = (folder.source.clone(), Some(number));
            let Some(seq) = note(desk, SystemEvent::Vanished { source, name: digest, entry }).await else {
                return;
            };
            seq
        }
    };
    let (place, name) = (folder.clone(), name.clone());
    let kept = desk.blocking(move |desk| {
        let (at, vault) = (desk.now(), &desk.vault);
        Ok(place.sightings(|sightings| sightings.vanished(name.as_bytes(), seq, at, vault)))
    });
    if let Ok(Err(error)) = kept.await {
        tracing::warn!(source = %folder.source, %error, "the journal of files seen waits for space");
    }
}

/// The record of a refusal or of a vanished file that a crash kept from the journal; it is among the last ones.
fn recorded(desk: &Desk, folder: &Folder, number: Option<u64>) -> Option<u64> {
    let about = |event: &SystemEvent| match event {
        SystemEvent::Refused { source, entry, .. } | SystemEvent::Vanished { source, entry, .. } => {
            number.is_some() && *entry == number && *source == folder.source
        }
        _ => false,
    };
    if !number.is_some_and(|number| folder.sightings(|sightings| sightings.is_of_an_earlier_run(number))) {
        return None;
    }
    let records = desk.store.system_events().unwrap_or_default();
    let found = |record: &Record| matches!(&record.body, Body::System(event) if about(event));
    records.iter().rev().find(|record| found(record)).map(|record| record.seq)
}

async fn note_refused(
    desk: &Arc<Desk>,
    folder: &Folder,
    name: &types::Phi,
    reason: Reason,
    entry: Option<u64>,
) -> Option<u64> {
    tracing::warn!(source = %folder.source, reason = reason.code(), "an inbox entry was refused");
    let name = desk.vault.keyed_digest("file-name", &[name.expose().as_bytes()]);
    note(desk, SystemEvent::Refused { source: folder.source.clone(), reason, name, entry }).await
}

/// The number of the record, once it is durable.
async fn note(desk: &Arc<Desk>, event: SystemEvent) -> Option<u64> {
    let written = desk.book.note_at(Actor::Daemon, event).await;
    written.inspect_err(|error| tracing::error!(%error, "an inbox event could not be written")).ok()
}
