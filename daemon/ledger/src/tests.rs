//! A ledger as a power cut, a failing disk and an attacker would leave it. In the crate only because
//! its segments are short enough to have several.
#![allow(clippy::unwrap_used)]

use crate::format::{Link, Turn, encode_frame};
use crate::{Damage, Fault, Ledger, LedgerError, NewRecord, Recovery, verify};
use lifecycle::{Actor, Body, Event, Record, SystemEvent};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use types::{DocId, UnixMillis};

const HEADER: usize = 64;
/// Room for three records.
const SHORT_SEGMENT: u64 = 620;

fn event(number: u64) -> NewRecord {
    let doc = DocId::from_bytes(u128::from(number).to_be_bytes());
    let body = Body::Document { doc, event: Event::Approved };
    NewRecord { at: UnixMillis(1_000_000 + number), by: Actor::Daemon, body }
}

fn open(dir: &Path) -> (Ledger, Recovery) {
    let (mut ledger, recovery) = Ledger::open(dir).unwrap();
    ledger.segment_bytes_max = SHORT_SEGMENT;
    (ledger, recovery)
}

/// A ledger of `n` records, one batch each.
fn with_records(n: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    for number in 1..=n {
        ledger.append(vec![event(number)]).unwrap();
    }
    dir
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    crate::segment::list(dir).unwrap().into_iter().map(|segment| segment.path).collect()
}

/// Frames of a segment, cut apart.
fn frames(segment: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &segment[HEADER..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let length = 56 + (u32::from_be_bytes(rest[..4].try_into().unwrap()) & 0x3_ffff) as usize;
        frames.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    frames
}

fn join(segment: &[u8], frames: &[Vec<u8>]) -> Vec<u8> {
    [&segment[..HEADER], &frames.concat()].concat()
}

/// Verify and open say the same, and neither changes anything.
fn refusal(dir: &Path) -> Damage {
    let before: Vec<_> = segments(dir).iter().map(|path| fs::read(path).unwrap()).collect();
    let damage = verify(dir).unwrap_err();
    let Err(LedgerError::Damaged(same)) = Ledger::open(dir).map(drop) else {
        panic!("opened in spite of {damage}")
    };
    assert_eq!(same.to_string(), damage.to_string());
    let after: Vec<_> = segments(dir).iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(before == after, "a refused ledger was changed");
    damage
}

#[test]
fn records_come_back_numbered_across_segments_and_restarts() {
    // A20: audit history.
    let dir = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for round in 0..4 {
        let (mut ledger, recovery) = open(dir.path());
        assert_eq!(recovery, Recovery { records: written.len() as u64, cut_bytes: 0 });
        written.extend(ledger.append((1..=2).map(|i| event(10 * round + i)).collect()).unwrap());
        written.extend(ledger.append(vec![event(10 * round + 3)]).unwrap());
        assert_eq!(ledger.tip().0, written.len() as u64);
    }
    assert!(segments(dir.path()).len() >= 4);
    assert!(written.iter().map(|record| record.seq).eq(1..=12));
    for seq in 0..=14 {
        let read = Ledger::read_from(dir.path(), seq).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(read, written[(seq.max(1) as usize - 1).min(12)..]);
    }
    let report = verify(dir.path()).unwrap();
    let (ledger, _) = open(dir.path());
    assert_eq!((report.records, report.tip), ledger.tip());
    assert_eq!(report.segments, segments(dir.path()).len() as u64);
}

#[test]
fn only_one_process_appends() {
    let dir = with_records(1);
    let (first, _) = open(dir.path());
    assert!(matches!(Ledger::open(dir.path()), Err(LedgerError::InUse { .. })));
    // One that was killed lets go a moment later.
    let leaving = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(first);
    });
    open(dir.path());
    leaving.join().unwrap();
}

#[test]
fn a_torn_end_is_cut_and_everything_before_it_stays() {
    // B48: retries safe, resume.
    let dir = with_records(5);
    let last = segments(dir.path()).pop().unwrap();
    let whole = fs::read(&last).unwrap();
    let (kept, torn) = (whole.len() - frames(&whole).pop().unwrap().len(), whole.len());
    let cut_short = (kept + 1..torn).map(|length| whole[..length].to_vec());
    let half_filled = (kept..torn).map(|length| {
        let mut bytes = whole.clone();
        bytes[length..].fill(0);
        bytes
    });
    for bytes in cut_short.chain(half_filled) {
        fs::write(&last, &bytes).unwrap();
        let unfinished = (bytes.len() - kept) as u64;
        assert_eq!(verify(dir.path()).unwrap().unfinished_bytes, unfinished, "verify only reports");
        let (mut ledger, recovery) = open(dir.path());
        assert_eq!(recovery, Recovery { records: 4, cut_bytes: unfinished });
        assert_eq!(ledger.append(vec![event(5)]).unwrap()[0].seq, 5);
        assert_eq!(fs::read(&last).unwrap(), whole);
    }
}

#[test]
fn one_flipped_bit_anywhere_is_noticed_and_nothing_is_cut() {
    // A46: immutable audit log.
    let dir = with_records(5);
    for path in segments(dir.path()) {
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&path, bad).unwrap();
            refusal(dir.path());
        }
        fs::write(&path, good).unwrap();
    }
    verify(dir.path()).unwrap();
}

#[test]
fn an_edit_that_mends_its_checksum_breaks_the_chain() {
    let dir = with_records(5);
    for path in segments(dir.path()).split_last().unwrap().1 {
        let good = fs::read(path).unwrap();
        for index in 0..frames(&good).len() {
            let mut forged = frames(&good);
            forged[index] = forge(&forged[index]);
            fs::write(path, join(&good, &forged)).unwrap();
            assert!(matches!(refusal(dir.path()).fault, Fault::Chain { .. }));
        }
        fs::write(path, good).unwrap();
    }
}

/// The same frame with another event and a right checksum.
fn forge(frame: &[u8]) -> Vec<u8> {
    let mut record: Record = serde_json::from_slice(&frame[56..]).unwrap();
    record.body = Body::System(SystemEvent::Stopped);
    let link = Link { seq: record.seq, prev: types::Digest(frame[24..56].try_into().unwrap()) };
    let mut forged = Vec::new();
    encode_frame(link, Turn::ALONE, &record, &mut forged).unwrap();
    forged
}

#[test]
fn removed_repeated_and_moved_records_are_noticed() {
    let dir = with_records(8);
    let all = segments(dir.path());
    assert!(all.len() >= 3);
    for path in &all[..2] {
        let good = fs::read(path).unwrap();
        let whole = frames(&good);
        assert_eq!(whole.len(), 3);
        for [a, b, c] in [[0, 2, 2], [1, 2, 2], [1, 0, 2], [0, 2, 1], [0, 0, 1]] {
            let forged = [whole[a].clone(), whole[b].clone(), whole[c].clone()];
            fs::write(path, join(&good, &forged)).unwrap();
            assert!(matches!(refusal(dir.path()).fault, Fault::Sequence { .. }));
        }
        for removed in 0..3 {
            let mut forged = whole.clone();
            forged.remove(removed);
            fs::write(path, join(&good, &forged)).unwrap();
            assert!(matches!(refusal(dir.path()).fault, Fault::Sequence { .. }));
        }
        fs::write(path, good).unwrap();
    }
}

#[test]
fn a_cut_in_the_middle_is_damage_and_no_torn_end() {
    let dir = with_records(8);
    let all = segments(dir.path());
    let good = fs::read(&all[1]).unwrap();
    for length in HEADER..good.len() {
        fs::write(&all[1], &good[..length]).unwrap();
        let damage = refusal(dir.path());
        assert!(damage.offset <= length as u64, "{damage}");
    }
    fs::write(&all[1], good).unwrap();
    // Inside the last segment, with whole records behind the hole.
    let last = all.last().unwrap();
    let good = fs::read(last).unwrap();
    let first = HEADER + frames(&good)[0].len();
    for hole in [HEADER..HEADER + 56, HEADER + 60..first, HEADER..first] {
        OpenOptions::new()
            .write(true)
            .open(last)
            .unwrap()
            .write_all_at(&vec![0; hole.len()], hole.start as u64)
            .unwrap();
        refusal(dir.path());
        fs::write(last, &good).unwrap();
    }
}

#[test]
fn exchanged_and_missing_segments_are_noticed() {
    let dir = with_records(9);
    let all = segments(dir.path());
    let aside = dir.path().join("aside");
    let swap = |a: &Path, b: &Path| {
        fs::rename(a, &aside).unwrap();
        fs::rename(b, a).unwrap();
        fs::rename(&aside, b).unwrap();
    };
    swap(&all[0], &all[1]);
    assert!(matches!(refusal(dir.path()).fault, Fault::Renamed { .. }));
    swap(&all[0], &all[1]);
    for missing in [&all[0], &all[1]] {
        fs::rename(missing, &aside).unwrap();
        assert!(matches!(refusal(dir.path()).fault, Fault::Sequence { .. }));
        fs::rename(&aside, missing).unwrap();
    }
    // A segment of another ledger with the same numbers.
    let other = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(other.path());
    (1..=9).for_each(|number| drop(ledger.append(vec![event(100 + number)]).unwrap()));
    let good = fs::read(&all[1]).unwrap();
    fs::copy(&segments(other.path())[1], &all[1]).unwrap();
    assert!(matches!(refusal(dir.path()).fault, Fault::Chain { .. }));
    fs::write(&all[1], good).unwrap();
    verify(dir.path()).unwrap();
}

#[test]
fn what_a_chain_cannot_show_a_noted_tip_does() {
    // A39: every routing event audited; a whole record cut from the end leaves a sound, shorter ledger.
    let dir = with_records(4);
    let noted = verify(dir.path()).unwrap();
    let last = segments(dir.path()).pop().unwrap();
    let good = fs::read(&last).unwrap();
    let mut forged = frames(&good);
    let end = forged.pop().unwrap();
    fs::write(&last, join(&good, &forged)).unwrap();
    assert_eq!(verify(dir.path()).unwrap().records, noted.records - 1);
    forged.push(forge(&end));
    fs::write(&last, join(&good, &forged)).unwrap();
    let rewritten = verify(dir.path()).unwrap();
    assert_eq!(rewritten.records, noted.records);
    assert_ne!(rewritten.tip, noted.tip);
}

#[test]
fn damage_says_where_what_and_what_to_run() {
    let dir = with_records(2);
    let path = segments(dir.path()).pop().unwrap();
    let mut bad = fs::read(&path).unwrap();
    bad[HEADER + 70] ^= 1;
    fs::write(&path, bad).unwrap();
    let said = refusal(dir.path()).to_string();
    for part in
        ["ledger-000000000001.seg at byte 64", "record 1", "expected checksum", "lazaretctl ledger verify"]
    {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_refused_batch_leaves_no_trace() {
    let dir = with_records(1);
    let (mut ledger, _) = open(dir.path());
    let tip = ledger.tip();
    let long = |bytes: usize| {
        let body = Body::System(SystemEvent::Started {
            build: "x".repeat(bytes),
            landlock_abi: 1,
            degraded: false,
            clear_swap: false,
        });
        NewRecord { body, ..event(9) }
    };
    let refused = ledger.append(vec![event(2), long(crate::PAYLOAD_BYTES_MAX)]);
    assert!(matches!(refused, Err(LedgerError::RecordTooLong { .. })));
    let refused = ledger.append((0..200).map(|_| long(100_000)).collect());
    assert!(matches!(refused, Err(LedgerError::BatchTooLong { .. })));
    assert_eq!(ledger.tip(), tip);
    assert_eq!(ledger.append(vec![event(2)]).unwrap()[0].seq, 2);
    assert!(ledger.append(Vec::new()).unwrap().is_empty());
    assert_eq!(verify(dir.path()).unwrap().records, 2);
}

#[test]
fn readers_beside_a_writer_see_whole_records_only() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for number in 0..100 {
                ledger.append((0..3).map(|i| event(3 * number + i)).collect()).unwrap();
            }
        });
        while !writer.is_finished() {
            let read = Ledger::read_from(dir.path(), 1).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
            assert!(read.iter().map(|record| record.seq).eq(1..=read.len() as u64));
        }
    });
    assert_eq!(verify(dir.path()).unwrap().records, 300);
}

#[test]
fn only_the_last_segment_holds_space_that_it_does_not_use() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    let taken = |path: &Path| {
        let facts = fs::metadata(path).unwrap();
        (facts.len(), facts.blocks() * 512)
    };
    let first = segments(dir.path()).pop().unwrap();
    let (length, blocks) = taken(&first);
    assert_eq!(length, HEADER as u64, "the format does not see the space");
    assert!(blocks >= crate::SEGMENT_BYTES_MAX, "a commit allocates nothing: {blocks}");
    (1..=4).for_each(|number| drop(ledger.append(vec![event(number)]).unwrap()));
    let (length, blocks) = taken(&first);
    assert!(blocks < length + 8192, "a finished segment keeps {blocks} bytes for {length}");
    drop(ledger);
    open(dir.path());
    let (length, blocks) = taken(&segments(dir.path()).pop().unwrap());
    assert!(blocks >= crate::SEGMENT_BYTES_MAX && length < 1024, "opened again: {blocks} for {length}");
}

#[test]
fn a_ledger_that_is_not_what_it_was_does_not_open_and_is_not_touched() {
    // A46: a put-back older ledger is noticed. Each size of its past is known by a mark.
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    let mut marks = vec![ledger.mark()];
    assert_eq!(marks[0], crate::Mark::empty());
    for number in 1..=7 {
        ledger.append(vec![event(number)]).unwrap();
        marks.push(ledger.mark());
    }
    drop(ledger);
    let (ledger, _) = Ledger::open_against(dir.path(), &marks).unwrap();
    assert_eq!((ledger.root(), ledger.tip().1), (marks[7].root, marks[7].tip));
    drop(ledger);
    for mark in &mut marks.clone() {
        mark.root.0[0] ^= 1;
        let refused = Ledger::open_against(dir.path(), &[*mark]).err().unwrap();
        assert!(matches!(refused, LedgerError::Rewritten { size } if size == mark.size), "{refused}");
    }
    let last = segments(dir.path()).pop().unwrap();
    let mut shorter = fs::read(&last).unwrap();
    shorter.pop();
    fs::write(&last, &shorter).unwrap();
    let refused = Ledger::open_against(dir.path(), &marks).err().unwrap();
    assert!(matches!(refused, LedgerError::RolledBack { found: 6, known: 7 }), "{refused}");
    assert!(refused.to_string().contains("lazaretctl audit verify"));
    assert!(fs::read(&last).unwrap() == shorter, "a refused ledger was changed");
}
