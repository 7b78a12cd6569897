//! Who writes the ledger while sealed. It lets go of the ledger when the appliance is opened.

use crate::{
    refusal::Refusal,
    submit::refused,
    view::{Code, Refused},
};
use ledger::{Ledger, LedgerError, NewRecord};
use lifecycle::{Actor, Body, SystemEvent};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use types::{Reason, UnixMillis};

/// A disk that does not end a write within this does not answer, for the watchdog. Less than a third of the unit's
/// WatchdogSec, so that one slow answer is not the end.
const ANSWER_MAX: Duration = Duration::from_secs(8);

/// The ledger of a sealed appliance.
#[derive(Clone)]
pub(super) struct Scribe {
    /// None once the appliance is being opened.
    ledger: Arc<Mutex<Option<Ledger>>>,
    clock: fn() -> UnixMillis,
}

impl Scribe {
    pub(super) fn new(ledger: Ledger, clock: fn() -> UnixMillis) -> Self {
        Self { ledger: Arc::new(Mutex::new(Some(ledger))), clock }
    }

    /// Writes something; durable on return. Blocks.
    pub(super) fn note(&self, by: Actor, event: SystemEvent) -> Result<(), Refusal> {
        let mut ledger = self.ledger();
        // Being opened: whoever asks tries again and finds the appliance open.
        let ledger = ledger.as_mut().ok_or(Refusal::NotNow(Reason::StorageError))?;
        let record = NewRecord { at: (self.clock)(), by, body: Body::System(event) };
        ledger.append(vec![record]).map(drop).map_err(|error| match error {
            LedgerError::Full { .. } => Refusal::NotNow(Reason::DiskFull),
            other => {
                tracing::error!(error = %other, "the ledger refused a record");
                Refusal::NotNow(Reason::StorageError)
            }
        })
    }

    /// The same, off the async threads.
    pub(super) async fn note_for_caller(&self, by: Actor, event: SystemEvent) -> Result<(), Refused> {
        let scribe = self.clone();
        let noted = tokio::task::spawn_blocking(move || scribe.note(by, event)).await;
        noted.map_err(|_| Refused::because(Code::Internal, Reason::StorageError))?.map_err(refused)
    }

    /// Number of records; 0 once the appliance is being opened.
    pub(super) fn records(&self) -> u64 {
        self.ledger().as_ref().map_or(0, |ledger| ledger.tip().0)
    }

    /// Does the ledger answer? Somebody inside a write is waited for: a busy disk is no dead one.
    pub(super) async fn is_alive(&self) -> bool {
        self.answers_within(ANSWER_MAX).await
    }

    async fn answers_within(&self, limit: Duration) -> bool {
        let scribe = self.clone();
        let asked = tokio::task::spawn_blocking(move || scribe.ledger().is_some());
        matches!(tokio::time::timeout(limit, asked).await, Ok(Ok(true)))
    }

    /// Lets go of the ledger.
    pub(super) fn close(&self) {
        *self.ledger() = None;
    }

    fn ledger(&self) -> MutexGuard<'_, Option<Ledger>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn scribe(dir: &std::path::Path) -> Scribe {
        Scribe::new(Ledger::open(dir).unwrap().0, || UnixMillis(1))
    }

    /// Whoever is inside an fdatasync holds the ledger; the watchdog kills who does not answer.
    #[tokio::test]
    async fn a_ledger_that_is_being_written_is_alive_and_one_that_never_answers_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let scribe = scribe(dir.path());
        let (busy, writes) = std::sync::mpsc::channel::<()>();
        let (held, is_held) = std::sync::mpsc::channel();
        let writer = std::thread::spawn({
            let scribe = scribe.clone();
            move || {
                let _inside = scribe.ledger();
                held.send(()).unwrap();
                // Until the test drops its end.
                writes.recv().unwrap_err();
            }
        });
        is_held.recv().unwrap();
        assert!(!scribe.answers_within(Duration::from_millis(50)).await, "held for ever");
        let asked = tokio::spawn({
            let scribe = scribe.clone();
            async move { scribe.is_alive().await }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!asked.is_finished(), "it waits for the writer");
        drop(busy);
        writer.join().unwrap();
        assert!(asked.await.unwrap(), "a write that ends is no dead ledger");
        scribe.close();
        assert!(!scribe.is_alive().await, "closed");
    }
}
