//! A sealed start believes the ledger no more than an open one does.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::files_under;
use kit::{Appliance, Plan};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files_under(dir).unwrap().into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// The start must fail, and say this.
fn refuses(appliance: &mut Appliance, words: &str) {
    let said_before = appliance.log().len();
    appliance.spawn().unwrap();
    assert_eq!(appliance.wait_for_end().unwrap(), Some(1), "{}", appliance.log());
    let log = appliance.log();
    assert!(log[said_before..].contains(words), "{words:?} is not in\n{}", &log[said_before..]);
}

/// An appliance that has worked and is stopped, and the ledger as it was before it worked.
fn worked() -> (Appliance, PathBuf, PathBuf) {
    let plan = Plan::default().edit("[keys]\n", "[keys]\nsealed-start = true\n");
    let mut appliance = plan.start().unwrap();
    appliance.stop().unwrap();
    let (ledger, old) = (appliance.home.join("state/ledger"), appliance.home.join("old-ledger"));
    copy(&ledger, &old);
    appliance.start().unwrap();
    appliance.drop_in("fax", "a.txt", b"no document at all").unwrap();
    appliance.rest(240).unwrap();
    appliance.stop().unwrap();
    fs::rename(appliance.home.join("master.key"), appliance.home.join("usb.key")).unwrap();
    (appliance, ledger, old)
}

/// The checkpoints in the spool folder are newer than the ledger, its own log of them included.
// Issue 3, 1: truncation is detected; nothing of a ledger that was rolled back is changed.
#[test]
fn a_sealed_start_refuses_an_older_ledger_and_changes_nothing_of_it() {
    let (mut appliance, ledger, old) = worked();
    let right = appliance.home.join("right-ledger");
    fs::rename(&ledger, &right).unwrap();
    copy(&old, &ledger);
    // A torn end, which a start that believes the ledger cuts.
    let segment = segment_in(&ledger);
    let mut bytes = fs::read(&segment).unwrap();
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).unwrap());
    fs::write(&segment, bytes).unwrap();
    let before = contents(&ledger);
    refuses(&mut appliance, "an older ledger was put back or its end cut off");
    assert_eq!(contents(&ledger), before);

    fs::remove_dir_all(&ledger).unwrap();
    fs::rename(&right, &ledger).unwrap();
    appliance.start().unwrap();
    assert_eq!(appliance.json(&["status"]).unwrap()["sealed"], true);
}

fn segment_in(ledger: &Path) -> PathBuf {
    let mut segments: Vec<_> = files_under(ledger).unwrap();
    segments.retain(|path| path.extension().is_some_and(|ending| ending == "seg"));
    segments.sort();
    segments.pop().unwrap()
}

/// A folder that is not mounted looks like a ledger that never was.
#[test]
fn a_sealed_start_begins_no_new_ledger_where_there_was_one() {
    let (mut appliance, ledger, _) = worked();
    let away = appliance.home.join("away");
    fs::rename(&ledger, &away).unwrap();
    refuses(&mut appliance, "the ledger is empty, but there is ciphertext of documents");
    assert!(!ledger.exists(), "nothing was begun");
    fs::create_dir(&ledger).unwrap();
    refuses(&mut appliance, "the ledger is empty, but there is ciphertext of documents");
    assert_eq!(files_under(&ledger).unwrap(), Vec::<PathBuf>::new());

    // Every document may be destroyed by now; the mark beside the ledger is left.
    let (blobs, elsewhere) = (appliance.home.join("state/vault/blobs"), appliance.home.join("blobs"));
    fs::rename(&blobs, &elsewhere).unwrap();
    fs::create_dir(&blobs).unwrap();
    refuses(&mut appliance, "the ledger is empty, but there is the file ledger-mark");
    fs::remove_dir(&blobs).unwrap();
    fs::rename(&elsewhere, &blobs).unwrap();

    fs::remove_dir(&ledger).unwrap();
    fs::rename(&away, &ledger).unwrap();
    appliance.start().unwrap();
    let usb = appliance.home.join("usb.key");
    assert_eq!(appliance.ctl(&["unseal", "--key-file", usb.to_str().unwrap()]).unwrap().code, 0);
    assert_eq!(appliance.documents().unwrap().len(), 1);
}
