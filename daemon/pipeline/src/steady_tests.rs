//! The steady time over restarts, reboots and jumps. Every keeping goes through the line of the file.
#![allow(clippy::unwrap_used)]

use super::*;

const MINUTE: u64 = 60 * 1000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const T: UnixMillis = UnixMillis(1_800_000_000_000);

/// A machine with both clocks; the daemon on it is stopped and started.
struct Machine {
    wall: UnixMillis,
    up: u64,
    boots: u32,
    steady: Steady,
}

impl Machine {
    fn new() -> Self {
        Self { wall: T, up: HOUR, boots: 1, steady: Steady::begin(T, HOUR) }
    }

    fn boot(&self) -> Option<String> {
        Some(format!("boot-{}", self.boots))
    }

    /// Time passes while the daemon looks; gives what the last look found that was new.
    fn runs(&mut self, ms: u64) -> Found {
        let mut found = Found::Same;
        for step in (0..ms).step_by(usize::try_from(10 * MINUTE).unwrap()) {
            let ms = (ms - step).min(10 * MINUTE);
            (self.wall, self.up) = (self.wall.plus(ms), self.up + ms);
            let now = self.steady.look(self.wall, self.up);
            found = if now == Found::Same { found } else { now };
        }
        found
    }

    fn turns(&mut self, by_ms: i64) -> Found {
        self.wall = UnixMillis(self.wall.0.checked_add_signed(by_ms).unwrap());
        self.steady.look(self.wall, self.up)
    }

    /// The daemon is down for a time in which the wall clock goes on, or is turned.
    fn restarts(&mut self, off_ms: u64, wall_ms: u64) -> Found {
        let line = self.steady.keep(self.up, self.boot()).to_line();
        (self.wall, self.up) = (self.wall.plus(wall_ms), self.up + off_ms);
        self.resumes(&line)
    }

    /// The machine is off; its wall clock shows so much more when it is on again.
    fn reboots(&mut self, wall_ms: u64) -> Found {
        let line = self.steady.keep(self.up, self.boot()).to_line();
        (self.wall, self.up, self.boots) = (self.wall.plus(wall_ms), MINUTE, self.boots + 1);
        self.resumes(&line)
    }

    fn resumes(&mut self, line: &str) -> Found {
        let kept = Kept::of_line(line).unwrap();
        assert_eq!(kept.to_line(), line);
        let found;
        (self.steady, found) = Steady::resume(kept, self.boot().as_deref(), self.wall, self.up);
        found
    }
}

// A normal site: its clock is never in doubt, so what is over is destroyed in time.
#[test]
fn restarts_of_one_boot_and_reboots_of_a_night_are_believed_at_once() {
    let mut site = Machine::new();
    assert_eq!(site.runs(10 * DAY), Found::Same);
    // The daemon down for a month, the machine up: the count goes on.
    assert_eq!(site.restarts(31 * DAY, 31 * DAY), Found::Same);
    assert_eq!(site.restarts(2 * MINUTE, 2 * MINUTE), Found::Same);
    for _ in 0..100 {
        assert_eq!(site.reboots(3 * MINUTE), Found::Same);
        assert_eq!(site.runs(10 * HOUR), Found::Same);
        assert_eq!(site.reboots(14 * HOUR), Found::Same);
    }
    assert_eq!(site.reboots(OFF_MAX_MS + SLACK_MS), Found::Same, "the edge");
    assert!(!site.steady.is_doubted());
}

#[test]
fn a_jump_while_the_daemon_is_down_shows_within_the_same_boot_whatever_its_length() {
    for by in [6 * MINUTE, DAY, 31 * DAY] {
        let mut site = Machine::new();
        assert_eq!(site.restarts(HOUR, HOUR + by), Found::Jumped { ms: by });
        site.runs(40 * DAY);
        assert!(site.steady.is_doubted(), "time does not make a jump right");
        assert_eq!(site.turns(-i64::try_from(by).unwrap()), Found::Right);
    }
}

// A machine that was off for a weekend and one whose clock jumped by two days look the same.
#[test]
fn a_longer_pause_over_a_reboot_is_believed_after_a_day_of_steady_running() {
    let mut site = Machine::new();
    let off = OFF_MAX_MS + SLACK_MS + 1;
    assert_eq!(site.reboots(off), Found::Unsure { ms: off });
    assert_eq!(site.runs(STEADY_RUN_MS - MINUTE), Found::Same);
    assert!(site.steady.is_doubted());
    assert_eq!(site.runs(MINUTE), Found::Right);
}

#[test]
fn a_site_that_is_off_every_night_gets_its_day_of_running_in_pieces() {
    let mut site = Machine::new();
    assert_eq!(site.reboots(62 * HOUR), Found::Unsure { ms: 62 * HOUR });
    for _ in 0..2 {
        site.runs(10 * HOUR);
        assert!(matches!(site.reboots(14 * HOUR), Found::Unsure { .. }));
    }
    assert_eq!(site.runs(3 * HOUR), Found::Same);
    assert_eq!(site.runs(HOUR), Found::Right);
}

#[test]
fn a_jump_or_another_long_pause_begins_the_day_anew() {
    for pauses in [false, true] {
        let mut site = Machine::new();
        site.reboots(3 * DAY);
        site.runs(23 * HOUR);
        if pauses {
            site.reboots(3 * DAY);
        } else {
            site.turns(i64::try_from(HOUR).unwrap());
        }
        assert_eq!(site.runs(23 * HOUR), Found::Same);
        assert!(site.steady.is_doubted());
        assert_eq!(site.runs(HOUR), Found::Right);
    }
}

#[test]
fn a_jump_under_our_eyes_is_not_believed_by_time_nor_by_reboots_and_heals_when_it_is_undone() {
    let mut site = Machine::new();
    let by = 2 * DAY;
    assert_eq!(site.turns(i64::try_from(by).unwrap()), Found::Jumped { ms: by });
    assert!(matches!(site.restarts(MINUTE, MINUTE), Found::Jumped { .. }));
    assert!(matches!(site.reboots(MINUTE), Found::Jumped { .. }));
    assert_eq!(site.runs(5 * DAY), Found::Same);
    assert!(site.steady.is_doubted());
    assert_eq!(site.turns(-i64::try_from(by).unwrap()), Found::Right);
}

// A battery is empty: the clock starts in the past, and is set right once there is a network.
#[test]
fn a_clock_behind_is_never_believed_by_time_and_at_once_when_it_is_set() {
    let mut site = Machine::new();
    let line = site.steady.keep(site.up, site.boot()).to_line();
    (site.wall, site.up, site.boots) = (UnixMillis(946_684_800_000), MINUTE, 2);
    assert!(matches!(site.resumes(&line), Found::Unsure { .. }));
    assert_eq!(site.runs(3 * DAY), Found::Same);
    assert!(site.steady.is_doubted());
    assert_eq!(site.steady.expected(site.up), T.plus(3 * DAY), "and nothing is dated back");
    site.wall = T.plus(3 * DAY + 2 * HOUR);
    assert_eq!(site.steady.look(site.wall, site.up), Found::Right);
}

#[test]
fn where_the_boot_cannot_be_told_no_count_is_carried_on() {
    let mut steady = Steady::begin(T, HOUR);
    let kept = steady.keep(HOUR, None);
    let found;
    (steady, found) = Steady::resume(kept, None, T.plus(2 * DAY), HOUR + 2 * DAY);
    assert_eq!(found, Found::Unsure { ms: 2 * DAY });
    assert!(steady.is_doubted());
}

// A restore puts no file back: what the ledger recorded last is what is known.
#[test]
fn without_the_file_the_last_record_says_what_time_it_was() {
    let resume = |wall| Steady::resume(Kept::of_record(T), Some("boot-1"), wall, MINUTE).1;
    assert_eq!(resume(T.plus(HOUR)), Found::Same);
    assert_eq!(resume(T.plus(400 * DAY)), Found::Unsure { ms: 400 * DAY });
    assert_eq!(resume(UnixMillis(T.0 - DAY)), Found::Unsure { ms: DAY });
}

#[test]
fn the_file_of_an_earlier_build_is_read_and_one_of_nonsense_is_not() {
    let of = |line: &str| Kept::of_line(line);
    assert_eq!(of("1800000000000 agrees\n").unwrap(), Kept::of_record(T));
    let differs = of("1800000000000 differs\n").unwrap();
    let (steady, _) = Steady::resume(differs, Some("boot-1"), T.plus(2 * DAY), MINUTE);
    assert!(steady.is_doubted());
    for wrong in ["", "soon", "1 perhaps", "1 agrees boot-1 soon"] {
        assert_eq!(of(wrong), None, "{wrong:?}");
    }
}
