//! Ballast: a file that takes up room until a full disk keeps work under way from its end, and is then given up.
//!
//! The floor keeps intake from filling the disk; the ballast is for everybody else who does. While it is gone nothing
//! is taken in. It is made again, by itself, once there is room for it above the floor and a quarter more, so that
//! a disk at the brink does not swing.
//!
//! A start and the index need room too, before any document does: a daemon that a full disk ended would otherwise
//! end again at each start, beside a ballast that nobody gives up.

use crate::{desk::Desk, refusal::Refusal};
use lifecycle::{Actor, SystemEvent};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const FILE_NAME: &str = "ballast";
/// Room for a start, and for the index to be written out: journals, notes, a snapshot and a segment of the index.
/// Less than the lowest floor.
pub(crate) const WORK_ROOM_BYTES: u64 = 32 << 20;
/// How often there may be room again.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The file.
pub(crate) struct Ballast {
    path: PathBuf,
    bytes: u64,
    floor: u64,
    held: AtomicBool,
    /// It was given up by this run and not made again yet.
    released: AtomicBool,
}

/// Bytes of the file as it lies there, for an appliance that leaves it alone.
pub(crate) fn held_bytes(state_dir: &Path) -> u64 {
    fs::metadata(state_dir.join(FILE_NAME)).map_or(0, |file| file.len())
}

impl Ballast {
    /// Finds it where the last run left it.
    pub(crate) fn open(state_dir: &Path, bytes: u64, floor: u64) -> Self {
        let path = state_dir.join(FILE_NAME);
        let held = fs::metadata(&path).is_ok_and(|file| bytes > 0 && file.len() == bytes);
        Self { path, bytes, floor, held: AtomicBool::new(held), released: AtomicBool::new(false) }
    }

    /// Bytes that it holds now.
    pub(crate) fn held_bytes(&self) -> u64 {
        if self.held.load(Ordering::SeqCst) { self.bytes } else { 0 }
    }

    /// Bytes that it should hold.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether a full disk took it.
    pub(crate) fn is_released(&self) -> bool {
        self.released.load(Ordering::SeqCst)
    }

    /// At start, before anything is written: gives it up when there is too little room to go on; true when it did.
    pub(crate) fn make_room_to_start(&self, free: u64) -> io::Result<bool> {
        let released = free < WORK_ROOM_BYTES && self.release()?;
        if released {
            tracing::error!(
                free,
                bytes = self.bytes,
                "the disk is full: the ballast was given up for the start; free some space"
            );
        }
        Ok(released)
    }

    /// Gives it up; true when that made room.
    fn release(&self) -> io::Result<bool> {
        if !self.held.swap(false, Ordering::SeqCst) {
            return Ok(false);
        }
        self.released.store(true, Ordering::SeqCst);
        fs::remove_file(&self.path)?;
        Ok(true)
    }

    /// Makes it when there is room; true when it is there for the first time since.
    fn make(&self, free: u64) -> io::Result<bool> {
        let room = self.floor.saturating_add(self.bytes).saturating_add(self.bytes / 4);
        if self.bytes == 0 || self.held_bytes() > 0 || free < room {
            return Ok(false);
        }
        // One of another size, or one that a crash left unfinished.
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        outbox::reserve(&self.path, self.bytes)?;
        self.held.store(true, Ordering::SeqCst);
        Ok(true)
    }
}

/// Work under way met a full disk: gives up the ballast and writes that down.
pub(crate) async fn release(desk: &Arc<Desk>) {
    let released = desk.blocking(|desk| desk.ballast.release().map_err(crate::artefacts::disk)).await;
    if matches!(released, Ok(true)) {
        let bytes = desk.ballast.bytes();
        tracing::error!(
            bytes,
            "the disk is full: the ballast was given up so that work under way ends; free some space"
        );
        note(desk, SystemEvent::BallastReleased { bytes }).await;
        desk.wake.notify_one();
    }
}

/// Whether there is room for the index to be written out, if need be that of the ballast: sled never gets over a
/// write that failed.
pub(crate) async fn has_room_for_index(desk: &Arc<Desk>) -> bool {
    let has_room = |desk: &Arc<Desk>| desk.free_bytes() >= WORK_ROOM_BYTES;
    if !has_room(desk) {
        release(desk).await;
    }
    has_room(desk)
}

/// Makes it at start and whenever there is room again, until the daemon drains.
pub(crate) async fn run(desk: Arc<Desk>) {
    let mut draining = desk.draining.clone();
    while !desk.is_draining() {
        let made =
            desk.blocking(|desk| desk.ballast.make(desk.free_bytes()).map_err(crate::artefacts::disk)).await;
        match made {
            Ok(true) if desk.ballast.released.swap(false, Ordering::SeqCst) => {
                note(&desk, SystemEvent::BallastRestored { bytes: desk.ballast.bytes() }).await;
            }
            Ok(_) | Err(Refusal::NotNow(_)) => {}
            Err(refusal) => tracing::warn!(%refusal, "the ballast cannot be made; it is tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = draining.changed() => {}
        }
    }
}

async fn note(desk: &Arc<Desk>, event: SystemEvent) {
    if let Err(error) = desk.book.note(Actor::Daemon, event).await {
        tracing::warn!(%error, "what became of the ballast could not be written to the ledger");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MIB: u64 = 1 << 20;

    // Issue: "a ballast file"; it must hold real blocks, or giving it up would free nothing.
    #[test]
    fn the_ballast_holds_real_blocks_gives_them_up_once_and_comes_back_with_a_margin() {
        use std::os::unix::fs::MetadataExt as _;
        let dir = tempfile::tempdir().unwrap();
        let ballast = Ballast::open(dir.path(), MIB, 10 * MIB);
        assert!(!ballast.make(11 * MIB).unwrap(), "not without the margin");
        assert!(ballast.make(12 * MIB).unwrap());
        let blocks = fs::metadata(dir.path().join(FILE_NAME)).unwrap().blocks();
        assert!(blocks * 512 >= MIB, "{blocks} blocks");
        assert_eq!(Ballast::open(dir.path(), MIB, 0).held_bytes(), MIB, "found again after a restart");
        assert!(ballast.release().unwrap());
        assert!(!dir.path().join(FILE_NAME).exists());
        assert!(ballast.is_released() && !ballast.release().unwrap());
        assert!(!ballast.make(11 * MIB).unwrap());
        assert!(ballast.make(12 * MIB).unwrap());
    }

    // Issue: "0 manual steps". A daemon that a full disk ended must come up on it.
    #[test]
    fn a_start_gives_the_ballast_up_only_when_there_is_no_room_to_start() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Ballast::open(dir.path(), MIB, 0).make(u64::MAX).unwrap());
        let ballast = Ballast::open(dir.path(), MIB, 0);
        assert!(!ballast.make_room_to_start(WORK_ROOM_BYTES).unwrap(), "there is room");
        assert!(dir.path().join(FILE_NAME).exists() && !ballast.is_released());
        assert!(ballast.make_room_to_start(WORK_ROOM_BYTES - 1).unwrap());
        assert!(!dir.path().join(FILE_NAME).exists() && ballast.is_released());
        let next = Ballast::open(dir.path(), MIB, 0);
        assert!(!next.make_room_to_start(0).unwrap(), "the next start has none to give");
    }

    #[test]
    fn a_ballast_of_another_size_is_made_anew_and_one_of_none_never() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Ballast::open(dir.path(), MIB, 0).make(u64::MAX).unwrap());
        let other = Ballast::open(dir.path(), 2 * MIB, 0);
        assert_eq!(other.held_bytes(), 0);
        assert!(other.make(u64::MAX).unwrap());
        assert_eq!(fs::metadata(dir.path().join(FILE_NAME)).unwrap().len(), 2 * MIB);
        assert!(!Ballast::open(dir.path(), 0, 0).make(u64::MAX).unwrap());
    }
}
