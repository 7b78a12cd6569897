//! What a medium may hold that somebody prepared, and what a restore makes of it: nothing.
#![allow(clippy::unwrap_used)]

use super::{Folder, Place, Restore, restore};
use crate::{
    backup::folder::list_text,
    fail::{Exit, Failure},
    hex,
};
use ledger::{CHECKPOINT_LOG, Ledger, NewRecord};
use lifecycle::{Actor, Body, SystemEvent};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use types::{Digest, RunId, UnixMillis};
use vault::{Identity, MasterKey, Vault};

const AT: UnixMillis = UnixMillis(1_795_502_192_007);

/// A backup of an appliance without documents, and whoever could have signed it.
struct Medium {
    root: TempDir,
    run: RunId,
    vault: Vault,
}

impl Medium {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let vault = vault(&root.path().join("first"));
        let medium = Self { root, run: RunId::from_parts(AT, 7), vault };
        for sub in ["ledger", "blobs", "runs", "keys"] {
            fs::create_dir_all(medium.dir().join(sub)).unwrap();
        }
        let (one, other) = (Identity::generate(), Identity::generate());
        fs::write(medium.path("escrow.txt"), one.file_text().as_bytes()).unwrap();
        let escrow = medium.vault.escrow(&[one.recipient(), other.recipient()]).unwrap();
        fs::write(medium.folder().keys_file(medium.run), escrow.file).unwrap();
        let (mut ledger, _) = Ledger::open(&medium.dir().join("ledger")).unwrap();
        let event = SystemEvent::Restored { records: 0, documents: 0, dropped: 0 };
        ledger.append(vec![NewRecord { at: AT, by: Actor::Daemon, body: Body::System(event) }]).unwrap();
        drop(ledger);
        medium.sign(&medium.vault, &[]);
        medium
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn dir(&self) -> PathBuf {
        self.path("backup")
    }

    fn folder(&self) -> Folder {
        let dir = self.dir();
        let card =
            json!({"format": 1, "site": "st-anna", "verifying_key": Digest(self.vault.verifying_key())});
        if !dir.join("lazaret-backup.json").exists() {
            fs::write(dir.join("lazaret-backup.json"), card.to_string()).unwrap();
        }
        Folder::open(&self.place()).unwrap()
    }

    fn place(&self) -> Place {
        Place { dir: self.dir(), keys_dir: None }
    }

    /// Signs what lies in the folder, and names beside it that do not.
    fn sign(&self, signer: &Vault, more: &[(&str, Vec<u8>)]) {
        let folder = self.folder();
        let key = Digest(signer.verifying_key());
        let card = json!({"format": 1, "site": "st-anna", "verifying_key": key});
        fs::write(self.dir().join("lazaret-backup.json"), card.to_string()).unwrap();
        let report = ledger::verify(&folder.ledger()).unwrap();
        let mut files: Vec<Value> = Vec::new();
        let mut hashes = std::collections::BTreeMap::new();
        for entry in fs::read_dir(folder.ledger()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let bytes = fs::read(folder.ledger().join(&name)).unwrap();
            if ledger::is_segment_name(&name) {
                files.push(json!({"name": name, "bytes": bytes.len()}));
                hashes.insert(format!("ledger/{name}"), vault::sha256(&bytes));
            }
        }
        for (name, bytes) in more {
            files.push(json!({"name": name, "bytes": bytes.len()}));
            hashes.insert(format!("ledger/{name}"), vault::sha256(bytes));
        }
        let list = list_text(&hashes);
        let keys = fs::read(folder.keys_file(self.run)).unwrap();
        let manifest = json!({
            "format": 1, "site": "st-anna", "run": self.run, "verifying_key": key,
            "ledger": {"records": report.records, "tip": report.tip, "files": files},
            "keys": {"bytes": keys.len(), "sha256": vault::sha256(&keys), "until": "2027-01-01T00:00:00Z"},
            "files": {"list_sha256": vault::sha256(list.as_bytes()), "blobs": 0, "bytes": 0},
        })
        .to_string();
        let signed = [b"lazaret backup run v1\n", manifest.as_bytes()].concat();
        fs::write(folder.run_file(self.run, "sha256"), list).unwrap();
        fs::write(folder.run_file(self.run, "sig"), hex::encode(&signer.sign(&signed))).unwrap();
        fs::write(folder.run_file(self.run, "json"), manifest).unwrap();
    }

    fn restore(&self, to: &str) -> Result<(), Failure> {
        let what = Restore {
            place: self.place(),
            identity: self.path("escrow.txt"),
            settings: None,
            state: Some(self.path(to)),
            master_key_file: Some(self.path(&format!("{to}.key"))),
            keys: None,
            full: false,
            accept_missing: false,
        };
        restore(&what).map(drop)
    }

    /// What lies on the machine beside the medium.
    fn machine(&self) -> Vec<String> {
        let names = fs::read_dir(self.root.path()).unwrap();
        let mut names: Vec<_> = names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn vault(dir: &Path) -> Vault {
    let key = dir.with_extension("key");
    MasterKey::generate_file(&key).unwrap();
    let master = MasterKey::from_file(&key).unwrap();
    Vault::create(dir, &master, || AT).unwrap();
    Vault::open(dir, &master, || AT).unwrap()
}

#[test]
fn a_manifest_that_names_files_elsewhere_is_refused_whoever_signed_it() {
    let medium = Medium::new();
    medium.restore("good").unwrap();
    let before = medium.machine();
    for name in
        ["../../planted", "../planted", "/tmp/planted", "planted", "checkpoints.log/../../planted", ""]
    {
        // Where the name leads from the folder of the medium there is something to copy.
        fs::write(medium.dir().join("planted"), b"* * * * * root true\n").unwrap();
        medium.sign(&medium.vault, &[(name, b"* * * * * root true\n".to_vec())]);
        let refused = medium.restore("state").unwrap_err();
        assert_eq!(refused.exit, Exit::Findings, "{name}: {refused}");
        assert!(refused.to_string().contains(&format!("{}.json", medium.run)), "{refused}");
        assert_eq!(medium.machine(), before, "{name}: nothing was made");
    }
    fs::write(medium.dir().join("ledger").join(CHECKPOINT_LOG), b"").unwrap();
    medium.sign(&medium.vault, &[(CHECKPOINT_LOG, Vec::new())]);
    medium.restore("state").unwrap();
}

#[test]
fn a_ledger_that_another_key_signed_is_refused() {
    let medium = Medium::new();
    let before = medium.machine();
    let (_elsewhere, stranger) = {
        let root = tempfile::tempdir().unwrap();
        let vault = vault(&root.path().join("vault"));
        (root, vault)
    };
    medium.sign(&stranger, &[]);
    let refused = medium.restore("state").unwrap_err();
    assert_eq!(refused.exit, Exit::Findings);
    assert!(refused.to_string().contains("that of another"), "{refused}");
    assert_eq!(medium.machine(), before, "nothing was made");
}

#[test]
fn no_link_of_the_medium_is_followed() {
    let medium = Medium::new();
    let files = fs::read_dir(medium.folder().ledger()).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let segment = files.find(|file| file.extension().is_some_and(|end| end == "seg")).unwrap();
    let run = |ending: &str| medium.folder().run_file(medium.run, ending);
    let card = medium.dir().join("lazaret-backup.json");
    let places =
        [segment, run("json"), run("sig"), run("sha256"), medium.folder().keys_file(medium.run), card];
    for (number, place) in places.iter().enumerate() {
        let aside = medium.path("aside");
        fs::rename(place, &aside).unwrap();
        symlink(&aside, place).unwrap();
        let refused = medium.restore(&format!("state-{number}")).unwrap_err();
        assert_eq!(refused.exit, Exit::Findings, "{}: {refused}", place.display());
        assert!(refused.to_string().contains("expected a regular file"), "{refused}");
        fs::rename(&aside, place).unwrap();
    }
    medium.restore("state").unwrap();
}
