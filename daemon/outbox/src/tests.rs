//! Deliveries on a real disk: twice, cut off after each step, in the way of something else.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::folder::Step;
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::atomic::{AtomicBool, Ordering},
};
use types::{DocId, UnixMillis};

fn target() -> (tempfile::TempDir, FolderTarget, DocId) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_owned();
    (dir, FolderTarget { folder }, DocId::from_parts(UnixMillis(1_800_000_000_000), 7))
}

fn names(target: &FolderTarget) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(&target.folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

// A24, A54: delivering twice is delivering once.
#[tokio::test]
async fn the_same_delivery_twice_leaves_one_pair() {
    let (_dir, target, doc) = target();
    for _ in 0..2 {
        target.deliver(doc, b"%PDF".to_vec(), b"{}".to_vec()).await.unwrap();
    }
    assert_eq!(names(&target), [format!("{doc}.json"), format!("{doc}.pdf")]);
    assert_eq!(fs::read(target.folder.join(format!("{doc}.pdf"))).unwrap(), b"%PDF");
}

// B48: a crash between the file and its manifest, or in the middle of either, is made good by delivering again.
#[tokio::test]
async fn a_delivery_that_was_cut_off_is_completed() {
    let (_dir, target, doc) = target();
    fs::write(target.folder.join(format!("{doc}.pdf")), b"%PDF").unwrap();
    fs::write(target.folder.join(format!(".{doc}.json.part")), b"{").unwrap();
    target.deliver(doc, b"%PDF".to_vec(), b"{}".to_vec()).await.unwrap();
    assert_eq!(names(&target), [format!("{doc}.json"), format!("{doc}.pdf")]);
}

// B11: nothing is ever overwritten, and no link is followed out of the folder.
#[tokio::test]
async fn other_content_or_a_link_of_the_same_name_is_a_conflict() {
    let (dir, target, doc) = target();
    target.deliver(doc, b"%PDF one".to_vec(), b"{}".to_vec()).await.unwrap();
    let other = target.deliver(doc, b"%PDF two".to_vec(), b"{}".to_vec()).await;
    assert!(matches!(other, Err(OutboxError::Conflict)));
    assert_eq!(fs::read(target.folder.join(format!("{doc}.pdf"))).unwrap(), b"%PDF one");

    let next = DocId::from_parts(UnixMillis(1_800_000_000_001), 8);
    let outside = dir.path().join("outside");
    fs::write(&outside, b"mine").unwrap();
    std::os::unix::fs::symlink(&outside, target.folder.join(format!("{next}.pdf"))).unwrap();
    assert!(matches!(
        target.deliver(next, b"%PDF".to_vec(), b"{}".to_vec()).await,
        Err(OutboxError::Conflict)
    ));
    assert_eq!(fs::read(outside).unwrap(), b"mine");
}

#[tokio::test]
async fn a_missing_folder_is_not_made() {
    let (_dir, target, doc) = target();
    let target = FolderTarget { folder: target.folder.join("unmounted") };
    assert!(matches!(target.deliver(doc, Vec::new(), Vec::new()).await, Err(OutboxError::Folder(_))));
    assert!(!target.folder.exists());
}

const MANIFEST: &[u8] = b"{}";

/// More than one page, and no two pages alike.
fn product() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i % 251) as u8).collect()
}

fn assert_one_pair(target: &FolderTarget, doc: DocId) {
    assert_eq!(names(target), [format!("{doc}.json"), format!("{doc}.pdf")]);
    assert!(fs::read(target.folder.join(format!("{doc}.pdf"))).unwrap() == product());
    assert_eq!(fs::read(target.folder.join(format!("{doc}.json"))).unwrap(), MANIFEST);
}

// B48: "retries safe; resume"
#[test]
fn a_delivery_that_dies_after_any_step_is_finished_by_the_next() {
    for death in [Step::ProductWritten, Step::ProductPlaced, Step::ManifestWritten, Step::ManifestPlaced] {
        let (_dir, target, doc) = target();
        let die = |step| if step == death { Err(OutboxError::Full) } else { Ok(()) };
        target.step_by_step(doc, &product(), MANIFEST, die).unwrap_err();
        target.step_by_step(doc, &product(), MANIFEST, |_| Ok(())).unwrap();
        assert_one_pair(&target, doc);
    }
}

#[test]
fn what_has_a_name_is_whole_and_the_manifest_never_comes_before_its_document() {
    let (_dir, target, doc) = target();
    let (pdf, json) = (target.folder.join(format!("{doc}.pdf")), target.folder.join(format!("{doc}.json")));
    let mut seen = Vec::new();
    let look = |step| {
        let document = fs::read(&pdf).ok().map(|bytes| bytes == product());
        let manifest = fs::read(&json).ok().map(|bytes| bytes == MANIFEST);
        seen.push((step, document, manifest));
        Ok(())
    };
    target.step_by_step(doc, &product(), MANIFEST, look).unwrap();
    let whole = Some(true);
    assert_eq!(
        seen,
        [
            (Step::ProductWritten, None, None),
            (Step::ProductPlaced, whole, None),
            (Step::ManifestWritten, whole, None),
            (Step::ManifestPlaced, whole, whole),
        ]
    );
}

#[test]
fn a_collector_that_looks_all_the_time_never_sees_half_a_document() {
    let (_dir, target, _) = target();
    let stop = AtomicBool::new(false);
    let collect = || {
        while !stop.load(Ordering::Relaxed) {
            for name in names(&target).iter().filter(|name| name.ends_with(".json")) {
                assert_eq!(fs::read(target.folder.join(name)).unwrap(), MANIFEST);
                assert!(fs::read(target.folder.join(name.replace(".json", ".pdf"))).unwrap() == product());
            }
        }
    };
    std::thread::scope(|scope| {
        let collector = scope.spawn(collect);
        for number in 0..20 {
            let doc = DocId::from_parts(UnixMillis(number), 1);
            target.step_by_step(doc, &product(), MANIFEST, |_| Ok(())).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        collector.join().unwrap();
    });
}

#[test]
fn beside_the_manifest_of_something_else_nothing_is_written() {
    let (_dir, target, doc) = target();
    fs::write(target.folder.join(format!("{doc}.json")), b"other").unwrap();
    let conflict = target.step_by_step(doc, &product(), MANIFEST, |_| Ok(()));
    assert!(matches!(conflict, Err(OutboxError::Conflict)));
    assert_eq!(names(&target), [format!("{doc}.json")]);
}

#[test]
fn a_link_planted_under_the_temporary_name_is_not_followed() {
    let (dir, target, doc) = target();
    let outside = dir.path().parent().unwrap().join(format!("outside-{doc}-{}", std::process::id()));
    fs::write(&outside, b"theirs").unwrap();
    std::os::unix::fs::symlink(&outside, target.folder.join(format!(".{doc}.pdf.part"))).unwrap();
    target.step_by_step(doc, &product(), MANIFEST, |_| Ok(())).unwrap();
    assert_one_pair(&target, doc);
    assert_eq!(fs::read(&outside).unwrap(), b"theirs");
    fs::remove_file(outside).unwrap();
    let mode = fs::metadata(target.folder.join(format!("{doc}.pdf"))).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "its group may fetch it, others may not");
}

#[test]
fn a_full_disk_is_said_to_be_full_and_delivery_goes_on_when_there_is_room() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let nothing: Option<&str> = None;
    let scene = || {
        let (_dir, target, doc) = target();
        // A file system of 64 KiB, which only this thread sees.
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).unwrap();
        mount(Some("tmpfs"), &target.folder, Some("tmpfs"), MsFlags::empty(), Some("size=64k")).unwrap();
        let full = target.step_by_step(doc, &product(), MANIFEST, |_| Ok(()));
        assert!(matches!(full, Err(OutboxError::Full)));
        mount(nothing, &target.folder, nothing, MsFlags::MS_REMOUNT, Some("size=1m")).unwrap();
        target.step_by_step(doc, &product(), MANIFEST, |_| Ok(())).unwrap();
        assert_one_pair(&target, doc);
    };
    std::thread::scope(|scope| scope.spawn(scene).join().unwrap());
}

#[test]
fn free_space_is_told() {
    assert!(space_free(&std::env::temp_dir()).unwrap() > 0);
    assert!(space_free(std::path::Path::new("/nonexistent")).is_err());
}
