//! Legal holds with a scope, on the real daemon.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::{
    records::{EVERYTHING_AT_ONCE, certificates, get, rejected, with_rules},
    text,
};
use std::{thread, time::Duration};

// B46: "explicit auditable legal hold": named, scoped, several at once, over present and future documents; every
// path of destruction ends with exit code 5 and the hold's name.
#[test]
fn a_hold_with_a_scope_blocks_every_path_of_destruction() {
    let appliance = with_rules(EVERYTHING_AT_ONCE).unwrap();
    rejected(&appliance, "fax", 0..2).unwrap();
    rejected(&appliance, "scanner", 2..3).unwrap();
    let place = |args: &[&str]| appliance.ctl(&[&["hold", "place"], args].concat()).unwrap();
    assert_eq!(place(&["case-1", "--source", "fax", "--why", "litigation"]).code, 0);
    assert_eq!(
        place(&["case-1", "--source", "scanner", "--why", "litigation"]).code,
        5,
        "one hold of a name"
    );
    assert_eq!(place(&["case-2", "--source", "nowhere", "--why", "typo"]).code, 2, "it would hold nothing");
    assert_eq!(place(&["case-2", "--why", "nothing-said"]).code, 2);
    assert_eq!(place(&["case-2", "--sensitivity", "secret", "--why", "typo"]).code, 2);

    let list = appliance.json(&["doc", "list", "--source", "fax"]).unwrap();
    let first = text(&list["documents"][0], "id").to_owned();
    assert_eq!(list["documents"][0]["holds"][0], "case-1");
    assert_eq!(text(&list["documents"][0], "state"), "rejected", "it stays where it is");
    let second = text(&list["documents"][1], "id").to_owned();
    assert_eq!(place(&["case-3", "--doc", &first, "--why", "subpoena"]).code, 0);
    let held = appliance.json(&["hold", "list"]).unwrap();
    assert_eq!(held["holds"].as_array().unwrap().len(), 2, "{held}");

    let dry = appliance.json(&["retention", "run", "--dry-run"]).unwrap();
    let of = |id: &str| {
        let documents = dry["documents"].as_array().unwrap();
        documents.iter().find(|it| it["id"] == id).unwrap()["holds"].to_string()
    };
    assert_eq!((of(&first), of(&second)), (r#"["case-1","case-3"]"#.to_owned(), r#"["case-1"]"#.to_owned()));
    let run = appliance.ctl(&["retention", "run"]).unwrap();
    assert_eq!(run.code, 5);
    assert!(run.stderr.contains("case-1") && run.stderr.contains("case-3"), "{}", run.stderr);
    let run = appliance.ctl(&["retention", "run", &second]).unwrap();
    assert!(
        run.code == 5 && run.stderr.contains("case-1") && run.stderr.contains("legal-hold"),
        "{}",
        run.stderr
    );
    let states = |source: &str| -> Vec<String> {
        let list = appliance.json(&["doc", "list", "--source", source]).unwrap();
        list["documents"].as_array().unwrap().iter().map(|doc| text(doc, "state").to_owned()).collect()
    };
    assert_eq!(states("scanner"), ["expired"], "what is in no scope goes");
    assert_eq!(states("fax"), ["rejected", "rejected"]);

    rejected(&appliance, "fax", 3..4).unwrap();
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 5, "what came later is held too");
    assert_eq!(states("fax"), ["rejected"; 3]);

    assert_eq!(appliance.ctl(&["hold", "lift", "case-1"]).unwrap().code, 0);
    assert_eq!(appliance.ctl(&["hold", "lift", "case-1"]).unwrap().code, 3);
    assert_eq!(appliance.ctl(&["hold", &second, "case-4"]).unwrap().code, 0, "a hold of one document");
    let run = appliance.ctl(&["retention", "run"]).unwrap();
    assert!(
        run.code == 5 && run.stderr.contains("case-3") && run.stderr.contains("case-4"),
        "{}",
        run.stderr
    );
    assert_eq!(states("fax"), ["rejected", "held", "expired"]);
    assert_eq!(appliance.ctl(&["hold", "lift", "case-3"]).unwrap().code, 0);
    assert_eq!(appliance.ctl(&["unhold", &second, "case-4"]).unwrap().code, 0);
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 0);
    assert_eq!(states("fax"), ["expired"; 3]);
}

// "Legal holds block every deletion path": the bytes of a copy lie under the first document, so what holds the copy
// holds them; and a hold that would keep nothing is refused.
#[test]
fn a_hold_of_a_copy_keeps_the_bytes_and_what_is_destroyed_cannot_be_held() {
    let appliance = with_rules("[[rule]]\nid = \"kept\"\ndays = 30\n").unwrap();
    let bytes = corpus::slip(36).bytes;
    for name in ["first.png", "copy.png"] {
        appliance.drop_in("fax", name, &bytes).unwrap();
        appliance.rest(240).unwrap();
    }
    let documents = appliance.documents().unwrap();
    let first = text(&documents[0], "id");
    let copy = text(&documents[1], "id");
    assert_eq!(documents[1]["duplicate_of"], first);
    let until = |id: &str| appliance.json(&["doc", "show", id]).unwrap()["retain_until"].clone();
    assert_eq!(until(first), until(copy), "what is said of a plain copy is true of its bytes");
    assert_eq!(appliance.ctl(&["hold", "place", "case-1", "--doc", copy, "--why", "court"]).unwrap().code, 0);
    let held = |id: &str| appliance.json(&["doc", "show", id]).unwrap()["holds"].to_string();
    assert_eq!((held(first), held(copy)), (r#"["case-1"]"#.to_owned(), r#"["case-1"]"#.to_owned()));
    assert_eq!(appliance.ctl(&["doc", "get", copy, "--rendition", "original", "-O", "-"]).unwrap().code, 0);

    let rules = appliance.home.join("policy/retention.toml");
    std::fs::write(rules, EVERYTHING_AT_ONCE).unwrap();
    assert_eq!(appliance.ctl(&["reload"]).unwrap().code, 0);
    rejected(&appliance, "scanner", 0..1).unwrap();
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 0);
    let scanned = appliance.json(&["doc", "list", "--source", "scanner"]).unwrap();
    let gone = text(&scanned["documents"][0], "id").to_owned();
    for place in
        [vec!["hold", "place", "case-2", "--doc", &gone, "--why", "late"], vec!["hold", &gone, "case-2"]]
    {
        let refused = appliance.ctl(&place).unwrap();
        assert_eq!(refused.code, 5, "{place:?}");
        assert!(refused.stderr.contains(&gone) && refused.stderr.contains("destroyed"), "{}", refused.stderr);
    }
    assert_eq!(appliance.json(&["hold", "list"]).unwrap()["holds"].as_array().unwrap().len(), 1);
}

// A hold that is placed while a run is in progress comes before a destruction or after it, never into it.
#[test]
fn a_hold_placed_during_a_run_is_never_overtaken() {
    const DOCUMENTS: u32 = 240;
    let appliance = with_rules(EVERYTHING_AT_ONCE).unwrap();
    rejected(&appliance, "fax", 0..DOCUMENTS).unwrap();
    let run = thread::scope(|scope| {
        let run = scope.spawn(|| appliance.ctl(&["retention", "run"]).unwrap());
        thread::sleep(Duration::from_millis(60));
        let hold = appliance.ctl(&["hold", "place", "case-1", "--everything", "--why", "race"]).unwrap();
        assert_eq!(hold.code, 0, "{}", hold.stderr);
        run.join().unwrap()
    });
    let since = appliance.json(&["hold", "list"]).unwrap()["holds"][0]["since"].as_str().unwrap().to_owned();
    let documents = appliance.documents().unwrap();
    assert_eq!(documents.len(), DOCUMENTS as usize);
    let (gone, kept): (Vec<_>, Vec<_>) = documents.iter().partition(|doc| doc["state"] == "expired");
    for doc in &gone {
        let at = text(&certificates(&appliance, text(doc, "id")).unwrap()[0], "at").to_owned();
        assert!(at <= since, "destroyed at {at}, although held since {since}");
    }
    for doc in &kept {
        assert_eq!(get(&appliance, text(doc, "id"), "original").unwrap().code, 0, "what is held can be read");
    }
    assert_eq!(run.code == 5, !kept.is_empty(), "{} kept: {}", kept.len(), run.stderr);
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code == 5, !kept.is_empty());
    assert_eq!(appliance.ctl(&["ledger", "verify"]).unwrap().code, 0);
}
