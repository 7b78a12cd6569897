//! Evidence while other things go on, and evidence of somebody who took the machine with the keys of today.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::{
    bundle::{Bundle, both, export, ids, pin, refused},
    records::rejected,
};
use kit::{Appliance, Plan};
use ledger::{
    Checkpoint, CheckpointLog, Growth, Ledger, Mark, NewRecord, Signed,
    merkle::{Frontier, leaf_hash},
    prove_many,
};
use lifecycle::{Body, SystemEvent};
use std::{collections::BTreeSet, fs, path::Path, thread};
use types::{Digest, DocId, UnixMillis};
use vault::{MasterKey, Vault};

const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// Exports at once of each round, and rounds at most until one was turned away.
const AT_ONCE: usize = 6;
const ROUNDS_MAX: usize = 20;

/// An appliance whose backups may be made; each of them signs a checkpoint.
fn with_backups() -> Appliance {
    let mut appliance = Plan::default().init().unwrap();
    let escrow = |number: u32| {
        let file = appliance.home.join(format!("escrow-{number}.txt"));
        appliance.ctl(&["key", "escrow", "-O", &file.to_string_lossy()]).unwrap().text().trim().to_owned()
    };
    let (config, recipients) = (appliance.home.join("lazaret.toml"), [escrow(1), escrow(2)]);
    let said = format!("[backup]\nrecipients = {recipients:?}\n\n[workers]");
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("[workers]", &said)).unwrap();
    appliance.start().unwrap();
    appliance
}

// A genuine bundle is never taken for a forged one, whatever is signed and written while it is made; and one that
// cannot be made now is refused with a sentence.
#[test]
fn bundles_are_sound_while_checkpoints_are_signed_and_others_export() {
    let appliance = with_backups();
    rejected(&appliance, "scanner", 0..20).unwrap();
    let pinned = pin(&appliance).unwrap();
    let (mut made, mut turned_away) = (0, 0);
    for round in 0..ROUNDS_MAX {
        let file = |number: usize| appliance.home.join(format!("{round}-{number}.zip"));
        let backup = appliance.home.join(format!("backup-{round}"));
        let one = |number| export(&appliance, &file(number), &["--from", "2020-01-01", "--to", "2100-01-01"]);
        let one = &one;
        let answers = thread::scope(|scope| {
            let exports: Vec<_> =
                (0..AT_ONCE).map(|number| scope.spawn(move || one(number).unwrap())).collect();
            let signed = appliance.ctl(&["backup", "create", &backup.to_string_lossy()]).unwrap();
            assert_eq!(signed.code, 0, "{}", signed.stderr);
            exports.into_iter().map(|export| export.join().unwrap()).collect::<Vec<_>>()
        });
        for (number, answer) in answers.iter().enumerate() {
            if answer.code == 0 {
                made += 1;
                let [ours, theirs] = both(&appliance, &file(number), Some(&pinned)).unwrap();
                assert_eq!((ours.code, theirs.code), (0, 0), "{} {}", ours.stderr, theirs.text());
            } else {
                turned_away += 1;
                assert_eq!(answer.code, 75, "{}", answer.stderr);
                assert!(
                    answer.stderr.contains("another bundle of evidence is being made"),
                    "{}",
                    answer.stderr
                );
                assert!(!file(number).exists(), "half a bundle is left");
            }
        }
        assert!(made > round, "one at least gets its turn");
        if turned_away > 0 && round >= 2 {
            eprintln!("{made} bundles, {turned_away} turned away in {} rounds", round + 1);
            return;
        }
    }
    panic!("nobody was turned away in {ROUNDS_MAX} rounds of {AT_ONCE} exports at once");
}

fn vault_of(appliance: &Appliance) -> Vault {
    let master = MasterKey::from_file(&appliance.home.join("master.key")).unwrap();
    Vault::open(&appliance.home.join("state/vault"), &master, || UnixMillis(1_795_502_192_007)).unwrap()
}

/// The ledger written anew, with another time in the first record of `altered`, and a bundle of it that is as good as
/// somebody with the site's key and the checkpoint key of today can make it: all notes of erased keys stay.
fn rewritten(
    appliance: &Appliance,
    genuine: &Bundle,
    doc: DocId,
    altered: Option<DocId>,
    dir: &Path,
) -> Bundle {
    let vault = vault_of(appliance);
    let mut tampered = altered;
    let records = Ledger::read_from(&appliance.home.join("state/ledger"), 1).unwrap().map(|record| {
        let mut record = record.unwrap();
        if let Body::Document { doc, .. } = &record.body
            && tampered.take_if(|altered| altered == doc).is_some()
        {
            record.at = UnixMillis(record.at.0 - 1);
        }
        NewRecord { at: record.at, by: record.by, body: record.body }
    });
    let (mut ledger, _) = Ledger::open(dir).unwrap();
    let written = ledger.append(records.collect()).unwrap();
    let (mut tree, mut marks) = (Frontier::default(), vec![Mark::empty()]);
    for record in &written {
        tree.push(leaf_hash(&serde_json::to_vec(record).unwrap()));
        marks.push(Mark { size: record.seq, root: tree.root(), tip: Digest([0; 32]) });
    }
    let notes = String::from_utf8(genuine.get("keys.notes").unwrap().to_vec()).unwrap();
    let mut notes: Vec<Signed> = notes.split("%%\n").map(|note| Signed::parse(note).unwrap()).collect();
    let sign = |mark: Mark| {
        let last = notes.last().unwrap().checkpoint.clone();
        assert_eq!(last.key.public, vault.checkpoint_keys().current, "today's");
        let checkpoint = Checkpoint { mark, ..last };
        let signature = vault.sign_checkpoint(checkpoint.text().as_bytes());
        Signed::new(checkpoint, &signature).unwrap()
    };
    let end = sign(ledger.mark());
    // The hashes that would lead from the sizes of the notes to the end, in the tree written anew.
    let sizes = notes[..notes.len() - 1].iter().map(|note| note.checkpoint.mark.size);
    let mut steps: Vec<Signed> = sizes.map(|size| sign(marks[usize::try_from(size).unwrap()])).collect();
    steps.push(end.clone());
    let growth = Growth::prove(dir, &steps).unwrap();
    CheckpointLog::open(dir).unwrap().append(end.clone()).unwrap();
    *notes.last_mut().unwrap() = end;
    if altered.is_some() {
        assert!(Growth::prove(dir, &notes).is_err(), "the product does not make such a bundle");
    }
    let is_key = |event: &SystemEvent| matches!(event, SystemEvent::SiteKey { .. });
    let (proofs, site_key) = prove_many(dir, &BTreeSet::from([doc]), is_key).unwrap();
    let notes: Vec<&str> = notes.iter().map(Signed::note).collect();
    let bundle = genuine
        .clone()
        .with(&format!("documents/{doc}/events.json"), &serde_json::to_vec(&proofs[0]).unwrap())
        .with("keys.notes", notes.join("%%\n").as_bytes())
        .with("consistency.json", &serde_json::to_vec(&growth).unwrap())
        .with("site-key.json", &serde_json::to_vec(&site_key.unwrap()).unwrap());
    bundle.signed(&|message| vault.sign(message), |_| {}).unwrap()
}

// Forward security: who takes the machine tomorrow finds the site's key and the checkpoint key of tomorrow, and can
// still not put another yesterday into evidence.
#[test]
fn a_past_that_was_written_anew_is_refused_though_the_keys_of_today_signed_it() {
    let clock = tempfile::NamedTempFile::new().unwrap();
    let set = |offset: &str| fs::write(clock.path(), format!("{offset}\n")).unwrap();
    set("+0");
    let plan = Plan::default().env("LD_PRELOAD", FAKETIME).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let mut appliance = plan.env("FAKETIME_TIMESTAMP_FILE", &clock.path().to_string_lossy()).start().unwrap();
    rejected(&appliance, "scanner", 0..2).unwrap();
    let (id, pinned) = (ids(&appliance).unwrap().remove(0), pin(&appliance).unwrap());
    appliance.stop().unwrap();
    set("+25h");
    appliance.start().unwrap();
    let file = appliance.home.join("case.zip");
    let out = export(&appliance, &file, &[&id]).unwrap();
    assert_eq!(out.code, 0, "{}", out.stderr);
    appliance.stop().unwrap();
    let genuine = Bundle::of(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(genuine.json("consistency.json").unwrap()["proofs"].as_array().unwrap().len(), 2, "two keys");

    let doc: DocId = id.parse().unwrap();
    let same = rewritten(&appliance, &genuine, doc, None, &appliance.home.join("same"));
    fs::write(&file, same.zip().unwrap()).unwrap();
    let [ours, theirs] = both(&appliance, &file, Some(&pinned)).unwrap();
    assert_eq!((ours.code, theirs.code), (0, 0), "{} {}", ours.stderr, theirs.text());

    let forged = rewritten(&appliance, &genuine, doc, Some(doc), &appliance.home.join("forged"));
    let said = refused(&appliance, &forged.zip().unwrap(), &pinned).unwrap();
    assert!(said.iter().all(|said| said.contains("is not the beginning of")), "{said:?}");
}
