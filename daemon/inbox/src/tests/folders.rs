//! Folders that are missing, unmounted, replaced.

use super::{Desk, settings};
use crate::{Inbox, InboxError, InboxSettings};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    unistd::geteuid,
};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

const NOTHING: Option<&str> = None;

#[test]
fn a_missing_folder_is_made_only_when_told_and_is_private() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("new");
    let not_told = InboxSettings { create: false, ..settings(&folder, 0) };
    let error = Inbox::open(&not_told).err().unwrap();
    assert!(error.to_string().contains("cannot open the inbox"), "{error}");
    assert!(!folder.exists());
    let inbox = Inbox::open(&settings(&folder, 0)).unwrap();
    assert!(!inbox.status().network);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(folder.join(".claimed")).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_folder_that_goes_is_an_error_at_each_scan_until_it_is_back_and_is_never_made() {
    let mut desk = Desk::without_settling();
    desk.put("a.pdf", b"x");
    let (here, gone) = (desk.path(""), desk.home().join("gone"));
    fs::rename(&here, &gone).unwrap();
    for _ in 0..3 {
        assert!(matches!(desk.inbox.scan(), Err(InboxError::Folder { .. })));
        assert!(!here.exists());
    }
    // Where it was there is now an empty folder, as below a mount that is gone.
    fs::create_dir(&here).unwrap();
    assert!(matches!(desk.inbox.scan(), Err(InboxError::Replaced { .. })));
    assert_eq!(fs::read_dir(&here).unwrap().count(), 0, "nothing is made in it");
    fs::remove_dir(&here).unwrap();
    fs::rename(&gone, &here).unwrap();
    let scan = desk.look_after(0);
    assert_eq!((scan.ready.len(), scan.vanished.len()), (1, 0));
}

#[test]
fn an_unmounted_inbox_is_an_error_and_is_taken_up_again_when_it_is_mounted() {
    if !geteuid().is_root() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let (disk, folder) = (home.path().join("disk"), home.path().join("inbox"));
    fs::create_dir(&disk).unwrap();
    fs::create_dir(&folder).unwrap();
    let mounts = |folder: &Path| mount(Some(&disk), folder, NOTHING, MsFlags::MS_BIND, NOTHING).unwrap();
    // Mounts of this thread's own, so that nothing stays behind.
    let scene = || {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING).unwrap();
        mounts(&folder);
        let mut inbox = Inbox::open(&InboxSettings { create: false, ..settings(&folder, 0) }).unwrap();
        fs::write(folder.join("a.pdf"), b"x").unwrap();
        umount2(&folder, MntFlags::MNT_DETACH).unwrap();
        assert!(matches!(inbox.scan(), Err(InboxError::Replaced { .. })));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        mounts(&folder);
        assert_eq!(inbox.scan().unwrap().ready.len(), 1);
    };
    std::thread::scope(|scope| scope.spawn(scene).join().unwrap());
}
