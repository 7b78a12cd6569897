//! The clock goes wrong while the daemon works: libfaketime turns it, for the daemon alone.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    reason = "a test file"
)]

use anyhow::{Context as _, Result};
use reliability::{Station, needs};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

/// Longer than two looks at an inbox: the daemon has asked for the time.
const NOTICED: Duration = Duration::from_millis(9000);
const READY_TIMEOUT: Duration = Duration::from_secs(20);

struct Clock {
    station: Station,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Clock {
    fn new() -> Result<Self> {
        needs(&["faketime"], false)?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("clock");
        fs::write(&file, "+0")?;
        let mut station = Station::new(folder.path(), &[])?;
        let library = library().context("libfaketimeMT.so.1; packaging/check installs faketime")?;
        for (name, value) in [
            ("LD_PRELOAD", library.to_string_lossy().as_ref()),
            ("FAKETIME_TIMESTAMP_FILE", &file.to_string_lossy()),
            ("FAKETIME_NO_CACHE", "1"),
            // A stopwatch is not the wall clock.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            // It turns fstat and not statx: each file would look changed between two looks.
            ("NO_FAKE_STAT", "1"),
        ] {
            station.appliance.set_env(name, value);
        }
        // So short that a wrong clock ends it.
        let retention = station.appliance.home.join("policy/retention.toml");
        let text = fs::read_to_string(&retention)?.replace("days = 30", "days = 1");
        fs::write(&retention, text)?;
        station.start()?;
        Ok(Self { station, file, _folder: folder })
    }

    fn turn(&self, by: &str) -> Result<()> {
        Ok(fs::write(&self.file, by)?)
    }

    fn drop_in(&self, name: &str) -> Result<()> {
        self.station.appliance.drop_in("fax", name, format!("no document {name}").as_bytes())
    }

    /// Starts it anew at a time at which certificates are not valid, so that nobody can ask whether it is up.
    fn start_anew(&mut self) -> Result<()> {
        self.station.appliance.kill()?;
        let before = self.station.appliance.log().matches("ready").count();
        self.station.appliance.spawn()?;
        let deadline = Instant::now() + READY_TIMEOUT;
        while self.station.appliance.log().matches("ready").count() == before {
            anyhow::ensure!(Instant::now() < deadline, "not ready:\n{}", self.station.appliance.log());
            sleep(Duration::from_millis(50));
        }
        sleep(NOTICED);
        Ok(())
    }

    /// From the next start on it is another boot, whatever the kernel says.
    fn reboot(&mut self, number: u32) {
        self.station.appliance.set_env("LAZARET_BOOT_ID", &format!("{number:032x}"));
    }

    fn expired(&self) -> Result<usize> {
        Ok(self.documents()?.iter().filter(|doc| doc["state"] == "expired").count())
    }

    /// Asked by a person who says nothing of the clock.
    fn refuses_to_destroy(&self) -> Result<()> {
        let before = self.expired()?;
        let run = self.station.ctl(&["retention", "run"])?;
        anyhow::ensure!(
            run.code == 5 && run.stderr.contains("--clock-is-right"),
            "{}: {}",
            run.code,
            run.stderr
        );
        anyhow::ensure!(self.expired()? == before, "destroyed all the same");
        Ok(())
    }

    fn documents(&self) -> Result<Vec<Value>> {
        let listed = self.station.ctl(&["doc", "list", "-o", "json"])?.json()?;
        Ok(listed["documents"].as_array().context("documents")?.clone())
    }
}

fn library() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").ok()?.flatten();
    places
        .map(|place| place.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path: &PathBuf| Path::exists(path))
}

// A45: nothing is destroyed before its time. A clock that jumps ahead, also over a start, does not end a retention.
#[test]
fn a_clock_that_jumps_ahead_and_back_destroys_nothing() {
    let mut clock = Clock::new().unwrap();
    clock.drop_in("before.pdf").unwrap();
    clock.station.rest(60).unwrap();
    clock.turn("+2d").unwrap();
    sleep(NOTICED);
    assert!(
        clock.station.appliance.log().contains("the wall clock jumped"),
        "{}",
        clock.station.appliance.log()
    );
    let doctor = clock.station.ctl(&["doctor"]).unwrap();
    assert!(doctor.code == 6 && doctor.text().contains("off the time that passed"), "{}", doctor.text());
    clock.drop_in("ahead.pdf").unwrap();
    sleep(NOTICED);
    clock.start_anew().unwrap();
    clock.turn("+0").unwrap();
    sleep(NOTICED);
    clock.station.rest(60).unwrap();
    let documents = clock.documents().unwrap();
    let states: Vec<_> = documents.iter().map(|doc| doc["state"].clone()).collect();
    assert_eq!(states, ["rejected", "rejected"], "{}", clock.station.appliance.log());
    assert!(clock.station.appliance.log().contains("the wall clock is right again"));

    // The same jump, and a person who says that the clock is right: now it is over. Who says nothing of the clock, or
    // asks for what cannot be, does not make it right thereby.
    clock.turn("+2d").unwrap();
    clock.refuses_to_destroy().unwrap();
    let unknown = ["retention", "run", "--clock-is-right", "01JD9Z6M8Q3V5X7Y9A1B2C3D4E"];
    assert_eq!(clock.station.ctl(&unknown).unwrap().code, 3);
    assert_eq!(clock.station.ctl(&["retention", "run", "--dry-run", "--clock-is-right"]).unwrap().code, 0);
    clock.refuses_to_destroy().unwrap();
    let run = clock.station.ctl(&["retention", "run", "--clock-is-right"]).unwrap();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(clock.expired().unwrap() >= 1, "the test can see a destruction");
    let doctor = clock.station.ctl(&["doctor"]).unwrap().text();
    assert!(doctor.contains("agrees with the time that passed"), "{doctor}");
}

/// What happened to the machine while the daemon was down and the clock jumped.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    Nothing,
    Reboot,
    /// As after a restore, which puts no state/clock back.
    FileGone,
}

// A45: the first look after a start believes no date that nothing speaks for.
#[test]
fn a_clock_that_jumps_while_the_daemon_is_down_destroys_nothing() {
    for meanwhile in [Meanwhile::Nothing, Meanwhile::Reboot, Meanwhile::FileGone] {
        let mut clock = Clock::new().unwrap();
        clock.drop_in("before.pdf").unwrap();
        clock.station.rest(60).unwrap();
        clock.station.appliance.kill().unwrap();
        match meanwhile {
            Meanwhile::Nothing => {}
            Meanwhile::Reboot => clock.reboot(2),
            Meanwhile::FileGone => fs::remove_file(clock.station.appliance.home.join("state/clock")).unwrap(),
        }
        clock.turn("+2d").unwrap();
        clock.station.appliance.start().unwrap();
        sleep(NOTICED);
        assert_eq!(clock.expired().unwrap(), 0, "{meanwhile:?}: {}", clock.station.appliance.log());
        clock.refuses_to_destroy().unwrap();
        assert_eq!(clock.station.ctl(&["doctor"]).unwrap().code, 6, "{meanwhile:?}");
    }
}

// The other side: a site that is switched off every evening still destroys in time, with nobody to say anything.
#[test]
fn a_machine_that_is_off_for_two_nights_destroys_what_was_over_meanwhile() {
    let mut clock = Clock::new().unwrap();
    clock.drop_in("before.pdf").unwrap();
    clock.station.rest(60).unwrap();
    for (boot, (shows, expired)) in (2..).zip([("+13h", 0), ("+26h", 1)]) {
        clock.station.appliance.kill().unwrap();
        clock.reboot(boot);
        clock.turn(shows).unwrap();
        clock.station.appliance.start().unwrap();
        sleep(NOTICED);
        assert_eq!(clock.expired().unwrap(), expired, "{shows}: {}", clock.station.appliance.log());
    }
}

// "signs it daily into the ledger": one record of a clock that was far ahead must not end that.
#[test]
fn days_are_signed_after_a_record_from_far_ahead() {
    let mut clock = Clock::new().unwrap();
    clock.turn("+400d").unwrap();
    sleep(NOTICED);
    clock.drop_in("far-ahead.pdf").unwrap();
    sleep(NOTICED);
    clock.turn("+1d").unwrap();
    clock.drop_in("next-day.pdf").unwrap();
    clock.station.rest(60).unwrap();
    let documents = clock.documents().unwrap();
    let days: Vec<&str> = documents.iter().map(|doc| &doc["received_at"].as_str().unwrap()[..10]).collect();
    let day = days.iter().min().unwrap();
    assert!(days.len() == 2 && days[0] != days[1], "one is dated far ahead: {days:?}");
    clock.turn("+2d").unwrap();
    let signed = clock.station.ctl(&["balance", "--day", day, "-o", "json"]).unwrap().json().unwrap();
    let fax = signed["sources"].as_array().unwrap().iter().find(|source| source["source"] == "fax");
    assert!(fax.is_some_and(|fax| fax["arrived"].as_u64() >= Some(1)), "{day}: {signed}");
}

// Nothing is lost, refused or dated into the past while the clock is hours behind, also over a start.
#[test]
fn a_clock_that_falls_back_by_hours_loses_nothing_and_dates_nothing_back() {
    let mut clock = Clock::new().unwrap();
    clock.drop_in("before.pdf").unwrap();
    clock.station.rest(60).unwrap();
    let first = clock.documents().unwrap()[0]["received_at"].clone();
    clock.turn("-5h").unwrap();
    clock.drop_in("behind.pdf").unwrap();
    sleep(NOTICED);
    clock.start_anew().unwrap();
    clock.drop_in("behind-after-start.pdf").unwrap();
    sleep(NOTICED);
    clock.turn("+3h").unwrap();
    clock.drop_in("ahead.pdf").unwrap();
    sleep(NOTICED);
    clock.turn("+0").unwrap();
    sleep(NOTICED);
    clock.station.rest(60).unwrap();
    let documents = clock.documents().unwrap();
    assert_eq!(documents.len(), 4, "{}", clock.station.appliance.log());
    assert!(documents.iter().all(|doc| doc["received_at"].as_str() >= first.as_str()), "{documents:#?}");
    assert_eq!(clock.station.ctl(&["ledger", "verify"]).unwrap().code, 0);
}
