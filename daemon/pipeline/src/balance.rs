//! The balance: every file ever seen in an inbox is accounted for, per source and day, and signed into the ledger.
//!
//! Two rooms count without knowing of each other. The inbox counts what it sees ([`crate::sightings`]); the ledger
//! says what became of it. Days end by the ledger's order: a record belongs to the latest day that any record up to
//! it was written on, so a clock that is set back never reopens a day that was signed.

use crate::{
    appliance::LEDGER_DIR,
    artefacts::{disk, hex},
    desk::Desk,
    mark,
    refusal::Refusal,
    sightings::{self, Counts},
    submit::refused,
    view::{BalanceView, Caller, Code, Refused, VanishedView},
    watch::Folder,
};
use ledger::Ledger;
use lifecycle::{Actor, Body, Channel, Event, Record, Statement, Status, SystemEvent};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use types::{Label, Reason, UnixMillis};

const FILE_NAME: &str = "balance";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// A day is closed so soon after its end.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A file between record and journal gets there within this many looks.
const LOOKS_MAX: u32 = 100;
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// How far days were closed, and what the ledger says of each source up to there. Can be made again from the ledger.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Closed {
    /// The last day that was closed, in days since 1970.
    day: u64,
    /// Its last record.
    pub(crate) through: u64,
    totals: BTreeMap<Label, Totals>,
}

/// The closing of days, one at a time.
pub(crate) struct Closing {
    closed: Closed,
    /// The day on which all earlier ones were closed.
    tried: u64,
}

impl From<Closed> for Closing {
    fn from(closed: Closed) -> Self {
        Self { closed, tried: 0 }
    }
}

/// What the ledger says of a source.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Totals {
    uploads: u64,
    arrived: u64,
    duplicates: u64,
    refused: u64,
    vanished: u64,
    uploads_refused: u64,
}

impl Totals {
    fn add(&mut self, more: &Self) {
        self.uploads += more.uploads;
        self.arrived += more.arrived;
        self.duplicates += more.duplicates;
        self.refused += more.refused;
        self.vanished += more.vanished;
        self.uploads_refused += more.uploads_refused;
    }
}

/// One day of the ledger.
#[derive(Default)]
struct Day {
    through: u64,
    totals: BTreeMap<Label, Totals>,
    /// Files whose refusal or disappearance was written; a crash may have it written twice.
    entries: BTreeSet<(Label, u64)>,
}

impl Closed {
    /// Reads how far days were closed.
    pub(crate) fn read(state_dir: &Path) -> Self {
        let bytes = std::fs::read(state_dir.join(FILE_NAME)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Files of a source that are accounted for up to there.
    pub(crate) fn files(&self, source: &Label) -> u64 {
        let totals = self.totals.get(source).copied().unwrap_or_default();
        (totals.arrived - totals.uploads) + totals.refused + totals.vanished
    }
}

impl Day {
    fn add(&mut self, record: &Record) {
        self.through = record.seq;
        let mut count = |source: &Label, change: fn(&mut Totals, u64), by: u64| {
            change(self.totals.entry(source.clone()).or_default(), by);
        };
        match &record.body {
            Body::Document { event: Event::Arrived(arrival), .. } => {
                count(&arrival.source, |totals, by| totals.arrived += by, 1);
                count(
                    &arrival.source,
                    |totals, by| totals.uploads += by,
                    u64::from(arrival.channel == Channel::Grpc),
                );
                let twin = u64::from(arrival.duplicate_of.is_some());
                count(&arrival.source, |totals, by| totals.duplicates += by, twin);
            }
            Body::System(SystemEvent::Refused { source, entry: Some(entry), .. }) => {
                let new = u64::from(self.entries.insert((source.clone(), *entry)));
                count(source, |totals, by| totals.refused += by, new);
            }
            Body::System(SystemEvent::Vanished { source, entry: Some(entry), .. }) => {
                let new = u64::from(self.entries.insert((source.clone(), *entry)));
                count(source, |totals, by| totals.vanished += by, new);
            }
            Body::System(SystemEvent::UploadsRefused { source: Some(source), count: by, .. }) => {
                count(source, |totals, by| totals.uploads_refused += by, *by);
            }
            _ => {}
        }
    }
}

/// Closes days until the daemon drains.
pub(crate) async fn run(desk: Arc<Desk>, folders: Arc<Vec<Arc<Folder>>>) {
    let mut draining = desk.draining.clone();
    while !desk.is_draining() {
        tokio::select! {
            () = tokio::time::sleep(if all_looked(&folders) { LOOK_EVERY } else { LOOK_PAUSE }) => {}
            _ = draining.changed() => return,
        }
        if all_looked(&folders)
            && let Err(refusal) = close_days(&desk, &folders).await
        {
            tracing::warn!(%refusal, "a day could not be closed; it is tried again");
        }
    }
}

fn all_looked(folders: &[Arc<Folder>]) -> bool {
    folders.iter().all(|folder| folder.looked.load(Ordering::SeqCst))
}

/// Signs every day that is over into the ledger, those that were missed too.
async fn close_days(desk: &Arc<Desk>, folders: &[Arc<Folder>]) -> Result<(), Refusal> {
    let mut closing = desk.closing.lock().await;
    let today = desk.now().0 / DAY_MS;
    if closing.tried == today {
        return Ok(());
    }
    let closed = closing.closed.clone();
    let (days, signed) = desk.blocking(move |desk| read_days(desk, &closed, u64::MAX)).await?;
    for (day, figures) in days.into_iter().filter(|(day, _)| *day < today) {
        close_day(desk, folders, &mut closing.closed, (day, figures), &signed).await?;
    }
    closing.tried = today;
    Ok(())
}

/// The ledger after the last closed day, day by day, and the statements that a crash kept from being remembered.
type Days = (BTreeMap<u64, Day>, BTreeSet<(Label, Label)>);

fn read_days(desk: &Desk, closed: &Closed, up_to: u64) -> Result<Days, Refusal> {
    let (mut days, mut signed): Days = Default::default();
    let mut latest = closed.day + 1;
    for record in records(desk, closed.through + 1)? {
        let record = record.map_err(|error| broken(&error))?;
        if record.seq > up_to {
            break;
        }
        latest = latest.max(record.at.0 / DAY_MS);
        if let Body::System(SystemEvent::Balanced(statement)) = &record.body {
            signed.insert((statement.day.clone(), statement.source.clone()));
        }
        days.entry(latest).or_default().add(&record);
    }
    Ok((days, signed))
}

async fn close_day(
    desk: &Arc<Desk>,
    folders: &[Arc<Folder>],
    closed: &mut Closed,
    (day, figures): (u64, Day),
    signed: &BTreeSet<(Label, Label)>,
) -> Result<(), Refusal> {
    let name = day_name(day)?;
    let watched = folders.iter().map(|folder| folder.source.clone());
    let sources: BTreeSet<Label> = watched.chain(figures.totals.keys().cloned()).collect();
    for source in sources {
        let counts = counts(desk, folders, &source, figures.through).await?;
        let totals = figures.totals.get(&source).copied().unwrap_or_default();
        let mut statement = stated(name.clone(), source.clone(), figures.through, counts, totals);
        let idle = statement.came() + statement.accounted() + statement.uploads_refused == 0;
        if idle || signed.contains(&(name.clone(), source)) {
            continue;
        }
        if !statement.holds() {
            tracing::error!(source = %statement.source, day = %name, "a day does not balance; see lazaretctl balance");
        }
        let text = serde_json::to_vec(&statement).map_err(|_| Reason::StorageError)?;
        statement.signature = hex(&desk.vault.sign(&text));
        desk.book.note(Actor::Daemon, SystemEvent::Balanced(Box::new(statement))).await?;
    }
    (closed.day, closed.through) = (day, figures.through);
    for (source, totals) in &figures.totals {
        closed.totals.entry(source.clone()).or_default().add(totals);
    }
    let (file, bytes) =
        (desk.settings.paths.state_dir.join(FILE_NAME), serde_json::to_vec(closed).unwrap_or_default());
    let (folders, through) = (folders.to_vec(), closed.through);
    desk.blocking(move |desk| {
        mark::replace(&file, &bytes).map_err(disk)?;
        // A crash in between is made good when the journals are opened.
        let close = |folder: &Arc<Folder>| folder.sightings(|seen| seen.close(through, &desk.vault));
        folders.iter().try_for_each(close).map_err(disk)
    })
    .await
}

fn stated(day: Label, source: Label, through: u64, counts: Counts, totals: Totals) -> Statement {
    let Totals { uploads, arrived, duplicates, refused, vanished, uploads_refused } = totals;
    let Counts { opening, seen, waiting, .. } = counts;
    let signature = String::new();
    Statement {
        day,
        source,
        through,
        opening,
        seen,
        uploads,
        arrived,
        duplicates,
        refused,
        vanished,
        waiting,
        uploads_refused,
        signature,
    }
}

/// What the inbox of a source counted up to a record; nothing when it has no inbox.
async fn counts(
    desk: &Arc<Desk>,
    folders: &[Arc<Folder>],
    source: &Label,
    up_to: u64,
) -> Result<Counts, Refusal> {
    let Some(folder) = folders.iter().find(|folder| folder.source == *source) else {
        return Ok(Counts::default());
    };
    for _ in 0..LOOKS_MAX {
        let books = folder.books.lock().await;
        let (place, claims) = (folder.clone(), folder.sightings(|seen| seen.claims()));
        let settled = desk.blocking(move |desk| {
            // One that the ledger has and the journal not yet is in neither count.
            let known = claims.into_iter().map(|doc| Ok(desk.store.get(doc)?.is_some()));
            let between = known.collect::<Result<Vec<bool>, Refusal>>()?.contains(&true);
            Ok((!between).then(|| place.sightings(|seen| seen.counts(up_to))))
        });
        let settled = settled.await?;
        drop(books);
        match settled {
            Some(counts) => return Ok(counts),
            None => tokio::time::sleep(LOOK_PAUSE).await,
        }
    }
    Err(Refusal::NotNow(Reason::StorageError))
}

/// The balance of everything so far, or of a day.
pub(crate) async fn balance(
    desk: &Arc<Desk>,
    folders: &[Arc<Folder>],
    day: Option<Label>,
) -> Result<Vec<BalanceView>, Refused> {
    if !all_looked(folders) {
        let message = "the inboxes were not looked at since the start; try again in a moment";
        return Err(Refused::new(Code::Temporary, message));
    }
    close_days(desk, folders).await.map_err(refused)?;
    match day {
        None => so_far(desk, folders).await.map_err(refused),
        Some(day) => desk.blocking(move |desk| signed_on(desk, &day)).await.map_err(refused),
    }
}

async fn so_far(desk: &Arc<Desk>, folders: &[Arc<Folder>]) -> Result<Vec<BalanceView>, Refusal> {
    let closing = desk.closing.lock().await;
    let closed = closing.closed.clone();
    let configured = desk.settings.sources.iter().map(|source| source.name.clone());
    let sources: BTreeSet<Label> = configured.chain(closed.totals.keys().cloned()).collect();
    let known: Vec<Label> = sources.iter().cloned().collect();
    let (up_to, mut census, figures) = desk
        .blocking(move |desk| {
            let (up_to, census) = desk.store.census(&known)?;
            let (days, _) = read_days(desk, &closed, up_to)?;
            let mut figures = closed.totals;
            for (source, totals) in days.values().flat_map(|day| &day.totals) {
                figures.entry(source.clone()).or_default().add(totals);
            }
            Ok((up_to, census, figures))
        })
        .await?;
    let today = day_name(desk.now().0 / DAY_MS)?;
    let mut views = Vec::with_capacity(sources.len());
    for source in sources {
        let counts = counts(desk, folders, &source, up_to).await?;
        let counts = Counts { opening: 0, seen: counts.ever, ..counts };
        let totals = figures.get(&source).copied().unwrap_or_default();
        let states = census.remove(&source).unwrap_or_default();
        let statement = stated(today.clone(), source, up_to, counts, totals);
        let holds = statement.holds() && states.values().sum::<u64>() == statement.arrived;
        views.push(BalanceView { statement, holds, states: states.into_iter().collect() });
    }
    Ok(views)
}

/// The statements of a day, and where the documents that came on it are now.
fn signed_on(desk: &Desk, day: &Label) -> Result<Vec<BalanceView>, Refusal> {
    let (mut arrivals, mut found) = (Vec::new(), Vec::new());
    for record in records(desk, 1)? {
        let record = record.map_err(|error| broken(&error))?;
        match record.body {
            Body::Document { doc, event: Event::Arrived(arrival) } => {
                arrivals.push((record.seq, doc, arrival.source))
            }
            Body::System(SystemEvent::Balanced(statement)) if statement.day < *day => {
                arrivals.retain(|(seq, ..)| *seq > statement.through);
            }
            Body::System(SystemEvent::Balanced(statement)) if statement.day == *day => found.push(*statement),
            Body::System(SystemEvent::Balanced(_)) => break,
            _ => {}
        }
    }
    let mut views = Vec::with_capacity(found.len());
    for statement in found {
        let mut states: BTreeMap<Status, u64> = BTreeMap::new();
        let came = arrivals
            .iter()
            .filter(|(seq, _, source)| *seq <= statement.through && *source == statement.source);
        for (_, doc, _) in came {
            if let Some(document) = desk.store.get(*doc)? {
                *states.entry(document.state.status()).or_default() += 1;
            }
        }
        let holds = statement.holds() && states.values().sum::<u64>() == statement.arrived;
        views.push(BalanceView { statement, holds, states: states.into_iter().collect() });
    }
    Ok(views)
}

/// The files that vanished last, by name; audited.
pub(crate) async fn vanished(
    desk: &Arc<Desk>,
    folders: &[Arc<Folder>],
    caller: &Caller,
) -> Result<Vec<VanishedView>, Refused> {
    desk.book.note(caller.actor.clone(), SystemEvent::Audited).await.map_err(refused)?;
    let view = |source: &Label, gone: &sightings::Vanished| VanishedView {
        source: source.clone(),
        at: gone.at,
        name: inbox::Name::new(&sightings::open_name(&desk.vault, &gone.name).unwrap_or_default()).display(),
    };
    let each = |folder: &Arc<Folder>| {
        folder
            .sightings(|seen| seen.last_vanished().map(|gone| view(&folder.source, gone)).collect::<Vec<_>>())
    };
    Ok(folders.iter().flat_map(each).collect())
}

fn records(
    desk: &Desk,
    from: u64,
) -> Result<impl Iterator<Item = Result<Record, ledger::LedgerError>>, Refusal> {
    let dir = desk.settings.paths.state_dir.join(LEDGER_DIR);
    Ledger::read_from(&dir, from).map_err(|error| broken(&error))
}

fn broken(error: &ledger::LedgerError) -> Refusal {
    tracing::error!(%error, "the ledger cannot be read");
    Refusal::NotNow(Reason::StorageError)
}

/// `2026-11-24`.
fn day_name(day: u64) -> Result<Label, Refusal> {
    let text = UnixMillis(day.saturating_mul(DAY_MS)).to_string();
    Ok(text.get(..10).and_then(|day| day.parse().ok()).ok_or(Reason::StorageError)?)
}
