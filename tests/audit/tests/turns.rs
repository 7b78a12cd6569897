//! The way from the first key to a checkpoint does not depend on what is signed while it is read.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use audit::Site;
use ledger::{CheckpointLog, Signed, prove_many};
use std::collections::BTreeSet;
use types::{DocId, UnixMillis};

/// The first document of a site.
fn document() -> DocId {
    DocId::from_parts(UnixMillis(1_795_502_192_007), 3)
}

// A46: evidence is told apart from a forgery, also when a checkpoint was signed after the proofs were made.
#[test]
fn the_turns_of_the_keys_end_with_the_checkpoint_that_was_proven_against() {
    let mut site = Site::new().unwrap();
    [9, 16].iter().for_each(|records| site.day(*records).unwrap());
    let (proofs, _) = prove_many(&site.dir(), &BTreeSet::from([document()]), |_| false).unwrap();
    let proven = Signed::parse(&proofs[0].checkpoint).unwrap();
    let before = CheckpointLog::turns_of(&site.dir(), &proven).unwrap().unwrap();
    assert_eq!(before.last(), Some(&proven));
    assert_eq!(before.first(), CheckpointLog::first_of(&site.dir()).unwrap().as_ref());
    // The first note, the handovers of two days, and the one with which the third begins.
    assert_eq!(before.len(), 4);

    // The same key signs on, then the next one: the notes that are handed out stay those.
    site.day(20).unwrap();
    assert_ne!(CheckpointLog::last_of(&site.dir()).unwrap().unwrap(), proven);
    assert_eq!(CheckpointLog::turns_of(&site.dir(), &proven).unwrap().unwrap(), before);
    let stranger = Site::new().unwrap().papers().unwrap().external;
    assert_eq!(CheckpointLog::turns_of(&site.dir(), &stranger).unwrap(), None);
}
