//! Backups that break off, media that lose bytes, and what is still to be had from them.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::{files_under, text};
use kit::{Appliance, Outcome, Plan};
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// An appliance with an escrow, two documents that rest, and a folder for their backup.
struct Site {
    root: TempDir,
    appliance: Appliance,
    recipients: String,
}

impl Site {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut appliance = Plan::default().init().unwrap();
        let escrow = |number: u8| {
            let file = root.path().join(format!("escrow-{number}.txt"));
            let made = appliance.ctl(&["key", "escrow", "-O", &file.to_string_lossy()]).unwrap();
            assert_eq!(made.code, 0, "{}", made.stderr);
            made.text().trim().to_owned()
        };
        let recipients = format!("[backup]\nrecipients = {:?}\n\n[workers]", [escrow(1), escrow(2)]);
        trust(&appliance, &recipients);
        appliance.start().unwrap();
        let site = Self { root, appliance, recipients };
        site.receive(&[81, 82]);
        site
    }

    fn receive(&self, slips: &[u32]) {
        for slip in slips {
            let name = format!("slip-{slip}.png");
            self.appliance.drop_in("fax", &name, &corpus::slip(*slip).bytes).unwrap();
        }
        self.appliance.rest(240).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn backup(&self, verb: &str, more: &[&str]) -> Outcome {
        let folder = self.path("backup").to_string_lossy().into_owned();
        self.appliance.ctl(&[&["backup", verb, &folder, "-o", "json"], more].concat()).unwrap()
    }

    fn create(&self, more: &[&str]) -> Value {
        let said = self.backup("create", more);
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.json().unwrap()
    }

    /// Restores into a new appliance, which is not started.
    fn restore(&self, more: &[&str]) -> (Appliance, Outcome) {
        let fresh = Plan::default().init().unwrap();
        trust(&fresh, &self.recipients);
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        let (backup, identity) = (path(self.path("backup")), path(self.path("escrow-1.txt")));
        let settings = path(fresh.home.join("lazaret.toml"));
        let args = ["restore", &backup, "--identity", &identity, "--settings", &settings, "-o", "json"];
        let said = fresh.ctl(&[&args[..], more].concat()).unwrap();
        (fresh, said)
    }

    /// The blobs of a document in the backup.
    fn blobs(&self, id: &str) -> Vec<PathBuf> {
        let mut blobs = files_under(&self.path("backup/blobs").join(id)).unwrap();
        blobs.sort();
        blobs
    }
}

fn trust(appliance: &Appliance, recipients: &str) {
    let config = appliance.home.join("lazaret.toml");
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("[workers]", recipients)).unwrap();
}

fn ids(appliance: &Appliance) -> Vec<String> {
    let mut ids: Vec<_> =
        appliance.documents().unwrap().iter().map(|doc| text(doc, "id").to_owned()).collect();
    ids.sort();
    ids
}

fn original(appliance: &Appliance, id: &str) -> Outcome {
    let file = appliance.home.join("original.bin").to_string_lossy().into_owned();
    appliance.ctl(&["doc", "get", id, "--rendition", "original", "--force", "-O", &file]).unwrap()
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn number(summary: &Value, field: &str) -> u64 {
    summary[field].as_u64().unwrap_or_else(|| panic!("{field} in {summary}"))
}

// B54: what was signed stays restorable until something newer is; A20: a run that breaks off is gone on with.
#[test]
fn a_run_that_breaks_off_spoils_nothing_and_the_next_goes_on_with_it() {
    let site = Site::new();
    site.create(&[]);
    let old = ids(&site.appliance);
    // A blob that no event names any more: the next run has no use for it.
    let superseded = site.path("backup/blobs").join(&old[0]).join("text-00000000000000000000000001");
    fs::copy(site.blobs(&old[0]).remove(0), &superseded).unwrap();
    site.receive(&[83, 84]);
    let newest = ids(&site.appliance).pop().unwrap();
    let there = site.appliance.home.join("state/vault/blobs").join(&newest);
    let last = files_under(&there).unwrap().into_iter().max().unwrap();
    // Its last blob cannot be put in its place: a folder has its name.
    let obstacle = site.path("backup/blobs").join(&newest).join(last.file_name().unwrap());
    fs::create_dir_all(&obstacle).unwrap();
    fs::write(site.path("backup/keys/.tmp-keys-00000000000000000000000001.age"), b"half").unwrap();
    let broken = site.backup("create", &[]);
    assert_eq!(broken.code, 1, "{}", broken.stderr);
    assert!(superseded.exists(), "nothing is removed before the next run is signed");
    let left = files_under(&site.path("backup")).unwrap();
    let half = |file: &&PathBuf| file.file_name().unwrap().to_string_lossy().starts_with(".tmp-");
    assert_eq!(left.iter().find(half), None, "nothing half written is left, above all no keys");
    let checked = site.backup("verify", &[]);
    assert_eq!(checked.code, 0, "the run before is still whole: {}", checked.stderr);

    fs::remove_dir(&obstacle).unwrap();
    let done = site.create(&[]);
    assert_eq!(number(&done, "fetched_blobs"), 1, "what the broken run fetched is not fetched again: {done}");
    assert!(!superseded.exists() && number(&done, "removed_blobs") == 1);
    assert_eq!(site.backup("verify", &[]).code, 0);
    assert!(!site.path("backup/runs/partial.sha256").exists());
}

// A run that a timer starts too early does not end the one that is under way.
#[test]
fn a_second_run_on_a_folder_is_turned_away_and_the_first_goes_on() {
    let site = Site::new();
    // The first has begun, says so, and nobody listens.
    let (listens, mut says) = std::io::pipe().unwrap();
    says.write_all(&[b'\n'; 64 << 10]).unwrap(); // all that it holds
    let mut run = Command::new(kit::programs().unwrap().join("lazaretctl"));
    run.arg("--config").arg(site.appliance.home.join("ctl.toml")).args(["backup", "create"]);
    let mut first = run.arg(site.path("backup")).stderr(says).spawn().unwrap();
    drop(run);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !site.path("backup/lazaret-backup.json").exists() {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(20));
    }
    let second = site.backup("create", &[]);
    assert!(
        second.code == 75 && second.stderr.contains("another backup"),
        "{} {}",
        second.code,
        second.stderr
    );
    let heard = std::io::read_to_string(listens).unwrap();
    assert!(first.wait().unwrap().success(), "{}", heard.trim());
    assert_eq!(site.backup("verify", &[]).code, 0);
}

// A20: damage is found, mended while the appliance lives, and survived when it does not.
#[test]
fn a_medium_that_lost_bytes_is_made_good_or_gives_all_the_rest() {
    let site = Site::new();
    site.create(&[]);
    let documents = ids(&site.appliance);
    let blob = |id: &str| {
        let is_original = |file: &PathBuf| file.to_string_lossy().contains("/original-");
        site.blobs(id).into_iter().find(is_original).unwrap()
    };
    let (damaged, sound) = (blob(&documents[0]), blob(&documents[1]));
    let segment = files_under(&site.path("backup/ledger")).unwrap();
    let segment = segment.into_iter().find(|file| file.to_string_lossy().ends_with(".seg")).unwrap();
    flip(&damaged);
    flip(&segment);
    let checked = site.backup("verify", &[]);
    assert!(checked.code == 6 && checked.stderr.contains("create --full"), "{}", checked.stderr);
    assert_eq!(number(&site.create(&["--full"]), "fetched_blobs"), 1);
    let checked = site.backup("verify", &[]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);

    // The appliance is gone, and then the medium fails.
    flip(&damaged);
    let (_, said) = site.restore(&[]);
    assert!(said.code == 6 && said.stderr.contains("--accept-missing"), "{} {}", said.code, said.stderr);
    fs::remove_file(&damaged).unwrap();
    let (_, said) = site.restore(&[]);
    assert!(said.code == 3 && said.stderr.contains("--accept-missing"), "{} {}", said.code, said.stderr);
    let (mut second, said) = site.restore(&["--accept-missing", "--full"]);
    assert_eq!(said.code, 6, "{}", said.stderr);
    assert!(said.stderr.contains("1 blobs of 1 documents") && said.stderr.contains(&documents[0]));
    assert_eq!(number(&said.json().unwrap(), "opened_originals"), 1);
    assert!(sound.exists());
    second.start().unwrap();
    second.rest(60).unwrap();
    assert_eq!(ids(&second), documents, "every document is known");
    assert_eq!(original(&second, &documents[1]).code, 0);
    let lost = original(&second, &documents[0]);
    assert_ne!(lost.code, 0, "what is lost is not made up");
    assert_eq!(second.ctl(&["ledger", "verify"]).unwrap().code, 0);
    second.drop_in("fax", "new.png", &corpus::slip(85).bytes).unwrap();
    second.rest(120).unwrap();
    assert_eq!(ids(&second).len(), documents.len() + 1, "it works on");
}

// "Keys are zeroised, never in a core dump": nor in one of the program that a key passes through.
#[test]
fn a_program_that_reads_a_key_writes_no_core() {
    let appliance = Plan::default().start().unwrap();
    // Started where cores are allowed.
    let mut unseal = Command::new("sh")
        .args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\""])
        .arg(kit::programs().unwrap().join("lazaretctl"))
        .arg("--config")
        .arg(appliance.home.join("ctl.toml"))
        .arg("unseal")
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let limits = format!("/proc/{}/limits", unseal.id());
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let said = fs::read_to_string(&limits).unwrap_or_default();
        let core = said.lines().find(|line| line.starts_with("Max core file size")).unwrap_or_default();
        if core.split_whitespace().skip(4).take(2).eq(["0", "0"]) {
            break;
        }
        assert!(Instant::now() < deadline, "{said}");
        sleep(Duration::from_millis(20));
    }
    drop(unseal.stdin.take());
    unseal.wait().unwrap();
}
