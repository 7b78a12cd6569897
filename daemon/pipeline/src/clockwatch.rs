//! Watches the wall clock, because destruction obeys it. A clock that jumps ahead must not end a retention that is
//! not over, and one that falls back must not date what arrives into a past whose retention is over already.
//!
//! Beside the wall clock there is a steady time: what was believed last, and what a stopwatch counted since. It is
//! kept in `state/clock` over restarts. When the two differ the steady time is believed, no retention is ended by
//! itself, and a person decides: who runs retention says thereby that the wall clock is right.

use crate::durable;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use types::UnixMillis;

/// Wall clock and steady time may differ by so much: a clock that is corrected little by little, ms.
const SLACK_MS: u64 = 5 * 60 * 1000;
/// So long may an appliance have been off; a clock that is further ahead at the start is not believed, ms.
const OFF_MAX_MS: u64 = 31 * 24 * 60 * 60 * 1000;
const FILE_NAME: &str = "clock";
/// Second word of the file while the clocks differ.
const DIFFERS: &str = "differs";

/// The clock of the appliance.
pub(crate) struct ClockWatch {
    dir: PathBuf,
    wall: fn() -> UnixMillis,
    steady: Mutex<Steady>,
}

/// The steady time.
#[derive(Clone, Copy)]
struct Steady {
    believed: UnixMillis,
    since: Instant,
    differs: bool,
}

impl Steady {
    fn now(&self) -> UnixMillis {
        self.believed.plus(u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

impl ClockWatch {
    /// Takes up the steady time of the last run.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub(crate) fn open(dir: &Path, wall: fn() -> UnixMillis) -> io::Result<Self> {
        let now = wall();
        let (believed, differed) = read(&dir.join(FILE_NAME))?.unwrap_or((now, false));
        let was_off = now >= believed && now.since(believed) <= OFF_MAX_MS && !differed;
        let believed = if was_off { now } else { believed };
        let steady = Steady { believed, since: Instant::now(), differs: false };
        let watch = Self { dir: dir.to_owned(), wall, steady: Mutex::new(steady) };
        watch.look(&mut watch.lock());
        durable::unless_full(watch.keep(), "the steady time")?;
        Ok(watch)
    }

    /// The time: that of the wall clock, but never one that has passed.
    pub(crate) fn now(&self) -> UnixMillis {
        let mut steady = self.lock();
        let wall = self.look(&mut steady);
        if steady.differs { wall.max(steady.now()) } else { wall }
    }

    /// By how much the wall clock is ahead of the steady time, or behind it; none when they agree. Then no
    /// retention may be ended but by a person.
    pub(crate) fn differs_by_ms(&self) -> Option<i64> {
        let mut steady = self.lock();
        let wall = self.look(&mut steady);
        let expected = steady.now();
        let ms = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let by = if wall >= expected { ms(wall.since(expected)) } else { -ms(expected.since(wall)) };
        steady.differs.then_some(by)
    }

    /// A person says that the wall clock is right.
    pub(crate) fn believe(&self) {
        *self.lock() = Steady { believed: (self.wall)(), since: Instant::now(), differs: false };
        self.keep_or_say();
    }

    /// Keeps the steady time for the next start.
    pub(crate) fn keep_or_say(&self) {
        if let Err(error) = self.keep() {
            tracing::warn!(%error, "the steady time could not be kept; the next start takes it for a longer pause");
        }
    }

    /// Compares the clocks, and gives the wall clock.
    fn look(&self, steady: &mut Steady) -> UnixMillis {
        let (wall, expected) = ((self.wall)(), steady.now());
        let apart = wall.since(expected).max(expected.since(wall));
        let differs = apart > SLACK_MS;
        if !differs {
            (steady.believed, steady.since) = (wall, Instant::now());
        }
        if differs != steady.differs {
            steady.differs = differs;
            let (dir, kept) = (self.dir.clone(), *steady);
            if let Err(error) = write(&dir, kept.now(), differs) {
                tracing::warn!(%error, "the steady time could not be kept");
            }
            if differs {
                tracing::error!(
                    ms = apart,
                    "the wall clock jumped; nothing is destroyed by itself until it is right again"
                );
            } else {
                tracing::info!("the wall clock is right again");
            }
        }
        wall
    }

    fn keep(&self) -> io::Result<()> {
        let steady = *self.lock();
        write(&self.dir, steady.now(), steady.differs)
    }

    fn lock(&self) -> MutexGuard<'_, Steady> {
        self.steady.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// None when there is no file yet.
fn read(path: &Path) -> io::Result<Option<(UnixMillis, bool)>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let mut words = text.split_whitespace();
    let wrong =
        || io::Error::new(io::ErrorKind::InvalidData, "expected milliseconds since 1970; remove the file");
    let ms = words.next().and_then(|ms| ms.parse().ok()).ok_or_else(wrong)?;
    Ok(Some((UnixMillis(ms), words.next() == Some(DIFFERS))))
}

fn write(dir: &Path, believed: UnixMillis, differs: bool) -> io::Result<()> {
    let line = format!("{} {}\n", believed.0, if differs { DIFFERS } else { "agrees" });
    durable::replace(&dir.join(FILE_NAME), line.as_bytes())
}
