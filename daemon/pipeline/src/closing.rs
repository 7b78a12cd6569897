//! The end of a day: every file seen in an inbox is accounted for, per source, and that is signed into the ledger.
//!
//! Two rooms count without knowing of each other. The inbox counts what it sees ([`crate::sightings`]); the ledger
//! says what became of it. Days end by the ledger's order ([`crate::day_order`]).

use crate::{
    artefacts::{disk, hex},
    day_order::DayOrder,
    desk::Desk,
    durable,
    refusal::Refusal,
    retain::DAY_MS,
    sightings::Counts,
    watch::Folder,
};
use lifecycle::{Actor, Body, Channel, Event, Record, Statement, SystemEvent};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use types::{Label, Reason, UnixMillis};

const FILE_NAME: &str = "balance";
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
    pub(crate) totals: BTreeMap<Label, Totals>,
}

/// The closing of days, one at a time.
pub(crate) struct Closing {
    /// How far.
    pub(crate) closed: Closed,
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
pub(crate) struct Totals {
    uploads: u64,
    arrived: u64,
    duplicates: u64,
    refused: u64,
    vanished: u64,
    uploads_refused: u64,
}

impl Totals {
    /// Files from an inbox that are accounted for.
    pub(crate) fn files(&self) -> u64 {
        (self.arrived - self.uploads) + self.refused + self.vanished
    }

    /// Adds what came later.
    pub(crate) fn add(&mut self, more: &Self) {
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
pub(crate) struct Day {
    through: u64,
    pub(crate) totals: BTreeMap<Label, Totals>,
    /// Files whose refusal or disappearance was written; a crash may have it written twice.
    entries: BTreeSet<(Label, u64)>,
    /// Days that its records are dated on.
    dated: BTreeSet<u64>,
}

impl Closed {
    /// Reads how far days were closed.
    pub(crate) fn read(state_dir: &Path) -> Self {
        let bytes = std::fs::read(state_dir.join(FILE_NAME)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// As of the last record of a day.
    pub(crate) fn up_to(day: u64, through: u64, totals: BTreeMap<Label, Totals>) -> Self {
        Self { day, through, totals }
    }

    /// Remembers it, durable on return.
    pub(crate) fn write(&self, state_dir: &Path) -> std::io::Result<()> {
        durable::replace(&state_dir.join(FILE_NAME), &serde_json::to_vec(self).unwrap_or_default())
    }

    /// Files of a source that are accounted for up to there.
    pub(crate) fn files(&self, source: &Label) -> u64 {
        self.totals.get(source).map_or(0, Totals::files)
    }
}

impl Day {
    pub(crate) fn add(&mut self, record: &Record) {
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

pub(crate) fn all_looked(folders: &[Arc<Folder>]) -> bool {
    folders.iter().all(|folder| folder.looked.load(Ordering::SeqCst))
}

/// Signs every day that is over into the ledger, those that were missed too.
pub(crate) async fn close_days(desk: &Arc<Desk>, folders: &[Arc<Folder>]) -> Result<(), Refusal> {
    let mut closing = desk.closing.lock().await;
    let today = desk.now().0 / DAY_MS;
    if closing.tried == today {
        return Ok(());
    }
    let closed = closing.closed.clone();
    let (days, signed) = desk.blocking(move |desk| read_days(desk, &closed, u64::MAX)).await?;
    warn_of_unnamed(&days);
    for (day, figures) in days.into_iter().filter(|(day, _)| *day < today) {
        close_day(desk, folders, &mut closing.closed, (day, figures), &signed).await?;
    }
    closing.tried = today;
    Ok(())
}

/// The ledger after the last closed day, day by day, and the statements that a crash kept from being remembered.
pub(crate) type Days = (BTreeMap<u64, Day>, BTreeSet<(Label, Label)>);

pub(crate) fn read_days(desk: &Desk, closed: &Closed, up_to: u64) -> Result<Days, Refusal> {
    let (mut days, mut signed): Days = Default::default();
    let mut order = DayOrder::after(closed.day, desk.now().0 / DAY_MS);
    for record in desk.store.log(closed.through + 1)? {
        let record = record?;
        if record.seq > up_to {
            break;
        }
        let own = record.at.0 / DAY_MS;
        if let Body::System(SystemEvent::Balanced(statement)) = &record.body {
            signed.insert((statement.day.clone(), statement.source.clone()));
        }
        let day = days.entry(order.day_of(own)).or_default();
        day.dated.insert(own);
        day.add(&record);
    }
    Ok((days, signed))
}

/// Whoever looks for the statement of a day that has records and is over must find it, or be told where they are.
fn warn_of_unnamed(days: &BTreeMap<u64, Day>) {
    for (day, counted) in
        days.iter().flat_map(|(day, figures)| figures.dated.iter().map(move |own| (own, day)))
    {
        if !days.contains_key(day) {
            tracing::warn!(
                day,
                counted,
                "records are dated on a day that gets no statement for them: the clock was wrong; they are counted \
                 on another (days since 1970)"
            );
        }
    }
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
    let (folders, closed) = (folders.to_vec(), closed.clone());
    desk.blocking(move |desk| {
        closed.write(&desk.settings.paths.state_dir).map_err(disk)?;
        // A crash in between is made good when the journals are opened.
        let close = |folder: &Arc<Folder>| folder.sightings(|seen| seen.close(closed.through, &desk.vault));
        folders.iter().try_for_each(close).map_err(disk)
    })
    .await
}

pub(crate) fn stated(day: Label, source: Label, through: u64, counts: Counts, totals: Totals) -> Statement {
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
pub(crate) async fn counts(
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

/// `2026-11-24`.
pub(crate) fn day_name(day: u64) -> Result<Label, Refusal> {
    let text = UnixMillis(day.saturating_mul(DAY_MS)).to_string();
    Ok(text.get(..10).and_then(|day| day.parse().ok()).ok_or(Reason::StorageError)?)
}

#[cfg(test)]
#[path = "closing_tests.rs"]
mod tests;
