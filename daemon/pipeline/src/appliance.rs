//! The appliance as a whole: opened once, asked by many. Opening is recovering: every start replays what
//! a crash may have left.

use crate::{
    accounting,
    arriving::Arriving,
    artefacts,
    backup::{self, BackupBegun, BackupFile, BackupSigned, Parts, Runs},
    book::Book,
    certificate::Certifier,
    checkpoints,
    checkpoints::Checkpoints,
    commands,
    desk::Desk,
    doctor, evidence, expire, explain,
    gauges::Gauges,
    handover::{self, Turns},
    intake,
    latch::Latch,
    mark::{self, Trust},
    policies::read_policy,
    queries,
    queries::Stream,
    retain::DAY_MS,
    runner, status, submit, sweep, upkeep,
    view::{
        Caller, Check, Code, Disclosed, DocumentView, EvidenceFile, EvidenceOf, Explained, LedgerReport,
        PageReading, PageRedactions, Progress, Receipt, Refused, RouteView, StatusView, Submission,
    },
    watch::{self, Folder},
    workers::Workers,
};
use ::store::{Store, StoreError};
use arc_swap::ArcSwap;
use config::Settings;
use inbox::InboxError;
use ledger::{Ledger, LedgerError};
use lifecycle::{Actor, Record, Rendition, Status, SystemEvent};
use policy::Policy;
use sandbox::{Launcher, ProveError};
use std::{
    path::Path,
    sync::{Arc, Mutex},
};
use tokio::{
    sync::{Notify, mpsc, watch as signal},
    task::JoinSet,
};
use types::{Digest, DocClass, DocId, Label, Phi, RunId, UnixMillis};
use vault::{MasterKey, Vault, VaultError};

/// Where things lie under the state directory.
pub(crate) const LEDGER_DIR: &str = "ledger";
const INDEX_DIR: &str = "index";
const VAULT_DIR: &str = "vault";
/// Hints that wait while a scan runs; more say nothing new.
const HINTS_MAX: usize = 1;

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
    #[error("the state directory cannot be used")]
    Io(#[from] std::io::Error),
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
    /// Opens the index in a child process and says whether it survived.
    pub probe_index: fn(&Path) -> bool,
    /// Told how far the index is while it is built: records applied, and of how many.
    pub progress: fn(u64, u64),
    /// Turns true when the daemon drains.
    pub draining: signal::Receiver<bool>,
}

/// One appliance. Cheap to clone.
#[derive(Clone)]
pub struct Appliance {
    pub(crate) desk: Arc<Desk>,
    pub(crate) folders: Arc<Vec<Arc<Folder>>>,
}

impl Appliance {
    /// Proves the sandbox, opens and recovers vault, ledger and index.
    ///
    /// # Errors
    /// [`StartError`] says what is wrong and what to do.
    pub async fn open(opening: Opening) -> Result<Self, StartError> {
        let runtime = tokio::runtime::Handle::current();
        let opened = tokio::task::spawn_blocking(move || open(opening, &runtime)).await;
        let (appliance, events) = opened.map_err(|_| StartError::Book("opening did not finish"))??;
        for event in events {
            let written = appliance.desk.book.note(Actor::Daemon, event).await;
            written.map_err(|_| StartError::Book("the start could not be written to the ledger"))?;
        }
        checkpoints::sign(&appliance.desk).await;
        handover::recover(&appliance.desk)
            .await
            .map_err(|_| StartError::Book("deliveries of the last run could not be written to the ledger"))?;
        Ok(appliance)
    }

    /// Works until the daemon drains: watches, runs, expires. Returns when all is at rest.
    ///
    /// # Errors
    /// [`StartError::Inbox`] when the hints of the file system cannot be had at all.
    pub async fn work(&self) -> Result<(), StartError> {
        self.desk.workers.warm_up_later();
        let mut tasks = JoinSet::new();
        let (wake, mut hints) = mpsc::channel(HINTS_MAX);
        let paths = self.folders.iter().map(|folder| folder.path.clone()).collect::<Vec<_>>();
        let hinting = match inbox::watch(&paths, wake) {
            Ok(watch) => Some(watch),
            Err(error) => {
                tracing::warn!(%error, "no hints from the file system; inboxes are scanned all the same");
                None
            }
        };
        for folder in self.folders.iter() {
            intake::resume_all(&self.desk, folder).await;
            tasks.spawn(watch::run(self.desk.clone(), folder.clone()));
        }
        sweep::at_start(&self.desk).await;
        tasks.spawn(sweep::run(self.desk.clone()));
        tasks.spawn(runner::run(self.desk.clone()));
        tasks.spawn(expire::run(self.desk.clone()));
        tasks.spawn(checkpoints::run(self.desk.clone()));
        tasks.spawn(upkeep::settle(self.desk.clone()));
        tasks.spawn(upkeep::examine(self.desk.clone()));
        let folders = self.folders.clone();
        let hearing = tokio::spawn(async move {
            while hints.recv().await.is_some() {
                folders.iter().for_each(|folder| folder.hint.notify_one());
            }
        });
        while tasks.join_next().await.is_some() {}
        hearing.abort();
        drop(hinting);
        self.desk.workers.cool_down();
        Ok(())
    }

    /// Writes the last line of this run, signs the last checkpoint and settles the index on disk.
    pub async fn close(&self) {
        if let Err(error) = self.desk.book.note(Actor::Daemon, SystemEvent::Stopped).await {
            tracing::error!(%error, "the stop could not be written");
        }
        checkpoints::sign(&self.desk).await;
        let marked = self.desk.blocking(|desk| mark::write(desk).map_err(artefacts::disk)).await;
        if let Err(refusal) = marked {
            tracing::warn!(%refusal, "the mark of the ledger could not be written; the next start does it");
        }
        let flushed = self.desk.blocking(|desk| Ok(desk.store.flush()?)).await;
        if let Err(refusal) = flushed {
            tracing::warn!(%refusal, "the index could not be settled; the next start replays the ledger");
        }
    }

    /// Answers when the writer of ledger and index does, or builds the index anew and gets on with it: the watchdog
    /// is fed only then.
    pub async fn is_alive(&self) -> bool {
        upkeep::is_alive(&self.desk).await
    }

    /// Takes an upload in. See [`Receipt`]. An empty chunk ends the body.
    ///
    /// # Errors
    /// [`Refused`], with a reason where the bytes are to blame.
    pub async fn submit(
        &self,
        caller: &Caller,
        what: Submission,
        body: mpsc::Receiver<Vec<u8>>,
    ) -> Result<Receipt, Refused> {
        submit::submit(&self.desk, caller, what, body).await
    }
}

macro_rules! asks {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $answer:ty { $desk:ident, $folders:ident => $body:expr })*) => {
        /// Questions and acts. Each returns [`Refused`] with a sentence for the caller when it says no.
        #[allow(clippy::missing_errors_doc, reason = "said once above")]
        impl Appliance {
            $($(#[$doc])* pub async fn $name(&self, $($arg: $type),*) -> Result<$answer, Refused> {
                let ($desk, $folders) = (&self.desk, &self.folders);
                let _: &Arc<Vec<Arc<Folder>>> = $folders;
                $body
            })*
        }
    };
}
pub(crate) use asks;

asks! {
    /// Documents in the order of their ids.
    documents(status: Option<Status>, source: Option<Label>, after: Option<DocId>, limit: u32) -> Vec<DocumentView> {
        desk, _folders => queries::documents(desk, status, source, after, limit).await
    }
    /// One document.
    document(doc: DocId) -> DocumentView {
        desk, _folders => queries::view(desk, queries::find(desk, doc)?).map_err(submit::refused)
    }
    /// The words of all pages; audited.
    words(caller: &Caller, doc: DocId) -> Vec<PageReading> { desk, _folders => queries::words(desk, caller, doc).await }
    /// What is hidden on all pages.
    redactions(_caller: &Caller, doc: DocId) -> Vec<PageRedactions> { desk, _folders => queries::redactions(desk, doc).await }
    /// The recognised text; audited.
    text(caller: &Caller, doc: DocId) -> Phi { desk, _folders => queries::text(desk, caller, doc).await }
    /// The bytes of a rendition; audited.
    rendition(caller: &Caller, doc: DocId, which: Rendition) -> Stream {
        desk, _folders => queries::rendition(desk, caller, doc, which).await
    }
    /// All events of a document.
    events(doc: DocId) -> Vec<Record> {
        desk, _folders => { queries::find(desk, doc)?; desk.store.events(doc).map_err(submit::refused) }
    }
    /// Why a document is where it is.
    explain(doc: DocId) -> Vec<Explained> {
        desk, _folders => {
            queries::find(desk, doc)?;
            Ok(explain::explain(&desk.store.events(doc).map_err(submit::refused)?))
        }
    }
    /// Every disclosure of a document.
    accounting(doc: DocId) -> Vec<Disclosed> {
        desk, _folders => {
            queries::find(desk, doc)?;
            Ok(accounting::accounting(&desk.store.events(doc).map_err(submit::refused)?))
        }
    }
    /// Evidence about documents, file by file; audited.
    evidence(caller: &Caller, of: EvidenceOf) -> mpsc::Receiver<Result<EvidenceFile, Refused>> {
        desk, _folders => evidence::export(desk, caller, of).await
    }
    /// Sends a document to another route.
    reroute(caller: &Caller, doc: DocId, route: Label, why: Label) -> DocumentView {
        desk, _folders => commands::reroute(desk, caller, doc, route, why).await
    }
    /// Places a hold.
    hold(caller: &Caller, doc: DocId, hold: Label) -> DocumentView { desk, _folders => commands::hold(desk, caller, doc, hold).await }
    /// Lifts a hold.
    lift(caller: &Caller, doc: DocId, hold: Label) -> DocumentView { desk, _folders => commands::lift(desk, caller, doc, hold).await }
    /// Lets a document go on from quarantine.
    release(caller: &Caller, doc: DocId) -> DocumentView { desk, _folders => commands::release(desk, caller, doc).await }
    /// Agrees with the class.
    approve(caller: &Caller, doc: DocId) -> DocumentView { desk, _folders => commands::approve(desk, caller, doc).await }
    /// Rejects a document.
    reject(caller: &Caller, doc: DocId) -> DocumentView { desk, _folders => commands::reject(desk, caller, doc).await }
    /// Gives a class.
    reclassify(caller: &Caller, doc: DocId, class: DocClass) -> DocumentView {
        desk, _folders => commands::reclassify(desk, caller, doc, class).await
    }
    /// All routes.
    routes() -> Vec<RouteView> { desk, _folders => Ok(routes(desk)) }
    /// How far these documents are; none named: all, and the files in inboxes.
    progress(docs: &[DocId]) -> Progress { desk, folders => status::progress(desk, folders, docs) }
    /// The appliance at a glance.
    status() -> StatusView { desk, folders => status::status(desk, folders) }
    /// Proves what the appliance claims.
    doctor() -> Vec<Check> { desk, folders => Ok(doctor::doctor(desk, folders).await) }
    /// Checks the whole ledger; audited.
    ledger_verify(caller: &Caller) -> LedgerReport {
        desk, _folders => {
            desk.book.note(caller.actor.clone(), SystemEvent::Audited).await.map_err(submit::refused)?;
            doctor::ledger_verify(desk).await
        }
    }
    /// Makes the index anew from the ledger, while nothing else is written; gives the number of records.
    store_rebuild(caller: &Caller) -> u64 {
        desk, _folders => {
            let records = desk.book.rebuild().await.map_err(submit::refused)?;
            desk.book.note(caller.actor.clone(), SystemEvent::IndexRebuilt { records }).await.map_err(submit::refused)?;
            Ok(records)
        }
    }
    /// Begins a backup: from now on nothing that it needs is destroyed, for a limited time.
    backup_begin(caller: &Caller) -> BackupBegun { desk, _folders => backup::begin(desk, caller).await }
    /// The keys, sealed to the recipients of the configuration; audited.
    backup_keys(caller: &Caller, run: RunId) -> Parts<Vec<u8>> { desk, _folders => backup::keys(desk, caller, run).await }
    /// The files of a run.
    backup_list(run: RunId) -> Parts<Vec<BackupFile>> { desk, _folders => backup::list(desk, run).await }
    /// The bytes of one of them, as they lie on disk.
    backup_fetch(run: RunId, path: &str, offset: u64) -> Parts<Vec<u8>> {
        desk, _folders => backup::fetch(desk, run, path, offset).await
    }
    /// Ends a backup, and signs what it holds; audited.
    backup_finish(caller: &Caller, run: RunId, blobs: u64, bytes: u64, list: Digest) -> BackupSigned {
        desk, _folders => backup::finish(desk, caller, run, blobs, bytes, list).await
    }
    /// Writes a refused call to the ledger.
    audit_denied(rpc: Label, why: Label, actor: Actor) -> () {
        desk, _folders => desk.book.note(actor, SystemEvent::Denied { rpc, why }).await.map_err(submit::refused)
    }
}

impl Appliance {
    /// Reads the policy again and puts it in force; when anything is wrong, the old one stays. Either way
    /// it is written.
    ///
    /// # Errors
    /// [`Refused`] with everything that is wrong.
    pub async fn reload(&self, caller: &Caller) -> Result<(), Refused> {
        let dir = self.desk.settings.policy.dir.clone();
        let read = tokio::task::spawn_blocking(move || read_policy(&dir)).await;
        let read = read.unwrap_or_else(|_| Err(vec!["the policy could not be read".to_owned()]));
        let event = SystemEvent::Reloaded { accepted: read.is_ok() };
        self.desk.book.note(caller.actor.clone(), event).await.map_err(submit::refused)?;
        let policy = read.map_err(|errors| Refused::new(Code::Invalid, errors.join("\n")))?;
        self.desk.policy.store(Arc::new(policy));
        Ok(())
    }
}

fn routes(desk: &Desk) -> Vec<RouteView> {
    let policy = desk.policy.load();
    let view = |route: &policy::Route| RouteView {
        name: route.name.clone(),
        owner: route.owner.clone(),
        sla_hours: route.sla_hours,
        rendition: match route.rendition {
            policy::RouteRendition::Redacted => Rendition::Redacted,
            policy::RouteRendition::Original => Rendition::Original,
        },
        folder: desk.settings.paths.outbox_dir.join(&route.folder).display().to_string(),
        classes: route.classes.clone(),
    };
    policy.routes().iter().map(view).collect()
}

fn open(
    opening: Opening,
    runtime: &tokio::runtime::Handle,
) -> Result<(Appliance, Vec<SystemEvent>), StartError> {
    let Opening { settings, policy, master, clock, probe_index, progress, draining } = opening;
    let state_dir = settings.paths.state_dir.clone();
    let _guard = runtime.enter();
    let gauges = Arc::new(Gauges::default());
    let launcher =
        Launcher::new(settings.paths.worker.clone(), settings.paths.tessdata.clone(), sandbox::BUILD);
    let proof = sandbox::prove(&launcher)?;
    if !proof.landlock_full && !settings.sandbox.allow_degraded {
        return Err(StartError::Landlock);
    }
    let vault_dir = state_dir.join(VAULT_DIR);
    if !Vault::exists(&vault_dir) {
        Vault::create(&vault_dir, &master, clock)?;
    }
    let vault = Vault::open(&vault_dir, &master, clock)?;
    let ledger_dir = state_dir.join(LEDGER_DIR);
    let known = checkpoints::known(&settings, &ledger_dir, vault.checkpoint_keys())?;
    let (ledger, recovery) = Ledger::open_against(&ledger_dir, &known)?;
    let checkpoints = Checkpoints::open(&settings, &ledger_dir)?;
    let index_dir = state_dir.join(INDEX_DIR);
    let (store, opened) =
        Store::open_reporting(&index_dir, &ledger_dir, probe_index, |seq| progress(seq, recovery.records))?;
    let folders: Vec<Arc<Folder>> = settings
        .sources
        .iter()
        .filter_map(|source| Folder::open(source).transpose())
        .map(|folder| folder.map(Arc::new))
        .collect::<Result<_, _>>()?;
    refuse_a_lost_ledger(&vault, recovery.records)?;
    vault.sweep()?;
    let mut trust = mark::check(&state_dir, &ledger_dir, &vault)?;
    if opened.set_aside.is_some() && trust == Trust::Unmarked {
        // An index that has followed another ledger looks like a damaged one.
        trust = Trust::RolledBack;
    }
    if trust == Trust::RolledBack {
        tracing::error!(
            "the ledger is older than the mark beside it: an old copy was put back; nothing is swept"
        );
    }
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
    });
    events.push(SystemEvent::SiteKey { public: Digest(vault.verifying_key()) });
    let (store, vault) = (Arc::new(store), Arc::new(vault));
    let latch = Arc::new(Latch::default());
    let backups_ms = u64::from(settings.backup.keys_days) * DAY_MS;
    let certifier = Certifier { site: settings.site.clone(), backups_ms };
    let book = Book::open(ledger, store.clone(), vault.clone(), certifier, latch.clone(), clock)?;
    let workers = Workers::new(launcher, settings.workers.processes, settings.workers.warm, gauges.clone());
    let desk = Arc::new(Desk {
        settings,
        vault,
        store,
        book,
        latch,
        runs: Runs::default(),
        checkpoints,
        workers,
        policy: ArcSwap::from_pointee(policy),
        gauges,
        clock,
        trust: Mutex::new(trust),
        arriving: Arriving::default(),
        turns: Turns::default(),
        wake: Notify::new(),
        draining,
        started_at: clock(),
        proof,
    });
    Ok((Appliance { desk, folders: Arc::new(folders) }, events))
}

/// Keys without any ledger: it was lost or is not mounted.
fn refuse_a_lost_ledger(vault: &Vault, ledger_records: u64) -> Result<(), StartError> {
    let keys = vault.documents().len();
    if ledger_records == 0 && keys > 0 { Err(StartError::LedgerLost { keys }) } else { Ok(()) }
}
