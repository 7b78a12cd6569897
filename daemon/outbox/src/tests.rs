#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use std::fs;
use types::{DocId, UnixMillis};

fn target() -> (tempfile::TempDir, FolderTarget, DocId) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_owned();
    (dir, FolderTarget { folder }, DocId::from_parts(UnixMillis(1_800_000_000_000), 7))
}

fn names(target: &FolderTarget) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(&target.folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
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
    assert!(matches!(target.deliver(next, b"%PDF".to_vec(), b"{}".to_vec()).await, Err(OutboxError::Conflict)));
    assert_eq!(fs::read(outside).unwrap(), b"mine");
}

#[tokio::test]
async fn a_missing_folder_is_not_made() {
    let (_dir, target, doc) = target();
    let target = FolderTarget { folder: target.folder.join("unmounted") };
    assert!(matches!(target.deliver(doc, Vec::new(), Vec::new()).await, Err(OutboxError::Folder(_))));
    assert!(!target.folder.exists());
}
