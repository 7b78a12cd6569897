//! Sealed blobs as an attacker with write access to the disk would like them to be.
#![allow(clippy::unwrap_used)]

mod kit;

use kit::{Site, blob, doc, files, get, put, sample};
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use vault::{Area, Vault, VaultError, sha256};

const CHUNK: usize = 64 * 1024;
const HEADER: usize = 88;
const SEALED: usize = CHUNK + 16;

/// A blob of three chunks, the last one short.
fn three_chunks() -> (Site, Vault, std::path::PathBuf, Vec<u8>) {
    let site = Site::new();
    let vault = site.open();
    vault.new_document(doc(1)).unwrap();
    put(&vault, doc(1), Area::Original, blob(1), &sample(2 * CHUNK + 100));
    let file = site.blob_file(doc(1), Area::Original, blob(1));
    let sealed = fs::read(&file).unwrap();
    assert_eq!(sealed.len(), HEADER + 2 * SEALED + 116);
    (site, vault, file, sealed)
}

fn opens(vault: &Vault, file: &Path, bytes: &[u8]) -> Result<Vec<u8>, String> {
    fs::write(file, bytes).unwrap();
    get(vault, doc(1), Area::Original, blob(1))
}

#[test]
fn every_length_comes_back_with_its_hash() {
    // B28: separate hashes for original, derivative and text.
    let site = Site::new();
    let vault = site.open();
    vault.new_document(doc(1)).unwrap();
    for (i, bytes) in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7].into_iter().enumerate() {
        let plain = sample(bytes);
        let facts = put(&vault, doc(1), Area::Text, blob(i as u128), &plain);
        assert_eq!((facts.bytes, facts.sha256), (bytes as u64, sha256(&plain)));
        assert_eq!(get(&vault, doc(1), Area::Text, blob(i as u128)).unwrap(), plain);
    }
}

#[test]
fn any_page_can_be_read_without_those_before_it() {
    let (_site, vault, _, _) = three_chunks();
    let plain = sample(2 * CHUNK + 100);
    let mut reader = vault.reader(doc(1), Area::Original, blob(1)).unwrap();
    for start in [2 * CHUNK + 50, 0, CHUNK - 5, CHUNK, 2 * CHUNK + 100, 9 * CHUNK] {
        reader.seek(SeekFrom::Start(start as u64)).unwrap();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, plain.get(start..).unwrap_or_default());
    }
}

#[test]
fn nothing_on_disk_shows_what_was_sealed() {
    // A41: encryption at rest.
    let site = Site::new();
    let vault = site.open();
    vault.new_document(doc(1)).unwrap();
    put(&vault, doc(1), Area::Original, blob(1), b"Patient: Canary Q. Example, MRN 4711");
    let facts = vault.seal_facts(doc(1), "arrival", b"Canary.pdf").unwrap();
    assert!(!String::from_utf8_lossy(&facts).contains("Canary"));
    for file in files(&site.dir()) {
        assert!(!String::from_utf8_lossy(&fs::read(&file).unwrap()).contains("Canary"), "{}", file.display());
    }
}

#[test]
fn one_flipped_bit_anywhere_is_noticed() {
    // B29: was it altered?
    let (_site, vault, file, sealed) = three_chunks();
    let in_header = 0..HEADER;
    let tags = [HEADER + CHUNK, HEADER + SEALED - 1, HEADER + SEALED, sealed.len() - 1];
    let everywhere = (HEADER..sealed.len()).step_by(311);
    for at in in_header.chain(tags).chain(everywhere) {
        let mut changed = sealed.clone();
        changed[at] ^= 1 << (at % 8);
        let refusal = opens(&vault, &file, &changed).unwrap_err();
        assert!(refusal.contains("not as it was sealed"), "byte {at}: {refusal}");
    }
    opens(&vault, &file, &sealed).unwrap();
}

#[test]
fn cutting_and_extending_are_noticed_before_the_first_byte_is_handed_out() {
    let (_site, vault, file, sealed) = three_chunks();
    let cuts =
        [0, 1, HEADER - 1, HEADER, HEADER + 16, HEADER + SEALED, HEADER + 2 * SEALED, sealed.len() - 1];
    for length in cuts {
        fs::write(&file, &sealed[..length]).unwrap();
        let refusal = vault.reader(doc(1), Area::Original, blob(1)).err().unwrap();
        assert!(matches!(refusal, VaultError::Tampered { .. }), "{length}: {refusal}");
    }
    for more in [1, 16, 17, SEALED] {
        let longer = [sealed.as_slice(), &vec![0; more]].concat();
        assert!(opens(&vault, &file, &longer).is_err(), "{more}");
    }
}

#[test]
fn chunks_cannot_change_places() {
    let (_site, vault, file, sealed) = three_chunks();
    let chunk = |i: usize| &sealed[HEADER + i * SEALED..sealed.len().min(HEADER + (i + 1) * SEALED)];
    let swapped = [&sealed[..HEADER], chunk(1), chunk(0), chunk(2)].concat();
    let repeated = [&sealed[..HEADER], chunk(0), chunk(0), chunk(2)].concat();
    let dropped = [&sealed[..HEADER], chunk(1), chunk(2)].concat();
    for other in [swapped, repeated, dropped] {
        assert!(opens(&vault, &file, &other).unwrap_err().contains("not as it was sealed"));
    }
}

#[test]
fn a_blob_in_the_place_of_another_does_not_open() {
    // B38: original, derivative and text stay distinct. A41: what belongs to one document never
    // shows up in another.
    let site = Site::new();
    let vault = site.open();
    vault.new_document(doc(1)).unwrap();
    vault.new_document(doc(2)).unwrap();
    let places = [
        (doc(1), Area::Original, blob(1)),
        (doc(1), Area::Original, blob(2)),
        (doc(1), Area::Redacted, blob(1)),
        (doc(2), Area::Original, blob(1)),
    ];
    for (doc, area, blob) in places {
        put(&vault, doc, area, blob, b"same words");
    }
    let (home, strangers) = places.split_first().unwrap();
    let sealed = fs::read(site.blob_file(home.0, home.1, home.2)).unwrap();
    for (doc, area, blob) in strangers {
        let theirs = site.blob_file(*doc, *area, *blob);
        // Once as it is, once with the header of the blob whose place it takes.
        let own = fs::read(&theirs).unwrap();
        for forged in [sealed.clone(), [&own[..HEADER], &sealed[HEADER..]].concat()] {
            fs::write(&theirs, forged).unwrap();
            assert!(get(&vault, *doc, *area, *blob).unwrap_err().contains("not as it was sealed"));
        }
    }
}

#[test]
fn an_unfinished_blob_does_not_exist() {
    // B49: what failed never advances.
    let site = Site::new();
    let vault = site.open();
    vault.new_document(doc(1)).unwrap();
    let mut writer = vault.writer(doc(1), Area::Original, blob(1)).unwrap();
    writer.write_all(&sample(3 * CHUNK)).unwrap();
    assert!(matches!(vault.reader(doc(1), Area::Original, blob(1)), Err(VaultError::NoBlob { .. })));
    drop(writer);
    assert!(files(&site.doc_dir(doc(1))).is_empty());
}

#[test]
fn a_sweep_removes_what_a_crash_left_and_spares_what_is_being_written() {
    let site = Site::new();
    let vault = site.open();
    vault.new_document(doc(1)).unwrap();
    let mut crashed = vault.writer(doc(1), Area::Original, blob(1)).unwrap();
    crashed.write_all(&sample(CHUNK)).unwrap();
    std::mem::forget(crashed);
    drop(vault);
    fs::create_dir(site.doc_dir(doc(9))).unwrap();
    fs::write(site.blob_file(doc(9), Area::Text, blob(1)), b"no key opens this").unwrap();

    let vault = site.open();
    let mut alive = vault.writer(doc(1), Area::Original, blob(2)).unwrap();
    alive.write_all(b"alive").unwrap();
    let kept = vault.sweep(|_| false, || {}).unwrap();
    assert_eq!((kept.temporaries, kept.directories, kept.kept), (1, 0, 1));
    assert!(site.doc_dir(doc(9)).exists(), "a newer keystore may open it");
    assert_eq!(vault.keyless().unwrap(), [doc(9)]);
    let asked = std::cell::RefCell::new(Vec::new());
    let is_dead = |doc| {
        asked.borrow_mut().push(doc);
        true
    };
    let swept = vault.sweep(is_dead, || {}).unwrap();
    assert_eq!((swept.temporaries, swept.directories, swept.kept), (0, 1, 0));
    assert_eq!(asked.into_inner(), [doc(9)], "what has a key is not in question");
    assert!(vault.keyless().unwrap().is_empty());
    alive.finish().unwrap();
    assert_eq!(get(&vault, doc(1), Area::Original, blob(2)).unwrap(), b"alive");
    assert_eq!(files(&site.doc_dir(doc(1))).len(), 1);
    assert!(!site.doc_dir(doc(9)).exists());
}

#[test]
fn a_blob_is_never_overwritten_and_removing_one_that_is_gone_is_fine() {
    let site = Site::new();
    let vault = site.open();
    vault.new_document(doc(1)).unwrap();
    let mut first = vault.writer(doc(1), Area::Text, blob(1)).unwrap();
    assert!(vault.writer(doc(1), Area::Text, blob(1)).is_err(), "one writer for each blob");
    first.write_all(b"first").unwrap();
    first.finish().unwrap();
    assert!(matches!(vault.writer(doc(1), Area::Text, blob(1)), Err(VaultError::BlobExists { .. })));
    assert_eq!(get(&vault, doc(1), Area::Text, blob(1)).unwrap(), b"first");
    vault.remove(doc(1), Area::Text, blob(1)).unwrap();
    vault.remove(doc(1), Area::Text, blob(1)).unwrap();
    assert!(matches!(vault.reader(doc(1), Area::Text, blob(1)), Err(VaultError::NoBlob { .. })));
}

#[test]
fn a_document_without_a_key_has_no_blobs() {
    let site = Site::new();
    let vault = site.open();
    assert!(matches!(vault.writer(doc(1), Area::Text, blob(1)), Err(VaultError::NoKey { .. })));
    assert!(matches!(vault.reader(doc(1), Area::Text, blob(1)), Err(VaultError::NoKey { .. })));
}

#[test]
fn facts_open_for_their_document_and_purpose_only() {
    let site = Site::new();
    let vault = site.open();
    vault.new_document(doc(1)).unwrap();
    vault.new_document(doc(2)).unwrap();
    let sealed = vault.seal_facts(doc(1), "arrival", b"letter.pdf").unwrap();
    assert_eq!(vault.open_facts(doc(1), "arrival", &sealed).unwrap(), b"letter.pdf");
    assert!(vault.open_facts(doc(1), "text", &sealed).is_err());
    assert!(vault.open_facts(doc(2), "arrival", &sealed).is_err());
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 0x10;
        assert!(vault.open_facts(doc(1), "arrival", &changed).is_err(), "byte {at}");
        assert!(vault.open_facts(doc(1), "arrival", &sealed[..at]).is_err(), "cut at {at}");
    }
    assert!(vault.seal_facts(doc(1), "arrival", &vec![0; vault::FACTS_BYTES_MAX + 1]).is_err());
}
