//! Who may do what, over real mTLS and the real socket.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::text;
use kit::{Appliance, Plan};
use std::{fs, path::PathBuf, process::Command};

/// A client configuration of this client of the private appliance.
fn client(appliance: &Appliance, name: &str) -> PathBuf {
    let admin = fs::read_to_string(appliance.home.join("ctl.toml")).unwrap();
    let file = appliance.home.join(format!("ctl-{name}.toml"));
    fs::write(&file, admin.replace("admin.", &format!("{name}."))).unwrap();
    file
}

fn delivered(appliance: &Appliance) -> String {
    appliance.drop_in("fax", "slip.png", &corpus::slip(31).bytes).unwrap();
    appliance.rest(120).unwrap();
    text(&appliance.documents().unwrap()[0], "id").to_owned()
}

// B30, B31, B1: each step is authorised, by default nothing is allowed. A19, B28: original and text need a
// scope of their own. B63: the gateway that brings documents cannot read them.
#[test]
fn scopes_are_enforced_and_refusals_are_audited() {
    let appliance = Appliance::usual().unwrap();
    let id = delivered(&appliance);
    let gateway = client(&appliance, "gateway");
    for verb in [
        &["doc", "words", &id][..],
        &["doc", "text", &id],
        &["review", "list"],
        &["hold", &id, "x"],
        &["retention", "run"],
        &["ledger", "verify"],
    ] {
        let refused = appliance.ctl_with(&gateway, verb).unwrap();
        assert_eq!(refused.code, 4, "{verb:?}: {}", refused.stderr);
    }
    let slip = appliance.home.join("mine.png");
    fs::write(&slip, corpus::slip(32).bytes).unwrap();
    let sent =
        appliance.ctl_with(&gateway, &["submit", "--source", "partner", &slip.to_string_lossy()]).unwrap();
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    for verb in [&["doc", "words", &id][..], &["doc", "text", &id]] {
        assert_eq!(appliance.ctl(verb).unwrap().code, 0);
    }
    let ledger = appliance::files_under(&appliance.home.join("state/ledger")).unwrap();
    let written: String =
        ledger.iter().map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned()).collect();
    assert!(written.contains("denied"), "refusals are in the ledger");
    assert!(written.contains("\"text\""), "readings are in the ledger");
}

// A41, B51: a certificate of another authority, none at all, or a revoked one opens nothing.
#[test]
fn a_wrong_or_revoked_certificate_opens_nothing() {
    let appliance = Appliance::usual().unwrap();
    let stranger = Plan::default().init().unwrap();
    let mut config = fs::read_to_string(appliance.home.join("ctl.toml")).unwrap();
    for line in
        config.clone().lines().filter(|line| line.starts_with("certificate") || line.starts_with("key"))
    {
        let theirs = line.replace(&*appliance.home.to_string_lossy(), &stranger.home.to_string_lossy());
        let theirs = if theirs == line {
            line.replace("= \"", &format!("= \"{}/", stranger.home.display()))
        } else {
            theirs
        };
        config = config.replace(line, &theirs);
    }
    let file = appliance.home.join("ctl-stranger.toml");
    fs::write(&file, config).unwrap();
    let refused = appliance.ctl_with(&file, &["status"]).unwrap();
    assert!([4, 7].contains(&refused.code), "exit {}: {}", refused.code, refused.stderr);

    let gateway = client(&appliance, "gateway");
    assert_eq!(appliance.ctl_with(&gateway, &["doc", "list"]).unwrap().code, 4, "known, but not allowed");
    let home = appliance.home.to_string_lossy().into_owned();
    assert_eq!(appliance.ctl(&["pki", "revoke", "gateway", "--dir", &home]).unwrap().code, 0);
    appliance.signal("HUP").unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let slip = appliance.home.join("late.png");
    fs::write(&slip, corpus::slip(33).bytes).unwrap();
    let late =
        appliance.ctl_with(&gateway, &["submit", "--source", "partner", &slip.to_string_lossy()]).unwrap();
    assert!([4, 7].contains(&late.code), "exit {}: {}", late.code, late.stderr);
}

// Design: local root over the Unix socket is an admin, audited, and still cannot read originals.
#[test]
fn local_root_runs_the_appliance_but_does_not_read_documents() {
    let appliance = Appliance::usual().unwrap();
    let id = delivered(&appliance);
    let config = fs::read_to_string(appliance.home.join("lazaret.toml")).unwrap();
    let line = config.lines().find(|line| line.starts_with("socket")).unwrap();
    let socket = line.split('"').nth(1).unwrap();
    let socket = appliance.home.join(socket);
    let file = appliance.home.join("ctl-local.toml");
    fs::write(&file, format!("endpoint = \"unix:{}\"\n", socket.display())).unwrap();
    assert_eq!(appliance.ctl_with(&file, &["status"]).unwrap().code, 0);
    assert_eq!(appliance.ctl_with(&file, &["doc", "text", &id]).unwrap().code, 4);
    let mode = Command::new("stat").args(["-c", "%a"]).arg(&socket).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&mode.stdout).trim(), "600");
}

// Contract: 7 when nobody answers, 2 for a usage error.
#[test]
fn exit_codes_say_what_happened() {
    let appliance = Plan::default().init().unwrap();
    assert_eq!(appliance.ctl(&["status"]).unwrap().code, 7);
    assert_eq!(appliance.ctl(&["no-such-verb"]).unwrap().code, 2);
}
