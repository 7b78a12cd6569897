//! The journal on a real disk: restarts, torn lines, renames, days.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::test_site::vault_in;

struct Site {
    root: tempfile::TempDir,
    vault: Vault,
}

impl Site {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self { vault: vault_in(root.path(), || UnixMillis(1)), root }
    }

    fn path(&self) -> PathBuf {
        self.root.path().join("fax")
    }

    fn open(&self) -> Sightings {
        Sightings::open(self.path(), &self.vault, 0, 0).unwrap()
    }
}

fn doc(number: u128) -> DocId {
    DocId::from_parts(UnixMillis(1), number)
}

fn figures(journal: &Sightings, up_to: u64) -> (u64, u64, u64) {
    let Counts { opening, seen, waiting, .. } = journal.counts(up_to);
    (opening, seen, waiting)
}

#[test]
fn a_file_counts_once_however_often_it_is_seen_and_the_daemon_restarts() {
    let site = Site::new();
    let mut journal = site.open();
    journal.sight([b"a".as_slice(), b"b"], 5, &site.vault).unwrap();
    journal.sight([b"a".as_slice(), b"c"], 6, &site.vault).unwrap();
    assert_eq!(figures(&journal, 9), (0, 3, 3));
    journal.claim(b"a", doc(1));
    // Another of the same name, while the first is under way.
    journal.sight([b"a".as_slice()], 7, &site.vault).unwrap();
    let mut journal = site.open();
    assert_eq!(figures(&journal, 9), (0, 4, 4), "a crash forgets claims, not files");
    journal.claim(b"a", doc(1));
    journal.arrived(doc(1), 8).unwrap();
    journal.arrived(doc(1), 8).unwrap();
    assert_eq!(figures(&site.open(), 9), (0, 4, 3));
    assert_eq!(figures(&site.open(), 7), (0, 4, 4), "as of a record before that");
}

#[test]
fn a_torn_line_is_as_if_it_had_not_been_written() {
    let site = Site::new();
    let mut journal = site.open();
    journal.sight([b"a".as_slice(), b"b"], 5, &site.vault).unwrap();
    let whole = fs::read(site.path()).unwrap();
    let second = whole.len() - whole.split_inclusive(|byte| *byte == b'\n').next_back().unwrap().len();
    for end in second..whole.len() {
        fs::write(site.path(), &whole[..end]).unwrap();
        let mut journal = site.open();
        assert_eq!(figures(&journal, 9), (0, 1, 1), "cut at {end}");
        journal.sight([b"b".as_slice()], 6, &site.vault).unwrap();
        assert_eq!(figures(&site.open(), 9), (0, 2, 2));
    }
}

#[test]
fn a_renamed_file_is_the_same_file_and_a_vanished_one_is_named() {
    let site = Site::new();
    let mut journal = site.open();
    journal.sight([b"draft".as_slice(), b"gone"], 5, &site.vault).unwrap();
    journal.rename(b"draft", b"final", &site.vault).unwrap();
    assert_eq!((journal.number(b"draft"), journal.number(b"final")), (None, Some(1)));
    journal.vanished(b"gone", 7, UnixMillis(99), &site.vault).unwrap();
    let journal = site.open();
    assert_eq!(journal.lying(), [b"final"]);
    assert_eq!(figures(&journal, 9), (0, 2, 1));
    let gone: Vec<_> = journal.last_vanished().collect();
    assert_eq!((gone.len(), gone[0].at), (1, UnixMillis(99)));
    assert_eq!(open_name(&site.vault, &gone[0].name).unwrap(), b"gone");
}

#[test]
fn what_waits_when_a_day_is_closed_opens_the_next() {
    let site = Site::new();
    let mut journal = site.open();
    journal.sight([b"a".as_slice(), b"b", b"c"], 5, &site.vault).unwrap();
    journal.refused(b"a", 6).unwrap();
    journal.sight([b"d".as_slice()], 12, &site.vault).unwrap();
    journal.claim(b"b", doc(1));
    journal.arrived(doc(1), 13).unwrap();
    assert_eq!(figures(&journal, 10), (0, 3, 2));
    journal.close(10, &site.vault).unwrap();
    let journal = site.open();
    assert_eq!(figures(&journal, 20), (2, 1, 2));
    assert_eq!(journal.counts(20).ever, 4);
    assert_eq!(journal.lying(), [b"c", b"d"]);
}
