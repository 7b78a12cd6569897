//! What a power cut may leave of the last batch, sector by sector: the start cuts exactly that batch, and
//! takes nothing for it that may be damage to what was acknowledged.
#![allow(clippy::unwrap_used)]

use crate::{BATCH_RECORDS_MAX, Ledger, LedgerError, NewRecord, verify};
use lifecycle::{Actor, Body, SystemEvent};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use types::UnixMillis;

const SECTOR: usize = 512;
/// A file system's block.
const BLOCK: usize = 4096;
const FRAME: usize = 56;
/// Up to so many parts every subset is tried, beyond it so many at random.
const EXHAUSTIVE_MAX: usize = 9;
const RANDOM: usize = 100;

/// A record of about this many bytes more than the shortest.
fn record(more: usize) -> NewRecord {
    let body = Body::System(SystemEvent::Started {
        build: "x".repeat(more),
        landlock_abi: 1,
        degraded: false,
        clear_swap: false,
    });
    NewRecord { at: UnixMillis(1_000_000), by: Actor::Daemon, body }
}

/// Numbers that look random and come from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// A ledger whose last batch is not confirmed.
struct Case {
    dir: TempDir,
    /// The segment up to the last confirmed batch, and with the one behind it.
    confirmed: usize,
    whole: Vec<u8>,
    /// Records confirmed, and all.
    records: (u64, u64),
}

impl Case {
    /// `before` are the batches that were confirmed, `last` is the one that was not; by their records' lengths.
    fn new(before: &[&[usize]], last: &[usize]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (mut ledger, _) = Ledger::open(dir.path()).unwrap();
        let batch = |lengths: &[usize]| lengths.iter().map(|more| record(*more)).collect();
        before.iter().for_each(|lengths| drop(ledger.append(batch(lengths)).unwrap()));
        let confirmed = ledger.bytes as usize;
        let before = ledger.tip().0;
        ledger.append(batch(last)).unwrap();
        let records = (before, ledger.tip().0);
        drop(ledger);
        let whole = fs::read(segment(dir.path())).unwrap();
        Self { dir, confirmed, whole, records }
    }

    /// One that begins so many bytes before the end of a sector.
    fn ending(before_the_end: usize, last: &[usize]) -> Self {
        let shortest = Self::new(&[&[0]], last).confirmed;
        let more = (2 * SECTOR - before_the_end + SECTOR - shortest % SECTOR) % SECTOR;
        let case = Self::new(&[&[more]], last);
        assert_eq!((case.confirmed + before_the_end) % SECTOR, 0);
        case
    }

    /// Parts of the file, as long as `unit`, that the last batch touches.
    fn parts(&self, unit: usize) -> usize {
        self.whole.len().div_ceil(unit) - self.confirmed / unit
    }

    /// The segment with only those parts written; `length` is that of the file.
    fn left(&self, unit: usize, landed: impl Fn(usize) -> bool, length: usize) -> Vec<u8> {
        let first = self.confirmed / unit;
        let mut bytes = self.whole.clone();
        for (at, byte) in bytes.iter_mut().enumerate().skip(self.confirmed) {
            *byte = if landed(at / unit - first) { *byte } else { 0 };
        }
        bytes.truncate(length);
        bytes
    }

    /// After a start on these bytes exactly the confirmed batches are there, or all, and it goes on.
    fn starts_on(&self, bytes: &[u8], told: &str) {
        let path = segment(self.dir.path());
        fs::write(&path, bytes).unwrap();
        let all = bytes == self.whole;
        let (records, cut) =
            if all { (self.records.1, 0) } else { (self.records.0, bytes.len() - self.confirmed) };
        let report = verify(self.dir.path()).unwrap_or_else(|damage| panic!("{told}: {damage}"));
        assert_eq!((report.records, report.unfinished_bytes), (records, cut as u64), "{told}");
        let (mut ledger, recovery) = Ledger::open(self.dir.path()).unwrap();
        assert_eq!((recovery.records, recovery.cut_bytes), (records, cut as u64), "{told}");
        let kept = if all { self.whole.len() } else { self.confirmed };
        assert!(fs::read(&path).unwrap() == self.whole[..kept], "{told}: not cut to the last batch");
        assert_eq!(ledger.append(vec![record(3)]).unwrap()[0].seq, records + 1, "{told}");
    }

    fn refuses(&self, bytes: &[u8], told: &str) {
        let path = segment(self.dir.path());
        fs::write(&path, bytes).unwrap();
        assert!(verify(self.dir.path()).is_err(), "{told}: verify says it is whole or torn");
        let opened = Ledger::open(self.dir.path());
        assert!(matches!(opened, Err(LedgerError::Damaged(_))), "{told}: opened");
        assert!(fs::read(&path).unwrap() == bytes, "{told}: a refused ledger was changed");
    }

    /// Every subset of parts if there are few, many at random if not; and every length of the file.
    fn every_power_cut(&self, dice: &mut Dice) {
        for unit in [SECTOR, BLOCK] {
            let parts = self.parts(unit);
            let subsets: Vec<Vec<bool>> = if parts <= EXHAUSTIVE_MAX {
                (0..1_usize << parts)
                    .map(|set| (0..parts).map(|part| set >> part & 1 == 1).collect())
                    .collect()
            } else {
                (0..RANDOM).map(|_| (0..parts).map(|_| dice.below(3) > 0).collect()).collect()
            };
            for landed in subsets {
                let length = match dice.below(3) {
                    0 => self.confirmed + dice.below(self.whole.len() - self.confirmed + 1),
                    _ => self.whole.len(),
                };
                for length in [self.whole.len(), length] {
                    let told = format!("from {} of {length}, {landed:?} of {unit}", self.confirmed);
                    self.starts_on(&self.left(unit, |part| landed[part], length), &told);
                }
            }
        }
    }
}

fn segment(dir: &Path) -> PathBuf {
    crate::segment::list(dir).unwrap().pop().unwrap().path
}

#[test]
fn any_sectors_of_an_unconfirmed_batch_may_be_missing_wherever_it_begins() {
    // B48: retries safe, resume. "0 manual steps".
    let mut dice = Dice(20_261_124);
    for before_the_end in (1..=6).chain([20, 55, 56, 57, 60, 100, 300, SECTOR]) {
        Case::ending(before_the_end, &[0]).every_power_cut(&mut dice);
        Case::ending(before_the_end, &[700, 0, 300]).every_power_cut(&mut dice);
    }
}

#[test]
fn any_sectors_of_a_long_unconfirmed_batch_may_be_missing() {
    let mut dice = Dice(7);
    Case::new(&[&[0], &[3, 900]], &[40; 100]).every_power_cut(&mut dice);
    Case::new(&[&[0, 0]], &[5000, 0, 20_000, 77, 0, 0, 0]).every_power_cut(&mut dice);
}

#[test]
fn a_batch_is_kept_whole_or_cut_whole() {
    // A commit of several facts is one batch: never one fact without the other.
    let case = Case::new(&[&[0]], &[0, 0, 0]);
    for length in case.confirmed..=case.whole.len() {
        case.starts_on(&case.whole[..length], &length.to_string());
    }
}

#[test]
fn a_byte_changed_in_any_batch_is_damage_and_nothing_is_cut() {
    // A46: immutable audit log.
    let case = Case::new(&[&[0, 9, 0], &[600, 0]], &[0, 700, 0]);
    for at in 64..case.whole.len() {
        for bit in [0, 4, 7] {
            let mut bytes = case.whole.clone();
            bytes[at] ^= 1 << bit;
            case.refuses(&bytes, &format!("bit {bit} of byte {at} of {}", bytes.len()));
        }
    }
}

#[test]
fn a_hole_in_an_earlier_batch_is_damage_wherever_it_is() {
    let case = Case::new(&[&[0, 700, 0], &[600, 0, 0]], &[0, 900, 0]);
    let last = case.confirmed / SECTOR;
    for sector in 1..last {
        let mut bytes = case.whole.clone();
        bytes[sector * SECTOR..(sector + 1) * SECTOR].fill(0);
        case.refuses(&bytes, &format!("sector {sector} of {last}"));
        // And when the last batch is torn, too, with a whole frame of it left.
        let torn = bytes.len() - 300;
        bytes.truncate(torn);
        case.refuses(&bytes, &format!("sector {sector} of {last}, and a torn end"));
    }
}

#[test]
fn a_changed_length_is_no_torn_end() {
    let case = Case::new(&[&[0]], &[0, 700, 0]);
    let second = case.confirmed + FRAME + length_at(&case.whole, case.confirmed);
    for start in [case.confirmed, second] {
        for length in [1_usize, 90, 2_000, 100_000, 131_072, 131_073] {
            let mut bytes = case.whole.clone();
            let word = u32::from_be_bytes(bytes[start..start + 4].try_into().unwrap());
            let word = word & !0x3_ffff | length as u32;
            bytes[start..start + 4].copy_from_slice(&word.to_be_bytes());
            case.refuses(&bytes, &format!("{length} at {start}"));
        }
    }
}

fn length_at(bytes: &[u8], at: usize) -> usize {
    (u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) & 0x3_ffff) as usize
}

#[test]
fn a_frame_is_taken_only_at_its_place_in_its_batch() {
    let case = Case::new(&[&[0]], &[0, 0, 0]);
    let length = FRAME + length_at(&case.whole, case.confirmed);
    let frame = |index: usize| &case.whole[case.confirmed + index * length..][..length];
    for order in [&[1, 2][..], &[0, 2], &[0, 1, 1, 2], &[1, 0, 2]] {
        let mut bytes = case.whole[..case.confirmed].to_vec();
        order.iter().for_each(|index| bytes.extend_from_slice(frame(*index)));
        case.refuses(&bytes, &format!("{order:?}"));
    }
}

#[test]
fn a_batch_holds_as_many_records_as_a_frame_can_count() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = Ledger::open(dir.path()).unwrap();
    let batch = |count: usize| (0..count).map(|_| record(0)).collect::<Vec<_>>();
    let refused = ledger.append(batch(BATCH_RECORDS_MAX + 1));
    assert!(matches!(refused, Err(LedgerError::TooManyRecords { found: 4_097, max: 4_096 })));
    ledger.append(batch(BATCH_RECORDS_MAX)).unwrap();
    ledger.append(batch(1)).unwrap();
    drop(ledger);
    assert_eq!(verify(dir.path()).unwrap().records, 4_097);
}

#[test]
fn a_ledger_of_version_1_is_read_and_goes_on_in_a_segment_of_version_2() {
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/1/ledger-000000000001.seg");
    let good = fs::read(old).unwrap();
    let records = |dir: &Path| verify(dir).unwrap().records;
    for cut in [0, 1, 70, 200] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger-000000000001.seg");
        fs::write(&path, &good[..good.len() - cut]).unwrap();
        let (mut ledger, recovery) = Ledger::open(dir.path()).unwrap();
        assert_eq!(recovery.cut_bytes > 0, cut > 0);
        ledger.append(vec![record(0), record(1)]).unwrap();
        drop(ledger);
        assert_eq!(records(dir.path()), recovery.records + 2);
        assert!(good.starts_with(&fs::read(&path).unwrap()), "the old segment is only cut");
        assert_eq!(crate::segment::list(dir.path()).unwrap().len(), 2);
    }
    // One that holds no record yet is written anew.
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("ledger-000000000001.seg"), &good[..64]).unwrap();
    let (mut ledger, _) = Ledger::open(dir.path()).unwrap();
    ledger.append(vec![record(0), record(1)]).unwrap();
    assert_eq!((records(dir.path()), crate::segment::list(dir.path()).unwrap().len()), (2, 1));
}
