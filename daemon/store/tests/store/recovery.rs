//! Whatever happens to the index, the next start answers from the ledger.

use crate::site::{Site, arrived, doc, patiently, probe_in_child, whole_trip};
use lifecycle::{Body, Event, Status};
use std::{
    fs,
    path::{Path, PathBuf},
};
use store::{Query, Store, StoreError};

/// A site with twenty documents at rest and one that has just arrived.
pub(crate) fn busy_site() -> Site {
    let mut site = Site::new();
    for number in 0..20 {
        for event in whole_trip("fax", number) {
            site.happens(doc(number), event);
        }
    }
    site.happens(doc(20), arrived("lab", 20));
    site
}

pub(crate) fn assert_whole(site: &Site) {
    let counts = site.store().counts().unwrap();
    assert_eq!((counts[&Status::Delivered], counts[&Status::Received]), (20, 1));
    let all = site.store().scan(&Query::default(), None, 100).unwrap();
    assert_eq!(all.len(), 21);
    assert!(all[..20].iter().all(|document| site.store().events(document.id).unwrap().len() == 11));
    assert_eq!(site.store().applied_seq(), 221);
}

#[test]
fn an_index_that_is_behind_catches_up() {
    let mut site = busy_site();
    site.write(Body::Document { doc: doc(21), event: arrived("fax", 21) });
    let opened = site.open();
    assert_eq!((opened.rebuilt, opened.replayed), (false, 1));
    assert_eq!(site.store().counts().unwrap()[&Status::Received], 2);
}

#[test]
fn a_missing_index_is_built_and_a_new_site_needs_none() {
    let mut site = Site::new();
    assert!(!site.open().rebuilt);
    let mut site = busy_site();
    site.close();
    fs::remove_dir_all(site.index_dir()).unwrap();
    let opened = site.open();
    assert_eq!((opened.rebuilt, opened.replayed, opened.set_aside), (true, 221, None));
    assert_whole(&site);
}

#[test]
fn a_half_written_snapshot_of_a_full_disk_is_removed() {
    let mut site = busy_site();
    site.store().flush().unwrap();
    site.close();
    let leftover = site.index_dir().join("snap.0000000000000FFF.generating");
    fs::write(&leftover, b"half").unwrap();
    assert!(!site.open().rebuilt);
    assert!(!leftover.exists());
    assert_whole(&site);
}

#[test]
fn garbage_in_place_of_the_index_costs_a_rebuild() {
    let mut site = busy_site();
    site.close();
    fs::write(site.index_dir().join("db"), vec![0x5a; 100_000]).unwrap();
    assert!(site.open().rebuilt);
    assert_whole(&site);
}

#[test]
fn a_damaged_index_is_set_aside_and_no_more_than_two_are_kept() {
    let mut site = busy_site();
    site.close();
    for round in 1..=4 {
        let open = || Store::open(&site.index_dir(), &site.ledger_dir(), |_| false);
        let (_, opened) = patiently(open).unwrap();
        assert!(opened.rebuilt);
        assert_eq!(opened.set_aside.unwrap(), site.home().join(format!("index.bad.{round}")));
    }
    let is_set_aside = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("index.bad.");
    let names = fs::read_dir(site.home()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| is_set_aside(name)).count(), 2);
    assert!(!site.open().rebuilt);
    assert_whole(&site);
}

#[test]
fn an_index_of_another_ledger_is_noticed() {
    let mut one = busy_site();
    one.close();
    let mut other = Site::new();
    for number in 0..300 {
        other.happens(doc(number), arrived("fax", number));
    }
    other.close();
    // Longer than the ledger, then shorter but of other records.
    for theirs in [other.index_dir(), {
        let mut third = Site::new();
        third.happens(doc(7), arrived("x", 1));
        third.close();
        third.into_index(&one)
    }] {
        fs::remove_dir_all(one.index_dir()).unwrap();
        copy(&theirs, &one.index_dir());
        let opened = one.open();
        assert!(opened.rebuilt && opened.set_aside.is_some());
        assert_whole(&one);
        one.close();
    }
}

impl Site {
    /// Copies the index next to that of another site, which outlives this one.
    fn into_index(self, other: &Site) -> PathBuf {
        let target = other.home().join("foreign");
        copy(&self.index_dir(), &target);
        target
    }
}

#[test]
fn a_ledger_with_an_event_that_cannot_be_stops_the_start_and_names_it() {
    let mut site = busy_site();
    site.write(Body::Document { doc: doc(20), event: Event::Approved });
    site.close();
    let open = || Store::open(&site.index_dir(), &site.ledger_dir(), probe_in_child);
    let error = patiently(open).err().unwrap();
    assert!(matches!(error, StoreError::Illegal { seq: 222, .. }), "{error}");
}

#[test]
fn a_second_daemon_is_turned_away_and_harms_nothing() {
    let site = busy_site();
    let second = Store::open(&site.index_dir(), &site.ledger_dir(), probe_in_child);
    assert!(matches!(second.err().unwrap(), StoreError::InUse { .. }));
    assert!(site.index_dir().exists());
    assert_whole(&site);
}

#[test]
fn a_file_in_place_of_the_index_is_set_aside() {
    let mut site = busy_site();
    site.close();
    fs::remove_dir_all(site.index_dir()).unwrap();
    fs::write(site.index_dir(), b"not an index").unwrap();
    let opened = site.open();
    assert!(opened.rebuilt && opened.set_aside.unwrap().is_file());
    assert_whole(&site);
}

// "0 manual steps": a process that dies while it opens the index finds its way out by itself.
#[test]
fn an_index_that_kills_whoever_opens_it_is_set_aside_at_the_third_start() {
    let mut site = busy_site();
    site.close();
    let note = site.home().join("index.opening");
    for (unfinished, rebuilt) in [(1, false), (2, true)] {
        fs::write(&note, format!("{unfinished}")).unwrap();
        assert_eq!(site.open().rebuilt, rebuilt, "after {unfinished} openings that did not end");
        assert!(!note.exists(), "an opening that ends takes its note away");
        assert_whole(&site);
        site.close();
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
