//! What `init` leaves is what the daemon reads.

#![allow(clippy::unwrap_used)]

use super::*;
use std::os::unix::fs::PermissionsExt as _;
use types::Scope;

fn made() -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("appliance");
    let what = Init {
        dir: dir.clone(),
        site: "north".parse().unwrap(),
        port: 17_443,
        worker: Some("/usr/bin/true".into()),
        tessdata: "/usr/share".into(),
        settle_ms: 500,
    };
    run(&what).unwrap();
    (outer, dir)
}

fn every_file(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(every_file(&path));
        }
        found.push(path);
    }
    found
}

#[test]
fn init_leaves_a_configuration_that_the_daemon_accepts() {
    let (_outer, dir) = made();
    let settings = config::load(&dir.join("lazaret.toml")).unwrap();
    assert_eq!(settings.site.as_str(), "north");
    assert_eq!(settings.listen.socket, dir.join("run/ctl.sock"));
    let names: Vec<&str> = settings.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, SOURCES);
    assert_eq!(settings.sources[0].folder, Some(dir.join("inbox/fax")));
    assert_eq!(settings.sources[0].settle_ms, 500);
    for path in [
        &settings.tls.certificate,
        &settings.tls.key,
        &settings.tls.client_ca,
        settings.tls.crl.as_ref().unwrap(),
    ] {
        assert!(path.is_file(), "{}", path.display());
    }
    assert_eq!(fs::read(settings.keys.master_key_file.unwrap()).unwrap().len(), 32);
    let check = crate::check::Config::Check { file: dir.join("lazaret.toml") };
    crate::check::config(&check).unwrap();
}

#[test]
fn nobody_else_can_read_a_private_appliance() {
    // A41: "least privilege"
    let (_outer, dir) = made();
    for path in every_file(&dir) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
    assert_eq!(fs::metadata(dir.join("master.key")).unwrap().permissions().mode() & 0o777, 0o400);
}

#[test]
fn the_three_clients_have_different_rights() {
    // B31: scopes `document:upload`, `document:read:redacted`, `document:read:original`, ...
    let roles = Roles::parse(&roles()).unwrap();
    let scopes = |name: &str| roles.scopes_of(&name.parse().unwrap());
    assert_eq!(scopes("admin").len(), Scope::ALL.len());
    assert_eq!(scopes("gateway"), [Scope::Upload].into());
    assert!(scopes("clerk").contains(&Scope::Review));
    assert!(!scopes("clerk").contains(&Scope::Admin));
    assert!(scopes("stranger").is_empty());
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let (_outer, dir) = made();
    let key = fs::read(dir.join("master.key")).unwrap();
    let again = Init {
        dir: dir.clone(),
        site: "north".parse().unwrap(),
        port: 1,
        worker: None,
        tessdata: "/".into(),
        settle_ms: 0,
    };
    assert_eq!(run(&again).unwrap_err().exit as u8, 5);
    assert_eq!(fs::read(dir.join("master.key")).unwrap(), key);
}

#[test]
fn a_revoked_client_stays_revoked_and_a_new_certificate_is_another() {
    // B12: "machine certificates and per-person certificates"
    let (_outer, dir) = made();
    let name: Label = "gateway".parse().unwrap();
    let before = fs::read(dir.join("pki/ca.crl")).unwrap();
    assert_eq!(Authority::open(&dir.join("pki")).unwrap().revoke(&name).unwrap(), 1);
    let after = fs::read(dir.join("pki/ca.crl")).unwrap();
    assert_ne!(before, after);
    assert_eq!(Authority::open(&dir.join("pki")).unwrap().revoke(&name).unwrap(), 0);

    let old = fs::read(dir.join("clients/gateway.crt")).unwrap();
    let mut authority = Authority::open(&dir.join("pki")).unwrap();
    hand_out(&mut authority, &dir, &name, 30, "https://127.0.0.1:17443").unwrap();
    assert_ne!(fs::read(dir.join("clients/gateway.crt")).unwrap(), old);
    assert_eq!(authority.revoke(&name).unwrap(), 1);
}

#[test]
fn each_client_file_names_files_that_exist() {
    let (_outer, dir) = made();
    for file in [dir.join("ctl.toml"), dir.join("clients/gateway.toml"), dir.join("clients/clerk.toml")] {
        let text = fs::read_to_string(&file).unwrap();
        let values = text.lines().filter_map(|line| line.split('"').nth(1));
        let (endpoint, paths): (Vec<_>, Vec<_>) = values.partition(|value| value.starts_with("https://"));
        assert_eq!(endpoint, ["https://127.0.0.1:17443"]);
        assert_eq!(paths.len(), 3);
        for path in paths {
            assert!(file.with_file_name(path).is_file(), "{path} in {}", file.display());
        }
    }
}
