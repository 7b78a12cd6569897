//! The appliance without its master key: it takes files in, sealed to the site's public key, and reads
//! nothing. Neither vault nor index is open, and no worker runs.
//!
//! Order: sealed file (fsync, rename, fsync of the folder), then the ledger, then the inbox file is
//! removed or the upload acknowledged. Refused entries and vanished files are left alone: the key that
//! would hide their names in the ledger is not at hand.

mod intake;
mod opening;
mod scribe;

use crate::{
    gauges::Gauges,
    opening::{StartError, Step, VAULT_DIR},
    queue::Queue,
    view::{
        Caller, Code, KeysState, KeysView, Progress, Receipt, Refused, SourceView, StatusView, Submission,
    },
    watch::Place,
};
use config::Settings;
use lifecycle::{Actor, SystemEvent};
use scribe::Scribe;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Mutex as Turn, OwnedMutexGuard, mpsc, oneshot, watch},
    task::JoinSet,
};
use types::{DocId, Label, Reason, UnixMillis};
use vault::{IntakeKey, MasterKey, Vault, VaultError};

/// Pause after the first wrong passphrase; it doubles with each, up to the longest.
const WRONG_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after a wrong passphrase.
const WRONG_PAUSE_MAX: Duration = Duration::from_secs(30);

/// What opens the appliance.
pub enum Opener {
    /// The passphrase, in UTF-8.
    Passphrase(Vec<u8>),
    /// The 32 bytes of a master key file.
    Key(Vec<u8>),
}

/// Somebody has the right master key; whoever starts the appliance answers when it is open.
pub struct Unsealing {
    /// The key.
    pub master: MasterKey,
    /// Hears whether the appliance opened.
    pub reply: oneshot::Sender<Result<(), Refused>>,
}

/// What it takes to start without a master key.
pub struct SealedOpening {
    /// The configuration.
    pub settings: Settings,
    /// The one clock.
    pub clock: fn() -> UnixMillis,
    /// Told how far the opening is.
    pub progress: fn(Step),
    /// Turns true when the daemon drains.
    pub draining: watch::Receiver<bool>,
}

/// A sealed appliance. Cheap to clone.
#[derive(Clone)]
pub struct SealedAppliance(Arc<Inner>);

struct Inner {
    settings: Settings,
    /// None before the first passphrase was set: then nothing can be taken in.
    key: Option<IntakeKey>,
    queue: Queue,
    scribe: Scribe,
    folders: Mutex<Vec<Arc<Place>>>,
    gauges: Arc<Gauges>,
    clock: fn() -> UnixMillis,
    draining: watch::Receiver<bool>,
    closing: watch::Sender<bool>,
    /// Wrong tries so far; whoever holds it tries.
    wrong: Arc<Turn<u32>>,
    unsealed: mpsc::Sender<Unsealing>,
    started_at: UnixMillis,
    proof: sandbox::Proof,
}

impl SealedAppliance {
    /// Proves the sandbox and opens ledger and inboxes. The receiver hears of the right key.
    ///
    /// # Errors
    /// [`StartError`] says what is wrong and what to do.
    pub async fn open(opening: SealedOpening) -> Result<(Self, mpsc::Receiver<Unsealing>), StartError> {
        let runtime = tokio::runtime::Handle::current();
        let opened = tokio::task::spawn_blocking(move || {
            let _guard = runtime.enter();
            opening::open(opening)
        });
        opened.await.map_err(|_| StartError::Book("opening did not finish"))?
    }

    /// Takes files in until the appliance is opened or the daemon drains.
    pub async fn work(&self) {
        let folders = self.0.folders().clone();
        let mut tasks = JoinSet::new();
        for folder in folders {
            tasks.spawn(intake::watch(self.0.clone(), folder));
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Takes an upload in. An empty chunk ends the body.
    ///
    /// # Errors
    /// [`Refused`], with a reason where the bytes are to blame.
    pub async fn submit(
        &self,
        caller: &Caller,
        what: Submission,
        body: mpsc::Receiver<Vec<u8>>,
    ) -> Result<Receipt, Refused> {
        let (inner, caller) = (self.0.clone(), caller.clone());
        let taken = tokio::task::spawn_blocking(move || inner.submit(&caller, what, body)).await;
        let doc = taken.map_err(|_| Refused::because(Code::Internal, Reason::StorageError))??;
        Ok(Receipt { doc, duplicate_of: None, repeated: false })
    }

    /// How far these documents are: all of them wait.
    ///
    /// # Errors
    /// When one of them is not in the queue: nothing is known of it while sealed.
    pub async fn progress(&self, docs: &[DocId]) -> Result<Progress, Refused> {
        let waiting = self.0.waiting();
        if docs.is_empty() {
            return Ok(Progress { waiting_in_inboxes: waiting, moving: self.0.queue.files(), resting: 0 });
        }
        if docs.iter().all(|doc| self.0.queue.holds(*doc)) {
            return Ok(Progress { waiting_in_inboxes: 0, moving: docs.len() as u64, resting: 0 });
        }
        Err(sealed())
    }

    /// The appliance at a glance; what only the index knows is empty.
    #[must_use]
    pub fn status(&self) -> StatusView {
        self.0.status()
    }

    /// What is known of the keys.
    #[must_use]
    pub fn keys(&self) -> KeysView {
        let state = if self.0.key.is_some() { KeysState::Sealed } else { KeysState::New };
        KeysView { state, passphrase: self.0.settings.keys.passphrase, held: None }
    }

    /// Opens the appliance; returns when it is open. A wrong key is written to the ledger and costs a
    /// pause that grows; one is tried at a time. A try goes on to the end of its pause also when nobody waits
    /// for its answer any more.
    ///
    /// # Errors
    /// [`Refused`] when the key is wrong, or the appliance does not open with it.
    pub async fn unseal(&self, caller: &Caller, opener: Opener) -> Result<(), Refused> {
        // Whoever leaves before it is his turn has not tried anything.
        let turn = self.0.wrong.clone().lock_owned().await;
        let (sealed, actor) = (self.clone(), caller.actor.clone());
        let tried = tokio::spawn(async move { sealed.try_to_unseal(turn, actor, opener).await });
        tried.await.map_err(|_| Refused::because(Code::Internal, Reason::StorageError))?
    }

    async fn try_to_unseal(
        &self,
        mut wrong: OwnedMutexGuard<u32>,
        by: Actor,
        opener: Opener,
    ) -> Result<(), Refused> {
        let inner = self.0.clone();
        let found = tokio::task::spawn_blocking(move || inner.master(opener)).await;
        let master = match found.map_err(|_| Refused::because(Code::Internal, Reason::StorageError))? {
            Ok(master) => master,
            Err(VaultError::WrongMasterKey { .. }) => {
                *wrong = wrong.saturating_add(1);
                let noted = self.0.scribe.note_for_caller(by, SystemEvent::UnsealRefused).await;
                tokio::time::sleep(pause_after(*wrong)).await;
                noted?;
                return Err(Refused::new(Code::Denied, "this passphrase or key does not open the vault"));
            }
            Err(error) => return Err(Refused::new(Code::Invalid, error.to_string())),
        };
        self.0.scribe.note_for_caller(by, SystemEvent::Unsealed).await?;
        let (reply, answer) = oneshot::channel();
        let gone = || Refused::new(Code::Temporary, "the daemon is stopping");
        self.0.unsealed.send(Unsealing { master, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Writes a refused call to the ledger.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn audit_denied(&self, rpc: Label, why: Label, actor: Actor) -> Result<(), Refused> {
        self.0.scribe.note_for_caller(actor, SystemEvent::Denied { rpc, why }).await
    }

    /// Answers when the ledger does; a write that is under way is waited for.
    pub async fn is_alive(&self) -> bool {
        self.0.scribe.is_alive().await
    }

    /// Lets go of ledger and inboxes, so that the appliance can be opened in the same process. Call it
    /// after [`Self::work`] was told to end by [`Self::stop`].
    pub fn close(&self) {
        self.0.folders().clear();
        self.0.scribe.close();
    }

    /// Writes the last line of a run that stayed sealed.
    pub async fn stopped(&self) {
        if let Err(error) = self.0.scribe.note_for_caller(Actor::Daemon, SystemEvent::Stopped).await {
            tracing::error!(%error, "the stop could not be written");
        }
    }

    /// Lets [`Self::work`] end.
    pub fn stop(&self) {
        self.0.closing.send_replace(true);
    }
}

/// After so many wrong tries.
fn pause_after(wrong: u32) -> Duration {
    WRONG_PAUSE.saturating_mul(1 << wrong.saturating_sub(1).min(5)).min(WRONG_PAUSE_MAX)
}

/// What every other call hears.
#[must_use]
pub fn sealed() -> Refused {
    Refused::new(Code::Sealed, "the appliance is sealed; run lazaretctl unseal")
}

impl Inner {
    fn master(&self, opener: Opener) -> Result<MasterKey, VaultError> {
        let dir = self.vault_dir();
        let master = opener.master(&dir, false)?;
        if Vault::exists(&dir) {
            Vault::fits(&dir, &master)?;
        }
        Ok(master)
    }

    fn status(&self) -> StatusView {
        let folders = self.folders().clone();
        let sources = self.settings.sources.iter().map(|source| {
            let folder = folders.iter().find(|folder| folder.source == source.name);
            SourceView {
                name: source.name.clone(),
                folder: source.folder.as_ref().map(|path| path.display().to_string()),
                waiting: folder.map_or(0, |folder| folder.waiting()),
                network: folder.is_some_and(|folder| folder.with(|inbox| inbox.status().network)),
            }
        });
        let sources: Vec<_> = sources.collect();
        StatusView {
            site: self.settings.site.clone(),
            build: sandbox::BUILD.to_owned(),
            started_at: self.started_at,
            degraded: self.settings.sandbox.allow_degraded,
            landlock_abi: self.proof.landlock_abi,
            counts: Vec::new(),
            waiting_in_inboxes: sources.iter().map(|source| source.waiting).sum::<u64>()
                + self.gauges.in_intake(),
            ledger_records: self.scribe.records(),
            keystore_generation: 0,
            free_bytes: self.free_bytes(),
            floor_bytes: self.settings.space.floor_bytes,
            ballast_bytes: crate::ballast::held_bytes(&self.settings.paths.state_dir),
            sources,
            stations: Vec::new(),
            rss_bytes: crate::status::own_rss_bytes(),
            sealed: true,
            queued: self.queue.files(),
            keys_rotated_at: None,
            oldest_undelivered: None,
        }
    }

    fn waiting(&self) -> u64 {
        self.folders().iter().map(|folder| folder.waiting()).sum::<u64>() + self.gauges.in_intake()
    }

    fn vault_dir(&self) -> PathBuf {
        self.settings.paths.state_dir.join(VAULT_DIR)
    }

    fn new_doc(&self) -> DocId {
        DocId::from_parts((self.clock)(), u128::from_be_bytes(vault::random()))
    }

    fn free_bytes(&self) -> u64 {
        outbox::space_free(&self.settings.paths.state_dir).unwrap_or_default()
    }

    fn has_space(&self) -> bool {
        self.free_bytes() >= self.settings.space.floor_bytes
    }

    fn is_closing(&self) -> bool {
        *self.closing.borrow() || *self.draining.borrow()
    }

    fn folders(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Place>>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
