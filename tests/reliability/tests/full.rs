//! A disk that is really full, and stays so: the file system itself says no, to everything that needs a block.
//!
//! Needs root and loop devices; see `reliability::Disk`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    reason = "a test file"
)]

use anyhow::{Context as _, Result, ensure};
use reliability::{Disk, Filler, Load, Promise, Station, judge, needs};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The ballast of these tests.
const BALLAST_BYTES: u64 = 48 << 20;
/// Longer than several rounds of everything that the daemon does by itself: looks, settling the index.
const STAYS: Duration = Duration::from_secs(15);
/// So long the disk stays full under work.
const FULL: Duration = Duration::from_secs(60);
/// As in the unit, RestartSec=.
const RESTART_PAUSE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_secs(120);
/// Says EX_TEMPFAIL: try again.
const TEMPORARY: i32 = 75;

struct Full {
    station: Station,
    load: Load,
    promises: Vec<Promise>,
    outside: TempDir,
    disk: Disk,
}

impl Full {
    fn new(name: &str) -> Result<Self> {
        needs(&["mkfs.xfs", "mkfs.ext4", "mount", "umount", "cp", "fallocate"], true)?;
        let disk = Disk::new()?;
        let space = "floor-bytes = 67108864";
        let edits = [(space, &*format!("{space}\nballast-bytes = {BALLAST_BYTES}"))];
        let mut station = Station::new(&disk.root(), &edits)?;
        station.start()?;
        let (load, promises, outside) = (Load::mixed(name), Vec::new(), tempfile::tempdir()?);
        let full = Self { station, load, promises, outside, disk };
        full.until("the ballast is there", || Ok(full.status()?["ballast_bytes"] == BALLAST_BYTES))?;
        Ok(full)
    }

    fn until(&self, what: &str, is: impl Fn() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        while !is()? {
            let log = self.station.appliance.log();
            ensure!(Instant::now() < deadline, "{what}: not within {TIMEOUT:?}\n{log}");
            sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn status(&self) -> Result<Value> {
        self.station.ctl(&["status", "-o", "json"])?.json()
    }

    fn documents(&self) -> Result<Vec<Value>> {
        let listed = self.station.ctl(&["doc", "list", "-o", "json"])?.json()?;
        Ok(listed["documents"].as_array().context("documents")?.clone())
    }

    /// Documents between two stations.
    fn under_way(&self) -> Result<usize> {
        let moves = |doc: &Value| ["received", "processing", "routed"].iter().any(|at| doc["state"] == *at);
        Ok(self.documents()?.iter().filter(|doc| moves(doc)).count())
    }

    /// A file with a name that no inbox looks at, on the appliance's disk.
    fn prepare(&mut self, source: &str, (name, bytes): (String, Vec<u8>)) -> Result<(PathBuf, PathBuf)> {
        let inbox = self.station.appliance.inbox(source);
        let hidden = inbox.join(format!(".{name}.part"));
        fs::write(&hidden, &bytes)?;
        self.promises.push(Promise { source: source.to_owned(), sha256: kit::sha256_hex(&bytes), id: None });
        Ok((hidden, inbox.join(name)))
    }

    /// Pages that take some stations.
    fn send_pages(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let page = self.load.next_page();
            let (hidden, name) = self.prepare("fax", page)?;
            fs::rename(hidden, name)?;
        }
        Ok(())
    }

    /// Uploads another file; gives the exit code.
    fn upload(&mut self) -> Result<i32> {
        let (_, bytes) = self.load.next();
        let file = self.outside.path().join("upload");
        fs::write(&file, &bytes)?;
        let sent =
            self.station.ctl(&["submit", "--source", "partner", "-o", "name", &file.to_string_lossy()])?;
        if sent.code == 0 {
            let id = sent.text().lines().next().map(str::to_owned);
            let sha256 = kit::sha256_hex(&bytes);
            self.promises.push(Promise { source: "partner".to_owned(), sha256, id });
        }
        Ok(sent.code)
    }

    fn ledger(&self) -> Result<String> {
        let mut text = String::new();
        for file in fs::read_dir(self.state().join("ledger"))? {
            text += &String::from_utf8_lossy(&fs::read(file?.path())?);
        }
        Ok(text)
    }

    fn state(&self) -> PathBuf {
        self.station.appliance.home.join("state")
    }

    /// A sound index stays: none was set aside.
    fn index_was_kept(&self) -> Result<()> {
        for entry in fs::read_dir(self.state())? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            ensure!(!name.contains("index.bad"), "{name}:\n{}", self.station.appliance.log());
        }
        Ok(())
    }

    /// The supervisor waits for a start that is under way, and starts it if it ended.
    fn comes_up(&mut self) -> Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        while self.station.ctl(&["status"])?.code != 0 {
            ensure!(Instant::now() < deadline, "it does not answer:\n{}", self.station.appliance.log());
            self.station.supervise()?;
            sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// There is room again: everything is as before, and nothing is lost.
    fn recovers(&mut self) -> Result<()> {
        self.station.rest(120)?;
        self.until("the ballast is back", || Ok(self.status()?["ballast_bytes"] == BALLAST_BYTES))?;
        ensure!(self.upload()? == 0, "uploads are taken again");
        self.station.rest(60)?;
        self.index_was_kept()?;
        judge(&self.station, &self.promises, 0)?.none()
    }
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

// Issue, disk pressure: "below it intake stops claiming (files wait in the inbox, gRPC answers RESOURCE_EXHAUSTED),
// work in flight completes, and everything resumes by itself", also when the daemon starts on a full disk.
#[test]
fn a_daemon_that_starts_on_a_full_disk_stays_and_ends_what_was_under_way() {
    let mut full = Full::new("full at start").unwrap();
    full.send_pages(8).unwrap();
    full.until("something is under way", || Ok(full.under_way()? > 0)).unwrap();
    full.station.appliance.kill().unwrap();
    let page = full.load.next_page();
    let (hidden, waits) = full.prepare("ward", page).unwrap();
    let mut filler = Filler::on(&full.disk.root()).unwrap();
    filler.grow().unwrap();
    fs::rename(hidden, &waits).unwrap();

    full.station.appliance.start().unwrap();
    full.until("work under way ends", || Ok(full.under_way().is_ok_and(|count| count == 0))).unwrap();
    assert!(!full.documents().unwrap().is_empty());
    assert_eq!(full.upload().unwrap(), TEMPORARY);
    sleep(STAYS);
    assert!(full.station.appliance.runs().unwrap(), "{}", full.station.appliance.log());
    assert!(is_there(&waits), "it waits in the inbox");
    assert_eq!(full.status().unwrap()["ballast_bytes"], 0);
    assert!(full.ledger().unwrap().contains("ballast-released"));
    full.index_was_kept().unwrap();

    let pid = full.station.appliance.pid().unwrap();
    filler.free().unwrap();
    full.recovers().unwrap();
    assert!(!is_there(&waits));
    assert!(full.ledger().unwrap().contains("ballast-restored"));
    assert_eq!(full.station.appliance.pid().unwrap(), pid, "nobody started it again");
}

// Issue: "0 acknowledged documents lost, 0 stuck, 0 manual steps". Whoever fills the disk takes the ballast too; the
// daemon may end and is started as systemd does it, without limit.
#[test]
fn a_disk_that_stays_full_under_work_for_a_minute_needs_nobody() {
    let mut full = Full::new("full for a minute").unwrap();
    while full.promises.len() < 20 {
        full.upload().unwrap();
    }
    full.send_pages(12).unwrap();
    let mut filler = Filler::on(&full.disk.root()).unwrap();
    full.until("something is under way", || Ok(full.under_way()? > 0)).unwrap();
    let (begin, mut starts, mut refused, mut killed) = (Instant::now(), 0, 0, false);
    let mut ended: Option<Instant> = None;
    while begin.elapsed() < FULL {
        filler.grow().unwrap();
        let runs = full.station.appliance.runs().unwrap();
        // Whatever the reason, it must come up again by itself.
        if !killed && runs && begin.elapsed() > FULL / 3 {
            full.station.appliance.kill().unwrap();
            killed = true;
            continue;
        }
        match ended {
            None if !runs => ended = Some(Instant::now()),
            Some(at) if at.elapsed() >= RESTART_PAUSE => {
                full.station.appliance.spawn().unwrap();
                (ended, starts) = (None, starts + 1);
            }
            _ => {}
        }
        refused += u32::from(full.upload().unwrap() != 0);
    }
    println!("full for {FULL:?}: {starts} starts, {refused} uploads not taken");
    assert!(refused > 0, "it was full");
    full.index_was_kept().unwrap();
    filler.free().unwrap();
    full.comes_up().unwrap();
    full.recovers().unwrap();
}
