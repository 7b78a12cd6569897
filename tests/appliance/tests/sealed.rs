//! The daemon without its master key, and the replacement of keys while it works.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use kit::{Appliance, Outcome, Plan};
use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// In a file name, so that it would show where a name is kept in clear.
const CANARY: &str = "Canary-Quentin-letter";

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(50));
    }
}

/// What was taken in while sealed; not what is being written.
fn queue(appliance: &Appliance) -> Vec<PathBuf> {
    let entries = fs::read_dir(appliance.home.join("state/sealed")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with(".tmp-")).collect()
}

/// Does the ledger hold a record that says this?
fn ledger_says(appliance: &Appliance, words: &str) -> usize {
    let segments = fs::read_dir(appliance.home.join("state/ledger")).unwrap();
    let read = |path: PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    segments.map(|entry| read(entry.unwrap().path()).matches(words).count()).sum()
}

/// As documents say it: RFC 3339 in UTC, to the millisecond.
fn now() -> String {
    let date = std::process::Command::new("date").args(["-u", "+%FT%T.%3NZ"]).output().unwrap();
    String::from_utf8(date.stdout).unwrap().trim().to_owned()
}

fn sealed_answer(outcome: &Outcome) -> bool {
    outcome.code == 75 && outcome.stderr.contains("the appliance is sealed; run lazaretctl unseal")
}

fn holds_canary(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds_canary(&path);
        }
        fs::read(&path).unwrap().windows(CANARY.len()).any(|bytes| bytes == CANARY.as_bytes())
    })
}

/// Without its key the daemon takes files in, keeps them over a crash, and reads nothing.
// A41: encryption at rest, least privilege; A11: nothing that was taken in is lost.
#[test]
fn a_daemon_without_its_key_takes_files_in_and_reads_them_once_it_is_unsealed() {
    let plan = Plan::default().edit("[keys]\n", "[keys]\nsealed-start = true\n");
    let mut appliance = plan.start().unwrap();
    appliance.drop_in("fax", "first.png", &corpus::slip(1).bytes).unwrap();
    appliance.rest(240).unwrap();
    appliance.stop().unwrap();
    let (key, usb) = (appliance.home.join("master.key"), appliance.home.join("usb.key"));
    fs::rename(&key, &usb).unwrap();
    appliance.start().unwrap();
    assert_eq!(appliance.json(&["status"]).unwrap()["sealed"], true);

    // Every other call says why it is not answered.
    for call in [&["doc", "list"][..], &["ledger", "verify"], &["doctor"], &["key", "rotate"], &["reload"]] {
        let outcome = appliance.ctl(call).unwrap();
        assert!(sealed_answer(&outcome), "{call:?}: {} {}", outcome.code, outcome.stderr);
    }

    let second = corpus::slip(2).bytes;
    appliance.drop_in("fax", &format!("{CANARY}.png"), &second).unwrap();
    let upload = appliance.home.join("upload.png");
    fs::write(&upload, corpus::slip(3).bytes).unwrap();
    let sent =
        appliance.ctl(&["submit", upload.to_str().unwrap(), "--source", "partner", "-o", "name"]).unwrap();
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    let receipt = String::from_utf8(sent.stdout).unwrap().trim().to_owned();
    until("the inbox file is taken in", || !appliance.inbox("fax").join(format!("{CANARY}.png")).exists());
    until("both lie in the queue", || queue(&appliance).len() == 2);
    until("the ledger names both", || ledger_says(&appliance, "taken-sealed") == 2);
    assert!(!holds_canary(&appliance.home.join("state")), "a file name lies in clear");
    let moves = appliance.ctl(&["wait", "--all", "--timeout", "1"]).unwrap();
    assert_eq!(moves.code, 75, "what waits for the key does not rest");
    assert_eq!(appliance.ctl(&["wait", &receipt, "--timeout", "1"]).unwrap().code, 75);

    // A crash loses nothing of it, and the next start is sealed again.
    appliance.kill().unwrap();
    appliance.start().unwrap();
    assert_eq!(queue(&appliance).len(), 2);

    let wrong = appliance.home.join("wrong.key");
    fs::write(&wrong, [7; 32]).unwrap();
    let refused = appliance.ctl(&["unseal", "--key-file", wrong.to_str().unwrap()]).unwrap();
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert_eq!(ledger_says(&appliance, "unseal-refused"), 1);
    assert!(sealed_answer(&appliance.ctl(&["doc", "list"]).unwrap()));

    let before_the_key = now();
    let opened = appliance.ctl(&["unseal", "--key-file", usb.to_str().unwrap()]).unwrap();
    assert_eq!(opened.code, 0, "{}\n{}", opened.stderr, appliance.log());
    appliance.rest(240).unwrap();
    assert_eq!(appliance.json(&["status"]).unwrap()["sealed"], false);
    let documents = appliance.documents().unwrap();
    assert_eq!(documents.len(), 3);
    for document in &documents {
        let received = document["received_at"].as_str().unwrap();
        assert!(
            received < before_the_key.as_str(),
            "{received}: when it was taken in, not when it was opened"
        );
    }
    assert!(documents.iter().any(|document| document["id"] == receipt.as_str()), "the receipt holds");
    assert_eq!(queue(&appliance), Vec::<PathBuf>::new());
    let original = appliance.home.join("original");
    for document in &documents {
        let id = document["id"].as_str().unwrap();
        if document["source"] == "fax" && document["id"] != documents[0]["id"] {
            let out = original.to_str().unwrap();
            let got = appliance.ctl(&["doc", "get", id, "--rendition", "original", "-O", out]).unwrap();
            assert_eq!(got.code, 0, "{}", got.stderr);
            assert_eq!(fs::read(&original).unwrap(), second, "byte for byte");
        }
    }
    assert_eq!(appliance.ctl(&["ledger", "verify"]).unwrap().code, 0);
    assert_eq!(
        appliance.ctl(&["unseal", "--key-file", usb.to_str().unwrap()]).unwrap().code,
        5,
        "open already"
    );
}

/// A crash at the worst moments: the document exists and its sealed file is still there; a file was
/// claimed and sealed and not yet removed.
// A11: received once, never twice.
#[test]
fn what_was_taken_in_while_sealed_becomes_a_document_once() {
    let plan = Plan::default().edit("[keys]\n", "[keys]\nsealed-start = true\n");
    let mut appliance = plan.start().unwrap();
    appliance.stop().unwrap();
    let (key, usb) = (appliance.home.join("master.key"), appliance.home.join("usb.key"));
    fs::rename(&key, &usb).unwrap();
    appliance.start().unwrap();
    appliance.drop_in("fax", "a.png", &corpus::slip(1).bytes).unwrap();
    until("it lies in the queue", || queue(&appliance).len() == 1);
    let sealed = queue(&appliance).remove(0);
    let copy = appliance.home.join("copy");
    fs::copy(&sealed, &copy).unwrap();
    let unseal = ["unseal", "--key-file", usb.to_str().unwrap()];
    assert_eq!(appliance.ctl(&unseal).unwrap().code, 0);
    appliance.rest(240).unwrap();
    appliance.kill().unwrap();

    // The sealed file outlived its document.
    fs::copy(&copy, &sealed).unwrap();
    // A claim under the id of the same file, which the crash left behind.
    let id = sealed.file_stem().unwrap().to_str().unwrap().to_owned();
    let claimed = appliance.inbox("fax").join(".claimed").join(&id);
    fs::create_dir_all(&claimed).unwrap();
    fs::write(claimed.join("a.png"), corpus::slip(1).bytes).unwrap();
    appliance.start().unwrap();
    assert_eq!(appliance.ctl(&unseal).unwrap().code, 0);
    appliance.rest(240).unwrap();
    assert_eq!(appliance.documents().unwrap().len(), 1);
    assert_eq!(queue(&appliance), Vec::<PathBuf>::new());
    assert!(!claimed.exists());
}

/// The first passphrase makes the vault; later ones must be the same.
#[test]
fn a_passphrase_opens_the_appliance_and_a_wrong_one_does_not() {
    let plan = Plan::default().edit("master-key-file = \"master.key\"", "passphrase = true");
    let mut appliance = plan.start().unwrap();
    assert_eq!(appliance.json(&["key", "status"]).unwrap()["state"], "new");
    // Nothing can be sealed yet: the file waits in its inbox.
    appliance.drop_in("fax", "early.png", &corpus::slip(1).bytes).unwrap();
    let right = "correct horse battery staple\n";
    assert_eq!(appliance.ctl_fed(&["unseal"], "short\n").unwrap().code, 2, "too short to be safe");
    let opened = appliance.ctl_fed(&["unseal"], right).unwrap();
    assert_eq!(opened.code, 0, "{}\n{}", opened.stderr, appliance.log());
    appliance.rest(240).unwrap();
    assert_eq!(appliance.documents().unwrap().len(), 1);
    let first = appliance.json(&["key", "status"]).unwrap();
    assert_eq!((first["state"].as_str(), first["passphrase"].as_bool()), (Some("open"), Some(true)));

    appliance.stop().unwrap();
    appliance.start().unwrap();
    assert_eq!(appliance.json(&["key", "status"]).unwrap()["state"], "sealed");
    assert_eq!(appliance.ctl_fed(&["unseal"], "correct horse battery stable\n").unwrap().code, 4);
    assert_eq!(appliance.ctl_fed(&["unseal"], right).unwrap().code, 0);
    appliance.rest(240).unwrap();
    let second = appliance.json(&["key", "status"]).unwrap();
    assert_eq!(second["master_key_id"], first["master_key_id"]);
    assert_eq!(appliance.documents().unwrap().len(), 1);
    assert_eq!((ledger_says(&appliance, "unseal-refused"), ledger_says(&appliance, "\"unsealed\"")), (1, 2));
}

/// Keys are replaced while documents are under way; afterwards only the new master key opens.
// A69: rotation.
#[test]
fn keys_are_replaced_while_the_appliance_works() {
    let mut appliance = Appliance::usual().unwrap();
    for number in 0..4 {
        appliance.drop_in("fax", &format!("{number}.png"), &corpus::slip(10 + number).bytes).unwrap();
    }
    let before = appliance.json(&["key", "status"]).unwrap();
    let rotated = appliance.json(&["key", "rotate"]).unwrap();
    assert_eq!(rotated["master_key_id"], before["master_key_id"]);
    assert_eq!(
        rotated["generation_after"].as_u64().unwrap(),
        rotated["generation_before"].as_u64().unwrap() + 1
    );
    let new = appliance.home.join("new.key");
    fs::write(&new, (0..32).collect::<Vec<u8>>()).unwrap();
    let changed = appliance.json(&["key", "rotate", "--master", new.to_str().unwrap()]).unwrap();
    assert_ne!(changed["master_key_id"], before["master_key_id"]);
    appliance.rest(240).unwrap();
    assert_eq!(appliance.documents().unwrap().len(), 4);
    assert_eq!(ledger_says(&appliance, "keys-rotated"), 2);
    assert!(appliance.json(&["status"]).unwrap()["keys_rotated_at"].is_string());

    // The old key does not open it any more, and destroys nothing.
    appliance.stop().unwrap();
    appliance.spawn().unwrap();
    assert_eq!(appliance.wait_for_end().unwrap(), Some(1), "{}", appliance.log());
    let key = appliance.home.join("master.key");
    fs::remove_file(&key).unwrap();
    fs::rename(&new, &key).unwrap();
    let chmod = std::process::Command::new("chmod").arg("0400").arg(&key).status().unwrap();
    assert!(chmod.success());
    appliance.start().unwrap();
    for document in appliance.documents().unwrap() {
        let (id, out) = (document["id"].as_str().unwrap(), appliance.home.join("out"));
        let out = out.to_str().unwrap();
        let got =
            appliance.ctl(&["doc", "get", id, "--rendition", "original", "-O", out, "--force"]).unwrap();
        assert_eq!(got.code, 0, "{}", got.stderr);
    }
}

/// Nobody reads keys from a core dump, however the daemon was started.
#[test]
fn the_daemon_never_dumps_its_memory() {
    let own = std::process::id().to_string();
    let raised = std::process::Command::new("prlimit").args(["--pid", &own, "--core=1048576:"]).status();
    assert!(raised.unwrap().success());
    let appliance = Appliance::usual().unwrap();
    let limits = format!("/proc/{}/limits", appliance.pid().unwrap());
    let limits = fs::read_to_string(limits).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
}

/// A client that hangs up must not buy a new try before the pause of its last one is over.
#[test]
fn the_pause_after_a_wrong_key_is_kept_when_its_caller_hangs_up() {
    let plan = Plan::default().edit("[keys]\n", "[keys]\nsealed-start = true\n");
    let mut appliance = plan.start().unwrap();
    appliance.stop().unwrap();
    fs::rename(appliance.home.join("master.key"), appliance.home.join("usb.key")).unwrap();
    appliance.start().unwrap();
    let wrong = appliance.home.join("wrong.key");
    fs::write(&wrong, [7; 32]).unwrap();
    let try_it = || {
        std::process::Command::new(kit::programs().unwrap().join("lazaretctl"))
            .arg("--config")
            .arg(appliance.home.join("ctl.toml"))
            .args(["unseal", "--key-file"])
            .arg(&wrong)
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let tries = |wanted| ledger_says(&appliance, "unseal-refused") >= wanted;
    // The pauses are 1, 2 and 4 seconds.
    for number in 1..=3 {
        let mut caller = try_it();
        until("the try is in the ledger", || tries(number));
        caller.kill().unwrap();
        caller.wait().unwrap();
    }
    let third = Instant::now();
    let mut fourth = try_it();
    until("the fourth try is in the ledger", || tries(4));
    let paused = third.elapsed();
    fourth.kill().unwrap();
    fourth.wait().unwrap();
    assert!(paused > Duration::from_secs(3), "only {paused:?} of 4 seconds");
}
