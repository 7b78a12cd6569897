//! `kill -9` at any moment: nothing lost, nothing delivered twice.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::text;
use kit::Appliance;
use std::{collections::BTreeSet, thread::sleep, time::Duration};

/// Documents and kills of the usual run, and of the long one (`LAZARET_LONG=1`).
const USUAL: (u32, u32) = (10, 5);
const LONG: (u32, u32) = (50, 20);

// B48: retries are safe and work is resumed. A51: what was taken is durable. A24: nothing is done twice.
#[test]
fn a_batch_survives_kill_9_at_any_moment() {
    let (documents, kills) = if std::env::var_os("LAZARET_LONG").is_some() { LONG } else { USUAL };
    let mut appliance = Appliance::usual().unwrap();
    let mut dropped = BTreeSet::new();
    for number in 0..documents {
        let slip = corpus::slip(number);
        dropped.insert(kit::sha256_hex(&slip.bytes));
        appliance.drop_in("fax", &format!("slip-{number}.png"), &slip.bytes).unwrap();
    }
    let mut pause_ms: u64 = 37;
    for _ in 0..kills {
        // Unequal pauses, so that the kills meet different stations.
        pause_ms = pause_ms * 73 % 2999;
        sleep(Duration::from_millis(200 + pause_ms));
        appliance.kill().unwrap();
        appliance.start().unwrap();
    }
    appliance.rest(600).unwrap();

    let found = appliance.documents().unwrap();
    let originals: Vec<String> =
        found.iter().map(|doc| text(&doc["sha256"], "original").to_owned()).collect();
    assert_eq!(originals.len(), dropped.len(), "one document a file");
    assert_eq!(originals.into_iter().collect::<BTreeSet<_>>(), dropped, "nothing is lost");
    let delivered = found.iter().filter(|doc| text(doc, "state") == "delivered").count();
    let resting = ["delivered", "review"];
    assert!(found.iter().all(|doc| resting.contains(&text(doc, "state"))), "no limbo: {found:?}");
    assert_eq!(appliance.delivered().unwrap().len(), delivered * 2, "each delivered once, as a pair");
    assert_eq!(appliance.ctl(&["ledger", "verify"]).unwrap().code, 0, "the chain holds after all crashes");
}

// B48: the index is only a view; without it the daemon rebuilds it from the ledger.
#[test]
fn a_lost_index_is_rebuilt_from_the_ledger() {
    let mut appliance = Appliance::usual().unwrap();
    appliance.drop_in("fax", "slip.png", &corpus::slip(1).bytes).unwrap();
    appliance.rest(120).unwrap();
    let before = appliance.documents().unwrap();
    appliance.kill().unwrap();
    std::fs::remove_dir_all(appliance.home.join("state/index")).unwrap();
    appliance.start().unwrap();
    assert_eq!(appliance.documents().unwrap(), before);
}

// A45, A11: keys are destroyed by retention only. A ledger that is not there (lost, not mounted) stops the
// start; it never makes the appliance take its documents for unfinished uploads.
#[test]
fn a_lost_ledger_stops_the_start_and_destroys_nothing() {
    let mut appliance = Appliance::usual().unwrap();
    appliance.drop_in("fax", "slip.png", &corpus::slip(2).bytes).unwrap();
    appliance.rest(120).unwrap();
    let before = appliance.documents().unwrap();
    appliance.stop().unwrap();
    let (ledger, away) = (appliance.home.join("state/ledger"), appliance.home.join("away"));
    std::fs::rename(&ledger, &away).unwrap();
    assert!(appliance.start().is_err());
    assert!(appliance.log().contains("the ledger is empty"), "{}", appliance.log());
    std::fs::remove_dir_all(&ledger).unwrap();
    std::fs::rename(&away, &ledger).unwrap();
    appliance.start().unwrap();
    assert_eq!(appliance.documents().unwrap(), before);
    let id = text(&before[0], "id");
    let file = appliance.home.join("original.png");
    let got =
        appliance.ctl(&["doc", "get", id, "--rendition", "original", "-O", &file.to_string_lossy()]).unwrap();
    assert_eq!(got.code, 0, "its key is still there: {}", got.stderr);
}
