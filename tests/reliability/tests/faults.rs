//! The disk is full, or fails, or the daemon is killed, at every call on the way of one document.
//!
//! The usual run walks the way of a file that is refused, through an inbox and over gRPC; the long run also that
//! of a page that is read, approved and delivered.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    reason = "a test file"
)]

use reliability::{Fault, Met, Route, Site, is_long, needs};
use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

/// Walks once for each site, and compares after each walk. Gives how each walk went.
fn at_every(what: &str, fault: Fault, delivered: bool, chosen: impl Fn(&Site) -> bool) -> Vec<(Site, Met)> {
    needs(&["cc"], false).unwrap();
    let mut route = Route::new(what, delivered).unwrap();
    let sites: Vec<Site> = route.sites().unwrap().into_iter().filter(|site| chosen(site)).collect();
    let mut walked = Vec::new();
    for site in sites {
        let before = route.promised();
        let met = route.walk_with(fault, &site).unwrap();
        let found = route.judge(before).unwrap();
        found.none().unwrap_or_else(|error| panic!("{what}: {fault:?} at {site}: {error}"));
        walked.push((site, met));
    }
    let hit = walked.iter().filter(|(_, met)| met.hit).count();
    let ended = walked.iter().filter(|(_, met)| met.ended).count();
    println!("{what}: {fault:?} at {} calls, {hit} met, the daemon ended at {ended}", walked.len());
    // The index is written behind, now in one piece, now in two; all else happens each time.
    let missed: Vec<_> = walked.iter().filter(|(site, met)| !met.hit && !behind(site)).collect();
    assert!(missed.is_empty(), "not met: {missed:?}");
    walked
}

fn behind(site: &Site) -> bool {
    site.path.starts_with("state/index")
}

/// A file of a delivery that nobody has seen yet, in a folder that may be somebody else's disk: it is thrown away and
/// written anew as another file, so that no fsync is asked twice.
fn is_staged_delivery(site: &Site) -> bool {
    site.path.starts_with("outbox/") && site.path.contains("/.sent/") && site.path.ends_with(".part")
}

fn ways() -> &'static [(&'static str, bool)] {
    if is_long() { &[("refused", false), ("delivered", true)] } else { &[("refused", false)] }
}

// A53: a full disk loses nothing, leaves nothing in limbo, and all goes on by itself when there is space again.
#[test]
fn a_disk_that_is_full_at_any_call_loses_nothing_and_needs_nobody() {
    for (way, delivered) in ways() {
        at_every(way, Fault::Full, *delivered, Site::needs_space);
    }
}

// A53: the same for a call that fails once.
#[test]
fn a_call_that_finds_no_space_once_loses_nothing() {
    for (way, delivered) in ways() {
        at_every(way, Fault::NoSpace, *delivered, Site::needs_space);
    }
}

// Issue, disk pressure: "work in flight completes", and a delivery is work in flight: where outbox and state share a
// disk the ballast is for it too, and no failure of the target is written down.
#[test]
fn a_delivery_that_finds_no_space_on_the_disk_of_the_state_is_given_the_ballast() {
    needs(&["cc"], false).unwrap();
    let mut route = Route::new("no room to deliver", true).unwrap();
    let sites = route.sites().unwrap();
    let is_delivery = |site: &&Site| site.operation == "write" && site.path.starts_with("outbox/");
    let site = sites.iter().find(is_delivery).unwrap_or_else(|| panic!("no delivery: {sites:?}"));
    let before = route.promised();
    assert!(route.walk_with(Fault::NoSpace, site).unwrap().hit);
    route.judge(before).unwrap().none().unwrap();
    let mut ledger = String::new();
    for file in fs::read_dir(route.appliance().home.join("state/ledger")).unwrap() {
        ledger += &String::from_utf8_lossy(&fs::read(file.unwrap().path()).unwrap());
    }
    assert!(ledger.contains("ballast-released"), "{}", route.appliance().log());
    assert!(!ledger.contains("delivery-failed"), "{}", route.appliance().log());
}

// "fsync error aborts the process", and the next start finds everything that was acknowledged.
#[test]
fn a_failed_fsync_at_any_call_ends_the_daemon_and_loses_nothing() {
    for (way, delivered) in ways() {
        let walked = at_every(way, Fault::Broken, *delivered, |site| site.operation == "fsync");
        let may_live = |site: &Site| behind(site) || is_staged_delivery(site);
        let lived: Vec<_> =
            walked.iter().filter(|(site, met)| met.hit && !met.ended && !may_live(site)).collect();
        assert!(lived.is_empty(), "went on after a failed fsync: {lived:#?}");
    }
}

/// One call of so many in the usual run; the kills at random moments meet the others.
const KILL_EVERY: u32 = 5;

// A51: the same for kill -9, before every call in turn.
#[test]
fn a_kill_before_any_call_loses_nothing() {
    for (way, delivered) in ways() {
        let number = std::cell::Cell::new(0);
        at_every(way, Fault::Kill, *delivered, |_| {
            number.set(number.get() + 1);
            is_long() || number.get() % KILL_EVERY == 1
        });
    }
}

/// System calls, and what the shim calls them.
const CALLS: [(&str, &str); 13] = [
    ("write", "write"),
    ("writev", "write"),
    ("pwrite64", "write"),
    ("pwritev", "write"),
    ("fsync", "fsync"),
    ("fdatasync", "fsync"),
    ("rename", "rename"),
    ("renameat", "rename"),
    ("renameat2", "rename"),
    ("mkdir", "mkdir"),
    ("mkdirat", "mkdir"),
    ("ftruncate", "truncate"),
    ("fallocate", "allocate"),
];

/// What strace saw below a folder, without the log, and without the index, which is written behind.
fn seen_by_strace(trace: &str, home: &str) -> BTreeMap<String, usize> {
    let (path, index, log) =
        (format!("{home}/"), format!("{home}/state/index"), format!("{home}/lazaretd.log"));
    let mut counts = BTreeMap::new();
    for line in trace.lines().filter(|line| line.contains(&path)) {
        if line.contains(&index) || line.contains(&log) {
            continue;
        }
        // "PID CALL(…": what is resumed was counted when it began.
        let call = line.split_whitespace().nth(1).and_then(|word| word.split_once('('));
        let known = call.and_then(|(call, _)| CALLS.iter().find(|(name, _)| *name == call));
        if let Some((_, operation)) = known {
            *counts.entry((*operation).to_owned()).or_default() += 1;
        }
    }
    counts
}

// "Fault injection at the system call": the shim lies a step above, so it must see what the kernel sees.
#[test]
fn the_shim_sees_every_call_that_the_kernel_sees() {
    needs(&["cc", "strace"], false).unwrap();
    let mut route = Route::new("seen", false).unwrap();
    let home = route.appliance().home.to_string_lossy().into_owned();
    let out = route.appliance().home.parent().unwrap().join("strace");
    let names: Vec<&str> = CALLS.iter().map(|(name, _)| *name).collect();
    let mut strace = Command::new("strace")
        .args(["-f", "-q", "-y", "-s", "300", "-e", &format!("trace={}", names.join(",")), "-o"])
        .arg(&out)
        .args(["-p", &route.appliance().pid().unwrap().to_string()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    sleep(Duration::from_secs(1));
    let mut by_shim: BTreeMap<String, usize> = BTreeMap::new();
    for site in route.sites().unwrap().into_iter().filter(|site| !behind(site)) {
        if CALLS.iter().any(|(_, operation)| *operation == site.operation) {
            *by_shim.entry(site.operation).or_default() += 1;
        }
    }
    assert!(Command::new("kill").args(["-INT", &strace.id().to_string()]).status().unwrap().success());
    strace.wait().unwrap();
    let by_strace = seen_by_strace(&fs::read_to_string(out).unwrap(), &home);
    println!("calls of one walk: {by_shim:?}");
    assert_eq!(by_shim, by_strace);
    assert!(by_shim["fsync"] > 5 && by_shim["write"] > 5, "{by_shim:?}");
}
