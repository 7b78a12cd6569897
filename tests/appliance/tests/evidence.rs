//! Evidence for somebody who does not trust the appliance: who got what, and a bundle that is checked offline.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::text;
use kit::{Appliance, Plan};
use std::{fs, path::Path};

fn verify(appliance: &Appliance, bundle: &Path, pinned: Option<&Path>) -> i32 {
    let bundle = bundle.to_string_lossy();
    let pinned = pinned.map(|file| file.to_string_lossy().into_owned());
    let mut args = vec!["evidence", "verify", &bundle];
    args.extend(pinned.iter().flat_map(|file| ["--pubkey", file.as_str()]));
    let checked = appliance.ctl(&args).unwrap();
    eprintln!("{}", checked.stderr);
    checked.code
}

fn pin(appliance: &Appliance, name: &str) -> std::path::PathBuf {
    let dir = appliance.home.join("state/ledger");
    let key = appliance.ctl(&["audit", "pubkey", "--dir", &dir.to_string_lossy()]).unwrap();
    assert_eq!(key.code, 0, "{}", key.stderr);
    let file = appliance.home.join(name);
    fs::write(&file, &key.stdout).unwrap();
    file
}

// A39: "every routing event audited: who uploaded, how classified, confidence, where sent, whether delivery
// succeeded". A46: "exportable evidence". B29: an auditor can ask whether something was altered.
#[test]
fn an_auditor_gets_disclosures_and_a_bundle_that_shows_every_change() {
    let mut appliance = Appliance::usual().unwrap();
    appliance.drop_in("fax", "slip.png", &corpus::slip(41).bytes).unwrap();
    appliance.rest(120).unwrap();
    let id = text(&appliance.documents().unwrap()[0], "id").to_owned();
    let copy = appliance.home.join("copy.pdf");
    assert_eq!(appliance.ctl(&["doc", "get", &id, "-O", &copy.to_string_lossy()]).unwrap().code, 0);
    let told = appliance.json(&["accounting", &id]).unwrap();
    let told = told["disclosures"].as_array().unwrap();
    let seen: Vec<_> = told.iter().map(|line| (text(line, "how"), text(line, "rendition"))).collect();
    assert!(seen.contains(&("read", "redacted")), "{told:?}");
    assert!(seen.iter().any(|(how, _)| *how == "delivered"), "{told:?}");

    // A start signs a checkpoint over everything so far.
    appliance.stop().unwrap();
    appliance.start().unwrap();
    let bundle = appliance.home.join("case.zip");
    let out = appliance.ctl(&["evidence", "export", &id, "-O", &bundle.to_string_lossy()]).unwrap();
    assert_eq!(out.code, 0, "{}", out.stderr);
    let pinned = pin(&appliance, "key.pub");
    assert_eq!(verify(&appliance, &bundle, None), 0);
    assert_eq!(verify(&appliance, &bundle, Some(&pinned)), 0);
    let stranger = Plan::default().start().unwrap();
    assert_eq!(verify(&appliance, &bundle, Some(&pin(&stranger, "other.pub"))), 6, "another appliance's key");

    let good = fs::read(&bundle).unwrap();
    let changed = appliance.home.join("changed.zip");
    for part in ["uploaded_by", "sha256_original", "\"recipient\"", "\ntip ", "\"site_key\""] {
        let at = good.windows(part.len()).position(|window| window == part.as_bytes());
        let mut bad = good.clone();
        bad[at.unwrap_or_else(|| panic!("{part} is not in the bundle")) + 2] ^= 1;
        fs::write(&changed, bad).unwrap();
        assert_eq!(verify(&appliance, &changed, Some(&pinned)), 6, "{part} changed");
    }
    let none = appliance.ctl(&[
        "evidence",
        "export",
        "--from",
        "2001-01-01",
        "--to",
        "2001-01-02",
        "-O",
        &appliance.home.join("none.zip").to_string_lossy(),
    ]);
    assert_eq!(none.unwrap().code, 3, "nothing came then");
}
