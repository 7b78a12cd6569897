//! Deliveries on a real disk: twice, cut off after each step, fetched at once, in the way of something else.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::folder::Step;
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use std::{
    fs,
    io::{self, Read},
    os::unix::fs::PermissionsExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
};
use types::{DocId, Label, UnixMillis};

const STEPS: [Step; 5] =
    [Step::ProductStaged, Step::ManifestStaged, Step::Marked, Step::ProductPlaced, Step::ManifestPlaced];
const MANIFEST: &[u8] = b"{}";

fn target() -> (tempfile::TempDir, FolderTarget, DocId) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_owned();
    (dir, FolderTarget { folder }, DocId::from_parts(UnixMillis(1_800_000_000_000), 7))
}

fn route() -> Label {
    "results".parse().unwrap()
}

/// What those who fetch see.
fn names(target: &FolderTarget) -> Vec<String> {
    let entries = fs::read_dir(&target.folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".sent");
    names.sort();
    names
}

fn left_in_sent(target: &FolderTarget) -> usize {
    fs::read_dir(target.folder.join(".sent")).unwrap().count()
}

/// More than one page, and no two pages alike.
fn product() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i % 251) as u8).collect()
}

/// True when it was delivered now, false when it was before.
fn deliver_as(
    target: &FolderTarget,
    doc: DocId,
    product: &[u8],
    manifest: &[u8],
) -> Result<bool, OutboxError> {
    match target.stage(doc, &route(), &mut &product[..], manifest)? {
        Staging::Seen(_) => Ok(false),
        Staging::Staged(staged) => staged.place().map(|()| true),
    }
}

fn deliver(target: &FolderTarget, doc: DocId) -> Result<bool, OutboxError> {
    deliver_as(target, doc, &product(), MANIFEST)
}

/// The process dies right after a step.
fn die_after(death: Step, target: &FolderTarget, doc: DocId) {
    let mut done = |step| {
        if step == death {
            std::panic::resume_unwind(Box::new(()))
        }
    };
    let run = || {
        let staging = target.stage_by_step(doc, &route(), &mut &product()[..], MANIFEST, &mut done);
        let Staging::Staged(staged) = staging.unwrap() else { unreachable!() };
        staged.place_by_step(&mut done).unwrap();
    };
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err(), "it went on behind {death:?}");
}

/// Those who fetch act on a manifest only; gives how many pairs they got.
fn fetch(target: &FolderTarget) -> usize {
    let manifests: Vec<String> = names(target).into_iter().filter(|name| name.ends_with(".json")).collect();
    for name in &manifests {
        let pdf = target.folder.join(name.replace(".json", ".pdf"));
        assert!(fs::read(&pdf).unwrap() == product(), "the manifest came before its document");
        assert_eq!(fs::read(target.folder.join(name)).unwrap(), MANIFEST);
        fs::remove_file(pdf).unwrap();
        fs::remove_file(target.folder.join(name)).unwrap();
    }
    manifests.len()
}

// A24, A54: delivering twice is delivering once, with and without the marker of the first.
#[test]
fn the_same_delivery_twice_leaves_one_pair() {
    let (_dir, target, doc) = target();
    assert!(deliver(&target, doc).unwrap());
    assert!(!deliver(&target, doc).unwrap());
    target.forget(doc, &route()).unwrap();
    assert!(!deliver(&target, doc).unwrap());
    assert_eq!(names(&target), [format!("{doc}.json"), format!("{doc}.pdf")]);
    assert!(fs::read(target.folder.join(format!("{doc}.pdf"))).unwrap() == product());
}

// "0 acknowledged documents lost, 0 delivered twice": whatever those who fetch do, before and after the restart.
#[test]
fn a_delivery_that_dies_after_any_step_reaches_those_who_fetch_exactly_once() {
    for death in STEPS {
        for (at_once, recovered) in [(true, true), (true, false), (false, true), (false, false)] {
            let (_dir, target, doc) = target();
            die_after(death, &target, doc);
            let mut fetched = if at_once { fetch(&target) } else { 0 };
            let known = if recovered { target.recover().unwrap().len() } else { 0 };
            deliver(&target, doc).unwrap();
            fetched += fetch(&target);
            assert_eq!(fetched, 1, "{death:?}, fetched at once: {at_once}, recovered: {recovered}");
            assert_eq!(known == 1, recovered && death == Step::ManifestPlaced, "{death:?}");
            target.forget(doc, &route()).unwrap();
            assert_eq!(left_in_sent(&target), 0, "{death:?}");
        }
    }
}

// A hold or another route after a crash: what nobody has seen is not left lying about.
#[test]
fn recovery_takes_back_what_nobody_has_seen_and_names_what_somebody_may_have() {
    for death in STEPS {
        let (_dir, target, doc) = target();
        die_after(death, &target, doc);
        let unsettled = target.recover().unwrap();
        if death == Step::ManifestPlaced {
            assert_eq!((unsettled[0].doc, &unsettled[0].route), (doc, &route()));
            assert_eq!(unsettled[0].manifest, MANIFEST);
            assert_eq!(target.seen(doc, &route()).unwrap().unwrap(), MANIFEST);
        } else {
            assert!(unsettled.is_empty() && names(&target).is_empty(), "{death:?}");
            assert_eq!(left_in_sent(&target), 0, "{death:?}");
            assert!(target.seen(doc, &route()).unwrap().is_none());
        }
    }
}

#[test]
fn a_delivery_that_is_called_back_leaves_nothing() {
    let (_dir, target, doc) = target();
    let Staging::Staged(staged) = target.stage(doc, &route(), &mut &product()[..], MANIFEST).unwrap() else {
        unreachable!()
    };
    assert!(names(&target).is_empty(), "what is staged is out of sight");
    staged.withdraw().unwrap();
    assert_eq!((names(&target).len(), left_in_sent(&target)), (0, 0));
}

// B11: nothing is ever overwritten, and no link is followed out of the folder.
#[test]
fn other_content_or_a_link_of_the_same_name_is_a_conflict() {
    let (dir, target, doc) = target();
    deliver_as(&target, doc, b"%PDF one", MANIFEST).unwrap();
    target.forget(doc, &route()).unwrap();
    assert!(matches!(deliver_as(&target, doc, b"%PDF two", b"{ }"), Err(OutboxError::Conflict)));
    assert_eq!(fs::read(target.folder.join(format!("{doc}.pdf"))).unwrap(), b"%PDF one");

    let next = DocId::from_parts(UnixMillis(1_800_000_000_001), 8);
    let outside = dir.path().join("outside");
    fs::write(&outside, b"mine").unwrap();
    std::os::unix::fs::symlink(&outside, target.folder.join(format!("{next}.pdf"))).unwrap();
    assert!(matches!(deliver(&target, next), Err(OutboxError::Conflict)));
    assert_eq!(fs::read(outside).unwrap(), b"mine");
    assert!(!target.folder.join(format!("{next}.json")).exists());
    assert_eq!(left_in_sent(&target), 0, "a refused delivery leaves no copy");
}

#[test]
fn a_missing_folder_is_not_made_and_a_foreign_marker_folder_is_not_trusted() {
    let (_dir, target, doc) = target();
    let missing = FolderTarget { folder: target.folder.join("unmounted") };
    assert!(matches!(deliver(&missing, doc), Err(OutboxError::Folder(_))));
    assert!(!missing.folder.exists());
    fs::create_dir(target.folder.join(".sent")).unwrap();
    fs::set_permissions(target.folder.join(".sent"), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(deliver(&target, doc), Err(OutboxError::Foreign)));
}

// A product that turns out not to be what was sealed is never seen.
#[test]
fn a_product_that_cannot_be_read_to_its_end_is_not_delivered() {
    struct Torn(usize);
    impl Read for Torn {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 < 3 { Ok(out.len()) } else { Err(io::ErrorKind::InvalidData.into()) }
        }
    }
    let (_dir, target, doc) = target();
    let torn = target.stage(doc, &route(), &mut Torn(0), MANIFEST);
    assert!(matches!(torn, Err(OutboxError::Io(error)) if error.kind() == io::ErrorKind::InvalidData));
    assert!(names(&target).is_empty());
    assert!(deliver(&target, doc).unwrap(), "the next try begins anew");
}

#[test]
fn a_collector_that_looks_all_the_time_never_sees_half_a_document() {
    let (_dir, target, _) = target();
    let stop = AtomicBool::new(false);
    let collect = || {
        let mut fetched = 0;
        while !stop.load(Ordering::Relaxed) {
            fetched += fetch(&target);
        }
        fetched + fetch(&target)
    };
    let (delivered, fetched) = std::thread::scope(|scope| {
        let collector = scope.spawn(collect);
        let docs = (0..20).map(|number| DocId::from_parts(UnixMillis(number), 1));
        // The second try comes while the first is being fetched, or after.
        let twice = |doc| [deliver(&target, doc), deliver(&target, doc)].map(|done| done.ok());
        let delivered: Vec<_> = docs.map(twice).collect();
        stop.store(true, Ordering::Relaxed);
        (delivered, collector.join().unwrap())
    });
    assert_eq!(delivered, [[Some(true), Some(false)]; 20]);
    assert_eq!(fetched, 20);
}

#[test]
fn a_link_planted_under_the_name_of_the_manifest_stops_the_delivery() {
    let (dir, target, doc) = target();
    let outside = dir.path().join("theirs");
    fs::write(&outside, b"theirs").unwrap();
    std::os::unix::fs::symlink(&outside, target.folder.join(format!("{doc}.json"))).unwrap();
    assert!(matches!(deliver(&target, doc), Err(OutboxError::Conflict)));
    assert_eq!(fs::read(&outside).unwrap(), b"theirs");
}

#[test]
fn the_group_may_fetch_others_may_not() {
    let (_dir, target, doc) = target();
    deliver(&target, doc).unwrap();
    for ending in ["pdf", "json"] {
        let mode = fs::metadata(target.folder.join(format!("{doc}.{ending}"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }
    let sent = fs::metadata(target.folder.join(".sent")).unwrap().permissions().mode();
    assert_eq!(sent & 0o777, 0o700);
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
        assert!(matches!(deliver(&target, doc), Err(OutboxError::Full)));
        mount(nothing, &target.folder, nothing, MsFlags::MS_REMOUNT, Some("size=1m")).unwrap();
        assert!(deliver(&target, doc).unwrap());
        assert_eq!(fetch(&target), 1);
    };
    std::thread::scope(|scope| scope.spawn(scene).join().unwrap());
}

#[test]
fn free_space_is_told() {
    assert!(space_free(&std::env::temp_dir()).unwrap() > 0);
    assert!(space_free(std::path::Path::new("/nonexistent")).is_err());
}
