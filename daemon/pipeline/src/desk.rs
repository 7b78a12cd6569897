//! The handles a station may use, and nothing else.

use crate::{
    arriving::Arriving, backup::Runs, ballast::Ballast, book::Book, checkpoints::Checkpoints,
    clockwatch::ClockWatch, closing::Closing, gauges::Gauges, handover::Turns, latch::Latch, mark::Trust,
    queue::Queue, refusal::Refusal, turned_away::TurnedAway, workers::Workers,
};
use ::store::Contract;
use arc_swap::ArcSwap;
use config::{Settings, Source};
use lifecycle::Patience;
use policy::Policy;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};
use types::{BlobId, DocId, Label, Limits, Reason, UnixMillis};
use vault::Vault;

/// One appliance's handles; shared by all stations and all callers.
pub(crate) struct Desk {
    pub(crate) settings: Settings,
    pub(crate) vault: Arc<Vault>,
    pub(crate) store: Arc<dyn Contract>,
    pub(crate) book: Book,
    pub(crate) latch: Arc<Latch>,
    pub(crate) runs: Runs,
    pub(crate) checkpoints: Checkpoints,
    /// What was taken in while sealed.
    pub(crate) queue: Queue,
    pub(crate) workers: Workers,
    pub(crate) policy: ArcSwap<Policy>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) clock: Arc<ClockWatch>,
    /// What the mark says of the ledger.
    pub(crate) trust: Mutex<Trust>,
    /// What is given up when the disk is full.
    pub(crate) ballast: Ballast,
    /// Uploads that were not taken, of this minute.
    pub(crate) turned_away: TurnedAway,
    /// Days that were signed into the ledger.
    pub(crate) closing: tokio::sync::Mutex<Closing>,
    /// Who holds it makes a bundle of evidence.
    pub(crate) exporting: Arc<tokio::sync::Mutex<()>>,
    /// What is on its way into the ledger.
    pub(crate) arriving: Arriving,
    /// Whose move a document's next step is.
    pub(crate) turns: Turns,
    /// Something may be due.
    pub(crate) wake: Notify,
    /// True once the daemon drains: nothing new is started.
    pub(crate) draining: watch::Receiver<bool>,
    pub(crate) started_at: UnixMillis,
    pub(crate) proof: sandbox::Proof,
    /// Memory may be swapped to a disk in clear; the configuration allows it.
    pub(crate) clear_swap: bool,
}

impl Desk {
    /// The time.
    pub(crate) fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// A new document id.
    pub(crate) fn new_doc(&self) -> DocId {
        DocId::from_parts(self.now(), u128::from_be_bytes(vault::random()))
    }

    /// A new blob id.
    pub(crate) fn new_blob(&self) -> BlobId {
        BlobId::from_parts(self.now(), u128::from_be_bytes(vault::random()))
    }

    /// The profile of a source; none if the configuration no longer has it.
    pub(crate) fn source(&self, name: &Label) -> Option<&Source> {
        self.settings.sources.iter().find(|source| source.name == *name)
    }

    /// The limits of a source; those of a source that is gone are the defaults.
    pub(crate) fn limits(&self, source: &Label) -> Limits {
        self.source(source).map_or_else(Limits::default, |source| source.limits)
    }

    /// How often a station is tried.
    pub(crate) fn patience(&self) -> Patience {
        Patience { tries_max: self.settings.workers.tries_max }
    }

    /// Free space under the state directory, bytes; 0 when it cannot be told, which stops intake.
    pub(crate) fn free_bytes(&self) -> u64 {
        outbox::space_free(&self.settings.paths.state_dir).unwrap_or_default()
    }

    /// Enough space to take in more?
    pub(crate) fn has_space(&self) -> bool {
        self.free_bytes() >= self.settings.space.floor_bytes && !self.ballast.is_released()
    }

    /// Whether the ledger holds what it once held.
    pub(crate) fn trust(&self) -> Trust {
        *self.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is the daemon draining?
    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Runs blocking work (disk, processor) off the async threads.
    pub(crate) async fn blocking<T, F>(self: &Arc<Self>, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&Arc<Desk>) -> Result<T, Refusal> + Send + 'static,
    {
        let desk = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&desk)).await;
        done.unwrap_or(Err(Refusal::NotNow(Reason::StorageError)))
    }
}
