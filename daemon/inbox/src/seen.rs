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
    /// It cannot be taken in, and that was said.
    reported: bool,
    /// It was counted as a file that came.
    counted: bool,
    /// Number of the last scan that saw it.
    scan: u64,
}

/// What is known of an inbox between scans.
pub(crate) struct Watchlist {
    settle: Duration,
    entries: HashMap<Name, Seen>,
    scan: u64,
    /// Counted for the first time by this scan.
    fresh: HashSet<Name>,
}

/// What changed between two scans.
#[derive(Default)]
pub(crate) struct Moves {
    /// Files seen for the first time.
    pub(crate) fresh: Vec<Name>,
    /// The same file, from one name to another.
    pub(crate) renamed: Vec<(Name, Name)>,
    /// Files that are gone.
    pub(crate) vanished: Vec<Name>,
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
        Self { settle, entries: HashMap::new(), scan: 0, fresh: HashSet::new() }
    }

    /// Begins a scan.
    pub(crate) fn begin(&mut self) {
        self.scan += 1;
        self.fresh.clear();
    }

    /// Notes an entry. False when there is no room for one more.
    pub(crate) fn note(&mut self, name: &Name, stamp: Stamp, tick: Instant) -> bool {
        let scan = self.scan;
        if !self.entries.contains_key(name) && self.entries.len() >= SEEN_MAX {
            return false;
        }
        let fresh = || Seen { stamp, since: tick, reported: false, counted: false, scan };
        let seen = self.entries.entry(name.clone()).or_insert_with(fresh);
        if seen.stamp != stamp {
            *seen = Seen { counted: seen.counted, ..fresh() };
        }
        seen.scan = scan;
        // Some programs put a file in place by link and unlink: it counts once it has one name. A sidecar counts
        // only if it turns out to be alone.
        let counts = stamp.kind != Kind::Directory && stamp.links == 1 && name.sidecar_of().is_none();
        if counts && !std::mem::replace(&mut seen.counted, true) {
            self.fresh.insert(name.clone());
        }
        true
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

    /// Forgets what this scan did not see, and tells what came, went, and got another name.
    pub(crate) fn end(&mut self) -> Moves {
        let scan = self.scan;
        let gone: Vec<(Name, Seen)> = self.entries.extract_if(|_, seen| seen.scan != scan).collect();
        let mut moves = Moves::default();
        if !gone.is_empty() {
            let here = self.entries.iter().map(|(name, seen)| (seen.stamp.inode, name.clone()));
            let here: HashMap<u64, Name> = here.collect();
            for (name, seen) in gone.into_iter().filter(|(_, seen)| seen.counted) {
                match here.get(&seen.stamp.inode).filter(|new| self.is_grown(new, &seen.stamp)) {
                    Some(new) => {
                        self.fresh.remove(new);
                        moves.renamed.push((name, new.clone()));
                    }
                    None => moves.vanished.push(name),
                }
            }
        }
        for (_, new) in &moves.renamed {
            if let Some(seen) = self.entries.get_mut(new) {
                seen.counted = true;
            }
        }
        moves.fresh = self.fresh.drain().collect();
        moves
    }

    /// Whether a file may be an earlier one under another name. Inodes are used again: one that became smaller or
    /// older is another file.
    fn is_grown(&self, new: &Name, old: &Stamp) -> bool {
        let grown = |seen: &Seen| seen.stamp.bytes >= old.bytes && seen.stamp.modified >= old.modified;
        self.entries.get(new).is_some_and(grown)
    }

    fn is_here(&self, name: &Name) -> bool {
        let file = |seen: &Seen| seen.scan == self.scan && seen.stamp.kind == Kind::File;
        self.entries.get(name).is_some_and(file)
    }
}
