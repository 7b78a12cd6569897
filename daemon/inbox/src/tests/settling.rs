//! When a file counts as complete.

use super::{Desk, content};
use std::{
    fs::{self, File},
    io::Write as _,
    time::{Duration, SystemTime},
};

// A2: "from clinics, patients, partners, internal systems": whoever writes, however slowly
#[test]
fn a_file_is_ready_when_it_has_not_changed_for_the_settling_time() {
    let mut desk = Desk::new();
    desk.put("fax.tif", b"II*");
    let scan = desk.look_after(0);
    assert_eq!((scan.ready.len(), scan.waiting), (0, 1));
    assert_eq!(scan.next_due, Some(Duration::from_secs(10)));
    assert_eq!(desk.look_after(9).ready.len(), 0);
    let scan = desk.look_after(1);
    assert_eq!((scan.ready.len(), scan.waiting), (1, 0));
    assert_eq!(scan.ready[0].bytes(), 3);
    assert!(!scan.ready[0].arrived_by_rename);
    assert_eq!(content(&mut desk.claim(scan).unwrap()), b"II*");
}

#[test]
fn a_file_that_grows_or_is_reopened_with_pauses_is_never_taken_early() {
    let mut desk = Desk::new();
    for page in 0..8 {
        File::options()
            .create(true)
            .append(true)
            .open(desk.path("scan.pdf"))
            .unwrap()
            .write_all(b"page")
            .unwrap();
        for _ in 0..4 {
            assert!(desk.look_after(2).ready.is_empty(), "page {page}");
        }
    }
    assert!(desk.look_after(3).ready.is_empty());
    assert_eq!(desk.look_after(1).ready.len(), 1);
}

#[test]
fn a_file_that_is_truncated_and_written_again_starts_over() {
    let mut desk = Desk::new();
    desk.put("scan.pdf", b"a draft");
    desk.look_after(0);
    desk.look_after(9);
    desk.put("scan.pdf", b"a draft");
    assert!(desk.look_after(1).ready.is_empty(), "same size, but written again");
    assert!(desk.look_after(9).ready.is_empty());
    assert_eq!(desk.look_after(1).ready.len(), 1);
}

#[test]
fn a_file_that_somebody_has_open_for_writing_waits_however_still_it_is() {
    let mut desk = Desk::new();
    let mut writer = File::create(desk.path("slow.pdf")).unwrap();
    writer.write_all(b"%PDF-").unwrap();
    desk.look_after(0);
    for _ in 0..5 {
        let scan = desk.look_after(60);
        assert_eq!((scan.ready.len(), scan.waiting, scan.unreadable), (0, 1, 0));
    }
    drop(writer);
    assert_eq!(desk.look_after(10).ready.len(), 1);
}

#[test]
fn clocks_that_jump_change_nothing() {
    let mut desk = Desk::new();
    for (name, time) in
        [("past", SystemTime::UNIX_EPOCH), ("future", SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 32))]
    {
        desk.put(name, b"x");
        File::options().write(true).open(desk.path(name)).unwrap().set_modified(time).unwrap();
    }
    assert_eq!(desk.look_after(0).waiting, 2);
    assert_eq!(desk.look_after(9).waiting, 2);
    assert_eq!(desk.look_after(1).ready.len(), 2);
}

#[test]
fn a_file_renamed_into_place_settles_like_any_other_and_its_old_name_does_not_vanish() {
    let mut desk = Desk::new();
    desk.put("letter.pdf.part", b"%PDF");
    let scan = desk.look_after(0);
    assert_eq!((scan.waiting, desk.inbox.waiting().unwrap()), (0, 0));
    fs::rename(desk.path("letter.pdf.part"), desk.path("letter.pdf")).unwrap();
    assert_eq!(desk.look_after(1).waiting, 1);
    fs::rename(desk.path("letter.pdf"), desk.path("renamed.pdf")).unwrap();
    let scan = desk.look_after(1);
    assert_eq!((scan.waiting, scan.vanished.len()), (1, 0));
    assert_eq!(desk.look_after(10).ready.len(), 1);
}

#[test]
fn an_empty_file_settles_and_is_handed_out() {
    let mut desk = Desk::new();
    desk.put("empty.pdf", b"");
    desk.look_after(0);
    let scan = desk.look_after(10);
    assert_eq!(desk.claim(scan).unwrap().bytes(), 0);
}

#[test]
fn a_file_that_goes_before_it_was_claimed_is_named_once() {
    let mut desk = Desk::new();
    desk.put("here.pdf", b"x");
    desk.look_after(0);
    fs::remove_file(desk.path("here.pdf")).unwrap();
    let scan = desk.look_after(1);
    assert_eq!(scan.vanished.iter().map(|name| name.as_bytes()).collect::<Vec<_>>(), [b"here.pdf"]);
    assert!(desk.look_after(1).vanished.is_empty());
}

#[test]
fn with_no_settling_time_the_lease_alone_decides() {
    let mut desk = Desk::without_settling();
    let writer = File::create(desk.path("a.pdf")).unwrap();
    assert!(desk.look_after(0).ready.is_empty());
    drop(writer);
    assert_eq!(desk.look_after(0).ready.len(), 1);
}
