//! Proofs of a document that somebody read again and again.
#![allow(clippy::unwrap_used)]

use crate::format::BATCH_RECORDS_MAX;
use crate::{
    Checkpoint, CheckpointLog, Ledger, NewRecord, PROOF_LEAVES_MAX, ProofFault, Signed, VerifyingKey, prove,
};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use lifecycle::{Actor, Body, Event, Rendition};
use std::path::Path;
use tempfile::TempDir;
use types::{Digest, DocId, UnixMillis};

fn read() -> DocId {
    DocId::from_bytes([7; 16])
}

/// A ledger in which a document was read so often, each time proven by the checkpoint.
fn with_readings(mut count: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = Ledger::open(dir.path()).unwrap();
    while count > 0 {
        let batch = count.min(BATCH_RECORDS_MAX);
        let body = Body::Document { doc: read(), event: Event::Read { rendition: Rendition::Redacted } };
        let by = Actor::Client("curious".parse().unwrap());
        ledger.append(vec![NewRecord { at: UnixMillis(1_795_502_192_007), by, body }; batch]).unwrap();
        count -= batch;
    }
    sign(&ledger, dir.path());
    dir
}

fn sign(ledger: &Ledger, dir: &Path) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = pair.public_key().as_ref().try_into().unwrap();
    let key = VerifyingKey { site: "general-hospital".parse().unwrap(), public };
    let (mark, at, prev) = (ledger.mark(), UnixMillis(1_795_502_192_007), Digest([0; 32]));
    let checkpoint = Checkpoint { mark, at, prev, key, next: None };
    let signature = pair.sign(checkpoint.text().as_bytes());
    let signed = Signed::new(checkpoint, signature.as_ref().try_into().unwrap()).unwrap();
    CheckpointLog::open(dir).unwrap().append(signed).unwrap();
}

// B13: "every lifecycle event in an immutable audit log", also those of whoever tries to flood it.
#[test]
fn as_many_records_as_a_proof_holds_are_proven_and_one_more_is_refused_by_name() {
    let dir = with_readings(PROOF_LEAVES_MAX);
    let (proof, newer) = prove(dir.path(), read(), None).unwrap();
    assert_eq!((proof.leaves.len(), newer), (PROOF_LEAVES_MAX, 0));
    proof.check().unwrap();
    // What both verifiers read of one file at most.
    assert!(serde_json::to_vec(&proof).unwrap().len() < 256 << 20);

    let dir = with_readings(PROOF_LEAVES_MAX + 1);
    let refused = prove(dir.path(), read(), None).unwrap_err();
    assert!(matches!(refused, ProofFault::TooMany(of) if of == read()), "{refused}");
    assert!(refused.to_string().contains(&read().to_string()), "{refused}");
}
