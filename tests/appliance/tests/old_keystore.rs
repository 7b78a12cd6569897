//! An operator puts yesterday's keystore back.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use kit::Appliance;
use serde_json::Value;
use std::{fs, path::Path};

/// The files of the keystore that a birth of a key changes.
const KEYSTORE: [&str; 2] = ["keystore", "keystore.journal"];

fn carry(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in KEYSTORE {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

fn check(appliance: &Appliance) -> Value {
    let outcome = appliance.ctl(&["doctor", "-o", "json"]).unwrap();
    let report = outcome.json().unwrap();
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == "sealed documents").unwrap().clone()
}

/// What was born since has no key in it. A newer keystore, or a newer escrow, opens it: its ciphertext must be there.
// Issue 3: nothing lost.
#[test]
fn ciphertext_of_a_living_document_outlives_an_old_keystore() {
    let mut appliance = Appliance::usual().unwrap();
    let vault = appliance.home.join("state/vault");
    let (yesterday, newest) = (appliance.home.join("yesterday"), appliance.home.join("newest"));
    appliance.drop_in("fax", "first.png", &corpus::slip(1).bytes).unwrap();
    appliance.rest(240).unwrap();
    appliance.stop().unwrap();
    carry(&vault, &yesterday);
    appliance.start().unwrap();
    let bytes = corpus::slip(2).bytes;
    appliance.drop_in("fax", "second.png", &bytes).unwrap();
    appliance.rest(240).unwrap();
    let documents = appliance.documents().unwrap();
    let second = appliance::document_of(&documents, &bytes).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(check(&appliance)["ok"], true);
    appliance.stop().unwrap();
    carry(&vault, &newest);

    carry(&yesterday, &vault);
    appliance.start().unwrap();
    let found = check(&appliance);
    assert_eq!(found["ok"], false, "{found}");
    assert!(found["detail"].as_str().unwrap().starts_with("1 documents"), "{found}");
    assert!(appliance.log().contains("an older keystore was put back"), "{}", appliance.log());
    appliance.stop().unwrap();

    carry(&newest, &vault);
    appliance.start().unwrap();
    assert_eq!(check(&appliance)["ok"], true);
    let original = appliance.home.join("original");
    let out = original.to_str().unwrap();
    let got = appliance.ctl(&["doc", "get", &second, "--rendition", "original", "-O", out]).unwrap();
    assert_eq!(got.code, 0, "{}", got.stderr);
    assert_eq!(fs::read(&original).unwrap(), bytes);
}
