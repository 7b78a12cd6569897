//! Fifty thousand files at once.

use super::Desk;
use crate::scan::CANDIDATES_MAX;
use nix::time::{ClockId, clock_gettime};
use std::{fs::File, time::Duration};

/// Files of a burst that overflows every event queue.
const FILES: u32 = 50_000;

/// Processor time of this thread: other programs on the machine do not count.
fn worked() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

#[test]
fn fifty_thousand_files_are_seen_in_a_second_and_handed_out_in_turn() {
    let mut desk = Desk::new();
    for number in 0..FILES {
        File::create_new(desk.path(format!("fax-{number:05}.tif"))).unwrap();
    }
    let start = worked();
    let scan = desk.look_after(0);
    let first = worked() - start;
    assert_eq!((scan.ready.len(), scan.waiting), (0, FILES));
    let start = worked();
    let scan = desk.look_after(10);
    let second = worked() - start;
    eprintln!("{FILES} files: first scan {first:?}, scan with candidates {second:?} of processor time");
    assert!(first.max(second) < Duration::from_secs(1));
    assert_eq!(scan.ready.len(), CANDIDATES_MAX);
    assert_eq!(scan.waiting, FILES - CANDIDATES_MAX as u32);
    assert!(scan.more, "the next scan is due at once");
    let names: Vec<_> = scan.ready.iter().map(|candidate| candidate.name().expose().to_owned()).collect();
    assert_eq!(
        names,
        (0..CANDIDATES_MAX).map(|number| format!("fax-{number:05}.tif")).collect::<Vec<_>>(),
        "oldest first"
    );
    for candidate in scan.ready {
        let id = desk.next_id();
        desk.inbox.claim(candidate, id).unwrap().unwrap().remove().unwrap();
    }
    let scan = desk.look_after(0);
    assert_eq!((scan.ready[0].name().expose(), scan.vanished.len()), ("fax-00256.tif", 0));
    assert_eq!(desk.inbox.waiting().unwrap(), FILES - CANDIDATES_MAX as u32);
}

#[test]
fn files_that_cannot_be_taken_do_not_keep_others_waiting() {
    let mut desk = Desk::new();
    let busy: Vec<_> = (0..CANDIDATES_MAX)
        .map(|number| File::create(desk.path(format!("busy-{number:03}"))).unwrap())
        .collect();
    desk.look_after(0);
    desk.put("late.pdf", b"x");
    desk.look_after(1);
    assert!(desk.look_after(10).ready.is_empty(), "the busy ones have their turn first");
    assert_eq!(desk.look_after(0).ready.len(), 1, "then the late one has");
    drop(busy);
}
