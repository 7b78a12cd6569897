//! Watches the wall clock, because destruction obeys it. A clock that jumps ahead must not end a retention that is
//! not over, and one that falls back must not date what arrives into a past whose retention is over already.
//!
//! Beside the wall clock there is a steady time ([`crate::steady`]). It is kept in `state/clock`, with the boot it
//! belongs to: within one boot the machine's own count of time goes on over every restart of the daemon. While the
//! clock is in doubt nothing is destroyed; a person may say that it is right.

use crate::{
    durable,
    steady::{Found, Kept, Steady},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};
use types::UnixMillis;

const FILE_NAME: &str = "clock";

/// The time that the machine counts by itself.
#[derive(Clone)]
pub struct Uptime {
    /// Names the boot that it counts from; none when that cannot be told, and then no two starts are of one boot.
    pub boot: Option<String>,
    /// Milliseconds since the boot, those of sleep included. No setting of the wall clock changes it.
    pub now_ms: fn() -> u64,
}

/// The clock of the appliance.
pub(crate) struct ClockWatch {
    dir: PathBuf,
    wall: fn() -> UnixMillis,
    uptime: Uptime,
    steady: Mutex<Steady>,
}

impl ClockWatch {
    /// Takes up the steady time of the last run. Where it was not kept, the last record of the ledger is what is
    /// known of the time; an appliance without any record has nothing to destroy.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub(crate) fn open(
        dir: &Path,
        wall: fn() -> UnixMillis,
        uptime: Uptime,
        last_record: Option<UnixMillis>,
    ) -> io::Result<Self> {
        let (now, up) = (wall(), (uptime.now_ms)());
        let kept = read(&dir.join(FILE_NAME))?;
        let kept = kept.or_else(|| last_record.map(Kept::of_record));
        let (steady, found) = match kept {
            Some(kept) => Steady::resume(kept, uptime.boot.as_deref(), now, up),
            None => (Steady::begin(now, up), Found::Same),
        };
        let watch = Self { dir: dir.to_owned(), wall, uptime, steady: Mutex::new(steady) };
        watch.tell(found);
        durable::unless_full(watch.keep(), "the steady time")?;
        Ok(watch)
    }

    /// The time: that of the wall clock, but never one that has passed.
    pub(crate) fn now(&self) -> UnixMillis {
        let (wall, steady) = self.look();
        if steady.is_doubted() { wall.max(steady.expected(self.up())) } else { wall }
    }

    /// The time as the wall clock shows it, believed or not.
    pub(crate) fn wall(&self) -> UnixMillis {
        (self.wall)()
    }

    /// By how much the wall clock is ahead of the steady time, or behind it, when it is not believed; none when it
    /// is. While it is not, nothing is destroyed.
    pub(crate) fn differs_by_ms(&self) -> Option<i64> {
        let (wall, steady) = self.look();
        let expected = steady.expected(self.up());
        let ms = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let by = if wall >= expected { ms(wall.since(expected)) } else { -ms(expected.since(wall)) };
        steady.is_doubted().then_some(by)
    }

    /// A person says that the wall clock is right.
    pub(crate) fn believe(&self) {
        *self.lock() = Steady::begin((self.wall)(), self.up());
        self.keep_or_say();
    }

    /// Keeps the steady time for the next start.
    pub(crate) fn keep_or_say(&self) {
        if let Err(error) = self.keep() {
            tracing::warn!(%error, "the steady time could not be kept; the next start takes it for a longer pause");
        }
    }

    /// Compares the clocks.
    fn look(&self) -> (UnixMillis, Steady) {
        let mut steady = self.lock();
        let wall = (self.wall)();
        let found = steady.look(wall, self.up());
        let looked = steady.clone();
        drop(steady);
        if found != Found::Same {
            self.tell(found);
            self.keep_or_say();
        }
        (wall, looked)
    }

    fn tell(&self, found: Found) {
        match found {
            Found::Same => {}
            Found::Jumped { ms } => {
                tracing::error!(ms, "the wall clock jumped; nothing is destroyed until it is right again");
            }
            Found::Unsure { ms } => tracing::error!(
                ms,
                "the wall clock is further from the last run than a pause explains; nothing is destroyed before it \
                 ran steadily for a day, or somebody says that it is right"
            ),
            Found::Right => tracing::info!("the wall clock is right again"),
        }
    }

    fn keep(&self) -> io::Result<()> {
        let kept = self.lock().keep(self.up(), self.uptime.boot.clone());
        durable::replace(&self.dir.join(FILE_NAME), kept.to_line().as_bytes())
    }

    fn up(&self) -> u64 {
        (self.uptime.now_ms)()
    }

    fn lock(&self) -> MutexGuard<'_, Steady> {
        self.steady.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// None when there is no file yet.
fn read(path: &Path) -> io::Result<Option<Kept>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let wrong =
        || io::Error::new(io::ErrorKind::InvalidData, "expected milliseconds since 1970; remove the file");
    Kept::of_line(&text).map(Some).ok_or_else(wrong)
}
