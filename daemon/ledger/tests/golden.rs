//! Ledgers of the past must read for years: their bytes, and every name in their JSON.
#![allow(clippy::unwrap_used)]

mod everything;

use ledger::{Ledger, NewRecord, verify};
use lifecycle::{Body, Record};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One folder for each ledger that was ever committed here. They are added, never changed.
fn golden() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut ledgers: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    ledgers.sort();
    ledgers
}

fn records(dir: &Path) -> Vec<Record> {
    Ledger::read_from(dir, 1).unwrap().collect::<Result<_, _>>().unwrap()
}

fn first_segment(dir: &Path) -> Vec<u8> {
    fs::read(dir.join("ledger-000000000001.seg")).unwrap()
}

fn anew(record: Record) -> NewRecord {
    NewRecord { at: record.at, by: record.by, body: record.body }
}

#[test]
fn a_ledger_of_the_past_is_written_the_same_today() {
    // A20, A46: the audit history stays readable and verifiable.
    assert!(!golden().is_empty());
    for old in golden() {
        verify(&old).unwrap();
        let new = tempfile::tempdir().unwrap();
        let (segment, mut records) = (first_segment(&old), records(&old).into_iter().map(anew));
        let (mut ledger, _) = Ledger::open(new.path()).unwrap();
        for records_of_batch in batches(&segment) {
            ledger.append(records.by_ref().take(records_of_batch).collect()).unwrap();
        }
        let written = first_segment(new.path());
        // What was written in version 1 has the same records in other frames.
        let is_same =
            if segment[11] == 1 { payloads(&segment) == payloads(&written) } else { segment == written };
        assert!(is_same, "{} would be written otherwise", old.display());
    }
}

/// Frames of a segment, each with its first word.
fn frames(segment: &[u8]) -> Vec<(u32, &[u8])> {
    let (mut rest, mut frames) = (&segment[64..], Vec::new());
    while !rest.is_empty() {
        let word = u32::from_be_bytes(rest[..4].try_into().unwrap());
        let (frame, behind) = rest.split_at(56 + (word & 0x3_ffff) as usize);
        frames.push((word, frame));
        rest = behind;
    }
    frames
}

/// Records of each batch.
fn batches(segment: &[u8]) -> Vec<usize> {
    let ends = |(word, _): &(u32, &[u8])| word >> 30 & 1 == 0;
    frames(segment).split_inclusive(ends).map(<[_]>::len).collect()
}

fn payloads(segment: &[u8]) -> Vec<&[u8]> {
    frames(segment).into_iter().map(|(_, frame)| &frame[56..]).collect()
}

#[test]
fn every_version_of_the_format_is_pinned_by_a_ledger_of_the_past() {
    let is_of = |version: u8| golden().iter().any(|dir| first_segment(dir)[11] == version);
    if is_of(1) && is_of(2) {
        return;
    }
    let draft = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden-batches");
    drop(fs::remove_dir_all(&draft));
    let (mut ledger, _) = Ledger::open(&draft).unwrap();
    let mut records = everything::records().into_iter().peekable();
    for count in [1, 2, 3, 5, 8].into_iter().cycle() {
        ledger.append(records.by_ref().take(count).collect()).unwrap();
        if records.peek().is_none() {
            break;
        }
    }
    panic!("review {} and commit its segment as tests/golden/batches", draft.display());
}

#[test]
fn every_kind_of_record_is_pinned_by_a_ledger_of_the_past() {
    let kinds: BTreeSet<_> =
        everything::records().iter().map(|record| everything::kind(&record.body)).collect();
    assert_eq!(kinds.len(), everything::KINDS, "add the new kind to tests/everything");
    let seen: Vec<Record> = golden().iter().flat_map(|dir| records(dir)).collect();
    let missing: Vec<NewRecord> = everything::records()
        .into_iter()
        .filter(|wanted| seen.iter().all(|record| record.body != wanted.body))
        .collect();
    if missing.is_empty() {
        let actors = everything::actors();
        assert!(actors.iter().all(|actor| seen.iter().any(|record| record.by == *actor)));
        return;
    }
    let draft = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden-draft");
    drop(fs::remove_dir_all(&draft));
    let count = missing.len();
    let (mut ledger, _) = Ledger::open(&draft).unwrap();
    ledger.append(missing).unwrap();
    panic!(
        "{count} records are new. If they were added on purpose, review {} and commit its segment as tests/golden/{}",
        draft.display(),
        golden().len() + 1
    );
}

#[test]
fn no_golden_record_can_hold_the_name_of_a_patient() {
    // B42: no document text, no file names. What is free text is sealed or a keyed digest; the one
    // string that is neither is the build.
    for record in golden().iter().flat_map(|dir| records(dir)) {
        let Body::Document { .. } = record.body else { continue };
        let json = serde_json::to_value(&record).unwrap();
        strings(&json, &mut |text| {
            // A certificate is JSON inside the JSON: its own strings are looked at.
            match serde_json::from_str::<serde_json::Value>(text) {
                Ok(inner @ serde_json::Value::Object(_)) => strings(&inner, &mut |text| plain(text)),
                _ => plain(text),
            }
        });
    }
}

fn plain(text: &str) {
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte)), "{text}");
}

fn strings(json: &serde_json::Value, look: &mut impl FnMut(&str)) {
    match json {
        serde_json::Value::String(text) => look(text),
        serde_json::Value::Array(items) => items.iter().for_each(|item| strings(item, look)),
        serde_json::Value::Object(fields) => fields.values().for_each(|value| strings(value, look)),
        _ => {}
    }
}

/// Hash of the last record of the first golden ledger: the chain does not carry it, so it is pinned here.
const TIP_OF_1: &str = "ff07296d82bd31bc35adb225ab917036e3508cbe936c810d2e212e2206b8ea62";

/// `docs/reference/ledger-format.md`, done with nothing of the writer's code.
#[test]
fn the_format_is_as_its_document_says() {
    assert_eq!(tip_by_the_document(&golden()[0], 1), TIP_OF_1);
    let newest = golden().pop().unwrap();
    assert_eq!(tip_by_the_document(&newest, 2), verify(&newest).unwrap().tip.to_string());
}

fn tip_by_the_document(dir: &Path, version: u32) -> String {
    let segment = first_segment(dir);
    let u32_at = |at: usize| u32::from_be_bytes(segment[at..at + 4].try_into().unwrap());
    let u64_at = |at: usize| u64::from_be_bytes(segment[at..at + 8].try_into().unwrap());
    assert_eq!((&segment[..8], u32_at(8), u64_at(16)), (b"LZLEDGER".as_slice(), version, 1));
    assert_eq!(segment[24..56], [0; 32]);
    assert_eq!(u32_at(56), crc32c_bit_by_bit(&segment[..56]));
    let (mut at, mut seq, mut chain, mut place) = (64, 1, vec![0; 32], 0);
    while at < segment.len() {
        let (mark, more) = (u32_at(at) >> 31, u32_at(at) >> 30 & 1);
        assert_eq!((mark, u32_at(at) >> 18 & 0xfff), (version - 1, place));
        place = if more == 1 { place + 1 } else { 0 };
        let end = at + 56 + (u32_at(at) & 0x3_ffff) as usize;
        let covered = [&segment[at..at + 4], &segment[at + 8..end]].concat();
        assert_eq!(u32_at(at + 4), crc32c_bit_by_bit(&covered));
        assert_eq!((u64_at(at + 8), &segment[at + 24..at + 56]), (seq, chain.as_slice()));
        let json: serde_json::Value = serde_json::from_slice(&segment[at + 56..end]).unwrap();
        assert_eq!((json["seq"].as_u64(), json["at"].as_u64()), (Some(seq), Some(u64_at(at + 16))));
        let hashed = [b"lazaret ledger frame v1\0".as_slice(), &covered].concat();
        chain = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &hashed).as_ref().to_vec();
        (at, seq) = (end, seq + 1);
    }
    assert_eq!(place, 0, "the last batch is whole");
    chain.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn crc32c_bit_by_bit(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}
