//! Whatever happens to the index, the next start answers from the ledger.

use crate::site::{Site, arrived, doc, probe_in_child, whole_trip};
use lifecycle::{Body, Event, Status};
use std::{
    fs,
    path::{Path, PathBuf},
};
use store::{Query, Store, StoreError};

/// A site with twenty documents at rest and one that has just arrived.
fn busy_site() -> Site {
    let mut site = Site::new();
    for number in 0..20 {
        for event in whole_trip("fax", number) {
            site.happens(doc(number), event);
        }
    }
    site.happens(doc(20), arrived("lab", 20));
    site
}

fn assert_whole(site: &Site) {
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
        let (_, opened) = Store::open(&site.index_dir(), &site.ledger_dir(), |_| false).unwrap();
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
    let error = Store::open(&site.index_dir(), &site.ledger_dir(), probe_in_child).err().unwrap();
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

/// Bits are flipped and files cut short in many places: the damage is noticed, or does no harm.
#[test]
fn damage_anywhere_is_noticed_or_harmless() {
    let rounds: u64 = std::env::var("LAZARET_TEST_DAMAGES").map_or(40, |text| text.parse().unwrap());
    let mut site = busy_site();
    site.store().flush().unwrap();
    site.close();
    let sound = site.home().join("sound");
    copy(&site.index_dir(), &sound);
    let mut noticed = 0;
    for round in 0..rounds {
        fs::remove_dir_all(site.index_dir()).unwrap();
        copy(&sound, &site.index_dir());
        damage(&site.index_dir(), round);
        noticed += u64::from(site.open().rebuilt);
        assert_whole(&site);
        site.close();
    }
    assert!(noticed > 0, "no damage met anything that is read");
}

fn damage(index: &Path, round: u64) {
    let mut files: Vec<PathBuf> = fs::read_dir(index)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let spread = round.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let file = &files[usize::try_from(round).unwrap() % files.len()];
    let mut bytes = fs::read(file).unwrap();
    if bytes.is_empty() {
        return;
    }
    // Most of sled's file is still zero: aim at the beginning, where the data is.
    let at = usize::try_from(spread >> 20).unwrap() % bytes.len().min(64 << 10);
    if round % 5 == 4 {
        bytes.truncate(at)
    } else {
        bytes[at] ^= 1 << (spread % 8)
    }
    fs::write(file, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
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
