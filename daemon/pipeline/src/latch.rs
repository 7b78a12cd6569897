//! While a backup runs nothing that its ledger names may disappear: no key is destroyed, no raster is
//! removed. The latch says so, for a limited time: a client that is gone cannot block destruction.

use crate::book::BookError;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use types::{BlobId, DocId, RunId};

/// Each call of a run renews it for so long. A slow medium writes a chunk of 1 MiB in far less.
pub(crate) const LEASE: Duration = Duration::from_secs(10 * 60);
/// Rasters that wait for the end of a run (4 MiB); more stay until their document is destroyed.
const WAITING_MAX: usize = 100_000;

/// A raster that is named by no event any more: document, index blob, pages.
pub(crate) type Raster = (DocId, BlobId, u32);

/// The latch of one appliance.
#[derive(Default)]
pub(crate) struct Latch(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    held: Option<(RunId, Instant)>,
    waiting: Vec<Raster>,
}

impl Inner {
    fn is_held(&self) -> bool {
        self.held.is_some_and(|(_, until)| until > Instant::now())
    }
}

impl Latch {
    /// Holds it for a run; an earlier run loses it.
    pub(crate) fn take(&self, run: RunId) {
        self.inner().held = Some((run, Instant::now() + LEASE));
    }

    /// Holds it longer; false when the run does not hold it, or its time was over: then something may
    /// have been destroyed meanwhile, and the run is of no use.
    pub(crate) fn renew(&self, run: RunId) -> bool {
        let mut inner = self.inner();
        let holds = inner.is_held() && inner.held.is_some_and(|(holder, _)| holder == run);
        if holds {
            inner.held = Some((run, Instant::now() + LEASE));
        }
        holds
    }

    /// Lets go of it, and gives what waited for that.
    pub(crate) fn release(&self, run: RunId) -> Vec<Raster> {
        let mut inner = self.inner();
        if inner.held.is_none_or(|(holder, _)| holder != run) {
            return Vec::new();
        }
        inner.held = None;
        std::mem::take(&mut inner.waiting)
    }

    /// Does a backup run?
    pub(crate) fn is_held(&self) -> bool {
        self.inner().is_held()
    }

    /// Says no to destruction while it is held.
    pub(crate) fn stands_aside(&self) -> Result<(), BookError> {
        if self.is_held() { Err(BookError::Latched) } else { Ok(()) }
    }

    /// Until when it is held, if nobody renews it.
    pub(crate) fn left(&self) -> Option<Duration> {
        let inner = self.inner();
        inner.held.filter(|_| inner.is_held()).map(|(_, until)| until - Instant::now())
    }

    /// The rasters that may be removed now: this one and those that waited, or none while it is held.
    pub(crate) fn removable(&self, raster: Raster) -> Vec<Raster> {
        let mut inner = self.inner();
        if inner.waiting.len() < WAITING_MAX {
            inner.waiting.push(raster);
        }
        if inner.is_held() { Vec::new() } else { std::mem::take(&mut inner.waiting) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> RunId {
        RunId::from_bytes([number; 16])
    }

    fn raster(number: u8) -> Raster {
        (DocId::from_bytes([number; 16]), BlobId::from_bytes([number; 16]), 1)
    }

    #[test]
    fn what_a_running_backup_may_need_waits_for_its_end() {
        let latch = Latch::default();
        assert_eq!(latch.removable(raster(1)), [raster(1)]);
        latch.take(id(1));
        assert!(latch.is_held() && latch.renew(id(1)) && !latch.renew(id(2)));
        assert!(latch.removable(raster(2)).is_empty());
        assert!(latch.release(id(2)).is_empty() && latch.is_held());
        assert_eq!(latch.release(id(1)), [raster(2)]);
        assert!(!latch.is_held() && !latch.renew(id(1)));
    }

    #[test]
    fn a_client_that_is_gone_loses_it_and_what_waited_goes_with_the_next() {
        let latch = Latch::default();
        latch.take(id(1));
        assert!(latch.removable(raster(1)).is_empty());
        latch.inner().held = Some((id(1), Instant::now()));
        assert!(!latch.is_held() && !latch.renew(id(1)) && latch.left().is_none());
        assert_eq!(latch.removable(raster(2)), [raster(1), raster(2)]);
    }
}
