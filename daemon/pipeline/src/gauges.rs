//! What the stations used, counted in memory only: for `status` and `bench`, never for decisions.

use crate::view::StationUsage;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Counters since start.
#[derive(Default)]
pub(crate) struct Gauges {
    stations: Mutex<BTreeMap<&'static str, StationUsage>>,
    /// Files between claim and ledger.
    in_intake: AtomicU64,
}

impl Gauges {
    /// A worker ended.
    pub(crate) fn worker(&self, station: &'static str, cpu_ms: u64, peak_rss_bytes: u64) {
        self.with(station, |usage| {
            usage.cpu_ms += cpu_ms;
            usage.peak_rss_bytes = usage.peak_rss_bytes.max(peak_rss_bytes);
        });
    }

    /// A station finished with so many pages.
    pub(crate) fn station(&self, station: &'static str, took: Duration, pages: u64) {
        self.with(station, |usage| {
            usage.wall_ms += u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            usage.pages += pages;
        });
    }

    /// All of them.
    pub(crate) fn stations(&self) -> Vec<StationUsage> {
        self.stations.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// A file is between claim and ledger until the guard is dropped.
    pub(crate) fn intake(self: &std::sync::Arc<Self>) -> InIntake {
        self.in_intake.fetch_add(1, Ordering::SeqCst);
        InIntake(self.clone())
    }

    /// Files between claim and ledger now.
    pub(crate) fn in_intake(&self) -> u64 {
        self.in_intake.load(Ordering::SeqCst)
    }

    fn with(&self, station: &'static str, change: impl FnOnce(&mut StationUsage)) {
        let mut stations = self.stations.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || StationUsage { station, cpu_ms: 0, wall_ms: 0, pages: 0, peak_rss_bytes: 0 };
        change(stations.entry(station).or_insert_with(fresh));
    }
}

/// See [`Gauges::intake`].
pub(crate) struct InIntake(std::sync::Arc<Gauges>);

impl Drop for InIntake {
    fn drop(&mut self) {
        self.0.in_intake.fetch_sub(1, Ordering::SeqCst);
    }
}
