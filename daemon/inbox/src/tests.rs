//! A real folder, a clock that the test turns, and the people who put files into inboxes.
#![allow(clippy::unwrap_used)]

mod claiming;
mod crowd;
mod folders;
mod hostile;
mod settling;
mod sidecars;
mod watching;

use crate::{Claimed, Inbox, InboxSettings, Scan};
use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use types::{DocId, UnixMillis};

pub(crate) const SETTLE_MS: u64 = 10_000;

pub(crate) struct Desk {
    home: TempDir,
    pub(crate) inbox: Inbox,
    tick: Instant,
    ids: u64,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::settling_for(SETTLE_MS)
    }

    /// A desk whose files are ready as soon as they are seen.
    pub(crate) fn without_settling() -> Self {
        Self::settling_for(0)
    }

    fn settling_for(settle_ms: u64) -> Self {
        let home = tempfile::tempdir().unwrap();
        let inbox = Inbox::open(&settings(&home.path().join("inbox"), settle_ms)).unwrap();
        Self { home, inbox, tick: Instant::now(), ids: 0 }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.home.path().join("inbox").join(name)
    }

    pub(crate) fn put(&self, name: impl AsRef<Path>, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Scans after some seconds have passed.
    pub(crate) fn look_after(&mut self, seconds: u64) -> Scan {
        self.tick += Duration::from_secs(seconds);
        self.inbox.scan_at(UnixMillis(1_700_000_000_000), self.tick).unwrap()
    }

    pub(crate) fn next_id(&mut self) -> DocId {
        self.ids += 1;
        DocId::from_parts(UnixMillis(1_700_000_000_000 + self.ids), 7)
    }

    /// Claims the only file that is ready.
    pub(crate) fn claim(&mut self, mut scan: Scan) -> Option<Claimed> {
        assert_eq!(scan.ready.len(), 1, "one file should be ready");
        let id = self.next_id();
        self.inbox.claim(scan.ready.remove(0), id).unwrap()
    }

    /// What the inbox looks like after a crash: opened again.
    pub(crate) fn restart(&mut self) {
        self.inbox = Inbox::open(&self.inbox.settings).unwrap();
    }

    /// Everything in a folder, `.claimed` and the like included.
    pub(crate) fn list(&self, folder: impl AsRef<Path>) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

pub(crate) fn settings(folder: &Path, settle_ms: u64) -> InboxSettings {
    InboxSettings {
        source: "fax".parse().unwrap(),
        folder: folder.to_owned(),
        create: true,
        leave_refused: false,
        settle_ms,
        file_bytes_max: 1 << 20,
        ignored_endings: Vec::new(),
    }
}

pub(crate) fn content(claimed: &mut Claimed) -> Vec<u8> {
    let mut bytes = Vec::new();
    claimed.open().read_to_end(&mut bytes).unwrap();
    bytes
}
