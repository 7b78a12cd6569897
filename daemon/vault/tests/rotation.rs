//! Keys above the documents are replaced while everything goes on, and a crash loses nothing.
#![allow(clippy::unwrap_used)]

mod kit;

use kit::{Site, blob, clock, copy, doc, get, parts, put};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use vault::{Area, MasterKey, Vault, VaultError};

/// A site with two documents, and another master key beside the first.
fn site_and_new_key() -> (Site, PathBuf) {
    let site = Site::new();
    let vault = site.open();
    for i in 1..=2 {
        vault.new_document(doc(i)).unwrap();
        put(&vault, doc(i), Area::Text, blob(i), &i.to_be_bytes());
        put(&vault, doc(i), Area::Review, blob(i), &i.to_be_bytes());
    }
    vault.destroy(&[parts(doc(2), &[Area::Review])]).unwrap();
    let new = site.key_file().with_file_name("new.key");
    MasterKey::generate_file(&new).unwrap();
    (site, new)
}

fn reads_all(vault: &Vault) -> bool {
    let reads = |i: u128, area| get(vault, doc(i), area, blob(i)).is_ok_and(|plain| plain == i.to_be_bytes());
    reads(1, Area::Text) && reads(2, Area::Text) && reads(1, Area::Review) && !reads(2, Area::Review)
}

fn opens_with(dir: &Path, key: &Path) -> bool {
    match Vault::open(dir, &MasterKey::from_file(key).unwrap(), clock) {
        Ok(vault) => reads_all(&vault),
        Err(VaultError::WrongMasterKey { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn after_a_rotation_only_the_new_master_key_opens_and_nothing_was_lost() {
    // A69: rotation. The signing key and keyed digests stay: they are what others know us by.
    let (site, new) = site_and_new_key();
    let vault = site.open();
    let before = vault.status();
    let (known, digest) = (vault.verifying_key(), vault.keyed_digest("content", &[b"x"]));
    let rotation = vault.rotate_master(MasterKey::from_file(&new).unwrap()).unwrap();
    assert_eq!(rotation.generation_before, before.generation);
    assert_eq!(rotation.generation_after, before.generation + 1);
    assert!(reads_all(&vault), "without stopping");
    vault.new_document(doc(3)).unwrap();
    put(&vault, doc(3), Area::Text, blob(3), b"born after it");
    let after = vault.status();
    assert_ne!(after.master_key_id, before.master_key_id);
    assert_eq!(after.master_key_id, MasterKey::from_file(&new).unwrap().id());
    assert_eq!(after.master_key_id.to_string().len(), 32);
    drop(vault);
    assert!(!opens_with(&site.dir(), &site.key_file()));
    assert!(opens_with(&site.dir(), &new));
    let vault = Vault::open(&site.dir(), &MasterKey::from_file(&new).unwrap(), clock).unwrap();
    assert_eq!((vault.verifying_key(), vault.keyed_digest("content", &[b"x"])), (known, digest));
    assert_eq!(get(&vault, doc(3), Area::Text, blob(3)).unwrap(), b"born after it");
}

#[test]
fn the_same_master_key_gets_a_new_root_key_and_the_old_bytes_are_gone() {
    let (site, _) = site_and_new_key();
    let vault = site.open();
    let mut old: Vec<File> =
        ["root", "site", "keystore"].iter().map(|name| File::open(site.file(name)).unwrap()).collect();
    let root_id = |name: &str, at: usize| fs::read(site.file(name)).unwrap()[at..at + 16].to_vec();
    let before = root_id("keystore", 8);
    vault.rotate().unwrap();
    assert_ne!(root_id("keystore", 8), before);
    assert_eq!(root_id("keystore", 8), root_id("site", 8));
    assert_eq!(root_id("keystore", 8), root_id("root", 9));
    // Where the wrapped keys lay there are zeros now.
    for (file, keys) in old.iter_mut().zip([8..109, 24..204, 32..92]) {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert!(bytes[keys].iter().all(|byte| *byte == 0));
    }
    for name in ["root", "site", "keystore"] {
        assert!(!site.file(&format!("{name}.retired")).exists());
    }
    vault.rotate().unwrap();
    drop(vault);
    assert!(opens_with(&site.dir(), &site.key_file()));
}

/// What the directory holds after each step of a rotation, made of what it held before and after.
fn crash_points(site: &Site, new: &Path) -> Vec<(&'static str, PathBuf)> {
    let at = |name: &str| site.dir().with_file_name(name);
    copy(&site.dir(), &at("before"));
    // The middle of a rotation is made by one that fails: the site's file cannot be replaced while its
    // temporary name is taken by a directory.
    let vault = site.open();
    fs::create_dir(site.file(".tmp-site")).unwrap();
    let failed = vault.rotate_master(MasterKey::from_file(new).unwrap());
    assert!(failed.is_err());
    assert!(reads_all(&vault), "a rotation that failed takes nothing away");
    fs::remove_dir(site.file(".tmp-site")).unwrap();
    copy(&site.dir(), &at("keystore moved"));
    vault.rotate_master(MasterKey::from_file(new).unwrap()).unwrap();
    assert!(reads_all(&vault));
    drop(vault);
    copy(&site.dir(), &at("after"));
    let mix = |name: &str, parts: &[(&str, &str)]| {
        copy(&at("before"), &at(name));
        for (file, from) in parts {
            fs::copy(at(from).join(file), at(name).join(file)).unwrap();
        }
    };
    mix("both roots", &[("root", "keystore moved")]);
    let middle = "keystore moved";
    mix(
        "site moved",
        &[("root", middle), ("keystore", "after"), ("keystore.journal", "after"), ("site", "after")],
    );
    mix("keystore without journal", &[("root", middle), ("keystore", middle)]);
    fs::copy(at("before").join("keystore"), at("keystore without journal").join("keystore.retired")).unwrap();
    copy(&at("site moved"), &at("retired site"));
    fs::copy(at("before").join("site"), at("retired site").join("site.retired")).unwrap();
    ["both roots", "keystore without journal", "keystore moved", "site moved", "retired site"]
        .map(|name| (name, at(name)))
        .to_vec()
}

#[test]
fn a_crash_at_any_point_of_a_rotation_leaves_a_vault_that_opens_with_either_key_and_then_with_one() {
    let (site, new) = site_and_new_key();
    for (step, crashed) in crash_points(&site, &new) {
        for (given, other) in [(&site.key_file(), &new), (&new, &site.key_file())] {
            let dir = crashed.with_file_name("trial");
            copy(&crashed, &dir);
            assert!(opens_with(&dir, given), "{step}");
            // Finished under the key that was given: the other one is out.
            assert_eq!(fs::read(dir.join("root")).unwrap().len(), 9 + 100, "{step}");
            assert!(!opens_with(&dir, other), "{step}");
            assert!(opens_with(&dir, given), "{step}");
            assert!(!dir.join("site.retired").exists() && !dir.join("keystore.retired").exists());
            fs::remove_dir_all(&dir).unwrap();
        }
    }
}

#[test]
fn files_of_different_rotations_are_not_mixed() {
    let (site, _) = site_and_new_key();
    for name in ["site", "keystore", "root"] {
        let old = fs::read(site.file(name)).unwrap();
        site.open().rotate().unwrap();
        let current = fs::read(site.file(name)).unwrap();
        fs::write(site.file(name), old).unwrap();
        let refusal = site.try_open().err().unwrap();
        assert!(matches!(refusal, VaultError::ForeignRoot { .. }), "{name}: {refusal}");
        fs::write(site.file(name), current).unwrap();
    }
}

#[test]
fn documents_are_born_and_destroyed_while_keys_rotate() {
    let (site, _) = site_and_new_key();
    let vault = site.open();
    std::thread::scope(|scope| {
        for thread in 1..=4u128 {
            let vault = &vault;
            scope.spawn(move || (0..40).for_each(|i| vault.new_document(doc(1000 * thread + i)).unwrap()));
        }
        scope.spawn(|| {
            for _ in 0..4 {
                vault.destroy(&[parts(doc(2), &[Area::Review])]).unwrap();
            }
        });
        for _ in 0..4 {
            vault.rotate().unwrap();
        }
    });
    drop(vault);
    let vault = site.open();
    assert!(reads_all(&vault));
    assert_eq!(vault.status().documents, 2 + 4 * 40);
    assert!(vault.documents().into_iter().all(|doc| vault.seal_facts(doc, "x", b"").is_ok()));
}

#[test]
fn new_keys_that_a_crash_left_half_written_are_overwritten_before_they_go() {
    // SP 800-88: what was being written may be under the keys that are in force, so its blocks must not stay.
    let site = Site::new();
    let names = [".tmp-keystore", ".tmp-root", ".tmp-site", ".tmp-signer", ".tmp-keystore.journal"];
    let leave = |name: &str| {
        fs::write(site.file(name), [0xAA; 70_000]).unwrap();
        File::open(site.file(name)).unwrap()
    };
    let is_wiped = |mut file: File| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        bytes == vec![0; 70_000]
    };
    let left = names.map(leave);
    let vault = site.open();
    for (name, file) in names.iter().zip(left) {
        assert!(!site.file(name).exists() && is_wiped(file), "{name} at a start");
    }
    // A full disk leaves them too, and the vault stays open.
    let left = names[..4].iter().map(|name| leave(name)).collect::<Vec<_>>();
    vault.rotate().unwrap();
    for (name, file) in names.iter().zip(left) {
        assert!(!site.file(name).exists() && is_wiped(file), "{name} while it is open");
    }
}
