//! Every file is accounted for, delivered once, and what crashes leave is swept.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::{files_under, text};
use kit::{Appliance, Plan};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread::sleep,
    time::Duration,
};
use types::{BlobId, DocId, UnixMillis};
use vault::{MasterKey, Vault};

/// Until something is so; the deadline only keeps a failure from hanging.
fn until(what: &str, appliance: &Appliance, so: impl Fn() -> bool) {
    for _ in 0..600 {
        if so() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("not within a minute: {what}\n{}", appliance.log());
}

fn balance_of(appliance: &Appliance, source: &str) -> Value {
    let balance = appliance.json(&["balance"]).unwrap();
    let sources = balance["sources"].as_array().unwrap();
    sources.iter().find(|row| row["source"] == source).unwrap().clone()
}

fn ledger_text(appliance: &Appliance) -> String {
    let segments = files_under(&appliance.home.join("state/ledger")).unwrap();
    segments.iter().map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned()).collect()
}

// "Every file ever seen in an inbox is accounted for: seen = the states summed + still waiting."
#[test]
fn the_balance_accounts_for_every_file_and_upload_and_survives_a_crash() {
    let mut appliance = Appliance::usual().unwrap();
    let slip = corpus::slip(1).bytes;
    appliance.drop_in("fax", "one.png", &slip).unwrap();
    appliance.rest(120).unwrap();
    appliance.drop_in("fax", "twin.png", &slip).unwrap();
    symlink("/etc/hostname", appliance.inbox("fax").join("link.pdf")).unwrap();
    let file = appliance.home.join("up.png");
    fs::write(&file, corpus::slip(2).bytes).unwrap();
    let sent = appliance.ctl(&["submit", "--source", "fax", &file.to_string_lossy()]).unwrap();
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    appliance.rest(120).unwrap();
    until("the link is set aside", &appliance, || balance_of(&appliance, "fax")["refused"] == 1);
    let check = |appliance: &Appliance| {
        let fax = balance_of(appliance, "fax");
        let figure = |name: &str| fax[name].as_u64().unwrap();
        assert_eq!(fax["holds"], true, "{fax}");
        assert_eq!((figure("seen"), figure("uploads"), figure("arrived")), (3, 1, 3), "{fax}");
        assert_eq!((figure("duplicates"), figure("refused"), figure("vanished")), (1, 1, 0), "{fax}");
        assert_eq!(figure("waiting"), 0, "{fax}");
        assert_eq!(fax["states"]["rejected"], 1, "the duplicate: {fax}");
    };
    check(&appliance);
    appliance.kill().unwrap();
    appliance.start().unwrap();
    until("the inboxes were looked at", &appliance, || appliance.ctl(&["balance"]).unwrap().code == 0);
    check(&appliance);
}

// "and names any file that vanished before it was claimed": also one that went while the daemon was down.
#[test]
fn a_file_that_vanishes_is_named_even_when_it_went_while_the_daemon_was_dead() {
    let mut appliance = Plan::default().settle_ms(60_000).start().unwrap();
    for name in ["Roe Jane.pdf", "Doe John.pdf", "stays.pdf"] {
        appliance.drop_in("fax", name, b"%PDF-1.4 waits").unwrap();
    }
    until("three files were seen", &appliance, || balance_of(&appliance, "fax")["waiting"] == 3);
    fs::remove_file(appliance.inbox("fax").join("Doe John.pdf")).unwrap();
    until("one vanished", &appliance, || balance_of(&appliance, "fax")["vanished"] == 1);
    appliance.kill().unwrap();
    fs::remove_file(appliance.inbox("fax").join("Roe Jane.pdf")).unwrap();
    appliance.start().unwrap();
    until("the other one is missed", &appliance, || {
        let balance = appliance.ctl(&["balance"]).unwrap();
        balance.code == 0 && balance_of(&appliance, "fax")["vanished"] == 2
    });
    let fax = balance_of(&appliance, "fax");
    assert_eq!((&fax["seen"], &fax["waiting"], &fax["holds"]), (&3.into(), &1.into(), &true.into()), "{fax}");
    let said = appliance.ctl(&["balance"]).unwrap().stderr;
    assert!(said.contains("Doe John.pdf") && said.contains("Roe Jane.pdf"), "{said}");
    // B42: names are PHI.
    for file in files_under(&appliance.home.join("state")).unwrap() {
        let bytes = fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(8).any(|part| part == b"Roe Jane"), "{}", file.display());
    }
}

// "0 delivered twice, 0 lost": those who fetch are faster than the ledger, and the daemon dies again and again.
#[test]
fn a_consumer_that_fetches_at_once_gets_every_document_exactly_once_across_kills() {
    let mut appliance = Appliance::usual().unwrap();
    for number in 0..8 {
        appliance.drop_in("fax", &format!("slip-{number}.png"), &corpus::slip(number).bytes).unwrap();
    }
    let (outbox, stop) = (appliance.outbox(), AtomicBool::new(false));
    let fetched = std::thread::scope(|scope| {
        let consumer = scope.spawn(|| fetch_until(&outbox, &stop));
        let mut pause_ms = 53;
        let crashes = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..8 {
                pause_ms = pause_ms * 73 % 2399;
                sleep(Duration::from_millis(300 + pause_ms));
                appliance.kill().unwrap();
                appliance.start().unwrap();
            }
            appliance.rest(600).unwrap();
        }));
        stop.store(true, Ordering::SeqCst);
        let fetched = consumer.join().unwrap();
        crashes.unwrap();
        fetched
    });
    let delivered = appliance.documents().unwrap();
    let delivered = delivered.iter().filter(|doc| text(doc, "state") == "delivered");
    let expected: BTreeMap<String, u32> = delivered.map(|doc| (text(doc, "id").to_owned(), 1)).collect();
    assert!(!expected.is_empty());
    assert_eq!(fetched, expected);
    assert_eq!(balance_of(&appliance, "fax")["holds"], true);
}

/// Takes every pair away as soon as its manifest is there; gives how often each document came.
fn fetch_until(outbox: &Path, stop: &AtomicBool) -> BTreeMap<String, u32> {
    let mut fetched = BTreeMap::new();
    loop {
        let last = stop.load(Ordering::SeqCst);
        for file in files_under(outbox).unwrap_or_default() {
            let in_sent = file.parent().is_some_and(|folder| folder.ends_with(".sent"));
            if in_sent || file.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let id = file.file_stem().unwrap().to_string_lossy().into_owned();
            fs::remove_file(file.with_extension("pdf")).unwrap();
            fs::remove_file(&file).unwrap();
            *fetched.entry(id).or_default() += 1;
        }
        if last {
            return fetched;
        }
        sleep(Duration::from_millis(1));
    }
}

// A24: nothing is delivered to a route twice; a command that would is refused with the conflict's exit code.
#[test]
fn a_document_goes_to_a_route_once_whatever_a_person_asks() {
    let appliance = Appliance::usual().unwrap();
    // Some slips go to review; one that was delivered is wanted.
    let delivered = |doc: &Value| text(doc, "state") == "delivered";
    let doc = (1..20).find_map(|number| {
        appliance.drop_in("fax", &format!("{number}.png"), &corpus::slip(number).bytes).unwrap();
        appliance.rest(120).unwrap();
        appliance.documents().unwrap().into_iter().find(delivered)
    });
    let doc = doc.unwrap();
    let (id, route, class) = (text(&doc, "id"), text(&doc, "route"), text(&doc, "class"));
    let again = appliance.ctl(&["reroute", id, route, "--why", "lost-it"]).unwrap();
    assert_eq!(again.code, 5, "{}", again.stderr);
    let pairs = appliance.delivered().unwrap();
    // Fetched meanwhile, and then classified anew, as what it was.
    for (folder, name) in &pairs {
        fs::remove_file(appliance.outbox().join(folder).join(name)).unwrap();
    }
    assert_eq!(appliance.ctl(&["review", "reclassify", id, class]).unwrap().code, 0);
    appliance.rest(60).unwrap();
    assert_eq!(text(&appliance.json(&["doc", "show", id]).unwrap(), "state"), "delivered");
    assert!(appliance.delivered().unwrap().is_empty(), "it has it already");
    // To another route it goes, once; and the events say so.
    let routes = appliance.json(&["route", "list"]).unwrap();
    let other = routes["routes"].as_array().unwrap().iter().find(|other| other["name"] != route).unwrap();
    assert_eq!(appliance.ctl(&["reroute", id, text(other, "name"), "--why", "wrong-desk"]).unwrap().code, 0);
    appliance.rest(60).unwrap();
    assert_eq!(appliance.delivered().unwrap().len(), 2);
    assert_eq!(ledger_text(&appliance).matches("\"delivered\":{").count(), 3);
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut files = files_under(folder).unwrap();
    files.sort();
    files
}

/// The appliance's vault, while no daemon runs.
fn vault_of(appliance: &Appliance) -> Vault {
    let key = files_under(&appliance.home).unwrap();
    let key = key.iter().find(|file| file.ends_with("master.key")).unwrap();
    Vault::open(&appliance.home.join("state/vault"), &MasterKey::from_file(key).unwrap(), || UnixMillis(1))
        .unwrap()
}

// "nothing lost, nothing twice, no limbo, no garbage"
#[test]
fn what_crashes_leave_is_swept_and_everything_else_stays() {
    let mut appliance = Appliance::usual().unwrap();
    appliance.drop_in("fax", "slip.png", &corpus::slip(1).bytes).unwrap();
    appliance.rest(120).unwrap();
    appliance.stop().unwrap();
    let blobs = appliance.home.join("state/vault/blobs");
    let before = sorted(&blobs);
    let doc = before[0].parent().unwrap().to_owned();
    let leaked = doc.join(format!("redacted-{}", BlobId::from_parts(UnixMillis(1_700_000_000_000), 9)));
    fs::copy(&before[0], &leaked).unwrap();
    let now = u64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let (old, young) =
        (DocId::from_parts(UnixMillis(now - 3 * 86_400_000), 1), DocId::from_parts(UnixMillis(now), 2));
    let planted = vault_of(&appliance);
    planted.new_document(old).unwrap();
    planted.new_document(young).unwrap();
    drop(planted);
    appliance.start().unwrap();
    until("the sweep is over", &appliance, || ledger_text(&appliance).contains("\"swept\""));
    appliance.stop().unwrap();
    assert_eq!(sorted(&blobs), before, "the leaked blob is gone, and only that");
    let vault = vault_of(&appliance);
    assert!(!vault.knows(old), "an upload that never became a document");
    assert!(vault.knows(young), "too young to judge");
}

// Never on a guess: an old ledger that was put back makes known documents look unknown.
#[test]
fn nothing_is_swept_when_an_old_ledger_was_put_back() {
    let mut appliance = Appliance::usual().unwrap();
    appliance.drop_in("fax", "one.png", &corpus::slip(1).bytes).unwrap();
    appliance.rest(120).unwrap();
    appliance.stop().unwrap();
    let (ledger, copy) = (appliance.home.join("state/ledger"), appliance.home.join("copy"));
    let copied = Command::new("cp").arg("-a").arg(&ledger).arg(&copy).status().unwrap();
    assert!(copied.success());
    appliance.start().unwrap();
    appliance.drop_in("fax", "two.png", &corpus::slip(2).bytes).unwrap();
    appliance.rest(120).unwrap();
    appliance.stop().unwrap();
    let blobs = sorted(&appliance.home.join("state/vault/blobs"));
    fs::remove_dir_all(&ledger).unwrap();
    fs::rename(&copy, &ledger).unwrap();
    assert!(appliance.start().is_err(), "the spool holds a checkpoint over more");
    // Who puts the ledger back and takes the copies of its checkpoints away meets the mark.
    fs::remove_dir_all(appliance.home.join("state/spool")).unwrap();
    appliance.start().unwrap();
    let doctor = appliance.ctl(&["doctor", "-o", "json"]).unwrap();
    assert_eq!(doctor.code, 6);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("ledger-mark"), "{said}");
    sleep(Duration::from_secs(2));
    appliance.stop().unwrap();
    assert_eq!(sorted(&appliance.home.join("state/vault/blobs")), blobs);
}

// A53: "below it intake stops claiming, and everything resumes by itself when space is back".
#[test]
fn below_the_floor_files_wait_and_are_taken_by_themselves_when_there_is_room() {
    const GIB: u64 = 1 << 30;
    let free = free_bytes(&std::env::temp_dir());
    assert!(free > 3 * GIB, "this test needs 3 GiB of free space, and there are {free} bytes");
    let edit = format!("[space]\nfloor-bytes = {}\nballast-bytes = 1048576\n\n[site]", free - GIB);
    let appliance = Plan::default().edit("[site]", &edit).start().unwrap();
    let filler = appliance.home.join("filler");
    let fill = || {
        let made = Command::new("fallocate").arg("-l").arg((2 * GIB).to_string()).arg(&filler).status();
        assert!(made.unwrap().success(), "fallocate (util-linux)");
    };
    until("the ballast is there", &appliance, || {
        appliance.json(&["status"]).unwrap()["ballast_bytes"] == 1 << 20
    });
    assert_eq!(fs::metadata(appliance.home.join("state/ballast")).unwrap().len(), 1 << 20);
    fill();
    appliance.drop_in("fax", "slip.png", &corpus::slip(5).bytes).unwrap();
    assert_eq!(appliance.ctl(&["wait", "--all", "--timeout", "3"]).unwrap().code, 75);
    assert!(appliance.inbox("fax").join("slip.png").exists());
    let doctor = appliance.ctl(&["doctor", "-o", "json"]).unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.code == 6 && said.contains("until space is freed"), "{said}");
    let sent = appliance.ctl(&["submit", "--source", "partner", &filler.to_string_lossy()]).unwrap();
    assert_eq!(sent.code, 75, "{}", sent.stderr);
    assert_eq!(balance_of(&appliance, "fax")["arrived"], 0);
    fs::remove_file(&filler).unwrap();
    appliance.rest(120).unwrap();
    assert_eq!(appliance.documents().unwrap().len(), 1, "taken by itself");
}

fn free_bytes(folder: &Path) -> u64 {
    let said = Command::new("df").args(["--output=avail", "-B1"]).arg(folder).output().unwrap();
    String::from_utf8_lossy(&said.stdout).lines().last().unwrap().trim().parse().unwrap()
}

// Refused uploads leave a record, as refused files do.
#[test]
fn an_upload_that_is_not_taken_is_in_the_ledger() {
    let plan = Plan::default();
    let appliance = plan.start().unwrap();
    let file = appliance.home.join("up.png");
    fs::write(&file, corpus::slip(2).bytes).unwrap();
    assert_ne!(appliance.ctl(&["submit", "--source", "nobody", &file.to_string_lossy()]).unwrap().code, 0);
    assert!(ledger_text(&appliance).contains("\"why\":\"unknown-source\""));
    File::create(&file).unwrap().set_len(1 << 30).unwrap();
    assert_ne!(appliance.ctl(&["submit", "--source", "partner", &file.to_string_lossy()]).unwrap().code, 0);
    until("it is written", &appliance, || ledger_text(&appliance).contains("\"why\":\"file-too-large\""));
    assert_eq!(balance_of(&appliance, "partner")["uploads_refused"], 1);
}

#[test]
fn the_balance_of_a_day_that_is_not_over_is_no_question() {
    let appliance = Appliance::usual().unwrap();
    for day in ["9999-01-01", "yesterday", "2026-11-2x"] {
        assert_eq!(appliance.ctl(&["balance", "--day", day]).unwrap().code, 2, "{day}");
    }
    let none = appliance.ctl(&["balance", "--day", "2020-01-01"]).unwrap();
    assert_eq!(none.code, 3, "nothing was signed then: {}", none.stderr);
}
