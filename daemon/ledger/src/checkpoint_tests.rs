//! Checkpoints, their log and their chain of keys, with keys made here.
#![allow(clippy::unwrap_used)]

use crate::checkpoint_log::CHECKPOINT_LOG;
use crate::{
    Checkpoint, CheckpointLog, KeyChain, KeyFault, Ledger, LedgerError, Mark, NOTE_BYTES_MAX, NewRecord,
    NoteFault, Signed, VerifyingKey, prove,
};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use lifecycle::{Actor, Body, Event};
use std::fs::{self, OpenOptions};
use std::io::Write;
use types::{Digest, DocId, UnixMillis};

struct Signer {
    site: String,
    number: u8,
}

impl Signer {
    fn pair(&self, number: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap()
    }

    fn key(&self, number: u8) -> VerifyingKey {
        let public = self.pair(number).public_key().as_ref().try_into().unwrap();
        VerifyingKey { site: self.site.parse().unwrap(), public }
    }

    fn sign(&self, size: u64, prev: Digest) -> Signed {
        let mark = Mark { size, ..Mark::empty() };
        let (key, next) = (self.key(self.number), self.key(self.number + 1));
        let checkpoint = Checkpoint { mark, at: UnixMillis(1_795_502_192_007), prev, key, next };
        let signature = self.pair(self.number).sign(checkpoint.text().as_bytes());
        Signed::new(checkpoint, signature.as_ref().try_into().unwrap()).unwrap()
    }
}

fn signer(number: u8) -> Signer {
    Signer { site: "general-hospital".to_owned(), number }
}

const NONE: Digest = Digest([0; 32]);

#[test]
fn a_note_has_the_lines_of_its_document_and_is_read_back() {
    let signed = signer(7).sign(12, NONE);
    let lines: Vec<_> = signed.note().lines().collect();
    assert_eq!(lines[..2], ["lazaret/general-hospital", "12"]);
    assert_eq!(lines[2], "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(lines[3], "time 2026-11-24T06:36:32.007Z");
    assert!(lines[9].starts_with("\u{2014} lazaret/general-hospital ") && lines.len() == 10);
    assert_eq!(Signed::parse(signed.note()).unwrap(), signed);
    let key = signer(7).key(7);
    assert_eq!(key.to_string().parse::<VerifyingKey>().unwrap(), key);
}

#[test]
fn a_key_is_written_as_signed_notes_write_it() {
    // The example key of https://c2sp.org/signed-note has another name form; hash and encoding are checked
    // here by hand: SHA-256(name, newline, 1, key), its first four bytes.
    let key = VerifyingKey { site: "a".parse().unwrap(), public: [0; 32] };
    let digest = crate::merkle::sha256(&[b"lazaret/a\n\x01", &[0; 32]]).to_string();
    let expected = format!("lazaret/a+{}+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &digest[..8]);
    assert_eq!(key.to_string(), expected);
    for bad in [
        expected.replace("lazaret/", ""),
        expected.replace("+A", "+B"),
        expected.replacen(&digest[..8], "00000000", 1),
        format!("{expected}\n"),
    ] {
        assert!(bad.parse::<VerifyingKey>().is_err(), "{bad}");
    }
}

#[test]
fn no_bit_of_a_note_can_be_changed() {
    let signed = signer(7).sign(12, NONE);
    for at in 0..signed.note().len() {
        for bit in 0..8 {
            let mut bytes = signed.note().as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let accepted = std::str::from_utf8(&bytes).is_ok_and(|note| Signed::parse(note).is_ok());
            assert!(!accepted, "bit {bit} of byte {at}");
        }
    }
    for other in [&format!("{}\n", signed.note()), &signed.note()[..signed.note().len() - 1], ""] {
        assert!(Signed::parse(other).is_err());
    }
}

#[test]
fn the_longest_note_of_all_fits() {
    let longest = Signer { site: "s".repeat(64), number: 1 }.sign(u64::MAX, NONE);
    assert!(Signed::parse(longest.note()).is_ok(), "{} bytes", longest.note().len());
    let too_long = "x".repeat(NOTE_BYTES_MAX + 1);
    assert_eq!(Signed::parse(&too_long).unwrap_err(), NoteFault::TooLong(NOTE_BYTES_MAX + 1));
}

#[test]
fn only_announced_keys_carry_the_chain_on() {
    // A46: whoever takes the machine today cannot sign for yesterday, nor go on with a key of their own.
    let first = signer(1).sign(5, NONE);
    let mut chain = KeyChain::begin(first.clone()).unwrap();
    assert!(matches!(chain.clone().follow(signer(3).sign(5, first.hash())), Err(KeyFault::Stranger { .. })));
    assert!(matches!(chain.clone().follow(signer(2).sign(4, first.hash())), Err(KeyFault::Shrunk { .. })));
    assert!(matches!(chain.clone().follow(signer(2).sign(5, NONE)), Err(KeyFault::Prev { .. })));
    let second = signer(2).sign(5, first.hash());
    chain.follow(second.clone()).unwrap();
    assert!(matches!(chain.clone().follow(signer(1).sign(6, second.hash())), Err(KeyFault::Stranger { .. })));
    chain.follow(signer(2).sign(6, second.hash())).unwrap();
    assert_eq!(chain.keys(), [signer(1).key(1), signer(1).key(2)]);
    assert!(matches!(KeyChain::begin(second), Err(KeyFault::Prev { .. })));
    let mut other = signer(1).sign(6, first.hash()).checkpoint;
    other.next = signer(1).key(9);
    let signature = signer(1).pair(1).sign(other.text().as_bytes());
    let other = Signed::new(other, signature.as_ref().try_into().unwrap()).unwrap();
    let refused = KeyChain::begin(first).unwrap().follow(other);
    assert!(matches!(refused, Err(KeyFault::TwoSuccessors { .. })));
}

/// A log of `n` notes, and the notes.
fn with_notes(n: u64) -> (tempfile::TempDir, Vec<Signed>) {
    let dir = tempfile::tempdir().unwrap();
    let mut log = CheckpointLog::open(dir.path()).unwrap();
    let mut notes: Vec<Signed> = Vec::new();
    for size in 1..=n {
        let prev = notes.last().map_or(NONE, Signed::hash);
        notes.push(signer(1).sign(size, prev));
        log.append(notes.last().unwrap().clone()).unwrap();
    }
    (dir, notes)
}

#[test]
fn a_torn_note_is_cut_wherever_it_was_torn() {
    for before in [0, 1, 2, 3, 20] {
        let (dir, notes) = with_notes(before + 1);
        let path = dir.path().join(CHECKPOINT_LOG);
        let whole = fs::read(&path).unwrap();
        let kept = whole.len() - notes.last().unwrap().note().len() - 3;
        for length in (kept..whole.len()).step_by(5).chain([whole.len() - 1]) {
            for zeros in [false, true] {
                let mut torn = whole[..length].to_vec();
                torn.resize(if zeros { whole.len() } else { length }, 0);
                fs::write(&path, torn).unwrap();
                let last = CheckpointLog::last_of(dir.path()).unwrap();
                assert_eq!(last.as_ref(), notes[..before as usize].last(), "{before} before, {length}");
            }
        }
        let mut log = CheckpointLog::open(dir.path()).unwrap();
        log.append(notes.last().unwrap().clone()).unwrap();
        assert!(fs::read(&path).unwrap() == whole);
        // The end line is there, the middle never was.
        let mut hole = whole.clone();
        hole[kept + 100..kept + 200].fill(0);
        fs::write(&path, hole).unwrap();
        CheckpointLog::open(dir.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap().len(), kept);
    }
}

#[test]
fn a_damaged_note_is_refused_and_never_cut() {
    let (dir, notes) = with_notes(20);
    let path = dir.path().join(CHECKPOINT_LOG);
    let whole = fs::read(&path).unwrap();
    let start = whole.len() - notes[19].note().len() - 3;
    for at in (start..whole.len() - 3).step_by(7) {
        let mut bad = whole.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        let refused = CheckpointLog::open(dir.path()).err().unwrap();
        assert!(matches!(refused, LedgerError::BadCheckpoint { offset, .. } if offset == start as u64));
        assert!(fs::read(&path).unwrap() == bad);
    }
    // Something that is no note, longer than any.
    fs::write(&path, &whole).unwrap();
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&[b'x'; 9000]).unwrap();
    assert!(CheckpointLog::open(dir.path()).is_err());
}

#[test]
fn a_proof_shows_one_document_and_nothing_of_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = Ledger::open(dir.path()).unwrap();
    let mut log = CheckpointLog::open(dir.path()).unwrap();
    let doc = |number: u64| DocId::from_bytes(u128::from(number + 700).to_be_bytes());
    let record = |number: u64| NewRecord {
        at: UnixMillis(number),
        by: Actor::Daemon,
        body: Body::Document { doc: doc(number % 5), event: Event::Approved },
    };
    let mut signed = Vec::new();
    for round in 0..3_u64 {
        ledger.append((0..10).map(|i| record(10 * round + i)).collect()).unwrap();
        let mut checkpoint = signer(1).sign(0, log.last().map_or(NONE, Signed::hash)).checkpoint;
        checkpoint.mark = ledger.mark();
        let signature = signer(1).pair(1).sign(checkpoint.text().as_bytes());
        signed.push(Signed::new(checkpoint, signature.as_ref().try_into().unwrap()).unwrap());
        log.append(signed[round as usize].clone()).unwrap();
    }
    ledger.append(vec![record(3)]).unwrap();
    let (proof, newer) = prove(dir.path(), doc(3), Some(&signed[0])).unwrap();
    assert_eq!((proof.leaves.len(), newer), (6, 1));
    let json = serde_json::to_string(&proof).unwrap();
    assert!((0..5).all(|number| json.contains(&doc(number).to_string()) == (number == 3)), "{json}");
    let (checkpoint, since) = proof.check().unwrap();
    assert_eq!((checkpoint, since.unwrap()), (signed[2].clone(), signed[0].clone()));
    let changes: [&dyn Fn(&mut crate::Proof); 7] = [
        &|proof| proof.leaves[2].seq += 1,
        &|proof| proof.leaves[1].record = proof.leaves[1].record.replace("approved", "released"),
        &|proof| proof.document = doc(2),
        &|proof| drop(proof.leaves[0].hashes.pop()),
        &|proof| proof.leaves.swap(0, 1),
        &|proof| proof.checkpoint = proof.checkpoint.replace("\n30\n", "\n31\n"),
        &|proof| proof.since.as_mut().unwrap().hashes.swap(0, 1),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut changed = proof.clone();
        change(&mut changed);
        assert!(changed.check().is_err(), "change {number}");
    }
}
