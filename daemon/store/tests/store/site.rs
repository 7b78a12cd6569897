//! A ledger and an index in a folder of their own, and documents to fill them with.

use ledger::{Ledger, NewRecord, Placed};
use lifecycle::{
    Actor, Arrival, Body, Channel, Event, Outcome, Record, Schedules, Sealed, Stage, SystemEvent, Term, Trip,
};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use store::{Opened, Store};
use tempfile::TempDir;
use types::{BlobId, Confidence, Digest, DocClass, DocId, Label, Reason, Schedule, UnixMillis};

/// Tells a child of the test program which index it shall probe.
const PROBE: &str = "LAZARET_TEST_PROBE";

pub(crate) struct Site {
    home: TempDir,
    pub(crate) ledger: Ledger,
    store: Option<Store>,
    pub(crate) now: u64,
}

impl Site {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (ledger, _) = Ledger::open(&home.path().join("ledger")).unwrap();
        let mut site = Self { home, ledger, store: None, now: 1_000_000 };
        site.open();
        site
    }

    pub(crate) fn index_dir(&self) -> PathBuf {
        self.home.path().join("index")
    }

    pub(crate) fn ledger_dir(&self) -> PathBuf {
        self.home.path().join("ledger")
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub(crate) fn open(&mut self) -> Opened {
        self.close();
        self.open_probed(probe_in_child)
    }

    /// Opens without looking first.
    pub(crate) fn open_unprobed(&mut self) {
        self.close();
        assert!(!self.open_probed(|_| true).rebuilt);
    }

    fn open_probed(&mut self, probe: fn(&Path) -> bool) -> Opened {
        // A child that another test is just starting holds copies of our locks until it runs.
        let (store, opened) =
            patiently(|| Store::open(&self.index_dir(), &self.ledger_dir(), probe)).unwrap();
        self.store = Some(store);
        opened
    }

    /// Opened, and the handle.
    pub(crate) fn store_opened(&mut self) -> &Store {
        self.open();
        self.store()
    }

    pub(crate) fn close(&mut self) {
        self.store = None;
    }

    /// Writes to the ledger only, as if the daemon died before the index followed.
    pub(crate) fn write(&mut self, body: Body) -> Placed {
        self.now += 1;
        let new = NewRecord { at: UnixMillis(self.now), by: Actor::Daemon, body };
        self.ledger.append_placed(vec![new]).unwrap().remove(0)
    }

    /// What the daemon does: ledger, then index.
    pub(crate) fn happens(&mut self, doc: DocId, event: Event) -> Record {
        let placed = self.write(Body::Document { doc, event });
        self.store().apply(std::slice::from_ref(&placed)).unwrap();
        placed.record
    }

    pub(crate) fn system(&mut self, event: SystemEvent) {
        let placed = self.write(Body::System(event));
        self.store().apply(&[placed]).unwrap();
    }
}

/// Tries a few times.
pub(crate) fn patiently<T, E>(mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    for _ in 0..200 {
        if let Ok(done) = attempt() {
            return Ok(done);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    attempt()
}

/// Opens the index in a child process, as the daemon does.
pub(crate) fn probe_in_child(dir: &Path) -> bool {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args(["--exact", "site::child"]).env(PROBE, dir).output().unwrap();
    output.status.success()
}

/// Not a test of its own: what the child does.
#[test]
fn child() {
    if let Some(dir) = std::env::var_os(PROBE) {
        Store::probe_open(Path::new(&dir)).unwrap();
    }
}

pub(crate) fn doc(number: u64) -> DocId {
    DocId::from_parts(UnixMillis(1_700_000_000_000 + number), u128::from(number))
}

pub(crate) fn label(text: &str) -> Label {
    text.parse().unwrap()
}

pub(crate) fn digest(number: u64) -> Digest {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Digest(bytes)
}

pub(crate) fn blob(number: u64) -> BlobId {
    BlobId::from_parts(UnixMillis(number), 1)
}

pub(crate) fn certain() -> Confidence {
    Confidence::new(0.97)
}

pub(crate) fn arrival(source: &str, content: u64) -> Arrival {
    Arrival {
        source: label(source),
        channel: Channel::Inbox,
        bytes: 1234,
        original: Some(blob(content)),
        content: digest(content),
        idempotency: None,
        duplicate_of: None,
        trip: Trip::CURRENT,
        sealed: Sealed(vec![9; 120]),
        retention: label("short"),
        retain_until: UnixMillis(5_000_000),
        schedules: None,
        destroyed_before: None,
        resent_of: None,
        received_at: None,
    }
}

pub(crate) fn arrived(source: &str, content: u64) -> Event {
    Event::Arrived(Box::new(arrival(source, content)))
}

/// What a document without trouble goes through, from arrival to rest.
pub(crate) fn whole_trip(source: &str, content: u64) -> Vec<Event> {
    let sealed = || Sealed(vec![3; 60]);
    let certain = certain();
    let mut events = vec![arrived(source, content)];
    events.extend(
        [
            Outcome::Quarantined { format: label("pdf") },
            Outcome::Parsed { pages: 2, findings: Vec::new() },
            Outcome::Normalised { raster: blob(content), blank_pages: 0 },
            Outcome::Read {
                text: blob(content),
                words: 300,
                confidence: certain,
                unread_pages: 0,
                sealed: sealed(),
            },
            Outcome::Classified {
                class: DocClass::LabResult,
                confidence: certain,
                rules: vec![label("lab-title"), label("lab-units")],
                mixed: false,
                sensitivity: Vec::new(),
                schedules: None,
            },
            Outcome::Redacted {
                product: blob(content),
                map: blob(content),
                boxes: 9,
                black_pages: 0,
                sealed: sealed(),
            },
            Outcome::Stored { manifest: blob(content) },
            Outcome::Routed { route: label("lab"), owner: label("lab-desk"), rule: label("auto") },
            Outcome::Delivered { receipt: digest(content), disclosure: None },
            Outcome::Retained {
                retention: label("long"),
                until: UnixMillis(6_000_000),
                schedules: Some(Box::new(terms([5_500_000, 6_000_000, 4_000_000, 5_000_000, 6_500_000]))),
            },
        ]
        .map(Event::Finished),
    );
    events
}

/// Terms that end then, in the order of [`Schedule::ALL`].
pub(crate) fn terms(until: [u64; 5]) -> Schedules {
    let term = |at: usize| Term { rule: label(Schedule::ALL[at].name()), until: UnixMillis(until[at]) };
    Schedules { original: term(0), redacted: term(1), text: term(2), review: term(3), log: term(4) }
}

/// The destruction of these parts, or of all.
pub(crate) fn destroyed(areas: Vec<Schedule>) -> Event {
    Event::Destroyed { areas, certificate: "{}".to_owned(), signature: String::new() }
}

pub(crate) fn failed(stage: Stage) -> Event {
    Event::Failed { stage, reason: Reason::WorkerCrash }
}

pub(crate) fn stopped(stage: Stage) -> Event {
    Event::Stopped { stage, reason: Reason::WorkerCrash }
}
