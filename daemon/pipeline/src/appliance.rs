//! The appliance as a whole: opened once, asked by many. [`crate::opening`] opens it.

use crate::{
    accounting::Trail,
    artefacts,
    backup::{self, BackupBegun, BackupFile, BackupSigned, Parts},
    balance, ballast, checkpoints, closing, commands,
    desk::Desk,
    doctor, evidence, expire, explain, handover, intake, keys, mark,
    opening::{self, Opening, StartError},
    policies::read_policy,
    queries,
    queries::Stream,
    queue, runner,
    sealed::Opener,
    status, submit, sweep,
    told::{self, Told},
    turned_away, unaltered, upkeep,
    view::{
        BalanceView, Caller, Check, Code, Disclosed, DocumentView, EvidenceFile, EvidenceOf, Explained,
        KeysView, LedgerReport, PageReading, PageRedactions, Progress, Receipt, Refused, RotationView,
        RouteView, StatusView, Submission, VanishedView,
    },
    watch::{self, Folder},
};
use lifecycle::{Actor, Record, Rendition, Status, SystemEvent};
use std::sync::Arc;
use tokio::{sync::mpsc, task::JoinSet};
use types::{Digest, DocClass, DocId, Label, Phi, RunId};

/// Hints that wait while a scan runs; more say nothing new.
const HINTS_MAX: usize = 1;

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
        let opened = tokio::task::spawn_blocking(move || opening::open(opening, &runtime)).await;
        let (appliance, events) = opened.map_err(|_| StartError::Book("opening did not finish"))??;
        for event in events {
            let written = appliance.desk.book.note(Actor::Daemon, event).await;
            written.map_err(|error| StartError::of_note(&error))?;
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
        queue::recognise(&self.desk, &self.folders).await;
        for folder in self.folders.iter() {
            intake::resume_all(&self.desk, folder).await;
            tasks.spawn(watch::run(self.desk.clone(), folder.clone()));
        }
        sweep::at_start(&self.desk).await;
        tasks.spawn(sweep::run(self.desk.clone()));
        tasks.spawn(queue::drain(self.desk.clone(), self.folders.clone()));
        tasks.spawn(runner::run(self.desk.clone()));
        tasks.spawn(expire::run(self.desk.clone()));
        tasks.spawn(checkpoints::run(self.desk.clone()));
        tasks.spawn(upkeep::settle(self.desk.clone()));
        tasks.spawn(upkeep::give_back_memory(self.desk.clone()));
        tasks.spawn(upkeep::examine(self.desk.clone()));
        tasks.spawn(ballast::run(self.desk.clone()));
        tasks.spawn(turned_away::run(self.desk.clone()));
        tasks.spawn(closing::run(self.desk.clone(), self.folders.clone()));
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
        self.desk.clock.keep_or_say();
        let flushed = self.desk.blocking(|desk| Ok(desk.store.settle()?)).await;
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
    events(doc: DocId) -> Told<Record> {
        desk, _folders => { queries::find(desk, doc)?; Ok(told::stream(desk, doc, Some)) }
    }
    /// Why a document is where it is.
    explain(doc: DocId) -> Told<Explained> {
        desk, _folders => {
            queries::find(desk, doc)?;
            Ok(told::stream(desk, doc, |record| explain::line(&record)))
        }
    }
    /// Every disclosure of a document.
    accounting(doc: DocId) -> Told<Disclosed> {
        desk, _folders => {
            queries::find(desk, doc)?;
            let mut trail = Trail::default();
            Ok(told::stream(desk, doc, move |record| trail.follow(&record)))
        }
    }
    /// Whether what is kept of a document is what its records say; audited.
    verify(caller: &Caller, doc: DocId) -> Vec<Check> { desk, _folders => unaltered::verify(desk, caller, doc).await }
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
    routes() -> Vec<RouteView> { desk, _folders => Ok(status::routes(desk)) }
    /// How far these documents are; none named: all, and the files in inboxes.
    progress(docs: &[DocId]) -> Progress {
        desk, folders => {
            let (folders, docs) = (folders.clone(), docs.to_vec());
            desk.blocking(move |desk| Ok(status::progress(desk, &folders, &docs))).await.map_err(submit::refused)?
        }
    }
    /// The appliance at a glance.
    status() -> StatusView {
        desk, folders => {
            let folders = folders.clone();
            desk.blocking(move |desk| Ok(status::status(desk, &folders))).await.map_err(submit::refused)?
        }
    }
    /// Proves what the appliance claims.
    doctor() -> Vec<Check> { desk, folders => Ok(doctor::doctor(desk, folders).await) }
    /// What is known of the keys.
    keys() -> KeysView { desk, _folders => Ok(keys::view(desk)) }
    /// Replaces the root key, and with `new` the master key too; audited.
    keys_rotate(caller: &Caller, new: Option<Opener>) -> RotationView { desk, _folders => keys::rotate(desk, caller, new).await }
    /// Whether everything that came is accounted for: so far, or on a day.
    balance(day: Option<Label>) -> Vec<BalanceView> { desk, folders => balance::balance(desk, folders, day).await }
    /// Names of the files that vanished last; audited.
    vanished(caller: &Caller) -> Vec<VanishedView> { desk, folders => balance::vanished(desk, folders, caller).await }
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
