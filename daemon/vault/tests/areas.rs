//! Areas of a document die one by one, and what died leaves evidence that nobody can open.
#![allow(clippy::unwrap_used)]

mod kit;

use kit::{Site, blob, clock, copy, doc, get, parts, put, sample, whole};
use std::fs;
use types::DocId;
use vault::{Area, SampleTrial, Vault, VaultError, sha256};

const JOURNAL_HEADER: usize = 20;
const FRAME: usize = 88;
const KEYSTORE_HEADER: usize = 116;
const CHUNK: usize = 64 * 1024;

/// Documents 1..=n with one blob in every area, and facts.
fn with_documents(n: u128) -> (Site, Vec<Vec<u8>>) {
    let site = Site::new();
    let vault = site.open();
    let facts = (1..=n).map(|i| {
        vault.new_document(doc(i)).unwrap();
        for area in Area::ALL {
            put(&vault, doc(i), area, blob(i), &plain(i, area));
        }
        vault.seal_facts(doc(i), "arrival", b"letter.pdf").unwrap()
    });
    let facts = facts.collect();
    (site, facts)
}

fn plain(i: u128, area: Area) -> Vec<u8> {
    format!("{i} {area}").into_bytes()
}

/// Areas of a document that read as they were written.
fn readable(vault: &Vault, i: u128) -> Vec<Area> {
    let reads = |area: &Area| get(vault, doc(i), *area, blob(i)).is_ok_and(|read| read == plain(i, *area));
    Area::ALL.into_iter().filter(reads).collect()
}

#[test]
fn a_destroyed_area_cannot_be_read_and_all_others_can() {
    // A45: five schedules; A46: verifiable deletion.
    let (site, facts) = with_documents(3);
    let vault = site.open();
    let before = vault.status().generation;
    let proof = vault.destroy(&[parts(doc(2), &[Area::Original, Area::Text])]).unwrap();
    assert_eq!((proof.generation_before, proof.generation_after), (before, before + 1));
    assert_eq!(proof.directories_left, 0);
    let left = [Area::Normalised, Area::Redacted, Area::Review];
    let check = |vault: &Vault| {
        assert_eq!(vault.documents(), [doc(1), doc(2), doc(3)]);
        assert_eq!(readable(vault, 2), left);
        assert_eq!(readable(vault, 1), Area::ALL);
        assert_eq!(readable(vault, 3), Area::ALL);
        assert_eq!(vault.open_facts(doc(2), "arrival", &facts[1]).unwrap(), b"letter.pdf");
        let gone = |area| Some(VaultError::AreaDestroyed { doc: doc(2), area }.to_string());
        for area in [Area::Original, Area::Text] {
            assert_eq!(vault.reader(doc(2), area, blob(2)).err().map(|e| e.to_string()), gone(area));
            assert_eq!(vault.writer(doc(2), area, blob(9)).err().map(|e| e.to_string()), gone(area));
            assert!(!site.blob_file(doc(2), area, blob(2)).exists());
        }
        for area in left {
            assert!(site.blob_file(doc(2), area, blob(2)).exists());
        }
    };
    check(&vault);
    drop(vault);
    let vault = site.open();
    check(&vault);
    // Again, another one, and one that is named twice: the rest stays.
    vault.destroy(&[parts(doc(2), &[Area::Original]), parts(doc(2), &[Area::Review])]).unwrap();
    assert_eq!(readable(&vault, 2), [Area::Normalised, Area::Redacted]);
    drop(vault);
    let vault = site.open();
    assert_eq!(readable(&vault, 2), [Area::Normalised, Area::Redacted]);
    vault.destroy(&[parts(doc(2), &[Area::Text]), whole(doc(2))]).unwrap();
    assert_eq!(vault.documents(), [doc(1), doc(3)]);
    assert!(!site.doc_dir(doc(2)).exists());
}

#[test]
fn copies_from_before_do_not_bring_a_destroyed_area_back() {
    // A46, B46: with every file as it was, the master key and the keys of now, nothing opens.
    let (site, _) = with_documents(2);
    let old = site.dir().with_file_name("old");
    copy(&site.dir(), &old);
    let old_journal = fs::read(old.join("keystore.journal")).unwrap();
    let vault = site.open();
    vault.portray(doc(2), Some(&[Area::Original])).unwrap();
    vault.destroy(&[parts(doc(2), &[Area::Original])]).unwrap();
    assert_eq!(vault.try_sample(doc(2)).unwrap().opened, 0);
    drop(vault);
    copy(&old.join("blobs"), &site.dir().join("blobs"));
    let journal = fs::read(site.file("keystore.journal")).unwrap();
    let vault = site.open();
    assert_eq!(readable(&vault, 2), [Area::Normalised, Area::Text, Area::Redacted, Area::Review]);
    drop(vault);

    // The old root seed, made to look like one of this generation: no key of this generation opens it.
    let mut frame = old_journal[JOURNAL_HEADER + FRAME..JOURNAL_HEADER + 2 * FRAME].to_vec();
    frame[4..12].copy_from_slice(&2u64.to_be_bytes());
    let crc = crc32c::crc32c(&frame[4..]);
    frame[..4].copy_from_slice(&crc.to_be_bytes());
    fs::write(site.file("keystore.journal"), [journal.as_slice(), &frame].concat()).unwrap();
    let vault = site.open();
    assert_eq!(readable(&vault, 2), []);
    drop(vault);

    // The old keystore file: older than the journal beside it.
    fs::write(site.file("keystore.journal"), &journal).unwrap();
    fs::copy(old.join("keystore"), site.file("keystore")).unwrap();
    assert!(matches!(site.try_open(), Err(VaultError::RolledBack { keystore: 1, journal: 2 })));
}

#[test]
fn what_is_left_of_a_document_costs_only_its_seeds() {
    let (site, _) = with_documents(2);
    let vault = site.open();
    vault.destroy(&[]).unwrap();
    let size = || fs::metadata(site.file("keystore")).unwrap().len() as usize;
    assert_eq!(size(), KEYSTORE_HEADER + 2 * 76 + 32, "a whole entry is 76 bytes");
    vault.destroy(&[parts(doc(1), &[Area::Original])]).unwrap();
    assert_eq!(size(), KEYSTORE_HEADER + 76 + (17 + 5 * 60) + 32);
    vault.destroy(&[parts(doc(1), &Area::ALL)]).unwrap();
    assert_eq!(size(), KEYSTORE_HEADER + 76 + (17 + 60) + 32, "facts die with the document only");
}

#[test]
fn a_damaged_keystore_of_parts_is_refused_at_every_bit() {
    let (site, _) = with_documents(2);
    site.open().destroy(&[parts(doc(1), &[Area::Original])]).unwrap();
    let good = fs::read(site.file("keystore")).unwrap();
    for bit in 0..good.len() * 8 {
        let mut damaged = good.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(site.file("keystore"), damaged).unwrap();
        assert!(site.try_open().is_err(), "bit {bit}");
    }
    fs::write(site.file("keystore"), good).unwrap();
    assert_eq!(readable(&site.open(), 2), Area::ALL);
}

#[test]
fn a_crash_at_any_point_of_an_areas_destruction_loses_no_other_key() {
    let (site, _) = with_documents(2);
    let at = |name: &str| site.dir().with_file_name(name);
    copy(&site.dir(), &at("before"));
    site.open().destroy(&[parts(doc(2), &[Area::Original])]).unwrap();
    copy(&site.dir(), &at("after"));
    let old = fs::read(at("before").join("keystore")).unwrap();
    let half = &old[..old.len() / 2];
    let dead_blob = site.blob_file(doc(2), Area::Original, blob(2));
    type Step<'a> = (&'a str, &'a str, &'a [(&'a str, &'a [u8])], bool);
    let steps: [Step<'_>; 4] = [
        ("before", "before", &[(".tmp-keystore", half)], true),
        ("after", "before", &[("keystore.retired", &old)], false),
        ("after", "after", &[("keystore.retired", &old)], false),
        ("after", "after", &[], false),
    ];
    for (step, (keystore, journal, others, alive)) in steps.into_iter().enumerate() {
        fs::remove_dir_all(site.dir()).unwrap();
        copy(&at("before"), &site.dir());
        fs::copy(at(keystore).join("keystore"), site.file("keystore")).unwrap();
        fs::copy(at(journal).join("keystore.journal"), site.file("keystore.journal")).unwrap();
        for (name, bytes) in others {
            fs::write(site.file(name), bytes).unwrap();
        }
        let vault = site.open();
        assert_eq!(readable(&vault, 1), Area::ALL, "step {step}");
        assert_eq!(readable(&vault, 2).contains(&Area::Original), alive, "step {step}");
        assert_eq!(readable(&vault, 2).len(), if alive { 5 } else { 4 }, "step {step}");
        // Dead ciphertext that the crash spared is swept away, the rest stays.
        assert!(dead_blob.exists());
        assert_eq!(vault.sweep(|_| true, || {}).unwrap().areas, u64::from(!alive));
        assert_eq!(dead_blob.exists(), alive);
        assert!(!site.file("keystore.retired").exists() && !site.file(".tmp-keystore").exists());
        vault.destroy(&[parts(doc(2), &[Area::Original])]).unwrap();
        assert_eq!(readable(&vault, 2).len(), 4);
    }
}

#[test]
fn a_portrait_says_what_lay_on_disk() {
    // A46: the certificate names what was destroyed.
    let site = Site::new();
    let vault = site.open();
    vault.new_document(doc(1)).unwrap();
    for (area, number, bytes) in [
        (Area::Original, 1, 10),
        (Area::Original, 2, 3 * CHUNK),
        (Area::Text, 3, CHUNK),
        (Area::Review, 4, 0),
    ] {
        put(&vault, doc(1), area, blob(number), &sample(bytes));
    }
    let mut portraits = vault.portray(doc(1), None).unwrap();
    portraits.sort_by_key(|portrait| portrait.blob);
    let on_disk = |area, number| fs::read(site.blob_file(doc(1), area, blob(number))).unwrap();
    for (portrait, (area, number)) in
        portraits.iter().zip([(Area::Original, 1), (Area::Original, 2), (Area::Text, 3), (Area::Review, 4)])
    {
        let file = on_disk(area, number);
        assert_eq!((portrait.area, portrait.blob), (area, blob(number)));
        assert_eq!((portrait.file_bytes, portrait.sha256), (file.len() as u64, sha256(&file)));
    }
    assert_eq!(portraits.len(), 4);
    let kept = |area| fs::read(site.file("samples").join(format!("{}-{area}", doc(1)))).unwrap();
    assert_eq!(kept(Area::Original), on_disk(Area::Original, 2)[..88 + CHUNK + 16]);
    assert_eq!(kept(Area::Text), on_disk(Area::Text, 3));
    assert_eq!(vault.portray(doc(1), Some(&[Area::Text])).unwrap().len(), 1);
    assert_eq!(vault.portray(doc(7), None).unwrap(), []);
}

#[test]
fn a_sample_opens_while_its_key_is_there_and_with_no_key_afterwards() {
    // A46, B46: `deletion verify` tries every key that is held on a kept sample.
    let site = Site::new();
    let vault = site.open();
    for i in 1..=3 {
        vault.new_document(doc(i)).unwrap();
        for (area, bytes) in [(Area::Original, 2 * CHUNK), (Area::Text, CHUNK), (Area::Review, 5)] {
            put(&vault, doc(i), area, blob(i), &sample(bytes));
        }
    }
    let trial = |doc: DocId| vault.try_sample(doc).unwrap();
    assert_eq!(trial(doc(2)).samples, 0);
    vault.portray(doc(2), None).unwrap();
    // Positive control. 3 documents, 3 secrets of the site, generation key, root key twice, master key.
    assert_eq!(trial(doc(2)), SampleTrial { samples: 3, keys_tried: 3 + 3 + 4, opened: 3 });
    vault.destroy(&[parts(doc(2), &[Area::Original])]).unwrap();
    // Five seeds instead of one; two of them fit their own area.
    assert_eq!(trial(doc(2)), SampleTrial { samples: 3, keys_tried: 7 + 3 + 4, opened: 2 });
    vault.portray(doc(2), None).unwrap();
    vault.destroy(&[whole(doc(2))]).unwrap();
    assert_eq!(trial(doc(2)), SampleTrial { samples: 3, keys_tried: 2 + 3 + 4, opened: 0 });
    vault.remove_samples(doc(2)).unwrap();
    vault.remove_samples(doc(2)).unwrap();
    assert_eq!(trial(doc(2)).samples, 0);
}

#[test]
fn files_of_the_format_before_are_refused_with_both_numbers() {
    let (site, _) = with_documents(1);
    for (name, new) in [("root", 1), ("keystore", 2), ("keystore.journal", 2), ("site", 2)] {
        let good = fs::read(site.file(name)).unwrap();
        let mut other = good.clone();
        other[7] = new + 5;
        fs::write(site.file(name), other).unwrap();
        let refusal = Vault::open(&site.dir(), &site.master(), clock).err().unwrap();
        assert!(
            matches!(refusal, VaultError::Version { found, expected, .. } if (found, expected) == (new + 5, new)),
            "{name}: {refusal}"
        );
        fs::write(site.file(name), good).unwrap();
    }
}
