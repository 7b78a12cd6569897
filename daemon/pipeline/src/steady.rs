//! The steady time: what the wall clock showed when it was last believed, and what the machine counted since. Pure:
//! it is told what both clocks show.
//!
//! Within one boot both clocks must go together. Over a reboot nobody counted, so a pause of a night is believed; a
//! longer one may as well be a clock that jumped. Such a clock is believed once it ran steadily for a day, for a
//! wrong one is seldom left alone so long. One that jumped while it was watched, or is behind, is not: it has to
//! come back, or a person has to say that it is right.

use types::UnixMillis;

/// Wall clock and steady time may differ by so much: a clock that is corrected little by little, ms.
const SLACK_MS: u64 = 5 * 60 * 1000;
/// So long may the machine have been off, from one evening to the next morning, and its clock be believed at once,
/// ms. By so much a retention may end early after a reboot.
const OFF_MAX_MS: u64 = 16 * 60 * 60 * 1000;
/// A clock that is further ahead after a reboot is believed when the machine ran for so long without a jump, ms.
/// Short pauses in between interrupt this time and do not end it.
const STEADY_RUN_MS: u64 = 24 * 60 * 60 * 1000;

/// The steady time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Steady {
    /// What was believed last.
    believed: UnixMillis,
    /// The machine's count then.
    up: u64,
    /// So much time may have passed that nobody counted.
    off_max_ms: u64,
    doubt: Option<Doubt>,
}

/// A wall clock that is not believed.
#[derive(Clone, Debug, PartialEq)]
struct Doubt {
    /// What it showed at the last look, and the machine's count then.
    wall: UnixMillis,
    up: u64,
    /// It ran steadily for so long since it is not believed.
    ran_ms: u64,
    /// It jumped while it was watched.
    jumped: bool,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing new.
    Same,
    /// The wall clock jumped under our eyes, by so much.
    Jumped {
        /// Milliseconds.
        ms: u64,
    },
    /// It is too far from the last run.
    Unsure {
        /// Milliseconds.
        ms: u64,
    },
    /// It is believed again.
    Right,
}

/// The steady time as it is kept between two runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    believed: UnixMillis,
    boot: Option<String>,
    up: u64,
    doubt: Option<Doubt>,
}

impl Steady {
    /// Of a wall clock that is believed.
    pub(crate) fn begin(wall: UnixMillis, up: u64) -> Self {
        Self { believed: wall, up, off_max_ms: 0, doubt: None }
    }

    /// Of what the last run kept.
    pub(crate) fn resume(kept: Kept, boot: Option<&str>, wall: UnixMillis, up: u64) -> (Self, Found) {
        let Kept { believed, boot: kept_boot, up: kept_up, doubt } = kept;
        let same_boot = boot.is_some() && boot == kept_boot.as_deref() && up >= kept_up;
        let mut steady = if same_boot {
            // Where a doubt came with a reboot, the pause before it is still unknown.
            let off_max_ms = if doubt.as_ref().is_some_and(|doubt| !doubt.jumped) { OFF_MAX_MS } else { 0 };
            Self { believed, up: kept_up, off_max_ms, doubt }
        } else {
            // What a doubted clock showed is compared over the pause as a believed one is.
            let doubt = doubt.map(|doubt| {
                let goes_on = is_near(wall, doubt.wall, OFF_MAX_MS);
                Doubt { wall, up, ran_ms: if goes_on { doubt.ran_ms } else { 0 }, ..doubt }
            });
            Self { believed, up, off_max_ms: OFF_MAX_MS, doubt }
        };
        let found = match steady.look(wall, up) {
            Found::Same => steady.doubted_by(wall, up),
            found => found,
        };
        (steady, found)
    }

    /// What is expected of the wall clock, if no time passed that nobody counted.
    pub(crate) fn expected(&self, up: u64) -> UnixMillis {
        self.believed.plus(up.saturating_sub(self.up))
    }

    /// Is the wall clock not believed?
    pub(crate) fn is_doubted(&self) -> bool {
        self.doubt.is_some()
    }

    /// Looks at both clocks.
    pub(crate) fn look(&mut self, wall: UnixMillis, up: u64) -> Found {
        let expected = self.expected(up);
        if is_near(wall, expected, self.off_max_ms) {
            return self.believe(wall, up);
        }
        let Some(doubt) = &mut self.doubt else {
            self.doubt = Some(Doubt { wall, up, ran_ms: 0, jumped: self.off_max_ms == 0 });
            return self.doubted_by(wall, up);
        };
        let counted = up.saturating_sub(doubt.up);
        let is_steady = is_near(wall, doubt.wall.plus(counted), 0);
        let ran_ms = if is_steady { doubt.ran_ms + counted } else { 0 };
        *doubt = Doubt { wall, up, ran_ms, jumped: doubt.jumped };
        if !doubt.jumped && wall > expected && ran_ms >= STEADY_RUN_MS {
            return self.believe(wall, up);
        }
        Found::Same
    }

    /// For the next run.
    pub(crate) fn keep(&self, up: u64, boot: Option<String>) -> Kept {
        let believed = self.expected(up);
        // Both as of now, so that one count of the machine is enough.
        let now = |doubt: &Doubt| Doubt {
            wall: doubt.wall.plus(up.saturating_sub(doubt.up)),
            up,
            ran_ms: doubt.ran_ms + up.saturating_sub(doubt.up),
            jumped: doubt.jumped,
        };
        Kept { believed, boot, up, doubt: self.doubt.as_ref().map(now) }
    }

    /// What there is to say of a clock that is not believed.
    fn doubted_by(&self, wall: UnixMillis, up: u64) -> Found {
        let ms = apart(wall, self.expected(up));
        match &self.doubt {
            None => Found::Same,
            Some(doubt) if doubt.jumped => Found::Jumped { ms },
            Some(_) => Found::Unsure { ms },
        }
    }

    fn believe(&mut self, wall: UnixMillis, up: u64) -> Found {
        let was_doubted = self.is_doubted();
        *self = Self::begin(wall, up);
        if was_doubted { Found::Right } else { Found::Same }
    }
}

/// Words of the file.
const AGREES: &str = "agrees";
const JUMPED: &str = "differs";
const UNSURE: &str = "unsure";
/// In place of a boot that cannot be told.
const NO_BOOT: &str = "-";

impl Kept {
    /// What is known when nothing was kept: an event was recorded then.
    pub(crate) fn of_record(at: UnixMillis) -> Self {
        Self { believed: at, boot: None, up: 0, doubt: None }
    }

    /// `BELIEVED agrees|differs|unsure BOOT UPTIME WALL RAN`: times in ms, all as of the moment of writing.
    pub(crate) fn to_line(&self) -> String {
        let Self { believed, boot, up, doubt } = self;
        let boot = boot.as_deref().unwrap_or(NO_BOOT);
        let (word, wall, ran) = match doubt {
            None => (AGREES, believed, 0),
            Some(Doubt { wall, ran_ms, jumped: true, .. }) => (JUMPED, wall, *ran_ms),
            Some(Doubt { wall, ran_ms, jumped: false, .. }) => (UNSURE, wall, *ran_ms),
        };
        format!("{} {word} {boot} {up} {} {ran}\n", believed.0, wall.0)
    }

    /// Also of what earlier builds kept: the first two words, of which the second may miss.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let believed = UnixMillis(words.next()?.parse().ok()?);
        let word = words.next().unwrap_or(AGREES);
        let boot = words.next().filter(|boot| *boot != NO_BOOT).map(str::to_owned);
        let mut number = || words.next().map_or(Some(None), |word| word.parse().ok().map(Some));
        let (up, wall, ran_ms) =
            (number()?.unwrap_or(0), number()?.unwrap_or(believed.0), number()?.unwrap_or(0));
        let doubt = |jumped| Some(Doubt { wall: UnixMillis(wall), up, ran_ms, jumped });
        let doubt = match word {
            AGREES => None,
            JUMPED => doubt(true),
            UNSURE => doubt(false),
            _ => return None,
        };
        Some(Self { believed, boot, up, doubt })
    }
}

/// Whether a clock shows what is expected of it, or up to `more_ms` more.
fn is_near(wall: UnixMillis, expected: UnixMillis, more_ms: u64) -> bool {
    wall.plus(SLACK_MS) >= expected && wall <= expected.plus(more_ms.saturating_add(SLACK_MS))
}

fn apart(one: UnixMillis, other: UnixMillis) -> u64 {
    one.since(other).max(other.since(one))
}

#[cfg(test)]
#[path = "steady_tests.rs"]
mod tests;
