//! Every tampering with a ledger is noticed, by our verifier and by the second one, given a key that was
//! pinned and a checkpoint that was taken away.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use audit::{Case, Dice, Folder, KINDS, Papers, Site, both};
use ledger::prove;
use std::{
    fs,
    path::{Path, PathBuf},
};
use types::{DocId, UnixMillis};

/// Forgeries of the usual run, and of the long one (`LAZARET_LONG=1`).
const USUAL: usize = 200;
const LONG: usize = 1_000;
const SEED: u64 = 20_261_124;
/// Records a segment, so that there are several.
const SHORT: usize = 8;

/// Four days, and a record that no checkpoint covers yet.
fn site() -> (Site, Papers) {
    let mut site = Site::new().unwrap();
    [17, 5, 23, 11].iter().for_each(|records| site.day(*records).unwrap());
    let papers = site.papers().unwrap();
    site.record().unwrap();
    (site, papers)
}

fn case(dir: PathBuf, papers: Option<&Papers>) -> Case {
    Case { dir, papers: papers.cloned(), proof: None }
}

// A46, A20: "immutable audit log", "audit history". T6 of the test plan: ledger tampering.
#[test]
fn every_tampering_is_noticed_by_both_verifiers() {
    let count = if std::env::var_os("LAZARET_LONG").is_some() { LONG } else { USUAL };
    let scratch = tempfile::tempdir().unwrap();
    let (site, papers) = site();
    let short = Folder::load(&site.dir()).unwrap().cut_into(SHORT).unwrap();
    let (mut cases, mut done) = (Vec::new(), Vec::new());
    for number in 0..count {
        let kind = KINDS[number % KINDS.len()];
        let mut dice = Dice(SEED + number as u64);
        let forged = short.forged(kind, &mut dice, &papers, &site.signer).unwrap();
        assert!(forged != short, "{kind:?} {number} changed nothing");
        let dir = scratch.path().join(number.to_string());
        forged.store(&dir).unwrap();
        cases.push(case(dir, Some(&papers)));
        done.push(kind);
    }
    let mut missed = Vec::new();
    let mut noticed = [0, 0];
    let verdicts = both(scratch.path(), &cases).unwrap();
    for (number, (kind, said)) in done.iter().zip(&verdicts).enumerate() {
        for (verifier, said) in said.iter().enumerate() {
            if said.is_some() { noticed[verifier] += 1 } else { missed.push((number, *kind, verifier)) }
        }
    }
    println!(
        "{count} forgeries of {} kinds, seed {SEED}: noticed by lazaretctl {}, by verify.py {}",
        KINDS.len(),
        noticed[0],
        noticed[1]
    );
    for kind in KINDS {
        let example = done.iter().zip(&verdicts).find(|(done, _)| **done == kind).map(|(_, said)| said);
        println!("  {kind:?}: {example:?}");
    }
    assert!(missed.is_empty(), "(number, kind, verifier 0 = ours): {missed:?}");
}

// A verifier that cries at everything notices every tampering, too.
#[test]
fn what_nobody_touched_is_accepted_by_both_verifiers() {
    let scratch = tempfile::tempdir().unwrap();
    let (site, papers) = site();
    let whole = Folder::load(&site.dir()).unwrap();
    let mut cases = vec![case(site.dir(), Some(&papers)), case(site.dir(), None)];
    for records in [1, 2, 7, SHORT, 1000] {
        let dir = scratch.path().join(records.to_string());
        whole.cut_into(records).unwrap().store(&dir).unwrap();
        cases.push(case(dir, Some(&papers)));
    }
    let empty = Site::new().unwrap();
    cases.push(case(empty.dir(), Some(&empty.papers().unwrap())));
    for said in both(scratch.path(), &cases).unwrap() {
        assert_eq!(said, [None, None]);
    }
}

// What the documents say that nobody can see: who takes the machine can rewrite what no checkpoint left with.
#[test]
fn without_papers_a_ledger_signed_anew_looks_sound() {
    let scratch = tempfile::tempdir().unwrap();
    let (site, papers) = site();
    let short = Folder::load(&site.dir()).unwrap().cut_into(SHORT).unwrap();
    let kind = audit::Forgery::EditAndResignWithNewKeys;
    let dir = scratch.path().join("forged");
    short.forged(kind, &mut Dice(SEED), &papers, &site.signer).unwrap().store(&dir).unwrap();
    assert_eq!(both(scratch.path(), &[case(dir, None)]).unwrap(), [[None, None]]);
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

// A20: what was signed years ago is verified by both today.
#[test]
fn ledgers_of_the_past_are_accepted_by_both_verifiers() {
    let scratch = tempfile::tempdir().unwrap();
    let mut cases = Vec::new();
    for entry in fs::read_dir(golden()).into_iter().flatten() {
        let dir = entry.unwrap().path();
        let note = fs::read_to_string(dir.join("checkpoint.note")).unwrap();
        let key = fs::read_to_string(dir.join("key.pub")).unwrap();
        let papers =
            Papers { pinned: key.trim().parse().unwrap(), external: ledger::Signed::parse(&note).unwrap() };
        cases.push(Case {
            dir: dir.join("ledger"),
            papers: Some(papers),
            proof: Some(dir.join("proof.json")),
        });
    }
    if cases.is_empty() {
        panic!("review {} and commit it as tests/audit/golden/1", draft().display());
    }
    // From before there were checkpoints.
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../daemon/ledger/tests/golden");
    cases.extend(fs::read_dir(old).unwrap().map(|entry| case(entry.unwrap().path(), None)));
    for (case, said) in cases.iter().zip(both(scratch.path(), &cases).unwrap()) {
        assert_eq!(said, [None, None], "{}", case.dir.display());
        let Some(proof) = &case.proof else { continue };
        let proof: ledger::Proof = serde_json::from_str(&fs::read_to_string(proof).unwrap()).unwrap();
        let (_, since) = proof.check().unwrap();
        assert_eq!(since.as_ref(), case.papers.as_ref().map(|papers| &papers.external));
    }
}

fn document() -> DocId {
    DocId::from_parts(UnixMillis(1_795_502_192_007), 3)
}

fn draft() -> PathBuf {
    let draft = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden-draft");
    drop(fs::remove_dir_all(&draft));
    fs::create_dir_all(&draft).unwrap();
    let mut site = Site::new().unwrap();
    site.day(17).unwrap();
    site.day(9).unwrap();
    let papers = site.papers().unwrap();
    site.day(12).unwrap();
    let (proof, _) = prove(&site.dir(), document(), Some(&papers.external)).unwrap();
    fs::write(draft.join("proof.json"), serde_json::to_string_pretty(&proof).unwrap() + "\n").unwrap();
    fs::write(draft.join("checkpoint.note"), papers.external.note()).unwrap();
    fs::write(draft.join("key.pub"), format!("{}\n", papers.pinned)).unwrap();
    let folder = Folder::load(&site.dir()).unwrap().cut_into(SHORT).unwrap();
    folder.store(&draft.join("ledger")).unwrap();
    draft
}

// A46: an inclusion proof for one document's events; a changed one is refused by both.
#[test]
fn proofs_hold_and_changed_ones_are_refused_by_both_verifiers() {
    let scratch = tempfile::tempdir().unwrap();
    let mut site = Site::new().unwrap();
    site.day(20).unwrap();
    let earlier = site.papers().unwrap();
    site.day(13).unwrap();
    let (proof, newer) = prove(&site.dir(), document(), Some(&earlier.external)).unwrap();
    assert_eq!((proof.leaves.len(), newer), (5, 0));
    let good = serde_json::to_string(&proof).unwrap();
    let mut texts = vec![good.clone()];
    let mut dice = Dice(SEED);
    while texts.len() < 60 {
        // One character of a hash, a record, a note or a number.
        let mut bytes = good.clone().into_bytes();
        let at = dice.below(bytes.len());
        if bytes[at].is_ascii_alphanumeric() {
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            texts.push(String::from_utf8(bytes).unwrap());
        }
    }
    let write = |(number, text): (usize, &String)| {
        let path = scratch.path().join(format!("{number}.json"));
        fs::write(&path, text).unwrap();
        Case { dir: site.dir(), papers: Some(site.papers().unwrap()), proof: Some(path) }
    };
    let cases: Vec<_> = texts.iter().enumerate().map(write).collect();
    let verdicts = both(scratch.path(), &cases).unwrap();
    for (number, (text, [_, theirs])) in texts.iter().zip(verdicts).enumerate() {
        let ours = serde_json::from_str::<ledger::Proof>(text).ok().and_then(|proof| proof.check().ok());
        assert_eq!((ours.is_some(), theirs.is_none()), (number == 0, number == 0), "{number}: {text}");
    }
}
