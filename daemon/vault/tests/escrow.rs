//! The escrow of keys and the copy of sealed blobs: what a backup is made of.
#![allow(clippy::unwrap_used)]

mod kit;

use kit::{Site, blob, doc, get, parts, put, sample, whole};
use std::fs::File;
use std::path::Path;
use types::UnixMillis;
use vault::{
    Area, BlobName, Identity, MasterKey, OpenedEscrow, Recipient, Vault, VaultError, place_sealed,
    settle_sealed,
};

const AT: UnixMillis = UnixMillis(1_795_502_192_007);

fn two() -> (Identity, Vec<Recipient>) {
    let (first, second) = (Identity::generate(), Identity::generate());
    let recipients = vec![first.recipient(), second.recipient()];
    (second, recipients)
}

fn copy_blobs(from: &Vault, to: &Path, docs: &[u128]) {
    for number in docs {
        for (name, file_bytes) in from.blobs(doc(*number)).unwrap() {
            let (bytes, _) = place_sealed(to, name, &mut from.open_ciphertext(name).unwrap()).unwrap();
            assert_eq!(bytes, file_bytes);
        }
        settle_sealed(to, doc(*number)).unwrap();
    }
}

/// A new machine: a folder and a master key of its own.
fn elsewhere() -> (tempfile::TempDir, std::path::PathBuf, MasterKey) {
    let root = tempfile::tempdir().unwrap();
    let key = root.path().join("master.key");
    MasterKey::generate_file(&key).unwrap();
    let (dir, master) = (root.path().join("vault"), MasterKey::from_file(&key).unwrap());
    (root, dir, master)
}

#[test]
fn a_vault_is_made_again_on_another_machine_with_one_escrow_key_alone() {
    // B54: "restore on a fresh machine with only an escrow key"; A46: what was destroyed before stays so.
    let site = Site::new();
    let vault = site.open();
    for number in 1..=4 {
        vault.new_document(doc(number)).unwrap();
        put(&vault, doc(number), Area::Original, blob(number), &sample(100_000 + number as usize));
        put(&vault, doc(number), Area::Text, blob(number), &sample(9));
    }
    let facts = vault.seal_facts(doc(1), "arrival", b"facts").unwrap();
    vault.destroy(&[whole(doc(3)), parts(doc(4), &[Area::Original])]).unwrap();
    let (identity, recipients) = two();
    let escrow = vault.escrow(&recipients).unwrap();
    assert_eq!(escrow.documents, [doc(1), doc(2), doc(4)]);

    let (_root, dir, master) = elsewhere();
    let opened = OpenedEscrow::open(&identity, &escrow.file).unwrap();
    let restored = opened.restore(&dir, &master, AT, |id| id != doc(2)).unwrap();
    assert_eq!((restored.documents, restored.dropped), (vec![doc(1), doc(4)], 1));
    copy_blobs(&vault, &dir, &[1, 2, 4]);
    let again = Vault::open(&dir, &master, || AT).unwrap();
    assert_eq!(get(&again, doc(1), Area::Original, blob(1)).unwrap(), sample(100_001));
    assert_eq!(again.open_facts(doc(1), "arrival", &facts).unwrap(), b"facts");
    assert_eq!(get(&again, doc(4), Area::Text, blob(4)).unwrap(), sample(9));
    assert!(get(&again, doc(4), Area::Original, blob(4)).is_err());
    assert!(get(&again, doc(2), Area::Original, blob(2)).is_err());
    assert_eq!(again.keyed_digest("x", &[b"y"]), vault.keyed_digest("x", &[b"y"]));
    assert_eq!(again.verifying_key(), vault.verifying_key());
    assert_eq!(opened.verifying_key().unwrap().0, vault.verifying_key());
    assert_ne!(again.status().master_key_id, vault.status().master_key_id);
    // It lives on: a new document, a destruction, a restart.
    again.new_document(doc(9)).unwrap();
    put(&again, doc(9), Area::Original, blob(9), b"new");
    again.destroy(&[whole(doc(1))]).unwrap();
    drop(again);
    let again = Vault::open(&dir, &master, || AT).unwrap();
    assert_eq!(get(&again, doc(9), Area::Original, blob(9)).unwrap(), b"new");
    assert!(!again.knows(doc(1)));
}

#[test]
fn who_opens_an_escrow_signs_no_checkpoint_of_the_appliance() {
    // "whoever takes the machine today cannot re-sign yesterday": nor whoever takes a safe next year.
    let site = Site::new();
    let vault = site.open();
    let (identity, recipients) = two();
    let escrow = vault.escrow(&recipients).unwrap();
    let (_root, dir, master) = elsewhere();
    OpenedEscrow::open(&identity, &escrow.file).unwrap().restore(&dir, &master, AT, |_| true).unwrap();
    let restored = Vault::open(&dir, &master, || AT).unwrap();
    let first = vault.checkpoint_keys();
    let theirs = [first.current, first.next];
    for _ in 0..3 {
        let keys = restored.checkpoint_keys();
        assert!(!theirs.contains(&keys.current) && !theirs.contains(&keys.next));
        restored.rotate_checkpoint_key().unwrap();
    }
}

#[test]
fn an_escrow_needs_two_recipients_opens_for_no_stranger_and_overwrites_no_vault() {
    // B54: "to at least two escrow recipients"
    let site = Site::new();
    let vault = site.open();
    let (identity, recipients) = two();
    let one = [recipients[0], recipients[0]];
    assert!(matches!(vault.escrow(&one), Err(VaultError::FewRecipients { found: 1, min: 2 })));
    let escrow = vault.escrow(&recipients).unwrap();
    let stranger = OpenedEscrow::open(&Identity::generate(), &escrow.file);
    assert!(matches!(stranger, Err(VaultError::WrongIdentity)));
    let opened = OpenedEscrow::open(&identity, &escrow.file).unwrap();
    drop(vault);
    let there = opened.restore(&site.dir(), &site.master(), AT, |_| true);
    assert!(matches!(there, Err(VaultError::NotEmpty { .. })));
}

#[test]
fn only_names_of_blobs_are_names_of_blobs() {
    let name = BlobName { doc: doc(u128::MAX / 3), area: Area::Redacted, blob: blob(u128::MAX / 5) };
    let text = name.to_string();
    assert_eq!(text.parse::<BlobName>().unwrap(), name);
    let (id, file) = text.split_once('/').unwrap();
    for wrong in [
        format!("{id}/../{file}"),
        format!("/{text}"),
        format!("./{text}"),
        format!("{text}/"),
        text.to_lowercase(),
        format!("{id}/.tmp-{file}"),
        format!("{id}/master.key"),
        "../root".to_owned(),
        String::new(),
    ] {
        assert!(wrong.parse::<BlobName>().is_err(), "{wrong}");
    }
}

#[test]
fn what_is_copied_is_ciphertext() {
    let site = Site::new();
    let vault = site.open();
    vault.new_document(doc(1)).unwrap();
    put(&vault, doc(1), Area::Original, blob(1), &[b'A'; 4096]);
    let name = BlobName { doc: doc(1), area: Area::Original, blob: blob(1) };
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut vault.open_ciphertext(name).unwrap() as &mut File, &mut bytes).unwrap();
    assert!(bytes.len() > 4096 && !bytes.windows(16).any(|part| part == [b'A'; 16]));
}
