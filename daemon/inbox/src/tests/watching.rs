//! Events shorten the wait; they are never needed.

use super::Desk;
use crate::watch;
use std::{fs, thread, time::Duration};
use tokio::sync::mpsc::{Receiver, channel};

/// Longest time to wait for an event that must come.
const PATIENCE_MS: u64 = 10_000;
/// Time in which an event that must not come would have come.
const QUIET_MS: u64 = 300;

fn woken_within(wakes: &mut Receiver<()>, ms: u64) -> bool {
    (0..ms / 10).any(|_| {
        thread::sleep(Duration::from_millis(10));
        wakes.try_recv().is_ok()
    })
}

fn settle_down(wakes: &mut Receiver<()>) {
    while woken_within(wakes, QUIET_MS) {}
}

#[test]
fn a_file_wakes_the_scanner_and_the_scanner_does_not_wake_itself() {
    let mut desk = Desk::without_settling();
    let (wake, mut wakes) = channel(1);
    let _watch = watch(&[desk.path("")], wake).unwrap();
    desk.put("a.pdf", b"x");
    assert!(woken_within(&mut wakes, PATIENCE_MS));
    settle_down(&mut wakes);
    assert_eq!(desk.look_after(0).ready.len(), 1);
    desk.put("b.pdf.part", b"unfinished");
    assert!(!woken_within(&mut wakes, QUIET_MS));
    fs::rename(desk.path("b.pdf.part"), desk.path("b.pdf")).unwrap();
    assert!(woken_within(&mut wakes, PATIENCE_MS));
}

#[test]
fn a_folder_that_cannot_be_watched_is_watched_as_soon_as_it_can() {
    let desk = Desk::new();
    let later = desk.home().join("later");
    let (wake, mut wakes) = channel(1);
    let mut watch = watch(std::slice::from_ref(&later), wake).unwrap();
    assert_eq!(watch.arm(), 1);
    fs::create_dir(&later).unwrap();
    assert_eq!(watch.arm(), 0);
    fs::write(later.join("a.pdf"), b"x").unwrap();
    assert!(woken_within(&mut wakes, PATIENCE_MS));
    settle_down(&mut wakes);
    fs::rename(&later, desk.home().join("gone")).unwrap();
    fs::create_dir(&later).unwrap();
    watch.rearm(&later);
    settle_down(&mut wakes);
    fs::write(later.join("b.pdf"), b"x").unwrap();
    assert!(woken_within(&mut wakes, PATIENCE_MS));
}
