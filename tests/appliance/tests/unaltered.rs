//! Is a document what its records say? Everything that is kept of it is read back and compared.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::{
    bundle::ids,
    files_under,
    records::{EVERYTHING_AT_ONCE, rejected, with_rules},
    text,
};
use kit::Appliance;
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
};

/// Exit code, and what was looked at, each with whether it was as it must be.
fn verified(appliance: &Appliance, id: &str) -> (i32, Vec<(String, bool)>) {
    let out = appliance.ctl(&["doc", "verify", id, "-o", "json"]).unwrap();
    let reply: serde_json::Value = serde_json::from_str(&out.text()).unwrap();
    let line = |check: &serde_json::Value| (text(check, "name").to_owned(), check["ok"] == true);
    (out.code, reply["checks"].as_array().unwrap().iter().map(line).collect())
}

fn wrong(appliance: &Appliance, id: &str) -> Vec<String> {
    let (code, checks) = verified(appliance, id);
    let wrong: Vec<String> = checks.into_iter().filter(|(_, ok)| !ok).map(|(name, _)| name).collect();
    assert_eq!(code, if wrong.is_empty() { 0 } else { 6 }, "{wrong:?}");
    wrong
}

/// Changes one bit, looks, and changes it back; what is written to the file meanwhile stays.
fn with_a_bit_flipped<T>(file: &Path, at: usize, look: impl FnOnce() -> T) -> T {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at as u64).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at as u64).unwrap();
    let seen = look();
    file.write_all_at(&byte, at as u64).unwrap();
    seen
}

// B29: "auditor can ask: altered? who transformed?"
#[test]
fn a_changed_bit_of_anything_that_is_kept_of_a_document_is_found_and_named() {
    let appliance = Appliance::usual().unwrap();
    appliance.drop_in("fax", "slip.png", &corpus::slip(61).bytes).unwrap();
    appliance.rest(240).unwrap();
    let id = ids(&appliance).unwrap().remove(0);
    if appliance.ctl(&["review", "approve", &id]).unwrap().code == 0 {
        appliance.rest(120).unwrap();
    }
    let names = ["records", "original", "text", "redacted copy", "manifest", "hands"];
    assert_eq!(verified(&appliance, &id), (0, names.map(|name| (name.to_owned(), true)).to_vec()));
    let shown = appliance.ctl(&["doc", "verify", &id]).unwrap().text();
    assert!(shown.contains("signed by this site"), "{shown}");
    assert!(shown.contains("inbox (file of uid"), "{shown}");

    // Original, words, product, map and manifest.
    let blobs = files_under(&appliance.home.join("state/vault/blobs").join(&id)).unwrap();
    assert_eq!(blobs.len(), 5, "{blobs:?}");
    let middle = |file: &Path| fs::metadata(file).unwrap().len() as usize / 2;
    let mut found: Vec<_> = blobs
        .iter()
        .map(|file| with_a_bit_flipped(file, middle(file), || wrong(&appliance, &id)).join(" "))
        .collect();
    found.sort();
    assert_eq!(found, ["manifest", "manifest", "original", "redacted copy", "text"]);
    for file in &blobs {
        let away = file.with_extension("away");
        fs::rename(file, &away).unwrap();
        assert_eq!(wrong(&appliance, &id).len(), 1, "without {}", file.display());
        fs::rename(away, file).unwrap();
    }

    let ledger = files_under(&appliance.home.join("state/ledger")).unwrap();
    let segment = ledger.iter().find(|file| file.extension().is_some_and(|end| end == "seg")).unwrap();
    let written = fs::read(segment).unwrap();
    let arrival = written.windows(9).position(|part| part == b"\"arrived\"").unwrap();
    assert_eq!(with_a_bit_flipped(segment, arrival + 2, || wrong(&appliance, &id)), ["records"]);
    assert_eq!(wrong(&appliance, &id), [""; 0]);
}

// B29, B46: what was destroyed is not missing. A41: only who may audit, or run the appliance, may ask.
#[test]
fn what_was_destroyed_is_not_wrong_and_strangers_may_not_ask() {
    let appliance = with_rules(EVERYTHING_AT_ONCE).unwrap();
    rejected(&appliance, "scanner", 0..1).unwrap();
    let id = ids(&appliance).unwrap().remove(0);
    let parts = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), true)).collect::<Vec<_>>();
    assert_eq!(verified(&appliance, &id), (0, parts(&["records", "original", "hands"])));
    assert_eq!(appliance.ctl(&["retention", "run", &id]).unwrap().code, 0);
    let (code, checks) = verified(&appliance, &id);
    assert_eq!((code, checks[..2].to_vec()), (0, parts(&["records", "original"])));
    let out = appliance.ctl(&["doc", "verify", &id]).unwrap();
    assert!(out.text().contains("destroyed, as its records say"), "{}", out.text());

    assert_eq!(appliance.ctl(&["doc", "verify", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]).unwrap().code, 3);
    let gateway = appliance.home.join("ctl-gateway.toml");
    let admin = fs::read_to_string(appliance.home.join("ctl.toml")).unwrap();
    fs::write(&gateway, admin.replace("admin.", "gateway.")).unwrap();
    assert_eq!(appliance.ctl_with(&gateway, &["doc", "verify", &id]).unwrap().code, 4);
}
