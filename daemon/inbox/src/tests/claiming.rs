//! Claiming, reading, letting go, and what a crash leaves.

use super::{Desk, content, settings};
use crate::{Inbox, InboxError};
use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::MetadataExt as _,
};
use types::Reason;

// A11: "first audit event written before the file leaves the inbox": it stays until it is told to go
#[test]
fn a_claimed_file_is_read_as_often_as_needed_and_goes_only_when_told() {
    let mut desk = Desk::without_settling();
    desk.put("a.pdf", b"the bytes");
    let scan = desk.look_after(0);
    let mut claimed = desk.claim(scan).unwrap();
    assert_eq!(desk.list(""), [".claimed", ".refused"]);
    assert_eq!(content(&mut claimed), b"the bytes");
    assert_eq!(content(&mut claimed), b"the bytes");
    assert!(claimed.unchanged().unwrap());
    assert_eq!(claimed.name().expose(), "a.pdf");
    assert_eq!(claimed.owner_uid(), fs::metadata(desk.path("")).unwrap().uid());
    assert_eq!(desk.inbox.waiting().unwrap(), 1, "it is not a document yet");
    claimed.remove().unwrap();
    assert!(desk.list(".claimed").is_empty());
    assert_eq!(desk.inbox.waiting().unwrap(), 0);
    assert!(desk.look_after(1).vanished.is_empty(), "we know where it went");
}

#[test]
fn of_two_that_claim_one_wins() {
    let mut desk = Desk::without_settling();
    desk.put("a.pdf", b"x");
    let mut other = Inbox::open(&settings(&desk.path(""), 0)).unwrap();
    let theirs = other.scan().unwrap().ready.remove(0);
    let ours = desk.look_after(0);
    let won = desk.claim(ours).unwrap();
    let id = desk.next_id();
    assert!(other.claim(theirs, id).unwrap().is_none());
    assert_eq!(desk.list(".claimed").len(), 1);
    won.remove().unwrap();
}

#[test]
fn a_writer_that_turns_up_after_the_scan_keeps_its_file() {
    let mut desk = Desk::without_settling();
    desk.put("a.pdf", b"x");
    let scan = desk.look_after(0);
    let writer = File::options().append(true).open(desk.path("a.pdf")).unwrap();
    assert!(desk.claim(scan).is_none());
    assert_eq!(desk.list(""), [".claimed", ".refused", "a.pdf"]);
    drop(writer);
}

#[test]
fn a_write_after_the_claim_is_noticed_and_the_file_goes_back() {
    let mut desk = Desk::without_settling();
    desk.put("a.pdf", b"first");
    desk.put("a.pdf.json", b"{}");
    let scan = desk.look_after(0);
    let mut claimed = desk.claim(scan).unwrap();
    let inside = desk.path(".claimed").join(claimed.id.to_string()).join("a.pdf");
    File::options().append(true).open(inside).unwrap().write_all(b" more").unwrap();
    assert_eq!(content(&mut claimed), b"first", "not more than what was claimed");
    assert!(!claimed.unchanged().unwrap());
    claimed.put_back().unwrap();
    assert_eq!(fs::read(desk.path("a.pdf")).unwrap(), b"first more");
    assert_eq!(desk.list(""), [".claimed", ".refused", "a.pdf", "a.pdf.json"]);
    assert!(desk.list(".claimed").is_empty());
}

#[test]
fn a_file_whose_name_was_taken_meanwhile_replaces_nothing() {
    let mut desk = Desk::without_settling();
    desk.put("a.pdf", b"first");
    let scan = desk.look_after(0);
    let claimed = desk.claim(scan).unwrap();
    desk.put("a.pdf", b"second");
    assert!(matches!(claimed.put_back(), Err(InboxError::NameTaken { .. })));
    assert_eq!(fs::read(desk.path("a.pdf")).unwrap(), b"second");
    assert_eq!(content(&mut desk.inbox.leftovers().unwrap()[0]), b"first");
}

#[test]
fn a_file_that_went_before_the_claim_is_no_error() {
    let mut desk = Desk::without_settling();
    desk.put("a.pdf", b"x");
    let scan = desk.look_after(0);
    fs::remove_file(desk.path("a.pdf")).unwrap();
    assert!(desk.claim(scan).is_none());
    assert!(desk.list(".claimed").is_empty());
}

// A24: the id given at the claim is found again, so that taking it up twice makes one document
#[test]
fn after_a_crash_a_claimed_file_is_found_with_its_id_name_and_sidecar() {
    let mut desk = Desk::without_settling();
    desk.put("brief Müller.pdf", b"bytes");
    desk.put("brief Müller.pdf.json", br#"{"tenant":"north"}"#);
    let scan = desk.look_after(0);
    let id = desk.claim(scan).unwrap().id;
    desk.restart();
    let mut found = desk.inbox.leftovers().unwrap();
    assert_eq!((found.len(), found[0].id), (1, id));
    let mut claimed = found.remove(0);
    assert_eq!(claimed.name().expose(), "brief Müller.pdf");
    assert_eq!(content(&mut claimed), b"bytes");
    assert_eq!(claimed.sidecar().unwrap().ok().unwrap().tenant.unwrap().as_str(), "north");
    claimed.remove().unwrap();
    assert!(desk.inbox.leftovers().unwrap().is_empty());
    assert_eq!(desk.list(""), [".claimed", ".refused"]);
}

#[test]
fn a_crash_between_file_and_sidecar_or_between_folder_and_file_is_mended() {
    let mut desk = Desk::without_settling();
    let (first, second) = (desk.next_id().to_string(), desk.next_id().to_string());
    fs::create_dir(desk.path(".claimed").join(&first)).unwrap();
    desk.put(format!(".claimed/{first}/a.pdf"), b"x");
    desk.put("a.pdf.json", b"{}");
    fs::create_dir(desk.path(".claimed").join(&second)).unwrap();
    desk.restart();
    let found = desk.inbox.leftovers().unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].sidecar().is_some());
    assert_eq!(desk.list(".claimed"), [first]);
}

// B15: "Hard limits: file size". One byte more than the limit is set aside whole, never taken in cut.
#[test]
fn a_file_over_its_limit_is_set_aside_whole_and_one_at_its_limit_is_taken() {
    let mut desk = Desk::without_settling();
    desk.put("large.pdf", &vec![1; (1 << 20) + 1]);
    let scan = desk.look_after(0);
    assert!(scan.ready.is_empty());
    assert_eq!(scan.refused.iter().map(|entry| entry.reason).collect::<Vec<_>>(), [Reason::FileTooLarge]);

    desk.put("fits.pdf", &vec![1; 1 << 20]);
    let scan = desk.look_after(0);
    let mut claimed = desk.claim(scan).unwrap();
    assert_eq!(content(&mut claimed).len(), 1 << 20);
}
