//! What an auditor does with a real appliance: pin, take away, verify offline; and what the daemon does
//! with a ledger that was put back.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::{FAKETIME, text};
use kit::{Appliance, Outcome, Plan};
use std::{fs, path::Path, process::Command};

fn audit(appliance: &Appliance, args: &[&str]) -> Outcome {
    appliance.ctl(&[&["audit"], args].concat()).unwrap()
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The second verifier, with Debian's own Python.
fn second_opinion(args: &[&str]) -> Outcome {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../verifier/verify.py");
    Command::new("/usr/bin/python3").arg(script).args(args).output().unwrap().into()
}

fn with_one_document() -> (Appliance, String) {
    let appliance = Appliance::usual().unwrap();
    appliance.drop_in("fax", "slip.png", &corpus::slip(1).bytes).unwrap();
    appliance.rest(120).unwrap();
    let id = text(&appliance.documents().unwrap()[0], "id").to_owned();
    (appliance, id)
}

// A20, A46: the audit history is verified without the appliance, from what was taken away before.
#[test]
fn an_auditor_verifies_offline_from_a_key_and_a_checkpoint() {
    let (mut appliance, id) = with_one_document();
    let dir = path(&appliance.home.join("state/ledger"));
    let file = |name: &str| appliance.home.join(name);
    let (key, note, proof) = (file("key.pub"), file("today.note"), file("proof.json"));
    fs::write(&key, audit(&appliance, &["pubkey", "--dir", &dir]).stdout).unwrap();
    appliance.stop().unwrap();

    // The orderly stop is covered, too, and the spool folder has the same note as the log.
    let printed = audit(&appliance, &["checkpoint", "--dir", &dir]).text();
    fs::write(&note, &printed).unwrap();
    let spooled = fs::read_dir(appliance.home.join("state/spool")).unwrap();
    let newest = spooled.map(|entry| entry.unwrap().path()).max().unwrap();
    assert_eq!(fs::read_to_string(newest).unwrap(), printed);
    let (key, note, proof) = (path(&key), path(&note), path(&proof));
    let args = ["verify", "--dir", &dir, "--pubkey", &key, "--checkpoint", &note];
    let verified = audit(&appliance, &[&args[..], &["-o", "json"]].concat());
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    let report = verified.json().unwrap();
    assert_eq!((report["uncovered"].as_u64(), report["pinned"].as_bool()), (Some(0), Some(true)));
    assert_eq!(report["external"], report["records"]);

    // One document's records, as they are in the ledger.
    let proved = audit(&appliance, &["prove", &id, "--dir", &dir, "-O", &proof]);
    assert_eq!(proved.code, 0, "{}", proved.stderr);
    let held = audit(&appliance, &["verify", "--proof", &proof, "--checkpoint", &note]);
    assert_eq!(held.code, 0, "{}", held.stderr);
    assert!(fs::read_to_string(&proof).unwrap().contains("delivered"));
    let opinion = second_opinion(&[&dir, "--pubkey", &key, "--checkpoint", &note, "--proof", &proof]);
    assert_eq!((opinion.code, opinion.stderr.as_str()), (0, ""), "{}", opinion.text());

    // A changed record is found by both, and its place is said.
    let segment = appliance.home.join("state/ledger/ledger-000000000001.seg");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[300] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let damaged = audit(&appliance, &args);
    assert_eq!(damaged.code, 6);
    assert!(damaged.stderr.contains("ledger-000000000001.seg at byte"), "{}", damaged.stderr);
    assert_eq!(second_opinion(&[&dir]).code, 6);
}

// A46: the photo and the picture carry the whole note.
#[test]
fn a_checkpoint_is_drawn_as_a_code_and_never_over_another_file() {
    let appliance = Appliance::usual().unwrap();
    let dir = path(&appliance.home.join("state/ledger"));
    let drawn = audit(&appliance, &["checkpoint", "--dir", &dir, "--qr"]);
    let width = drawn.text().lines().map(|line| line.chars().count()).max();
    assert!(drawn.code == 0 && width.is_some_and(|width| (60..120).contains(&width)), "{}", drawn.text());
    let png = path(&appliance.home.join("today.png"));
    assert_eq!(audit(&appliance, &["checkpoint", "--dir", &dir, "--png", &png]).code, 0);
    assert!(fs::read(&png).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(audit(&appliance, &["checkpoint", "--dir", &dir, "--png", &png]).code, 5);
    assert_eq!(audit(&appliance, &["prove", "00000000000000000000000000", "--dir", &dir]).code, 3);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

// A46, A39: an older ledger that is put back is noticed at once, and nothing runs on it. Its own log is of the
// same age and says nothing; the copies that left do.
#[test]
fn the_daemon_does_not_start_on_a_ledger_that_was_put_back() {
    let (mut appliance, _) = with_one_document();
    appliance.stop().unwrap();
    let (ledger, older) = (appliance.home.join("state/ledger"), appliance.home.join("older"));
    copy(&ledger, &older);
    appliance.start().unwrap();
    appliance.drop_in("fax", "slip2.png", &corpus::slip(2).bytes).unwrap();
    appliance.rest(120).unwrap();
    appliance.stop().unwrap();
    let newer = appliance.home.join("newer");
    fs::rename(&ledger, &newer).unwrap();
    fs::rename(&older, &ledger).unwrap();
    assert!(appliance.start().is_err());
    assert!(appliance.log().contains("an older ledger was put back"), "{}", appliance.log());
    fs::remove_dir_all(&ledger).unwrap();
    fs::rename(&newer, &ledger).unwrap();
    appliance.start().unwrap();
    assert_eq!(appliance.documents().unwrap().len(), 2);
    let doctor = appliance.json(&["doctor"]).unwrap().to_string();
    assert!(doctor.contains("covers all but"), "{doctor}");
}

/// Verifies offline with the pinned key; gives how many keys signed.
fn keys(appliance: &Appliance, dir: &str, key: &str) -> u64 {
    let verified = audit(appliance, &["verify", "--dir", dir, "--pubkey", key, "-o", "json"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    assert_eq!(second_opinion(&[dir, "--pubkey", key]).code, 0);
    verified.json().unwrap()["keys"].as_u64().unwrap()
}

// Forward security: on another day another key signs, and the one before is gone. A crash behind the handover,
// before or after the erasing, changes nothing.
#[test]
fn on_another_day_another_key_signs() {
    let clock = tempfile::NamedTempFile::new().unwrap();
    let set = |offset: &str| fs::write(clock.path(), format!("{offset}\n")).unwrap();
    set("+0");
    let plan = Plan::default().env("LD_PRELOAD", FAKETIME).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let mut appliance = plan.env("FAKETIME_TIMESTAMP_FILE", &path(clock.path())).start().unwrap();
    let state = appliance.home.join("state");
    let (dir, signer, log) =
        (state.join("ledger"), state.join("vault/signer"), state.join("ledger/checkpoints.log"));
    let (dir, key) = (path(&dir), path(&appliance.home.join("key.pub")));
    fs::write(&key, audit(&appliance, &["pubkey", "--dir", &dir]).stdout).unwrap();
    appliance.stop().unwrap();
    assert_eq!(keys(&appliance, &dir, &key), 1);
    let today = fs::read(&signer).unwrap();

    set("+25h");
    appliance.start().unwrap();
    appliance.stop().unwrap();
    assert_eq!(keys(&appliance, &dir, &key), 2);
    let tomorrow = fs::read(&signer).unwrap();
    assert!(today != tomorrow);

    let text = fs::read_to_string(&log).unwrap();
    let handover = text.split_inclusive("%%\n").position(|note| !note.contains("next-key none")).unwrap();
    for keys_on_disk in [today, tomorrow] {
        fs::write(&log, text.split_inclusive("%%\n").take(handover + 1).collect::<String>()).unwrap();
        fs::write(&signer, keys_on_disk).unwrap();
        appliance.start().unwrap();
        appliance.stop().unwrap();
        assert_eq!(keys(&appliance, &dir, &key), 2);
    }

    // A clock that is set back a day: what is signed then holds, too.
    set("+0");
    appliance.start().unwrap();
    appliance.stop().unwrap();
    assert!(keys(&appliance, &dir, &key) >= 2);
}
