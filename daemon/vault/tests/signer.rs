//! The keys of checkpoints: announced, rotated, and gone for good afterwards.
#![allow(clippy::unwrap_used)]

mod kit;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use kit::Site;
use std::fs::{self, File};
use std::io::Read;
use vault::{Vault, VaultError};

const SEEDS: std::ops::Range<usize> = 32..152;

fn signs_as(vault: &Vault, key: [u8; 32]) -> bool {
    let signature = vault.sign_checkpoint(b"text");
    UnparsedPublicKey::new(&ED25519, key).verify(b"text", &signature).is_ok()
}

#[test]
fn the_announced_key_follows_and_survives_the_process() {
    let site = Site::new();
    let vault = site.open();
    let first = vault.checkpoint_keys();
    assert_eq!(first.number, 1);
    assert!(signs_as(&vault, first.current) && !signs_as(&vault, first.next));
    vault.rotate_checkpoint_key().unwrap();
    let second = vault.checkpoint_keys();
    assert_eq!((second.number, second.current), (2, first.next));
    assert_ne!(second.next, first.current);
    assert!(signs_as(&vault, first.next));
    drop(vault);
    let vault = site.open();
    assert_eq!(vault.checkpoint_keys(), second);
    assert!(signs_as(&vault, first.next));
}

#[test]
fn the_old_key_is_wiped_from_the_disk() {
    // Forward security: whoever takes the machine today cannot sign for yesterday.
    let site = Site::new();
    let mut old = File::open(site.file("signer")).unwrap();
    site.open().rotate_checkpoint_key().unwrap();
    let mut bytes = Vec::new();
    old.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes[SEEDS], [0; 120]);
    assert!(!site.file("signer.retired").exists());
}

#[test]
fn a_crash_at_any_point_of_a_rotation_leaves_one_key_in_force() {
    let site = Site::new();
    let old = fs::read(site.file("signer")).unwrap();
    let before = site.open().checkpoint_keys();
    site.open().rotate_checkpoint_key().unwrap();
    let new = fs::read(site.file("signer")).unwrap();
    let after = site.open().checkpoint_keys();
    // The old file is the current one and has, or has not, its second name.
    for linked in [false, true] {
        fs::remove_file(site.file("signer")).unwrap();
        fs::write(site.file("signer"), &old).unwrap();
        fs::write(site.file(".tmp-signer"), &new[..50]).unwrap();
        if linked {
            fs::hard_link(site.file("signer"), site.file("signer.retired")).unwrap();
        }
        assert_eq!(site.open().checkpoint_keys(), before);
        assert!(!site.file("signer.retired").exists() && fs::read(site.file("signer")).unwrap() == old);
    }
    // The new file has taken its place; the old one is still there under its second name.
    fs::write(site.file("signer.retired"), &old).unwrap();
    fs::write(site.file("signer"), &new).unwrap();
    let mut retired = File::open(site.file("signer.retired")).unwrap();
    assert_eq!(site.open().checkpoint_keys(), after);
    let mut bytes = Vec::new();
    retired.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes[SEEDS], [0; 120]);
    assert!(!site.file("signer.retired").exists() && !site.file(".tmp-signer").exists());
    site.open().rotate_checkpoint_key().unwrap();
}

#[test]
fn damaged_and_exchanged_keys_are_refused() {
    let site = Site::new();
    let good = fs::read(site.file("signer")).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        fs::write(site.file("signer"), bad).unwrap();
        assert!(site.try_open().is_err(), "byte {at}");
    }
    fs::copy(Site::new().file("signer"), site.file("signer")).unwrap();
    assert!(matches!(site.try_open(), Err(VaultError::ForeignRoot { .. })), "keys of another vault");
}
