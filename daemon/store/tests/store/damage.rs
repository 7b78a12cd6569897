//! The index is damaged in every way that a disk, a crash or a person may think of; afterwards it answers exactly as
//! one that was never touched.

use crate::{
    recovery::{busy_site, copy},
    site::{Site, arrived, digest, doc, label},
};
use lifecycle::{Event, Status};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use store::Query;
use types::UnixMillis;

/// Cases of the usual run, and of the long one (`LAZARET_LONG=1`).
const USUAL: u64 = 40;
const LONG: u64 = 200;

/// Ways to damage an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    BitFlip,
    Truncation,
    RemovedFile,
    LeftoverSnapshot,
    ZeroedPage,
    SwappedSnapshot,
    Removed,
}

const WAYS: [Damage; 7] = [
    Damage::BitFlip,
    Damage::Truncation,
    Damage::RemovedFile,
    Damage::LeftoverSnapshot,
    Damage::ZeroedPage,
    Damage::SwappedSnapshot,
    Damage::Removed,
];

// "index destroyed or corrupted (bit flips, truncation, leftover `.generating`)": all detected or harmless.
#[test]
fn a_damaged_index_answers_as_a_fresh_one_after_the_next_start() {
    let cases = if std::env::var_os("LAZARET_LONG").is_some() { LONG } else { USUAL };
    let mut site = busy_site();
    let (early, sound) = (site.home().join("early"), site.home().join("sound"));
    site.store().flush().unwrap();
    site.close();
    copy(&site.index_dir(), &early);
    site.open();
    for number in 30..60 {
        site.happens(doc(number), arrived("lab", number % 7));
    }
    site.happens(doc(20), Event::HoldPlaced { hold: label("court") });
    site.store().flush().unwrap();
    site.close();
    copy(&site.index_dir(), &sound);
    // The yardstick is built from the ledger alone.
    fs::remove_dir_all(site.index_dir()).unwrap();
    site.open();
    let fresh = answers(&site);
    site.close();

    let mut counts: BTreeMap<Damage, (u64, u64)> = BTreeMap::new();
    let mut seed = 0x2545_f491_4f6c_dd1d;
    for case in 0..cases {
        let way = WAYS[case as usize % WAYS.len()];
        fs::remove_dir_all(site.index_dir()).unwrap();
        copy(&sound, &site.index_dir());
        damage(&site.index_dir(), &early, way, &mut seed);
        let opened = site.open();
        assert!(answers(&site) == fresh, "case {case}, {way:?}: another answer than a fresh index gives");
        site.store().examine().unwrap();
        site.close();
        let (all, rebuilt) = counts.entry(way).or_default();
        (*all, *rebuilt) = (*all + 1, *rebuilt + u64::from(opened.rebuilt));
    }
    eprintln!("{cases} damaged indexes: 0 wrong answers, 0 failed starts");
    for (way, (all, rebuilt)) in &counts {
        eprintln!(
            "  {way:?}: {all}, of which {rebuilt} were noticed and rebuilt, {} did no harm",
            all - rebuilt
        );
    }
    assert!(counts.values().map(|(_, rebuilt)| rebuilt).sum::<u64>() > cases / 3, "the damage met nothing");
}

/// Every answer that the index gives.
fn answers(site: &Site) -> impl PartialEq + use<> {
    let store = site.store();
    let mut lists = Vec::new();
    for status in Status::ALL.into_iter().map(Some).chain([None]) {
        for source in [None, Some(label("fax")), Some(label("lab"))] {
            lists.push(store.scan(&Query { status, source }, None, 1000).unwrap());
        }
    }
    let all = lists[lists.len() - 3].clone();
    assert!(all.len() > 50);
    let events: Vec<_> = all.iter().map(|document| store.events(document.id).unwrap()).collect();
    let holders: Vec<_> = (0..70).map(|number| store.by_content(digest(number)).unwrap()).collect();
    (
        (lists, events, holders),
        (store.counts().unwrap(), store.runnable(None, 1000).unwrap()),
        (store.due_for_expiry(UnixMillis(u64::MAX), None, 1000).unwrap(), store.system_events().unwrap()),
        (store.applied_seq(), store.digest()),
    )
}

/// The next number of a fixed, evenly spread sequence (xorshift64).
fn random(seed: &mut u64, below: usize) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    ((*seed >> 32) % below.max(1) as u64) as usize
}

fn damage(index: &Path, early: &Path, way: Damage, seed: &mut u64) {
    let files = |dir: &Path| {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
        files.sort();
        files
    };
    let snapshots = |dir: &Path| -> Vec<PathBuf> {
        files(dir)
            .into_iter()
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("snap."))
            .collect()
    };
    let mine = files(index);
    let file = &mine[random(seed, mine.len())];
    let mut bytes = fs::read(file).unwrap();
    // Most of sled's file is still zero: aim at where the data is.
    let filled = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
    let at = random(seed, filled);
    match way {
        Damage::BitFlip => {
            bytes[at] ^= 1 << random(seed, 8);
            fs::write(file, bytes).unwrap();
        }
        Damage::Truncation => {
            bytes.truncate(at);
            fs::write(file, bytes).unwrap();
        }
        Damage::RemovedFile => fs::remove_file(file).unwrap(),
        Damage::LeftoverSnapshot => {
            fs::write(index.join("snap.0000000000000FFF.generating"), &bytes[..at]).unwrap();
        }
        Damage::ZeroedPage => {
            let start = at & !4095;
            let end = (start + 4096).min(bytes.len());
            bytes[start..end].fill(0);
            fs::write(file, bytes).unwrap();
        }
        Damage::SwappedSnapshot => {
            for path in snapshots(index) {
                fs::remove_file(path).unwrap();
            }
            for path in snapshots(early) {
                fs::copy(&path, index.join(path.file_name().unwrap())).unwrap();
            }
        }
        Damage::Removed => fs::remove_dir_all(index).and_then(|()| fs::create_dir(index)).unwrap(),
    }
}
