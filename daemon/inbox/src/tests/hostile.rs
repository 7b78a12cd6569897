//! What strangers put into an inbox.

use super::{Desk, content, settings};
use crate::{Inbox, InboxError};
use nix::{
    sys::stat::{Mode, SFlag, makedev, mknod},
    unistd::{Uid, geteuid, mkfifo, setfsuid},
};
use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::Path,
};
use types::Reason;

// A10: "Never assume the client sanitised"
#[test]
fn names_of_any_bytes_are_taken_and_lead_nowhere() {
    let mut desk = Desk::without_settling();
    let long = [b'n'; 255];
    let names: [&[u8]; 14] = [
        b"-rf",
        b"--",
        b"two\nlines.pdf",
        b"\x1b[2J\x1b]0;owned\x07.pdf",
        b"\xff\xfe\x80.pdf",
        b"a..\\..\\etc\\passwd",
        b"%2e%2e%2fetc",
        b"CON",
        b" ",
        b"*",
        "invoice\u{202e}fdp.exe".as_bytes(),
        "re\u{301}sume\u{301}.pdf".as_bytes(),
        b"$(reboot).pdf",
        &long,
    ];
    for name in names {
        desk.put(OsStr::from_bytes(name), name);
    }
    let scan = desk.look_after(0);
    assert_eq!(scan.ready.len(), names.len());
    for candidate in scan.ready {
        assert!(candidate.name().chars().all(|c| !c.is_control() && c != '\u{202e}'));
        let id = desk.next_id();
        let mut claimed = desk.inbox.claim(candidate, id).unwrap().unwrap();
        assert_eq!(content(&mut claimed), claimed.name_bytes(), "each file holds its own name");
        assert!(claimed.sidecar().is_none());
        claimed.remove().unwrap();
    }
    assert_eq!(desk.list(""), [".claimed", ".refused"]);
    assert!(desk.list(".claimed").is_empty());
}

// B19, and design: "regular files with one link only"
#[test]
fn links_and_special_files_are_moved_away_unopened_and_nothing_is_lost() {
    let mut desk = Desk::new();
    let outside = desk.home().join("outside");
    fs::write(&outside, b"not yours").unwrap();
    symlink(&outside, desk.path("link.pdf")).unwrap();
    symlink("/nowhere", desk.path("dangling.pdf")).unwrap();
    fs::hard_link(&outside, desk.path("second-name.pdf")).unwrap();
    mkfifo(&desk.path("pipe.pdf"), Mode::S_IRWXU).unwrap();
    let _socket = UnixListener::bind(desk.path("socket.pdf")).unwrap();
    let mut refused = vec![
        ("dangling.pdf", "symlink"),
        ("link.pdf", "symlink"),
        ("pipe.pdf", "special-file"),
        ("socket.pdf", "special-file"),
    ];
    if geteuid().is_root() {
        mknod(&desk.path("zero.pdf"), SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 5)).unwrap();
        refused.push(("zero.pdf", "special-file"));
    }
    // A FIFO that is opened for reading would block this for ever.
    let scan = desk.look_after(0);
    let mut found: Vec<_> =
        scan.refused.iter().map(|entry| (entry.name.expose().to_owned(), entry.reason.code())).collect();
    found.sort();
    assert_eq!(found, refused.iter().map(|(name, code)| ((*name).to_owned(), *code)).collect::<Vec<_>>());
    assert_eq!(scan.waiting, 1, "a second name may be on its way out");
    let scan = desk.look_after(10);
    assert_eq!(scan.refused.iter().map(|entry| entry.reason).collect::<Vec<_>>(), [Reason::HardLink]);
    assert!(scan.ready.is_empty() && desk.look_after(10).refused.is_empty());
    assert_eq!(desk.list(""), [".claimed", ".refused"]);
    assert_eq!(desk.list(".refused").len(), refused.len() + 1);
    assert_eq!(fs::read(&outside).unwrap(), b"not yours");
    let kept: Vec<_> =
        desk.list(".refused").iter().flat_map(|id| desk.list(Path::new(".refused").join(id))).collect();
    assert!(kept.contains(&"second-name.pdf".to_owned()) && kept.contains(&"pipe.pdf".to_owned()));
}

#[test]
fn a_file_put_in_place_by_link_and_unlink_is_taken() {
    let mut desk = Desk::new();
    desk.put(".upload", b"%PDF");
    fs::hard_link(desk.path(".upload"), desk.path("a.pdf")).unwrap();
    desk.look_after(0);
    fs::remove_file(desk.path(".upload")).unwrap();
    assert!(desk.look_after(5).ready.is_empty());
    assert_eq!(desk.look_after(10).ready.len(), 1);
}

#[test]
fn a_directory_stays_where_it_is_and_is_reported_once() {
    let mut desk = Desk::without_settling();
    fs::create_dir(desk.path("2026")).unwrap();
    desk.put("2026/letter.pdf", b"x");
    let scan = desk.look_after(0);
    assert_eq!((scan.refused.len(), scan.refused[0].reason), (1, Reason::Directory));
    assert!(desk.look_after(0).refused.is_empty());
    assert_eq!(desk.list("2026"), ["letter.pdf"]);
    assert_eq!(desk.inbox.waiting().unwrap(), 0);
}

#[test]
fn a_file_that_cannot_be_read_waits_until_it_can() {
    let mut desk = Desk::without_settling();
    desk.put("locked.pdf", b"x");
    desk.put("open.pdf", b"y");
    fs::set_permissions(desk.path("locked.pdf"), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(desk.home(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(desk.path(""), Permissions::from_mode(0o755)).unwrap();
    let scan = std::thread::scope(|scope| {
        // Root reads everything: look as somebody else. It is a property of the thread, which ends here.
        let look = || {
            setfsuid(Uid::from_raw(65_534));
            desk.look_after(0)
        };
        scope.spawn(look).join().unwrap()
    });
    assert_eq!((scan.ready.len(), scan.waiting, scan.unreadable), (1, 1, 1));
    fs::set_permissions(desk.path("locked.pdf"), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(desk.look_after(0).ready.len(), 2);
}

#[test]
fn files_that_are_not_meant_for_us_are_neither_taken_nor_counted() {
    let mut desk = Desk::without_settling();
    for name in [
        ".hidden",
        "~$letter.docx",
        "a.TMP",
        "b.Part",
        "c.pdf.filepart",
        "d.crdownload",
        "e.lock",
        "f.swp",
        "g.partial",
    ] {
        desk.put(name, b"x");
    }
    let scan = desk.look_after(0);
    assert_eq!((scan.ready.len(), scan.waiting, scan.refused.len()), (0, 0, 0));
    assert_eq!(desk.inbox.waiting().unwrap(), 0);
}

#[test]
fn what_is_swapped_between_the_scan_and_the_claim_is_put_back_untouched() {
    let mut desk = Desk::without_settling();
    let outside = desk.home().join("outside");
    fs::write(&outside, b"not yours").unwrap();
    let swaps: [&dyn Fn(&Path); 4] = [
        &|path| symlink(&outside, path).unwrap(),
        &|path| fs::hard_link(&outside, path).unwrap(),
        &|path| mkfifo(path, Mode::S_IRWXU).unwrap(),
        &|path| fs::write(path, b"another file").unwrap(),
    ];
    for swap in swaps {
        desk.put("a.pdf", b"good");
        let scan = desk.look_after(0);
        fs::remove_file(desk.path("a.pdf")).unwrap();
        swap(&desk.path("a.pdf"));
        assert!(desk.claim(scan).is_none());
        assert!(desk.path("a.pdf").symlink_metadata().is_ok(), "it is where it was");
        assert!(desk.list(".claimed").is_empty());
        fs::remove_file(desk.path("a.pdf")).unwrap();
    }
    assert_eq!(fs::read(outside).unwrap(), b"not yours");
}

#[test]
fn a_claimed_folder_that_somebody_else_prepared_is_not_trusted() {
    let home = tempfile::tempdir().unwrap();
    for trap in ["loose", "link"] {
        let folder = home.path().join(trap);
        fs::create_dir(&folder).unwrap();
        if trap == "link" {
            symlink("/tmp", folder.join(".claimed")).unwrap();
        } else {
            fs::create_dir(folder.join(".claimed")).unwrap();
            fs::set_permissions(folder.join(".claimed"), Permissions::from_mode(0o777)).unwrap();
        }
        assert!(matches!(Inbox::open(&settings(&folder, 0)), Err(InboxError::Foreign { .. })), "{trap}");
    }
}
