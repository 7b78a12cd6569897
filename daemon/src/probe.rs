//! The index on trial, in a child process: sled may panic, hang or take all memory on a damaged index, and must not
//! take the daemon with it. The child lives within limits of its own; one that meets them has failed, and the index
//! is built anew from the ledger.

use crate::notify;
use nix::sys::{
    prctl,
    resource::{Resource, setrlimit},
    signal::Signal,
};
use std::{
    fs, io,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// First argument of the child.
pub(crate) const PROBE_INDEX: &str = "--probe-index";
/// The index of a million documents is read in a fraction of this, also from a slow disk.
const TIME_MAX: Duration = Duration::from_secs(10 * 60);
/// Address space of the child, whatever the index: its program, its threads' stacks and arenas, sled's cache.
const MEMORY_MIN_BYTES: u64 = 2 << 30;
/// And for each byte of the index: sled keeps more in memory than on the disk, but not by so much.
const MEMORY_FACTOR: u64 = 8;
/// Between two looks whether it ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Between two words to systemd that the start gets on.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Opens the index in a child, and says whether that went well.
pub(crate) fn survives(dir: &Path) -> bool {
    let child = Command::new("/proc/self/exe")
        .arg(PROBE_INDEX)
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match child.and_then(|child| ends_well(child, TIME_MAX)) {
        Ok(survived) => survived,
        Err(error) => {
            tracing::warn!(%error, "the index could not be opened on trial");
            false
        }
    }
}

/// Waits for a child and kills it when its time is over.
fn ends_well(mut child: Child, limit: Duration) -> io::Result<bool> {
    let (began, mut said) = (Instant::now(), Instant::now());
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if began.elapsed() >= limit {
            tracing::error!(
                ms = limit.as_millis(),
                "the index did not open within its time; it is built anew"
            );
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        if said.elapsed() >= SAY_EVERY {
            said = Instant::now();
            notify::starting("index: opened on trial");
        }
        sleep(LOOK_EVERY);
    }
}

/// What the child does. It sets its limits before it touches the index.
pub(crate) fn open_on_trial(dir: &Path) -> ExitCode {
    match confine(dir).is_ok() && store::Store::probe_open(dir).is_ok() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Memory and processor time have their bounds, and the child does not outlive the daemon: it would keep the index
/// from the next one.
fn confine(dir: &Path) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let memory = memory_bytes_max(dir);
    setrlimit(Resource::RLIMIT_AS, memory, memory)?;
    let seconds = TIME_MAX.as_secs();
    setrlimit(Resource::RLIMIT_CPU, seconds, seconds)?;
    Ok(())
}

fn memory_bytes_max(dir: &Path) -> u64 {
    MEMORY_MIN_BYTES.saturating_add(bytes_under(dir).saturating_mul(MEMORY_FACTOR))
}

/// What cannot be looked at has no size: opening it says why.
fn bytes_under(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(facts) if facts.is_dir() => bytes_under(&entry.path()),
        Ok(facts) => facts.len(),
        Err(_) => 0,
    };
    entries.flatten().map(bytes).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn child(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).stdin(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn a_trial_that_hangs_has_failed_and_is_killed() {
        let hanging = child("sleep 600");
        let pid = hanging.id();
        assert!(!ends_well(hanging, Duration::from_millis(50)).unwrap());
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "it is gone, and was waited for");
        assert!(ends_well(child("exit 0"), TIME_MAX).unwrap());
        assert!(!ends_well(child("exit 1"), TIME_MAX).unwrap());
        assert!(!ends_well(child("kill -ABRT $$"), TIME_MAX).unwrap(), "a panic of sled");
    }

    #[test]
    fn a_trial_may_take_more_memory_for_a_larger_index() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(memory_bytes_max(&dir.path().join("none")), MEMORY_MIN_BYTES);
        fs::create_dir(dir.path().join("blobs")).unwrap();
        fs::write(dir.path().join("db"), [0; 100]).unwrap();
        fs::write(dir.path().join("blobs/1"), [0; 23]).unwrap();
        assert_eq!(memory_bytes_max(dir.path()), MEMORY_MIN_BYTES + MEMORY_FACTOR * 123);
    }
}
