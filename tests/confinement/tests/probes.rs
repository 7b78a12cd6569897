//! Each forbidden thing is tried by a confined process, which must end in exactly one way.
#![allow(clippy::unwrap_used)]

use confinement::{MEMORY_BYTES, launcher};
use sandbox::Worker;
use wire::{Done, Fault, Frame, Job, Kind, ProbeAction, Role, decode, encode};

fn probe(launcher: &sandbox::Launcher, seconds: u32) -> Worker {
    let mut worker = launcher.spawn(Role::Probe, MEMORY_BYTES).unwrap();
    worker.allow(1, seconds, u64::from(seconds) * 1000);
    worker
}

fn attempt(worker: &mut Worker, action: ProbeAction) -> Result<Frame, Fault> {
    worker.send(Kind::Job, &encode(&Job::Probe(action)).unwrap())?;
    worker.recv()
}

fn fault_of(action: ProbeAction) -> Option<Fault> {
    attempt(&mut probe(&launcher(), 10), action).err()
}

// No byte of a document is parsed by a process that could do harm.
#[test]
fn a_forbidden_system_call_kills_at_once() {
    use ProbeAction::{ExecutableMemory, Fork, Open, Socket, Thread};
    for action in [Open, Socket, Fork, Thread, ExecutableMemory] {
        assert_eq!(fault_of(action), Some(Fault::SandboxViolation), "{action:?}");
    }
}

#[test]
fn a_panic_ends_as_a_panic_and_not_as_a_violation() {
    assert_eq!(fault_of(ProbeAction::Panic), Some(Fault::Panic));
}

#[test]
fn a_lack_of_memory_ends_as_memory_and_not_as_a_violation() {
    assert_eq!(fault_of(ProbeAction::Memory), Some(Fault::Memory));
}

#[test]
fn a_worker_that_never_answers_is_stopped_by_processor_time_or_by_the_clock() {
    let launcher = launcher();
    let mut worker = launcher.spawn(Role::Probe, MEMORY_BYTES).unwrap();
    worker.allow(1, 60, 700);
    assert_eq!(attempt(&mut worker, ProbeAction::Hang).err(), Some(Fault::Timeout));
}

#[test]
fn a_probe_that_does_nothing_forbidden_answers_and_leaves() {
    let mut worker = probe(&launcher(), 10);
    let frame = attempt(&mut worker, ProbeAction::Nothing).unwrap();
    assert!(matches!(decode(&frame.payload), Ok(Done::Probed)));
    let usage = worker.end();
    assert_eq!(usage.fault, None);
    assert!(usage.peak_rss_bytes > 1 << 20, "{usage:?}");
}

#[test]
fn a_worker_takes_no_job_of_another_role() {
    let mut worker = launcher().spawn(Role::Parse, MEMORY_BYTES).unwrap();
    worker.allow(1, 10, 10_000);
    let frame = attempt(&mut worker, ProbeAction::Open).unwrap();
    assert_eq!(frame.kind, Kind::Refusal);
}

#[test]
fn a_worker_without_time_is_not_waited_for() {
    let mut worker = launcher().spawn(Role::Probe, MEMORY_BYTES).unwrap();
    assert_eq!(worker.recv().err(), Some(Fault::Timeout));
}
