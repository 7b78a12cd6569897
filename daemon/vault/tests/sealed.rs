//! What is taken in while the vault is closed, and the passphrase that opens it.
#![allow(clippy::unwrap_used)]

mod kit;

use kit::{Site, clock, doc, sample};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use types::DocId;
use vault::{INTAKE_METADATA_BYTES_MAX, IntakeKey, MasterKey, Vault, VaultError, sha256};

const CHUNK: usize = 64 * 1024;

fn queue(site: &Site) -> PathBuf {
    let queue = site.dir().with_file_name("sealed");
    fs::create_dir_all(&queue).unwrap();
    queue
}

fn seal(site: &Site, doc: DocId, metadata: &[u8], plain: &[u8]) -> Vec<u8> {
    let queue = queue(site);
    let mut writer = IntakeKey::read(&site.dir()).unwrap().seal(doc, metadata, &queue).unwrap();
    writer.write_all(plain).unwrap();
    let facts = writer.finish().unwrap();
    let file = fs::read(queue.join(format!("{doc}.lz"))).unwrap();
    assert_eq!((facts.file_bytes, facts.sha256), (file.len() as u64, sha256(&file)));
    file
}

fn open(vault: &Vault, queue: &Path, doc: DocId) -> Result<(Vec<u8>, Vec<u8>), String> {
    let mut reader = vault.open_sealed(doc, queue).map_err(|error| error.to_string())?;
    let mut plain = Vec::new();
    reader.read_to_end(&mut plain).map_err(|error| error.to_string())?;
    Ok((reader.metadata.to_vec(), plain))
}

#[test]
fn every_length_comes_back_once_the_vault_is_open() {
    let site = Site::new();
    let lengths = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7];
    for (i, bytes) in lengths.into_iter().enumerate() {
        seal(&site, doc(i as u128), format!("file {i}").as_bytes(), &sample(bytes));
    }
    let vault = site.open();
    for (i, bytes) in lengths.into_iter().enumerate() {
        let opened = open(&vault, &queue(&site), doc(i as u128)).unwrap();
        assert_eq!(opened, (format!("file {i}").into_bytes(), sample(bytes)));
    }
}

#[test]
fn nothing_in_a_sealed_file_shows_what_it_holds_and_no_bit_of_it_can_be_changed() {
    // A41: encryption at rest, also before anybody has opened the vault.
    let site = Site::new();
    let file = seal(&site, doc(1), b"Canary.pdf", b"Patient: Canary Q. Example");
    assert!(!String::from_utf8_lossy(&file).contains("Canary"));
    let (vault, queue) = (site.open(), queue(&site));
    let path = queue.join(format!("{}.lz", doc(1)));
    for bit in 0..file.len() * 8 {
        let mut changed = file.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, changed).unwrap();
        assert!(open(&vault, &queue, doc(1)).is_err(), "bit {bit}");
    }
    for cut in 0..file.len() {
        fs::write(&path, &file[..cut]).unwrap();
        assert!(open(&vault, &queue, doc(1)).is_err(), "cut at {cut}");
    }
    // In the place of another, and at another site.
    fs::write(queue.join(format!("{}.lz", doc(2))), &file).unwrap();
    assert!(open(&vault, &queue, doc(2)).is_err());
    fs::write(&path, &file).unwrap();
    assert!(open(&Site::new().open(), &queue, doc(1)).is_err());
    open(&vault, &queue, doc(1)).unwrap();
}

#[test]
fn the_same_file_twice_looks_different_and_takes_the_place_of_the_first() {
    let site = Site::new();
    let first = seal(&site, doc(1), b"a", b"same");
    assert_ne!(seal(&site, doc(1), b"a", b"same"), first, "sealed again after a crash");
    let vault = site.open();
    vault.rotate().unwrap();
    assert_eq!(open(&vault, &queue(&site), doc(1)).unwrap(), (b"a".to_vec(), b"same".to_vec()));
}

#[test]
fn an_unfinished_file_does_not_exist_and_metadata_is_bounded() {
    let site = Site::new();
    let key = IntakeKey::read(&site.dir()).unwrap();
    let mut writer = key.seal(doc(1), b"", &queue(&site)).unwrap();
    writer.write_all(&sample(2 * CHUNK)).unwrap();
    drop(writer);
    assert_eq!(kit::files(&queue(&site)), Vec::<PathBuf>::new());
    let max = INTAKE_METADATA_BYTES_MAX;
    assert!(key.seal(doc(1), &vec![0; max], &queue(&site)).is_ok());
    assert!(matches!(
        key.seal(doc(1), &vec![0; max + 1], &queue(&site)),
        Err(VaultError::FactsTooLong { .. })
    ));
}

#[test]
fn a_passphrase_opens_its_vault_and_no_other_does() {
    // A41: the key above all others may also be typed by a person.
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("vault");
    let key = |passphrase: &str| MasterKey::from_passphrase(&dir, passphrase.as_bytes());
    Vault::create(&dir, &key("correct horse battery").unwrap(), clock).unwrap();
    let id = Vault::open(&dir, &key("correct horse battery").unwrap(), clock).unwrap().status().master_key_id;
    assert_eq!(id, key("correct horse battery").unwrap().id(), "the salt is kept");
    let wrong = key("correct horse batterz").unwrap();
    assert!(matches!(Vault::fits(&dir, &wrong), Err(VaultError::WrongMasterKey { .. })));
    assert!(matches!(Vault::open(&dir, &wrong, clock), Err(VaultError::WrongMasterKey { .. })));
    // A salt that was lost is not replaced by another one, which would open nothing.
    fs::remove_file(dir.join("passphrase")).unwrap();
    let lost = MasterKey::from_passphrase(&dir, b"correct horse battery");
    assert!(matches!(lost, Err(VaultError::BadPassphraseFile { .. })));
    let dir = root.path().join("other");
    let key = |passphrase: &str| MasterKey::from_passphrase(&dir, passphrase.as_bytes());
    for (length, fits) in [(11, false), (12, true), (1024, true), (1025, false)] {
        assert_eq!(key(&"x".repeat(length)).is_ok(), fits, "{length}");
    }
}

#[test]
fn a_passphrase_file_that_asks_for_too_much_or_too_little_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("vault");
    let key = || MasterKey::from_passphrase(&dir, b"correct horse battery");
    key().unwrap();
    let file = dir.join("passphrase");
    let good = fs::read(&file).unwrap();
    assert_eq!(good[8..20], [0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1], "64 MiB, 3 passes, 1 lane");
    let edges =
        [(8, 19 * 1024, 19 * 1024 - 1), (8, 1 << 20, (1 << 20) + 1), (12, 1, 0), (12, 16, 17), (16, 4, 5)];
    for (at, accepted, refused) in edges {
        let mut changed = good.clone();
        // The dearest accepted costs are not paid in a test: only that the refusal begins right above.
        for (number, is_refused) in [(refused, true), (accepted, false)] {
            if !is_refused && number > 19 * 1024 {
                continue;
            }
            changed[at..at + 4].copy_from_slice(&u32::to_be_bytes(number));
            fs::write(&file, &changed).unwrap();
            assert_eq!(
                matches!(key(), Err(VaultError::BadPassphraseFile { .. })),
                is_refused,
                "{at} {number}"
            );
        }
    }
    fs::write(&file, &good[..good.len() - 1]).unwrap();
    assert!(matches!(key(), Err(VaultError::BadPassphraseFile { .. })));
}
