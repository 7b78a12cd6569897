//! What the kernel says about a worker that waits for its job.
#![allow(clippy::unwrap_used)]

use confinement::{MEMORY_BYTES, launcher};
use sandbox::Worker;
use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use wire::{Job, Kind, ProbeAction, Role, encode};

/// One worker of every role; all of them wait.
fn workers(launcher: &sandbox::Launcher) -> Vec<Worker> {
    Role::ALL.into_iter().map(|role| launcher.spawn(role, MEMORY_BYTES).unwrap()).collect()
}

fn of(worker: &Worker, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{}/{file}", worker.pid()))
}

/// Reads below `/proc` what only root may read of a process that hides.
fn private(worker: &Worker, file: &str) -> Vec<u8> {
    fs::read(of(worker, file))
        .unwrap_or_else(|error| panic!("{file} of a worker needs root to be seen: {error}"))
}

#[test]
fn every_role_is_locked_in_with_every_layer() {
    let launcher = launcher();
    for worker in workers(&launcher) {
        let role = worker.role();
        let enforcement = worker.enforcement();
        assert!(enforcement.landlock_abi >= 1 && enforcement.landlock_full, "{role:?}: {enforcement:?}");
        assert!(enforcement.no_new_privs, "{role:?}");
        assert_eq!(enforcement.seccomp, sandbox::digest_of(role).0, "{role:?}");

        let status = fs::read_to_string(of(&worker, "status")).unwrap();
        let fields: BTreeMap<&str, &str> = status
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(key, value)| (key, value.trim()))
            .collect();
        for (key, expected) in [
            ("Seccomp", "2"),
            ("Seccomp_filters", "1"),
            ("NoNewPrivs", "1"),
            ("Threads", "1"),
            ("CapEff", "0000000000000000"),
            ("CapPrm", "0000000000000000"),
            ("CapInh", "0000000000000000"),
        ] {
            assert_eq!(fields.get(key), Some(&expected), "{role:?}: {key}");
        }
    }
}

#[test]
fn every_role_has_three_pipes_and_one_variable() {
    let launcher = launcher();
    for worker in workers(&launcher) {
        let role = worker.role();
        let open: Vec<(String, PathBuf)> = fs::read_dir(of(&worker, "fd"))
            .unwrap_or_else(|error| panic!("the descriptors of a worker need root to be seen: {error}"))
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_link(entry.path()).unwrap()))
            .collect();
        let mut names: Vec<&str> = open.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["0", "1", "2"], "{role:?}: {open:?}");
        assert!(
            open.iter().all(|(_, target)| target.to_string_lossy().starts_with("pipe:")),
            "{role:?}: {open:?}"
        );
        assert_eq!(private(&worker, "environ"), b"OMP_THREAD_LIMIT=1\0", "{role:?}");
    }
}

#[test]
fn every_limit_is_set_from_inside_and_processor_time_from_outside() {
    let launcher = launcher();
    let mut worker = launcher.spawn(Role::Parse, MEMORY_BYTES).unwrap();
    worker.allow(2, 100, 1000);
    let limits = fs::read_to_string(of(&worker, "limits")).unwrap();
    let soft = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(soft("Max core file size"), "0");
    assert_eq!(soft("Max file size"), "0");
    assert_eq!(soft("Max processes"), "0");
    assert_eq!(soft("Max open files"), "3");
    assert_eq!(soft("Max stack size"), (8_u64 << 20).to_string());
    assert_eq!(soft("Max address space"), MEMORY_BYTES.to_string());
    assert_eq!(soft("Max cpu time").parse::<u64>().unwrap(), 220, "20 s to start and 100 s for each page");
}

#[test]
fn no_memory_can_be_written_and_executed() {
    let launcher = launcher();
    for worker in workers(&launcher) {
        let maps = String::from_utf8(private(&worker, "maps")).unwrap();
        let both: Vec<&str> =
            maps.lines().filter(|line| line.contains("rwx") || line.contains("-wx")).collect();
        assert!(both.is_empty(), "{:?}: {both:?}", worker.role());
    }
}

/// Set for the process that plays the daemon in the test below.
const PLAY_DAEMON: &str = "CONFINEMENT_PLAYS_DAEMON";

#[test]
fn no_worker_outlives_a_daemon_that_was_killed() {
    if std::env::var_os(PLAY_DAEMON).is_some() {
        return play_daemon();
    }
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "no_worker_outlives_a_daemon_that_was_killed", "--nocapture"])
        .env(PLAY_DAEMON, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pids: Vec<u32> = BufReader::new(daemon.stdout.take().unwrap())
        .lines()
        .filter_map(|line| line.unwrap().strip_prefix("worker ")?.parse().ok())
        .take(Role::ALL.len())
        .collect();
    assert_eq!(pids.len(), Role::ALL.len(), "the daemon did not start its workers");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let patience = Instant::now() + Duration::from_secs(5);
    for pid in pids {
        while runs(pid) {
            assert!(Instant::now() < patience, "worker {pid} outlived its daemon");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Starts a worker of every role, says so, and waits to be killed.
fn play_daemon() {
    let launcher = launcher();
    let mut workers = workers(&launcher);
    // An idle worker would end by itself at the closed pipe; one that spins must be killed.
    let busy = workers.iter_mut().find(|worker| worker.role() == Role::Probe).unwrap();
    busy.allow(1, 60, 60_000);
    busy.send(Kind::Job, &encode(&Job::Probe(ProbeAction::Hang)).unwrap()).unwrap();
    let mut out = io::stdout();
    for worker in &workers {
        // Not `println!`: this is what the test reads, whatever the test harness does with output.
        out.write_all(format!("\nworker {}\n", worker.pid()).as_bytes()).unwrap();
    }
    thread::sleep(Duration::from_secs(60));
}

fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
