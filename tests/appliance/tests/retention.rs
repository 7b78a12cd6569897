//! Retention and the proof of destruction, on the real daemon. The clock is real: a rule of 0 days makes
//! something due at once, one of 30 days never does within a test.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::{
    files_under,
    records::{EVERYTHING_AT_ONCE, certificates, get, rejected, shown, with_rules},
    text,
};
use kit::Appliance;
use serde_json::Value;
use std::{fs, thread, time::Duration};
use types::{DocClass, DocId, UnixMillis};
use vault::{MasterKey, Vault, Victim};

/// A slip that was read, redacted and delivered.
fn delivered(appliance: &Appliance, number: u32) -> String {
    appliance.drop_in("fax", "slip.png", &corpus::slip(number).bytes).unwrap();
    appliance.rest(240).unwrap();
    let id = text(appliance.documents().unwrap().last().unwrap(), "id").to_owned();
    if text(&shown(appliance, &id).unwrap(), "state") == "review" {
        assert_eq!(appliance.ctl(&["review", "approve", &id]).unwrap().code, 0);
        appliance.rest(120).unwrap();
    }
    assert_eq!(text(&shown(appliance, &id).unwrap(), "state"), "delivered");
    id
}

fn destroyed_parts(appliance: &Appliance, id: &str) -> Vec<String> {
    let shown = shown(appliance, id).unwrap();
    let parts = shown["schedules"].as_array().unwrap().iter();
    parts.filter(|term| term["destroyed"] == true).map(|term| text(term, "schedule").to_owned()).collect()
}

// B46: each schedule ends by itself: the original goes, its derivative stays and can be read; what is gone is
// refused with its reason. A46: the certificate names the ciphertext that lay on disk.
#[test]
fn the_original_goes_at_its_time_and_the_redacted_copy_stays() {
    let appliance = with_rules("[[rule]]\nid = \"keep\"\ndays = 30\n").unwrap();
    let id = delivered(&appliance, 31);
    assert_eq!(appliance.ctl(&["retention", "run", &id]).unwrap().code, 5, "nothing is over before its day");

    fs::write(
        appliance.home.join("policy/retention.toml"),
        "[[rule]]\nid = \"keep\"\nredacted-days = 30\ntext-days = 30\nreview-days = 30\noriginal-days = 0\nlog-days = 2192\n",
    )
    .unwrap();
    assert_eq!(appliance.ctl(&["reload"]).unwrap().code, 0);
    let id = delivered(&appliance, 32);
    let due = appliance.json(&["retention", "list", "--due"]).unwrap();
    assert_eq!(due["documents"].as_array().unwrap().len(), 1, "{due}");
    assert_eq!(
        (&due["documents"][0]["id"], &due["documents"][0]["due"][0]),
        (&id.clone().into(), &"original".into())
    );
    let all = appliance.json(&["retention", "list"]).unwrap();
    assert_eq!(all["documents"].as_array().unwrap().len(), 2, "{all}");

    assert_eq!(appliance.ctl(&["deletion", "verify", &id]).unwrap().code, 3, "never destroyed");
    assert_eq!(appliance.ctl(&["deletion", "certificate", &id]).unwrap().code, 3);
    let control = appliance.ctl(&["deletion", "verify", "--control", &id]).unwrap();
    assert_eq!(control.code, 6, "the trial finds the key while there is one: {}", control.text());

    let sealed: Vec<_> = files_under(&appliance.home.join("state/vault/blobs").join(&id)).unwrap();
    let sealed = sealed.iter().find(|file| file.to_string_lossy().contains("original-")).unwrap();
    let sealed_sha256 = kit::sha256_hex(&fs::read(sealed).unwrap());
    assert_eq!(appliance.ctl(&["retention", "run", "--dry-run"]).unwrap().code, 0);
    assert_eq!(get(&appliance, &id, "original").unwrap().code, 0, "a dry run destroys nothing");
    assert_eq!(appliance.ctl(&["retention", "run", &id]).unwrap().code, 0);

    let original = get(&appliance, &id, "original").unwrap();
    assert_eq!(original.code, 5);
    assert!(
        original.stderr.contains("(retention-over)") && original.stderr.contains("keep"),
        "{}",
        original.stderr
    );
    assert_eq!(
        (get(&appliance, &id, "redacted").unwrap().code, get(&appliance, &id, "text").unwrap().code),
        (0, 0)
    );
    assert_eq!(text(&shown(&appliance, &id).unwrap(), "state"), "delivered");
    assert_eq!(destroyed_parts(&appliance, &id), ["original"]);
    assert!(!sealed.exists(), "the sealed bytes are removed");

    let certificate = certificates(&appliance, &id).unwrap().remove(0);
    assert_eq!(certificate["whole"], false);
    assert_eq!(
        (&certificate["areas"][0], &certificate["blobs"][0]["sha256"]),
        (&"original".into(), &sealed_sha256.into())
    );
    assert_eq!(certificate["why"]["original"], "keep");
    assert_eq!(appliance.ctl(&["deletion", "verify", &id]).unwrap().code, 0, "no key fits any more");
}

// A46, B46: "crypto-shred certificate": what, which keystore generation before and after, who, why, when, until
// when a backup could still open it; signed, and checked offline. Every key we hold fails on what was kept of it.
#[test]
fn a_destroyed_document_leaves_a_certificate_that_anybody_can_check() {
    let appliance = with_rules(EVERYTHING_AT_ONCE).unwrap();
    let id = delivered(&appliance, 33);
    assert_eq!(appliance.ctl(&["deletion", "verify", "--control", &id]).unwrap().code, 6);
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 0);
    assert_eq!(
        (text(&shown(&appliance, &id).unwrap(), "state"), text(&shown(&appliance, &id).unwrap(), "reason")),
        ("expired", "retention-over")
    );
    for rendition in ["original", "redacted", "text"] {
        assert_eq!(get(&appliance, &id, rendition).unwrap().code, 5, "{rendition}");
    }
    let trial = appliance.json(&["deletion", "verify", &id]).unwrap();
    assert!(trial["samples"].as_u64() >= Some(3) && trial["keys_tried"].as_u64() >= Some(1), "{trial}");
    assert_eq!(trial["opened"], 0);

    let certificate = certificates(&appliance, &id).unwrap().remove(0);
    assert_eq!((text(&certificate, "document"), certificate["whole"].as_bool()), (id.as_str(), Some(true)));
    let generation = |key: &str| certificate[key].as_u64().unwrap();
    assert!(generation("keystore_generation_after") > generation("keystore_generation_before"));
    assert_eq!(certificate["why"]["original"], "at-once");
    assert!(certificate["by"].to_string().contains("client"), "{certificate}");
    assert!(text(&certificate, "method").contains("SP 800-88"));
    let day = |key: &str| text(&certificate, key).split_once('T').unwrap().0.to_owned();
    assert!(day("backups_until") > day("at"), "the last backup of the keystore lives 30 days longer");
    assert_eq!(certificate["completes_interrupted_run"], false);

    let file = appliance.home.join("certificate.json");
    let (path, key) = (file.to_string_lossy().into_owned(), appliance.home.join("site.pub"));
    assert_eq!(appliance.ctl(&["deletion", "certificate", &id, "-O", &path]).unwrap().code, 0);
    fs::write(&key, text(&certificate, "pubkey")).unwrap();
    let check = |key: &std::path::Path| {
        appliance.ctl(&["deletion", "check", &path, "--pubkey", &key.to_string_lossy()]).unwrap().code
    };
    assert_eq!(check(&key), 0);
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, good.replacen("at-once", "at-last", 1)).unwrap();
    assert_eq!(check(&key), 6, "a word was changed");
    fs::write(&file, good).unwrap();
    fs::write(&key, "00".repeat(32)).unwrap();
    assert_eq!(check(&key), 6, "another key");
}

// "A duplicate of a destroyed document is a new document with a note." What was rejected does not swallow what is
// sent again either.
#[test]
fn bytes_that_are_gone_or_rejected_come_in_anew() {
    let appliance = with_rules(EVERYTHING_AT_ONCE).unwrap();
    let first = delivered(&appliance, 34);
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 0);
    let second = delivered(&appliance, 34);
    assert_ne!(first, second);
    let doc = shown(&appliance, &second).unwrap();
    assert_eq!((&doc["duplicate_of"], text(&doc, "destroyed_before")), (&Value::Null, first.as_str()));
    let explained = appliance.ctl(&["doc", "explain", &second]).unwrap().text();
    assert!(explained.contains(&first), "{explained}");
    assert_eq!(get(&appliance, &second, "original").unwrap().code, 0);

    rejected(&appliance, "scanner", 0..1).unwrap();
    rejected(&appliance, "scanner", 0..1).unwrap();
    let scanned = appliance.json(&["doc", "list", "--source", "scanner"]).unwrap();
    let scanned = scanned["documents"].as_array().unwrap();
    assert_eq!(scanned.len(), 2);
    assert_eq!(scanned[1]["resent_of"], scanned[0]["id"]);
    assert!(scanned.iter().all(|doc| doc["reason"] == "unsupported-format"), "looked at anew: {scanned:?}");
}

// A45: the longest rule wins, also when only the sender of a copy asks for it.
#[test]
fn a_copy_whose_sender_asks_for_longer_lengthens_the_first() {
    let appliance = Appliance::usual().unwrap();
    let file = appliance.home.join("slip.png");
    fs::write(&file, corpus::slip(35).bytes).unwrap();
    let submit = |more: &[&str]| {
        let path = file.to_string_lossy().into_owned();
        let sent = appliance
            .ctl(&[&["submit", "--source", "partner", "-o", "name"], more, &[&path]].concat())
            .unwrap();
        assert_eq!(sent.code, 0, "{}", sent.stderr);
        sent.text().trim().to_owned()
    };
    let first = submit(&[]);
    appliance.rest(240).unwrap();
    let before = text(&shown(&appliance, &first).unwrap(), "retain_until").to_owned();
    let copy = shown(&appliance, &submit(&[])).unwrap();
    assert_eq!(copy["duplicate_of"], first.as_str());
    submit(&["--retention", "six-years"]);
    let after = shown(&appliance, &first).unwrap();
    assert!(text(&after, "retain_until") > before.as_str(), "{before} {after}");
    assert_eq!(text(&after, "retention"), "six-years");
    appliance.rest(240).unwrap();
    if text(&shown(&appliance, &first).unwrap(), "state") == "review" {
        assert_eq!(appliance.ctl(&["review", "approve", &first]).unwrap().code, 0);
        appliance.rest(120).unwrap();
    }
    assert_eq!(
        text(&shown(&appliance, &first).unwrap(), "retention"),
        "six-years",
        "the trip does not take it back"
    );
}

// A45: "the longest rule wins" per class, also for what a reviewer rejects.
#[test]
fn a_rejected_document_is_kept_as_long_as_its_class() {
    let classes: Vec<&str> = DocClass::ALL.iter().map(|class| class.name()).collect();
    let of_class = format!("[[rule]]\nid = \"of-class\"\nclasses = {classes:?}\ndays = 30\n");
    let appliance = with_rules(&format!("{EVERYTHING_AT_ONCE}{of_class}")).unwrap();
    rejected(&appliance, "fax", 0..1).unwrap();
    let visitors = corpus::named("scan-visitors-deflate.tif").unwrap();
    appliance.drop_in("scanner", "visitors.tif", &visitors.bytes).unwrap();
    appliance.rest(240).unwrap();
    let scanned = appliance.json(&["doc", "list", "--source", "scanner"]).unwrap();
    let id = text(&scanned["documents"][0], "id").to_owned();
    assert_eq!(text(&scanned["documents"][0], "state"), "review", "{scanned}");
    assert_eq!(appliance.ctl(&["review", "reject", &id]).unwrap().code, 0);
    let doc = shown(&appliance, &id).unwrap();
    assert_eq!((text(&doc, "state"), text(&doc, "retention")), ("rejected", "of-class"), "{doc}");
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 0);
    assert_eq!(text(&shown(&appliance, &id).unwrap(), "state"), "rejected");
    assert_eq!(get(&appliance, &id, "original").unwrap().code, 0);
    let faxed = appliance.json(&["doc", "list", "--source", "fax"]).unwrap();
    assert_eq!(text(&faxed["documents"][0], "state"), "expired", "one without a class goes");
}

// "A duplicate of a destroyed document is a new document with a note", also when its sender repeats the key.
#[test]
fn an_upload_under_the_key_of_a_destroyed_document_is_kept() {
    let appliance = with_rules(EVERYTHING_AT_ONCE).unwrap();
    let file = appliance.home.join("note.txt");
    fs::write(&file, "no document at all").unwrap();
    let submit = || {
        let path = file.to_string_lossy().into_owned();
        let args = ["submit", "--source", "partner", "--idempotency-key", "order-1", "-o", "name", &path];
        let sent = appliance.ctl(&args).unwrap();
        assert_eq!(sent.code, 0, "{}", sent.stderr);
        appliance.rest(120).unwrap();
        sent.text().trim().to_owned()
    };
    let first = submit();
    assert_eq!(submit(), first, "a double click");
    assert_eq!(
        appliance.ctl(&["retention", "run", &first, &first]).unwrap().code,
        0,
        "named twice, done once"
    );
    let second = submit();
    assert_ne!(second, first);
    assert_eq!(shown(&appliance, &second).unwrap()["destroyed_before"], first.as_str());
    assert_eq!(get(&appliance, &second, "original").unwrap().code, 0);
    assert_eq!(submit(), second, "the key is that of the new document now");
}

// A46, B48: a crash between the destruction of a key and its record is made good by the next run, and said.
#[test]
fn a_destruction_that_was_not_recorded_is_recorded_by_the_next_run() {
    let mut appliance = with_rules(EVERYTHING_AT_ONCE).unwrap();
    rejected(&appliance, "fax", 0..1).unwrap();
    let id = text(&appliance.documents().unwrap()[0], "id").to_owned();
    appliance.kill().unwrap();
    {
        // What the daemon does up to the moment of the crash.
        let master = MasterKey::from_file(&appliance.home.join("master.key")).unwrap();
        let clock = || UnixMillis(1_795_502_192_007);
        let vault = Vault::open(&appliance.home.join("state/vault"), &master, clock).unwrap();
        let doc: DocId = id.parse().unwrap();
        vault.portray(doc, None).unwrap();
        vault.destroy(&[Victim { doc, areas: None }]).unwrap();
    }
    appliance.start().unwrap();
    // The daemon looks for what is due at its start; a run finds what it left.
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 0);
    for _ in 0..100 {
        if text(&shown(&appliance, &id).unwrap(), "state") == "expired" {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(text(&shown(&appliance, &id).unwrap(), "state"), "expired");
    let certificates = certificates(&appliance, &id).unwrap();
    assert_eq!(certificates.len(), 1, "once");
    assert_eq!(certificates[0]["completes_interrupted_run"], true);
    assert_eq!(appliance.ctl(&["deletion", "verify", &id]).unwrap().code, 0);
}

// B48: `kill -9` at any moment of a run: nothing is destroyed without its certificate, nothing twice.
#[test]
fn a_run_survives_kill_9_at_any_moment() {
    const DOCUMENTS: u32 = 60;
    let mut appliance = with_rules(EVERYTHING_AT_ONCE).unwrap();
    for (round, pause_ms) in [10_u64, 70, 150].into_iter().enumerate() {
        let first = round as u32 * DOCUMENTS;
        rejected(&appliance, "fax", first..first + DOCUMENTS).unwrap();
        thread::scope(|scope| {
            let run = scope.spawn(|| appliance.ctl(&["retention", "run"]).unwrap());
            thread::sleep(Duration::from_millis(pause_ms));
            appliance.signal("KILL").unwrap();
            run.join().unwrap();
        });
        appliance.wait_for_end().unwrap();
        appliance.start().unwrap();
        assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 0);
    }
    let documents = appliance.documents().unwrap();
    assert_eq!(documents.len(), 3 * DOCUMENTS as usize);
    for doc in &documents {
        let id = text(doc, "id");
        assert_eq!(text(doc, "state"), "expired", "{doc}");
        assert_eq!(certificates(&appliance, id).unwrap().len(), 1, "one certificate for {id}");
    }
    let blobs = files_under(&appliance.home.join("state/vault/blobs")).unwrap();
    assert!(blobs.is_empty(), "no sealed bytes are left: {blobs:?}");
    assert_eq!(appliance.ctl(&["ledger", "verify"]).unwrap().code, 0);
}

// B46: logs have a schedule of their own: then the tombstone leaves the lists and its sample goes; the ledger
// keeps its records.
#[test]
fn a_tombstone_leaves_the_lists_when_the_time_of_its_log_is_over() {
    let appliance = with_rules("[[rule]]\nid = \"at-once\"\ndays = 0\nlog-days = 0\n").unwrap();
    rejected(&appliance, "fax", 0..1).unwrap();
    let id = text(&appliance.documents().unwrap()[0], "id").to_owned();
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 0);
    assert_eq!(appliance.documents().unwrap().len(), 1, "the tombstone is listed");
    assert_eq!(appliance.ctl(&["deletion", "verify", &id]).unwrap().code, 0);
    assert_eq!(
        appliance.ctl(&["hold", "place", "case-1", "--source", "fax", "--why", "audit"]).unwrap().code,
        0
    );
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 5, "a hold keeps the tombstone too");
    assert_eq!(appliance.ctl(&["hold", "lift", "case-1"]).unwrap().code, 0);
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 0);
    assert!(appliance.documents().unwrap().is_empty(), "it left the lists");
    let balance = appliance.json(&["balance"]).unwrap();
    let fax = balance["sources"].as_array().unwrap().iter().find(|row| row["source"] == "fax").unwrap();
    assert_eq!((&fax["holds"], &fax["states"]["expired"]), (&true.into(), &1.into()), "and is accounted for");
    assert_eq!(appliance.ctl(&["balance"]).unwrap().code, 0);
    assert_eq!(
        appliance.ctl(&["balance", "--day", "2020-01-01"]).unwrap().code,
        3,
        "nothing was signed then"
    );
    assert_eq!(appliance.ctl(&["deletion", "verify", &id]).unwrap().code, 3, "its sample is removed");
    assert_eq!(certificates(&appliance, &id).unwrap().len(), 1, "the ledger keeps its records");
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 0, "and nothing is due for ever");
}
