//! What must not come in, and what happens to it.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use kit::{Appliance, Plan};
use std::{fs, os::unix::fs::symlink, process::Command, thread::sleep, time::Duration};

fn refused(appliance: &Appliance) -> usize {
    fs::read_dir(appliance.inbox("fax").join(".refused")).map_or(0, |folder| folder.count())
}

// A10, B3: links, pipes and hard links are neither followed nor opened; they are set aside, not lost.
#[test]
fn what_is_no_plain_file_is_set_aside_and_a_directory_is_left_alone() {
    let appliance = Appliance::usual().unwrap();
    let (inbox, home) = (appliance.inbox("fax"), appliance.home.clone());
    let secret = home.join("elsewhere.pdf");
    fs::write(&secret, b"%PDF-1.4 elsewhere").unwrap();
    symlink(&secret, inbox.join("link.pdf")).unwrap();
    assert!(Command::new("mkfifo").arg(inbox.join("pipe.pdf")).status().unwrap().success());
    fs::write(home.join("twin.pdf"), b"%PDF-1.4 twin").unwrap();
    fs::hard_link(home.join("twin.pdf"), inbox.join("hard.pdf")).unwrap();
    fs::create_dir(inbox.join("folder.pdf")).unwrap();
    fs::write(inbox.join("folder.pdf/inside.txt"), b"mine").unwrap();
    for _ in 0..200 {
        if refused(&appliance) >= 3 {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    assert_eq!(refused(&appliance), 3, "{}", appliance.log());
    assert!(inbox.join("folder.pdf/inside.txt").exists(), "a directory is never touched");
    assert_eq!(fs::read(secret).unwrap(), b"%PDF-1.4 elsewhere");
    appliance.rest(60).unwrap();
    assert!(appliance.documents().unwrap().is_empty());
    for reason in ["symlink", "hard-link", "special-file", "directory"] {
        assert!(appliance.log().contains(&format!("reason={reason}")), "{reason}: {}", appliance.log());
    }
}

// B19: a corrupted transfer is one of content; the same bytes twice are recorded calmly.
#[test]
fn the_same_bytes_twice_are_recorded_as_a_duplicate() {
    let appliance = Appliance::usual().unwrap();
    let slip = corpus::slip(7).bytes;
    appliance.drop_in("fax", "one.png", &slip).unwrap();
    appliance.rest(120).unwrap();
    appliance.drop_in("fax", "two.png", &slip).unwrap();
    appliance.rest(120).unwrap();
    let documents = appliance.documents().unwrap();
    assert_eq!(documents.len(), 2);
    let twin = documents.iter().find(|doc| !doc["duplicate_of"].is_null()).unwrap();
    assert_eq!((twin["state"].as_str(), twin["reason"].as_str()), (Some("rejected"), Some("duplicate")));
    assert_eq!(
        fs::read_dir(appliance.inbox("fax")).unwrap().flatten().filter(|e| e.path().is_file()).count(),
        0
    );
}

// A26, B9: the sidecar gives the six fields, and no flag that skips a check; one it does not know is refused, and a person can let it go on.
#[test]
fn an_unknown_field_in_a_sidecar_stops_the_document_until_it_is_released() {
    let appliance = Appliance::usual().unwrap();
    let inbox = appliance.inbox("fax");
    fs::write(inbox.join("slip.png.json"), br#"{"expected-type": "prescription", "skip-checks": true}"#)
        .unwrap();
    appliance.drop_in("fax", "slip.png", &corpus::slip(3).bytes).unwrap();
    appliance.rest(120).unwrap();
    let doc = appliance.documents().unwrap().remove(0);
    assert_eq!(doc["reason"], "bad-sidecar", "{doc}");
    let id = doc["id"].as_str().unwrap();
    assert_eq!(appliance.ctl(&["release", id]).unwrap().code, 0);
    appliance.rest(120).unwrap();
    assert_ne!(appliance.json(&["doc", "show", id]).unwrap()["reason"], "bad-sidecar");
}

// A53: below the floor nothing is claimed; the files wait where they are and nothing is lost.
#[test]
fn a_full_disk_leaves_files_in_the_inbox() {
    let plan = Plan::default().edit("[site]", "[space]\nfloor-bytes = 1000000000000000\n\n[site]");
    let appliance = plan.start().unwrap();
    appliance.drop_in("fax", "slip.png", &corpus::slip(5).bytes).unwrap();
    let waited = appliance.ctl(&["wait", "--all", "--timeout", "3"]).unwrap();
    assert_eq!(waited.code, 75, "{}", waited.stderr);
    assert!(appliance.inbox("fax").join("slip.png").exists());
    assert!(appliance.log().contains("reason=disk-full"), "{}", appliance.log());
    assert_eq!(appliance.ctl(&["doctor"]).unwrap().code, 6, "the doctor says so");
    let slip = appliance.home.join("slip.png");
    fs::write(&slip, corpus::slip(6).bytes).unwrap();
    let sent = appliance.ctl(&["submit", "--source", "partner", &slip.to_string_lossy()]).unwrap();
    assert_eq!(sent.code, 75, "an upload is told to try again: {}", sent.stderr);
}

// B10: an unknown key is an error with its place, never a silent default.
#[test]
fn an_unknown_configuration_key_keeps_the_daemon_from_starting() {
    let mut appliance = Plan::default().edit("[site]", "[site]\nskip-redaction = true").init().unwrap();
    appliance.spawn().unwrap();
    assert_eq!(appliance.wait_for_end().unwrap(), Some(78));
    assert!(appliance.log().contains("skip-redaction"), "{}", appliance.log());
    let config = appliance.home.join("lazaret.toml");
    assert_eq!(appliance.ctl(&["config", "check", &config.to_string_lossy()]).unwrap().code, 9);
}

// A41: no sandbox, no service: a worker that does not confine itself is not used.
#[test]
fn the_daemon_refuses_to_run_with_a_worker_that_is_not_confined() {
    let mut appliance = Plan::default().init().unwrap();
    let fake = appliance.home.join("fake-worker");
    fs::copy("/bin/cat", &fake).unwrap();
    let config = appliance.home.join("lazaret.toml");
    let text = fs::read_to_string(&config).unwrap();
    let line = text.lines().find(|line| line.starts_with("worker =")).unwrap().to_owned();
    fs::write(&config, text.replace(&line, &format!("worker = {:?}", fake.to_string_lossy()))).unwrap();
    appliance.spawn().unwrap();
    assert_eq!(appliance.wait_for_end().unwrap(), Some(78));
    assert!(appliance.log().contains("sandbox"), "{}", appliance.log());
}
