//! Opening an appliance is recovering: every start proves the sandbox, opens what is on disk and finishes what
//! a crash may have left.

use crate::{
    after_restore,
    appliance::Appliance,
    arriving::Arriving,
    backup::Runs,
    ballast::Ballast,
    book::{Book, BookError},
    certificate::Certifier,
    checkpoints::{self, Checkpoints},
    clockwatch::{ClockWatch, Uptime},
    closing::{Closed, Closing},
    desk::Desk,
    gauges::Gauges,
    handover::Turns,
    latch::Latch,
    mark,
    queue::Queue,
    retain::DAY_MS,
    sweep,
    turned_away::TurnedAway,
    watch::Folder,
    workers::{Workers, prove},
};
use ::store::{Contract, Embedded, Store, StoreError};
use arc_swap::ArcSwap;
use config::Settings;
use inbox::InboxError;
use ledger::{Ledger, LedgerError};
use lifecycle::SystemEvent;
use policy::Policy;
use sandbox::ProveError;
use std::{
    path::Path,
    sync::{Arc, Mutex},
};
use tokio::sync::{Notify, watch as signal};
use types::{Digest, UnixMillis};
use vault::{MasterKey, Vault, VaultError};

/// Where things lie under the state directory.
pub(crate) const LEDGER_DIR: &str = "ledger";
const INDEX_DIR: &str = "index";
pub(crate) const VAULT_DIR: &str = "vault";

/// Why the appliance does not start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum StartError {
    #[error("the sandbox does not hold, and nothing is parsed without it; see docs/guide/install.md")]
    Sandbox(#[from] ProveError),
    #[error("sandbox: landlock is not fully enforced by this kernel, and sandbox.allow-degraded is not set")]
    Landlock,
    #[error("the vault does not open")]
    Vault(#[from] VaultError),
    #[error(
        "the ledger is empty, but there are keys of {keys} documents: it was lost or is not mounted; put it back"
    )]
    LedgerLost { keys: usize },
    #[error(
        "the ledger is empty, but there is {trace}, as only an appliance with records has it: the ledger was lost or is not mounted; put it back. Nothing was changed; see docs/guide/incidents.md"
    )]
    LedgerGone { trace: &'static str },
    #[error("the file state/clock, which says what time it was, cannot be used")]
    Clock(#[source] std::io::Error),
    #[error("the ledger does not open")]
    Ledger(#[from] LedgerError),
    #[error(
        "the log of checkpoints and the keys that sign them are not of the same time: one was put back from a backup. Put both back from the same moment, or move checkpoints.log aside, keep it, and begin a new chain; see docs/guide/audit.md"
    )]
    CheckpointKeys,
    #[error("the index does not open")]
    Index(#[from] StoreError),
    #[error("an inbox does not open")]
    Inbox(#[from] InboxError),
    #[error("book: {0}")]
    Book(&'static str),
    #[error(
        "the ledger's disk is full, and so is the room of the ballast: free some space; the next start goes on"
    )]
    Full,
    #[error("the state directory cannot be used")]
    Io(#[from] std::io::Error),
}

impl StartError {
    /// Why the start could not be written down.
    pub(crate) fn of_note(error: &BookError) -> Self {
        match error {
            BookError::Full => Self::Full,
            _ => Self::Book("the start could not be written to the ledger"),
        }
    }
}

/// How far an opening is. Between two of them little time passes, however much there is to open: whoever hears of
/// none for long may think that it hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The next part begins.
    Next,
    /// So many records of the ledger were checked.
    Checked(u64),
    /// So many records are in the index, and of how many.
    Indexed(u64, u64),
}

/// What it takes to open an appliance.
pub struct Opening {
    /// The configuration.
    pub settings: Settings,
    /// The policy in force.
    pub policy: Policy,
    /// The master key.
    pub master: MasterKey,
    /// The one clock.
    pub clock: fn() -> UnixMillis,
    /// The time that the machine counts beside it.
    pub uptime: Uptime,
    /// Opens the index in a child process and says whether it survived.
    pub probe_index: fn(&Path) -> bool,
    /// Told how far the opening is.
    pub progress: fn(Step),
    /// Turns true when the daemon drains.
    pub draining: signal::Receiver<bool>,
    /// Memory may be swapped to a disk in clear; the configuration allows it.
    pub clear_swap: bool,
}

/// Opens everything; gives the appliance, and what is to be noted of the start.
pub(crate) fn open(
    opening: Opening,
    runtime: &tokio::runtime::Handle,
) -> Result<(Appliance, Vec<SystemEvent>), StartError> {
    let Opening { settings, policy, master, clock, uptime, probe_index, progress, draining, clear_swap } =
        opening;
    let state_dir = settings.paths.state_dir.clone();
    let _guard = runtime.enter();
    // Before anything is written. Where free space cannot be told, what follows says why.
    let ballast = Ballast::open(&state_dir, settings.space.ballast_bytes, settings.space.floor_bytes);
    let released = ballast.make_room_to_start(outbox::space_free(&state_dir).unwrap_or(u64::MAX))?;
    let gauges = Arc::new(Gauges::default());
    let (launcher, proof) = prove(&settings)?;
    let vault_dir = state_dir.join(VAULT_DIR);
    if !Vault::exists(&vault_dir) {
        Vault::create(&vault_dir, &master, clock)?;
    }
    progress(Step::Next);
    let vault = Vault::open(&vault_dir, &master, clock)?;
    progress(Step::Next);
    let ledger_dir = state_dir.join(LEDGER_DIR);
    let known = checkpoints::known(&settings, &ledger_dir, vault.checkpoint_keys())?;
    let (ledger, recovery) =
        Ledger::open_telling(&ledger_dir, &known, |records| progress(Step::Checked(records)))?;
    progress(Step::Next);
    let last_record = time_of_record(&ledger_dir, recovery.records)?;
    let clock = ClockWatch::open(&state_dir, clock, uptime, last_record).map_err(StartError::Clock)?;
    let clock = Arc::new(clock);
    let checkpoints = Checkpoints::open(&settings, &ledger_dir)?;
    let index_dir = state_dir.join(INDEX_DIR);
    let (store, opened) = Store::open_reporting(&index_dir, &ledger_dir, probe_index, |seq| {
        progress(Step::Indexed(seq, recovery.records));
    })?;
    progress(Step::Next);
    let store: Arc<dyn Contract> = Arc::new(Embedded::new(ledger, store));
    after_restore::begin(&state_dir, &*store)?;
    let closed = Closed::read(&state_dir);
    let folders = Folder::open_all(&settings, &vault, &closed)?;
    refuse_a_lost_ledger(&vault, recovery.records)?;
    let trust = mark::trust(&state_dir, &*store, &vault, opened.set_aside.is_some())?;
    sweep::at_opening(&vault, &*store, trust, || progress(Step::Next))?;
    let mut events = Vec::new();
    if recovery.cut_bytes > 0 {
        events.push(SystemEvent::TailCut { bytes: recovery.cut_bytes });
    }
    if opened.rebuilt {
        events.push(SystemEvent::IndexRebuilt { records: opened.replayed });
    }
    events.push(SystemEvent::Started {
        build: sandbox::BUILD.to_owned(),
        landlock_abi: proof.landlock_abi,
        degraded: settings.sandbox.allow_degraded,
        clear_swap,
    });
    events.push(SystemEvent::SiteKey { public: Digest(vault.verifying_key()) });
    if released {
        events.push(SystemEvent::BallastReleased { bytes: ballast.bytes() });
    }
    let vault = Arc::new(vault);
    let latch = Arc::new(Latch::default());
    let backups_ms = u64::from(settings.backup.keys_days) * DAY_MS;
    let certifier = Certifier { site: settings.site.clone(), backups_ms };
    let arriving = Arriving::default();
    let (store2, vault2) = (store.clone(), vault.clone());
    let book = Book::open(store2, vault2, certifier, latch.clone(), arriving.clone(), clock.clone())?;
    let queue = Queue::open(&state_dir)?;
    let workers = Workers::new(launcher, settings.workers.processes, settings.workers.warm, gauges.clone());
    let started_at = clock.now();
    let desk = Arc::new(Desk {
        settings,
        vault,
        store,
        book,
        latch,
        runs: Runs::default(),
        checkpoints,
        queue,
        workers,
        policy: ArcSwap::from_pointee(policy),
        gauges,
        clock,
        trust: Mutex::new(trust),
        ballast,
        turned_away: TurnedAway::default(),
        closing: tokio::sync::Mutex::new(Closing::from(closed)),
        exporting: Arc::default(),
        arriving,
        turns: Turns::default(),
        wake: Notify::new(),
        draining,
        started_at,
        proof,
        clear_swap,
    });
    Ok((Appliance { desk, folders: Arc::new(folders) }, events))
}

/// When a record was written; none without any.
fn time_of_record(ledger_dir: &Path, seq: u64) -> Result<Option<UnixMillis>, LedgerError> {
    if seq == 0 {
        return Ok(None);
    }
    Ok(Ledger::read_from(ledger_dir, seq)?.next().transpose()?.map(|record| record.at))
}

/// Keys without any ledger: it was lost or is not mounted.
fn refuse_a_lost_ledger(vault: &Vault, ledger_records: u64) -> Result<(), StartError> {
    let keys = vault.documents().len();
    if ledger_records == 0 && keys > 0 { Err(StartError::LedgerLost { keys }) } else { Ok(()) }
}
