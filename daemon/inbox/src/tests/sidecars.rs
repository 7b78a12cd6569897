//! A26 for folder drops: the sidecar travels with its file and is no document.

use super::Desk;
use std::{fs, os::unix::fs::symlink};
use types::{DocClass, Reason};

// A26: "sidecar file `name.pdf.json` gives the same for folder drops"
#[test]
fn a_sidecar_that_was_there_first_is_claimed_with_its_file() {
    let mut desk = Desk::new();
    desk.put("a.pdf.json", br#"{"expected-type":"referral"}"#);
    desk.look_after(0);
    desk.put("a.pdf", b"%PDF");
    desk.look_after(5);
    assert_eq!(desk.inbox.waiting().unwrap(), 1);
    let scan = desk.look_after(10);
    assert_eq!(scan.waiting, 0);
    let claimed = desk.claim(scan).unwrap();
    assert_eq!(claimed.sidecar().unwrap().ok().unwrap().expected_type, Some(DocClass::Referral));
    assert_eq!(desk.list(""), [".claimed", ".refused"]);
    claimed.remove().unwrap();
    assert!(desk.list(".claimed").is_empty());
    assert!(desk.look_after(1).vanished.is_empty());
}

#[test]
fn a_sidecar_that_is_still_being_written_keeps_its_file_waiting() {
    let mut desk = Desk::new();
    desk.put("a.pdf", b"%PDF");
    desk.look_after(0);
    desk.put("a.pdf.json", b"{");
    desk.look_after(5);
    let scan = desk.look_after(5);
    assert_eq!((scan.ready.len(), scan.waiting), (0, 1));
    assert_eq!(desk.look_after(5).ready.len(), 1);
}

#[test]
fn a_sidecar_without_its_file_waits_ten_minutes_and_is_then_a_file_like_any_other() {
    let mut desk = Desk::new();
    desk.put("lost.pdf.json", b"{}");
    desk.look_after(0);
    let scan = desk.look_after(599);
    assert_eq!((scan.ready.len(), scan.waiting), (0, 1));
    let scan = desk.look_after(1);
    assert_eq!(desk.claim(scan).unwrap().name().expose(), "lost.pdf.json");
}

#[test]
fn a_bad_sidecar_is_a_reason_and_does_not_hide_its_file() {
    let large = format!(r#"{{"tenant":"{}"}}"#, "t".repeat(16 << 10));
    for bad in ["not json", r#"{"redact":false}"#, &large] {
        let mut desk = Desk::without_settling();
        desk.put("a.pdf.json", bad.as_bytes());
        desk.put("a.pdf", b"%PDF");
        let scan = desk.look_after(0);
        let claimed = desk.claim(scan).unwrap();
        assert_eq!(claimed.sidecar().unwrap().err(), Some(Reason::BadSidecar));
    }
}

#[test]
fn a_sidecar_that_is_a_link_is_moved_away_and_one_that_becomes_a_link_is_not_read() {
    let mut desk = Desk::without_settling();
    let outside = desk.home().join("outside.json");
    fs::write(&outside, br#"{"tenant":"theirs"}"#).unwrap();
    desk.put("a.pdf", b"%PDF");
    symlink(&outside, desk.path("a.pdf.json")).unwrap();
    let scan = desk.look_after(0);
    assert_eq!(scan.refused[0].reason, Reason::Symlink);
    symlink(&outside, desk.path("a.pdf.json")).unwrap();
    let claimed = desk.claim(scan).unwrap();
    assert_eq!(claimed.sidecar().unwrap().err(), Some(Reason::BadSidecar));
    claimed.remove().unwrap();
    assert!(outside.exists());
}
