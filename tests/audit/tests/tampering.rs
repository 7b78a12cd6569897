//! Every tampering with a ledger is noticed, by our verifier and by the second one, given a key that was
//! pinned and a checkpoint that was taken away.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use audit::{Case, Dice, Folder, KINDS, Papers, Site, both};
use ledger::{Trust, audit, prove};
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
/// What a disk writes whole.
const SECTOR: usize = 512;
const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;

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
    eprintln!(
        "{count} forgeries of {} kinds, seed {SEED}: noticed by lazaretctl {}, by verify.py {}",
        KINDS.len(),
        noticed[0],
        noticed[1]
    );
    for kind in KINDS {
        let example = done.iter().zip(&verdicts).find(|(done, _)| **done == kind).map(|(_, said)| said);
        eprintln!("  {kind:?}: {example:?}");
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

// Forward security: the auditor's checkpoint is of the second day, the thief comes on the fifth and has the key
// of that day. What was signed in between stays as it was.
#[test]
fn who_takes_the_machine_today_cannot_sign_for_yesterday() {
    let scratch = tempfile::tempdir().unwrap();
    let mut site = Site::new().unwrap();
    [9, 9].iter().for_each(|records| site.day(*records).unwrap());
    let papers = site.papers().unwrap();
    [9, 9].iter().for_each(|records| site.day(*records).unwrap());
    let whole = Folder::load(&site.dir()).unwrap();
    let forged = (18..35).map(|k| {
        let dir = scratch.path().join(k.to_string());
        whole.resigned(k, &site.signer).unwrap().store(&dir).unwrap();
        case(dir, Some(&papers))
    });
    let forged: Vec<_> = forged.collect();
    for (case, said) in forged.iter().zip(both(scratch.path(), &forged).unwrap()) {
        let strange = said.iter().flatten().filter(|fault| fault.contains("turn")).count();
        assert_eq!(strange, 2, "{}: {said:?}", case.dir.display());
    }
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

// A power cut leaves any sectors of a batch that was never confirmed; both verifiers take it for that, and
// damage to what was confirmed for damage.
#[test]
fn both_verifiers_know_a_torn_batch_from_damage() {
    let scratch = tempfile::tempdir().unwrap();
    let mut site = Site::new().unwrap();
    site.batch(6).unwrap();
    site.day(3).unwrap();
    let papers = site.papers().unwrap();
    let segment = site.dir().join("ledger-000000000001.seg");
    let confirmed = fs::read(&segment).unwrap().len();
    site.batch(5).unwrap();
    let whole = fs::read(&segment).unwrap();
    let (mut cases, mut torn) = (Vec::new(), Vec::new());
    let mut add = |bytes: &[u8], is_torn: bool| {
        let dir = scratch.path().join(cases.len().to_string());
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("ledger-000000000001.seg"), bytes).unwrap();
        fs::copy(site.dir().join("checkpoints.log"), dir.join("checkpoints.log")).unwrap();
        cases.push(case(dir, Some(&papers)));
        torn.push(is_torn);
    };
    let first = confirmed / SECTOR;
    let sectors = whole.len().div_ceil(SECTOR) - first;
    let mut dice = Dice(SEED);
    for landed in 0..1_usize << sectors {
        let mut bytes = whole.clone();
        let is_lost = |at: usize| landed >> (at / SECTOR - first) & 1 == 0;
        (confirmed..whole.len()).filter(|at| is_lost(*at)).for_each(|at| bytes[at] = 0);
        add(&bytes, true);
        bytes.truncate(confirmed + dice.below(bytes.len() - confirmed));
        add(&bytes, true);
    }
    for _ in 0..60 {
        let mut bytes = whole.clone();
        bytes[64 + dice.below(whole.len() - 64)] ^= 1 << dice.below(8);
        add(&bytes, false);
        let hole = SECTOR * dice.below(first);
        let mut bytes = whole.clone();
        bytes[hole..hole + SECTOR].fill(0);
        add(&bytes, false);
    }
    let verdicts = both(scratch.path(), &cases).unwrap();
    for (number, (is_torn, said)) in torn.iter().zip(&verdicts).enumerate() {
        assert_eq!(said.each_ref().map(Option::is_none), [*is_torn; 2], "{number}: {said:?}");
    }
    eprintln!("{} of {} folders are torn, and both verifiers agree on each", 2 << sectors, torn.len());
}

// A key that leaked would sign for ever; by the times of its notes, it signs on one day and hands over.
#[test]
fn a_key_that_goes_on_after_its_day_and_notes_that_go_back_are_refused_by_both_verifiers() {
    let scratch = tempfile::tempdir().unwrap();
    let days = |change: &dyn Fn(&mut Site)| {
        let mut site = Site::new().unwrap();
        for day in 0..3 {
            site.later_ms = day * DAY_MS;
            site.hand_over().unwrap();
            site.record().unwrap();
            site.later_ms += HOUR_MS;
            site.checkpoint(false).unwrap();
        }
        change(&mut site);
        site
    };
    let go_on = |site: &mut Site, later_ms: u64, hands_over: bool| {
        site.record().unwrap();
        site.later_ms += later_ms;
        if hands_over { site.hand_over().unwrap() } else { site.checkpoint(false).unwrap() }
    };
    let sites = [
        (days(&|_| ()), None),
        // The daemon did not run for long.
        (days(&|site| go_on(site, 40 * DAY_MS, true)), None),
        (days(&|site| go_on(site, DAY_MS, false)), Some("another day")),
        (days(&|site| go_on(site, 400 * DAY_MS, false)), Some("another day")),
        (
            days(&|site| {
                site.later_ms -= HOUR_MS;
                site.checkpoint(false).unwrap();
            }),
            Some("of 2026|earlier"),
        ),
        (
            days(&|site| {
                site.later_ms -= 2 * DAY_MS;
                site.hand_over().unwrap();
            }),
            Some("of 2026|earlier"),
        ),
    ];
    let cases: Vec<_> = sites.iter().map(|(site, _)| case(site.dir(), None)).collect();
    for ((_, expected), said) in sites.iter().zip(both(scratch.path(), &cases).unwrap()) {
        for said in said {
            let found = expected.map(|words| {
                let said = said.as_deref().unwrap_or("nothing");
                (words.split('|').any(|word| said.contains(word)), said)
            });
            assert!(
                found.is_none_or(|(found, _)| found) && said.is_some() == expected.is_some(),
                "{expected:?}: {said:?}"
            );
        }
    }
}

// A proof of any later day follows from the key that was pinned on the first, and from nobody else's.
#[test]
fn a_proof_follows_from_the_pinned_key_by_both_verifiers() {
    let scratch = tempfile::tempdir().unwrap();
    let mut site = Site::new().unwrap();
    (0..3).for_each(|_| site.day(5).unwrap());
    let (proof, _) = prove(&site.dir(), document(), None).unwrap();
    let pinned = site.papers().unwrap().pinned;
    let last = ledger::Signed::parse(&proof.checkpoint).unwrap().checkpoint.key;
    assert!(pinned != last, "keys were replaced");
    let stranger = Site::new().unwrap().papers().unwrap().pinned;
    let mut broken = proof.clone();
    broken.keys.remove(1);
    let mut forged = proof.clone();
    forged.keys[1] = forged.keys[1].replace("next-key lazaret/", "next-key  lazaret/");
    let cases = [
        (&proof, &pinned, true),
        (&proof, &last, true),
        (&proof, &stranger, false),
        (&broken, &pinned, false),
        (&forged, &pinned, false),
    ];
    for (number, (proof, key, holds)) in cases.into_iter().enumerate() {
        let (file, pin) = (scratch.path().join(format!("{number}.json")), scratch.path().join("key.pub"));
        fs::write(&file, serde_json::to_string(proof).unwrap()).unwrap();
        fs::write(&pin, format!("{key}\n")).unwrap();
        let ours = proof.check().and_then(|_| proof.follows_from(key));
        let theirs =
            audit::alone(&["--proof".as_ref(), file.as_os_str(), "--pubkey".as_ref(), pin.as_os_str()]);
        assert_eq!((ours.is_ok(), theirs.unwrap()), (holds, holds), "{number}: {ours:?}");
    }
}

// A QR code that was photographed, a line on paper: size and root are enough to find a changed ledger.
#[test]
fn a_root_that_was_noted_shows_what_was_changed_or_cut_off() {
    let scratch = tempfile::tempdir().unwrap();
    let mut site = Site::new().unwrap();
    site.day(20).unwrap();
    let whole = Folder::load(&site.dir()).unwrap();
    let mark = site.papers().unwrap().external.checkpoint.mark;
    site.day(5).unwrap();
    let judge =
        |dir: &Path, size: u64, root| audit(dir, Trust { noted: Some((size, root)), ..Trust::default() });
    judge(&site.dir(), mark.size, mark.root).unwrap();
    judge(&site.dir(), 0, ledger::Mark::empty().root).unwrap();
    let mut other = mark.root;
    other.0[31] ^= 1;
    let said = judge(&site.dir(), mark.size, other).unwrap_err().to_string();
    assert!(said.contains("not the one you noted") && said.contains(&mark.root.to_string()), "{said}");
    let forged = scratch.path().join("forged");
    whole.resigned(11, &site.signer).unwrap().store(&forged).unwrap();
    assert!(judge(&forged, mark.size, mark.root).is_err());
    let said = judge(&site.dir(), 26, mark.root).unwrap_err().to_string();
    assert!(said.contains("holds 25") && said.contains("cut off"), "{said}");
}
