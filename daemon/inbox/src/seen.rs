//! Which files were seen, and since when each has not changed. Pure: told of stamps and of a clock that
//! never jumps, it answers which files have settled.

use crate::{
    Name,
    stamp::{Kind, Stamp},
};
use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

/// Files that are kept in mind, about 200 bytes each. Files beyond that wait unseen until others have left.
pub(crate) const SEEN_MAX: usize = 100_000;
/// How long a sidecar without its file is taken for one that came first.
pub(crate) const SIDECAR_WAIT: Duration = Duration::from_secs(600);

/// One entry of the inbox.
struct Seen {
    stamp: Stamp,
    /// Unchanged since.
    since: Instant,
    /// It cannot be taken in, cannot be moved away, and that was said.
    reported: bool,
    /// Number of the last scan that saw it.
    scan: u64,
}

/// What is known of an inbox between scans.
pub(crate) struct Watchlist {
    settle: Duration,
    entries: HashMap<Name, Seen>,
    scan: u64,
}

/// How a file stands.
pub(crate) enum Standing {
    /// It has not changed for long enough, since then.
    Settled(Instant),
    /// It may settle in this time.
    Settling(Duration),
    /// It goes with its file.
    Sidecar,
}

impl Watchlist {
    pub(crate) fn new(settle: Duration) -> Self {
        Self { settle, entries: HashMap::new(), scan: 0 }
    }

    /// Begins a scan.
    pub(crate) fn begin(&mut self) {
        self.scan += 1;
    }

    /// Notes an entry. False when there is no room for one more.
    pub(crate) fn note(&mut self, name: &Name, stamp: Stamp, tick: Instant) -> bool {
        let scan = self.scan;
        if let Some(seen) = self.entries.get_mut(name) {
            if seen.stamp != stamp {
                *seen = Seen { stamp, since: tick, reported: false, scan };
            }
            seen.scan = scan;
            return true;
        }
        let room = self.entries.len() < SEEN_MAX;
        if room {
            self.entries.insert(name.clone(), Seen { stamp, since: tick, reported: false, scan });
        }
        room
    }

    /// How a noted file stands.
    pub(crate) fn standing(&self, name: &Name, tick: Instant) -> Option<Standing> {
        let seen = self.entries.get(name)?;
        let window = match name.sidecar_of() {
            Some(base) if self.is_here(&base) => return Some(Standing::Sidecar),
            Some(_) => self.settle.max(SIDECAR_WAIT),
            None => self.settle,
        };
        let left = window.saturating_sub(tick.saturating_duration_since(seen.since));
        Some(if left.is_zero() { Standing::Settled(seen.since) } else { Standing::Settling(left) })
    }

    /// How long a sidecar must still be left alone; nothing when there is none.
    pub(crate) fn sidecar_left(&self, file: &Name, tick: Instant) -> Option<Duration> {
        let seen = self.entries.get(&file.sidecar()).filter(|seen| seen.scan == self.scan)?;
        let left = self.settle.saturating_sub(tick.saturating_duration_since(seen.since));
        Some(left).filter(|left| !left.is_zero())
    }

    /// Sends a file that could not be opened, or that somebody writes to, to the end of the queue.
    pub(crate) fn start_over(&mut self, name: &Name, tick: Instant) {
        if let Some(seen) = self.entries.get_mut(name) {
            seen.since = tick;
        }
    }

    /// Whether an entry that stays where it is has to be reported now; only the first answer is yes.
    pub(crate) fn report_once(&mut self, name: &Name) -> bool {
        self.entries.get_mut(name).is_some_and(|seen| !std::mem::replace(&mut seen.reported, true))
    }

    /// Forgets an entry that was moved away.
    pub(crate) fn forget(&mut self, name: &Name) {
        self.entries.remove(name);
    }

    /// Forgets what this scan did not see, and names the files among it that did not merely get another name.
    pub(crate) fn end(&mut self) -> Vec<Name> {
        let scan = self.scan;
        let here: HashSet<u64> =
            self.entries.values().filter(|seen| seen.scan == scan).map(|seen| seen.stamp.inode).collect();
        let gone = self.entries.extract_if(|_, seen| seen.scan != scan);
        gone.filter(|(_, seen)| seen.stamp.refusal().is_none() && !here.contains(&seen.stamp.inode))
            .map(|(name, _)| name)
            .collect()
    }

    fn is_here(&self, name: &Name) -> bool {
        let file = |seen: &Seen| seen.scan == self.scan && seen.stamp.kind == Kind::File;
        self.entries.get(name).is_some_and(file)
    }
}
