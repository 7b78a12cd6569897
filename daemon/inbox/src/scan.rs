//! One look at the folder: everything that lies in it is told apart, counted, and the files that have
//! settled are named, the longest settled first.

use crate::{
    Candidate, Inbox, InboxError, Name, RefusedEntry,
    folder::{Folder, open_inner},
    seen::{SEEN_MAX, Standing},
    stamp::{Kind, Stamp},
};
use nix::sys::stat::fstat;
use sandbox::sys::{Lease, read_lease};
use std::{
    collections::{BinaryHeap, HashSet},
    fs::File,
    time::{Duration, Instant},
};
use types::{Reason, UnixMillis};

/// Files that one scan opens and hands out. The rest follows at the next scan, which is due at once.
pub(crate) const CANDIDATES_MAX: usize = 256;
/// Entries that one scan moves out of the way.
const REFUSALS_MAX: usize = 256;

/// What a scan found.
#[derive(Default)]
pub struct Scan {
    /// Files that can be claimed, the longest settled first.
    pub ready: Vec<Candidate>,
    /// Files that are still settling, are being written, or cannot be opened.
    pub waiting: u32,
    /// Those of the waiting that cannot be opened.
    pub unreadable: u32,
    /// Entries that can never be taken in.
    pub refused: Vec<RefusedEntry>,
    /// Files seen before that are gone, and were not claimed.
    pub vanished: Vec<Name>,
    /// There was more than one scan handles: scan again at once.
    pub more: bool,
    /// When the next file may have settled.
    pub next_due: Option<Duration>,
}

/// A file in the order in which files are taken: settled longest, then written first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    since: Instant,
    modified: (i64, i64),
    name: Name,
    stamp: Stamp,
}

impl Inbox {
    /// Looks at everything in the folder.
    ///
    /// # Errors
    /// When the folder cannot be used: nothing is changed then, and the next scan tries again.
    pub fn scan(&mut self, now: UnixMillis) -> Result<Scan, InboxError> {
        self.scan_at(now, Instant::now())
    }

    pub(crate) fn scan_at(&mut self, now: UnixMillis, tick: Instant) -> Result<Scan, InboxError> {
        self.folder.refresh()?;
        self.seen.begin();
        for name in self.take_taken() {
            self.seen.forget(&name);
        }
        let mut scan = Scan::default();
        let files = self.note_all(&mut scan, now, tick)?;
        for turn in self.settled(files, &mut scan, tick) {
            self.examine(turn, &mut scan, now, tick);
        }
        Ok(scan)
    }

    /// Notes what lies in the folder, moves away what is no file, and returns the files.
    fn note_all(
        &mut self,
        scan: &mut Scan,
        now: UnixMillis,
        tick: Instant,
    ) -> Result<Vec<(Name, Stamp)>, InboxError> {
        let (names, complete) = self.folder.names(&self.settings.ignored_endings, SEEN_MAX)?;
        let mut files = Vec::new();
        let mut all_noted = complete;
        for name in names {
            let Some(stamp) = self.folder.stamp(&name)? else { continue };
            all_noted &= self.seen.note(&name, stamp, tick);
            match stamp.kind {
                Kind::File => files.push((name, stamp)),
                Kind::Directory | Kind::Symlink | Kind::Special => self.refuse(&name, &stamp, now, scan),
            }
        }
        let gone = self.seen.end();
        // What an incomplete listing does not show may well be there.
        if all_noted {
            scan.vanished = gone;
        }
        Ok(files)
    }

    /// The files whose turn it is, and the count of those whose turn it is not.
    fn settled(&self, files: Vec<(Name, Stamp)>, scan: &mut Scan, tick: Instant) -> Vec<Turn> {
        let mut turns = BinaryHeap::new();
        for (name, stamp) in files {
            match self.seen.standing(&name, tick) {
                Some(Standing::Sidecar) => {}
                Some(Standing::Settling(left)) => scan.wait(Some(left)),
                None => scan.wait(None),
                Some(Standing::Settled(since)) => {
                    turns.push(Turn { since, modified: stamp.modified, name, stamp });
                    if turns.len() > CANDIDATES_MAX {
                        turns.pop();
                        scan.wait(None);
                        scan.more = true;
                    }
                }
            }
        }
        turns.into_sorted_vec()
    }

    /// Hands out a settled file, unless something still speaks against it.
    fn examine(&mut self, turn: Turn, scan: &mut Scan, now: UnixMillis, tick: Instant) {
        let Turn { name, stamp, .. } = turn;
        if self.refusal_of(&stamp).is_some() {
            // A second name is refused only now: some programs put a file in place by link and unlink.
            return self.refuse(&name, &stamp, now, scan);
        }
        if let Some(left) = self.seen.sidecar_left(&name, tick) {
            return scan.wait(Some(left));
        }
        match Folder::open_file(&self.folder.inbox, &name) {
            Ok(file) if is_still(&file, &stamp) && self.has_no_writer(&file) => {
                return scan.ready.push(Candidate { name, stamp, arrived_by_rename: false });
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(_) => {
                scan.unreadable += 1;
                if self.seen.report_once(&name) {
                    scan.refused.push(RefusedEntry { name: name.display(), reason: Reason::Unreadable });
                }
            }
        }
        scan.wait(None);
        self.seen.start_over(&name, tick);
    }

    /// Whether nobody has the file open for writing, as far as that can be known.
    pub(crate) fn has_no_writer(&self, file: &File) -> bool {
        // A network file system answers for this machine only, or not at all.
        self.folder.network || read_lease(file).is_ok_and(|lease| lease != Lease::Busy)
    }

    /// Why an entry can never be taken in: its kind, or its size.
    pub(crate) fn refusal_of(&self, stamp: &Stamp) -> Option<Reason> {
        let too_large = stamp.bytes > self.settings.file_bytes_max;
        stamp.refusal().or_else(|| too_large.then_some(Reason::FileTooLarge))
    }

    fn refuse(&mut self, name: &Name, stamp: &Stamp, now: UnixMillis, scan: &mut Scan) {
        let Some(reason) = self.refusal_of(stamp) else { return };
        if self.settings.leave_refused {
            return;
        }
        if reason != Reason::Directory {
            if scan.refused.len() >= REFUSALS_MAX {
                scan.more = true;
                return;
            }
            if self.move_away(name, now).is_ok() {
                self.seen.forget(name);
                scan.refused.push(RefusedEntry { name: name.display(), reason });
                return;
            }
        }
        if self.seen.report_once(name) {
            scan.refused.push(RefusedEntry { name: name.display(), reason });
        }
    }

    /// How many files lie here: seen or unseen, settling or claimed but not removed yet.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn waiting(&self) -> Result<u32, InboxError> {
        let (names, _) = self.folder.names(&self.settings.ignored_endings, SEEN_MAX)?;
        let all: HashSet<&Name> = names.iter().collect();
        let mut count = 0_u32;
        for name in &names {
            let follows = name.sidecar_of().is_some_and(|base| all.contains(&base));
            let is_file = || Ok(self.folder.stamp(name)?.is_some_and(|stamp| stamp.kind == Kind::File));
            if !follows && is_file()? {
                count = count.saturating_add(1);
            }
        }
        let claimed = self.folder.inner_names(&self.folder.claimed, SEEN_MAX)?;
        let holds_a_file = |id: &Name| open_inner(&self.folder.claimed, id.as_path()).is_ok();
        Ok(count.saturating_add(
            u32::try_from(claimed.iter().filter(|id| holds_a_file(id)).count()).unwrap_or(u32::MAX),
        ))
    }
}

fn is_still(file: &File, stamp: &Stamp) -> bool {
    fstat(file).is_ok_and(|stat| Stamp::of(&stat) == *stamp)
}

impl Scan {
    fn wait(&mut self, left: Option<Duration>) {
        self.waiting = self.waiting.saturating_add(1);
        self.next_due = match (self.next_due, left) {
            (Some(next), Some(left)) => Some(next.min(left)),
            (next, left) => next.or(left),
        };
    }
}
