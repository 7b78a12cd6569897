//! The day the machine is gone: backup while it works, restore on another, destroyed stays destroyed.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::{files_under, text};
use kit::{Appliance, Outcome, Plan};
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Two escrow identities on media of their own, and a folder for the backup.
struct Safe {
    root: TempDir,
    recipients: Vec<String>,
}

impl Safe {
    fn new(tool: &Appliance) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut safe = Self { root, recipients: Vec::new() };
        for number in [1, 2] {
            let made =
                tool.ctl(&["key", "escrow", "-O", &safe.text(&format!("escrow-{number}.txt"))]).unwrap();
            assert_eq!(made.code, 0, "{}", made.stderr);
            safe.recipients.push(made.text().trim().to_owned());
        }
        safe
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// Tells an appliance that is not started yet who may open its keys.
    fn trust(&self, appliance: &Appliance) {
        let config = appliance.home.join("lazaret.toml");
        let said = format!("[backup]\nrecipients = {:?}\n\n[workers]", self.recipients);
        fs::write(&config, fs::read_to_string(&config).unwrap().replace("[workers]", &said)).unwrap();
    }

    fn create(&self, appliance: &Appliance) -> Value {
        appliance.json(&["backup", "create", &self.text("backup")]).unwrap()
    }

    fn verify(&self, appliance: &Appliance, more: &[&str]) -> Outcome {
        appliance.ctl(&[&["backup", "verify", &self.text("backup")], more].concat()).unwrap()
    }

    /// Restores into a new appliance, which is not started.
    fn restore(&self, backup: &str, identity: &str, more: &[&str]) -> (Appliance, Outcome) {
        let fresh = Plan::default().init().unwrap();
        self.trust(&fresh);
        let settings = fresh.home.join("lazaret.toml").to_string_lossy().into_owned();
        let (backup, identity) = (self.text(backup), self.text(identity));
        let args = ["restore", &backup, "--identity", &identity, "--settings", &settings, "-o", "json"];
        let said = fresh.ctl(&[&args[..], more].concat()).unwrap();
        (fresh, said)
    }
}

/// An appliance that escrows to a safe, and keeps nothing longer than it must if `days` says 0.
fn trusting(days: Option<u32>) -> (Appliance, Safe) {
    let mut appliance = Plan::default().init().unwrap();
    let safe = Safe::new(&appliance);
    safe.trust(&appliance);
    if let Some(days) = days {
        let rules = appliance.home.join("policy/retention.toml");
        let shorter =
            |line: &str| if line.starts_with("days") { format!("days = {days}") } else { line.to_owned() };
        let text: Vec<String> = fs::read_to_string(&rules).unwrap().lines().map(shorter).collect();
        fs::write(&rules, text.join("\n")).unwrap();
    }
    appliance.start().unwrap();
    (appliance, safe)
}

fn original(appliance: &Appliance, id: &str) -> Result<Vec<u8>, i32> {
    let file = appliance.home.join("original.bin");
    let path = file.to_string_lossy();
    match appliance.ctl(&["doc", "get", id, "--rendition", "original", "--force", "-O", &path]).unwrap().code
    {
        0 => Ok(fs::read(&file).unwrap()),
        code => Err(code),
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn number(summary: &Value, field: &str) -> u64 {
    summary[field].as_u64().unwrap_or_else(|| panic!("{field} in {summary}"))
}

/// What callers are told of each document, but for when it was last touched.
fn told(appliance: &Appliance) -> Vec<(String, String, Value)> {
    let fact =
        |doc: &Value| (text(doc, "id").to_owned(), text(doc, "state").to_owned(), doc["sha256"].clone());
    appliance.documents().unwrap().iter().map(fact).collect()
}

// A55, B54: backup while it works; restore on a fresh machine with only an escrow key; what was delivered is
// not delivered again. B43, B48: the copy is consistent whatever was under way.
#[test]
fn a_backup_of_a_working_appliance_is_restored_elsewhere_with_one_escrow_key_alone() {
    let (mut first, safe) = trusting(None);
    for slip in 0..4 {
        first.drop_in("fax", &format!("slip-{slip}.png"), &corpus::slip(slip).bytes).unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while first.documents().unwrap().len() < 2 {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(20));
    }
    let middle = safe.create(&first);
    copy(&safe.path("backup"), &safe.path("middle"));
    first.rest(240).unwrap();
    let end = safe.create(&first);
    assert!(number(&end, "records") > number(&middle, "records"), "the ledger grew");
    let again = safe.create(&first);
    assert_eq!(number(&again, "fetched_blobs"), 0, "incremental: what is there is not fetched again");
    assert_eq!(number(&again, "blobs"), number(&end, "blobs"));
    let checked = safe.verify(&first, &[]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let expected = told(&first);
    let originals: Vec<Vec<u8>> = expected.iter().map(|(id, ..)| original(&first, id).unwrap()).collect();
    let delivered = first.delivered().unwrap();
    assert!(!delivered.is_empty());
    // Reading is written to the ledger, and so is a run of a backup: both are after the tip of this one.
    safe.create(&first);
    first.kill().unwrap();

    let (mut second, said) = safe.restore("backup", "escrow-2.txt", &["--full"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(number(&said.json().unwrap(), "opened_originals"), originals.len() as u64);
    second.start().unwrap();
    second.rest(60).unwrap();
    assert_eq!(told(&second), expected);
    for ((id, ..), bytes) in expected.iter().zip(&originals) {
        assert!(original(&second, id).unwrap() == *bytes, "{id}: bit-identical");
    }
    // What the daemon keeps there for itself begins with a dot.
    let mut again = second.delivered().unwrap();
    again.retain(|(_, name)| !name.starts_with('.'));
    assert!(again.is_empty(), "what the ledger says delivered is not delivered again: {again:?}");
    assert_eq!(second.ctl(&["ledger", "verify"]).unwrap().code, 0);
    assert_eq!(second.ctl(&["doctor"]).unwrap().code, 0, "{}", second.ctl(&["doctor"]).unwrap().text());
    second.drop_in("fax", "new.png", &corpus::slip(40).bytes).unwrap();
    second.drop_in("fax", "known.png", &corpus::slip(1).bytes).unwrap();
    second.rest(120).unwrap();
    let documents = second.documents().unwrap();
    assert_eq!(documents.len(), expected.len() + 2, "it works on");
    let duplicates = documents.iter().filter(|doc| !doc["duplicate_of"].is_null()).count();
    assert_eq!(duplicates, 1, "what it knew before is known");
    // Other inboxes, one balance: up to the restore the ledger's word counts, from then on what is seen.
    let fax = &second.json(&["balance"]).unwrap()["sources"][0];
    assert_eq!((number(fax, "seen"), number(fax, "arrived")), (6, 6), "{fax}");
    // It can be backed up in its turn, and the folder of the first appliance knows that its history ended.
    let onward = second.ctl(&["backup", "create", &safe.text("onward")]).unwrap();
    assert_eq!(onward.code, 0, "{}", onward.stderr);

    // The copy from the middle of the work: every document goes on from where it was.
    let (mut third, said) = safe.restore("middle", "escrow-1.txt", &["--full"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    third.start().unwrap();
    third.rest(240).unwrap();
    let states: Vec<Value> = third.documents().unwrap();
    assert!(states.len() >= 2);
    for doc in &states {
        let same = expected.iter().find(|(id, ..)| id == text(doc, "id")).unwrap();
        assert_eq!((text(doc, "state"), &doc["sha256"]["original"]), (same.1.as_str(), &same.2["original"]));
    }
}

// B54, A46: destroyed documents stay destroyed after a restore, also with an older copy of the keys. Nothing
// is destroyed while a backup runs, for it may still be read.
#[test]
fn what_was_destroyed_stays_destroyed_and_destruction_waits_for_a_running_backup() {
    let (first, safe) = trusting(Some(0));
    for slip in [21, 22] {
        first.drop_in("fax", &format!("slip-{slip}.png"), &corpus::slip(slip).bytes).unwrap();
    }
    first.rest(120).unwrap();
    let mut ids = Vec::new();
    for doc in first.documents().unwrap() {
        let id = text(&doc, "id").to_owned();
        if text(&doc, "state") == "review" {
            assert_eq!(first.ctl(&["review", "approve", &id]).unwrap().code, 0);
        }
        ids.push(id);
    }
    first.rest(60).unwrap();
    let (gone, kept) = (&ids[0], &ids[1]);
    for id in &ids {
        assert_eq!(first.ctl(&["hold", id, "case-17"]).unwrap().code, 0);
    }
    safe.create(&first);
    copy(&safe.path("backup"), &safe.path("older"));
    let older = fs::read_dir(safe.path("older/keys")).unwrap().next().unwrap().unwrap().path();

    // A run that stands still: it has begun, says so, and nobody listens.
    let (listens, mut says) = std::io::pipe().unwrap();
    says.write_all(&[b'\n'; 64 << 10]).unwrap(); // all that it holds
    let mut run = Command::new(kit::programs().unwrap().join("lazaretctl"));
    run.arg("--config").arg(first.home.join("ctl.toml")).args(["backup", "create"]).arg(safe.path("other"));
    let mut running = run.stderr(says).spawn().unwrap();
    drop(run);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !safe.path("other/lazaret-backup.json").exists() {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(20));
    }
    assert_eq!(first.ctl(&["unhold", gone, "case-17"]).unwrap().code, 0);
    let stuck = loop {
        let said = first.ctl(&["retention", "run"]).unwrap();
        if said.code == 75 || Instant::now() > deadline {
            break said;
        }
        // Destroyed before the run began: then this test shows nothing.
        assert_eq!(said.code, 5, "{}", said.stderr);
    };
    let heard = std::io::read_to_string(listens).unwrap();
    assert!(stuck.code == 75 && stuck.stderr.contains("backup"), "{} {}", stuck.code, stuck.stderr);
    assert!(running.wait().unwrap().success(), "{}", heard.trim());
    let _held = first.ctl(&["retention", "run"]).unwrap();
    assert!(original(&first, gone).is_err() && original(&first, kept).is_ok());

    let after = safe.create(&first);
    assert!(number(&after, "removed_blobs") > 0, "{after}");
    let left = files_under(&safe.path("backup/blobs")).unwrap();
    assert!(left.iter().all(|file| !file.to_string_lossy().contains(gone.as_str())));
    // Somebody puts the old blobs back and uses the old keys.
    copy(&safe.path("older/blobs").join(gone), &safe.path("backup/blobs"));
    let (mut second, said) = safe.restore("backup", "escrow-1.txt", &["--keys", &older.to_string_lossy()]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(number(&said.json().unwrap(), "dropped_keys"), 1);
    copy(&safe.path("older/blobs").join(gone), &second.home.join("state/vault/blobs"));
    second.start().unwrap();
    assert_eq!(text(&second.json(&["doc", "show", gone]).unwrap(), "state"), "expired");
    assert!(original(&second, gone).is_err());
    assert_eq!(original(&second, kept).unwrap(), original(&first, kept).unwrap());
}

// B54: verified; at least two recipients. A20: damage is said with its place.
#[test]
fn damage_and_strangers_are_refused() {
    let (first, safe) = trusting(None);
    first.drop_in("fax", "slip.png", &corpus::slip(31).bytes).unwrap();
    first.rest(120).unwrap();
    safe.create(&first);
    let backup = safe.path("backup");
    let only = |folder: &str, ending: &str| {
        let files = files_under(&backup.join(folder)).unwrap();
        files.into_iter().find(|file| file.to_string_lossy().ends_with(ending)).unwrap()
    };
    let blob = files_under(&backup.join("blobs")).unwrap().remove(0);
    let places = [
        blob.clone(),
        only("ledger", ".seg"),
        only("keys", ".age"),
        only("runs", ".sha256"),
        only("runs", ".json"),
    ];
    for place in &places {
        let good = fs::read(place).unwrap();
        let name = place.file_name().unwrap().to_string_lossy().into_owned();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(place, &bad).unwrap();
        let said = safe.verify(&first, &[]);
        assert!(said.code == 6 && said.stderr.contains(&name), "{name}: {} {}", said.code, said.stderr);
        let (_, said) = safe.restore("backup", "escrow-1.txt", &[]);
        assert!(said.code == 6 && said.stderr.contains(&name), "{name}: {} {}", said.code, said.stderr);
        fs::write(place, &good).unwrap();
    }
    let good = fs::read(&blob).unwrap();
    fs::remove_file(&blob).unwrap();
    assert_eq!(safe.verify(&first, &[]).code, 6, "a blob is gone");
    // The next run makes it good.
    assert_eq!(number(&safe.create(&first), "fetched_blobs"), 1);
    assert_eq!(fs::read(&blob).unwrap(), good);
    assert_eq!(safe.verify(&first, &[]).code, 0);
    let pubkey = safe.path("site.pub");
    let card: Value = serde_json::from_slice(&fs::read(backup.join("lazaret-backup.json")).unwrap()).unwrap();
    for (key, code) in [(card["verifying_key"].as_str().unwrap().to_owned(), 0), ("0".repeat(64), 6)] {
        fs::write(&pubkey, key).unwrap();
        assert_eq!(safe.verify(&first, &["--pubkey", &pubkey.to_string_lossy()]).code, code);
    }

    assert_eq!(first.ctl(&["key", "escrow", "-O", &safe.text("stranger.txt")]).unwrap().code, 0);
    let (second, said) = safe.restore("backup", "stranger.txt", &[]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert!(!second.home.join("state/vault").exists(), "nothing was made");
    let gateway = first.home.join("clients/gateway.toml");
    let said = first.ctl_with(&gateway, &["backup", "create", &safe.text("elsewhere")]).unwrap();
    assert_eq!(said.code, 4, "without admin there is no backup: {}", said.stderr);
    let (mut used, said) = safe.restore("backup", "escrow-1.txt", &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let settings = used.home.join("lazaret.toml").to_string_lossy().into_owned();
    let again = used.ctl(&[
        "restore",
        &safe.text("backup"),
        "--identity",
        &safe.text("escrow-1.txt"),
        "--settings",
        &settings,
    ]);
    assert_eq!(again.unwrap().code, 5, "a state directory is never changed");
    used.start().unwrap();
    assert_eq!(used.documents().unwrap().len(), 1);

    let mut silent = Plan::default().start().unwrap();
    let said = silent.ctl(&["backup", "create", &safe.text("nobody")]).unwrap();
    assert!(said.code == 5 && said.stderr.contains("backup.recipients"), "{} {}", said.code, said.stderr);
    silent.stop().unwrap();
    let config = silent.home.join("lazaret.toml");
    let one = format!("[backup]\nrecipients = [{:?}]\n\n[workers]", safe.recipients[0]);
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("[workers]", &one)).unwrap();
    let checked = silent.ctl(&["config", "check", &config.to_string_lossy()]).unwrap();
    assert_eq!(checked.code, 9, "one is too few");
}

/// Backups of every format that there ever was.
fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../backup/golden")
}

// "A backup of version N restores on N+1."
#[test]
fn backups_of_the_past_are_restored() {
    if let Some(folder) = std::env::var_os("LAZARET_GOLDEN") {
        make_golden(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder));
    }
    let mut restored = 0;
    for past in fs::read_dir(golden()).unwrap() {
        let past = past.unwrap().path();
        let mut fresh = Plan::default().init().unwrap();
        let path = |name: &str| past.join(name).to_string_lossy().into_owned();
        let settings = fresh.home.join("lazaret.toml").to_string_lossy().into_owned();
        let args = [
            "restore",
            &path("backup"),
            "--identity",
            &path("escrow.txt"),
            "--settings",
            &settings,
            "--full",
        ];
        let said = fresh.ctl(&args).unwrap();
        assert_eq!(said.code, 0, "{}: {}", past.display(), said.stderr);
        fresh.start().unwrap();
        fresh.rest(120).unwrap();
        for line in fs::read_to_string(past.join("expected.txt")).unwrap().lines() {
            let [id, state, sha256] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            assert_eq!(text(&fresh.json(&["doc", "show", id]).unwrap(), "state"), state);
            match original(&fresh, id) {
                Ok(bytes) => assert_eq!(kit::sha256_hex(&bytes), sha256),
                Err(_) => assert_eq!(sha256, "destroyed"),
            }
        }
        restored += 1;
    }
    assert!(restored > 0);
}

fn make_golden(to: &Path) {
    let (first, safe) = trusting(Some(0));
    for slip in [71, 72] {
        first.drop_in("fax", &format!("slip-{slip}.png"), &corpus::slip(slip).bytes).unwrap();
    }
    first.rest(120).unwrap();
    let ids: Vec<String> = first.documents().unwrap().iter().map(|doc| text(doc, "id").to_owned()).collect();
    assert_eq!(first.ctl(&["hold", &ids[0], "case-17"]).unwrap().code, 0);
    first.ctl(&["review", "approve", &ids[1]]).unwrap();
    first.rest(60).unwrap();
    first.ctl(&["retention", "run"]).unwrap();
    safe.create(&first);
    fs::create_dir(to).unwrap();
    copy(&safe.path("backup"), &to.join("backup"));
    fs::copy(safe.path("escrow-1.txt"), to.join("escrow.txt")).unwrap();
    let line = |doc: &Value| {
        let id = text(doc, "id");
        let hash =
            original(&first, id).map_or_else(|_| "destroyed".to_owned(), |bytes| kit::sha256_hex(&bytes));
        format!("{id} {} {hash}\n", text(doc, "state"))
    };
    fs::write(to.join("expected.txt"), first.documents().unwrap().iter().map(line).collect::<String>())
        .unwrap();
}
