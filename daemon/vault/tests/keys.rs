//! Keys: born durable, refused to strangers, and gone for good once destroyed.
#![allow(clippy::unwrap_used)]

mod kit;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use kit::{Site, blob, clock, copy, doc, get, put, whole};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use vault::{Area, MasterKey, Vault, VaultError};

const JOURNAL_HEADER: usize = 20;
const FRAME: usize = 88;

/// A site whose documents 1..=n each hold one blob that says its number.
fn with_documents(n: u128) -> Site {
    let site = Site::new();
    let vault = site.open();
    for i in 1..=n {
        vault.new_document(doc(i)).unwrap();
        put(&vault, doc(i), Area::Original, blob(i), &i.to_be_bytes());
    }
    site
}

fn reads(vault: &Vault, i: u128) -> bool {
    get(vault, doc(i), Area::Original, blob(i)).is_ok_and(|plain| plain == i.to_be_bytes())
}

#[test]
fn a_key_survives_the_process_that_made_it() {
    // A11: hand to storage encrypted at rest.
    let site = with_documents(3);
    let vault = site.open();
    assert_eq!(vault.documents(), [doc(1), doc(2), doc(3)]);
    assert!((1..=3).all(|i| reads(&vault, i)));
    vault.new_document(doc(2)).unwrap();
    assert!(reads(&vault, 2), "asking again must not replace the key");
}

#[test]
fn only_one_process_opens_a_vault() {
    let site = Site::new();
    let first = site.open();
    assert!(matches!(site.try_open(), Err(VaultError::InUse { .. })));
    // One that was killed lets go a moment later.
    let leaving = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(first);
    });
    site.open();
    leaving.join().unwrap();
}

#[test]
fn another_master_key_is_refused_and_named() {
    // A41: least privilege.
    let site = with_documents(1);
    let other = site.dir().with_file_name("other.key");
    MasterKey::generate_file(&other).unwrap();
    let other = MasterKey::from_file(&other).unwrap();
    let refusal = Vault::open(&site.dir(), &other, clock).err().unwrap();
    assert!(matches!(refusal, VaultError::WrongMasterKey { .. }));
    assert!(refusal.to_string().contains("was made with another master key"));
    assert!(reads(&site.open(), 1));
}

#[test]
fn a_master_key_file_must_be_private_whole_and_new() {
    let site = Site::new();
    let file = site.key_file();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o400);
    assert!(MasterKey::generate_file(&file).is_err(), "an existing key is never overwritten");
    fs::set_permissions(&file, PermissionsExt::from_mode(0o444)).unwrap();
    assert!(matches!(MasterKey::from_file(&file), Err(VaultError::BadMasterKey { .. })));
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(&file, [7; 31]).unwrap();
    assert!(matches!(MasterKey::from_file(&file), Err(VaultError::BadMasterKey { .. })));
}

#[test]
fn a_lost_keystore_is_never_replaced_by_an_empty_one() {
    let site = with_documents(1);
    assert!(matches!(Vault::create(&site.dir(), &site.master(), clock), Err(VaultError::NotEmpty { .. })));
    fs::remove_file(site.file("keystore")).unwrap();
    assert!(matches!(Vault::create(&site.dir(), &site.master(), clock), Err(VaultError::NotEmpty { .. })));
}

#[test]
fn a_torn_key_is_cut_and_all_others_stay() {
    let site = with_documents(3);
    let journal = fs::read(site.file("keystore.journal")).unwrap();
    assert_eq!(journal.len(), JOURNAL_HEADER + 3 * FRAME);
    let two = JOURNAL_HEADER + 2 * FRAME;
    let cut_short = (two..two + FRAME).map(|length| journal[..length].to_vec());
    let never_filled = [vec![0; 1], vec![0; FRAME], vec![0; 5 * FRAME + 7]]
        .map(|zeros| [&journal[..two], zeros.as_slice()].concat());
    for torn in cut_short.chain(never_filled) {
        fs::write(site.file("keystore.journal"), &torn).unwrap();
        let vault = site.open();
        assert_eq!(vault.documents(), [doc(1), doc(2)]);
        vault.new_document(doc(4)).unwrap();
        drop(vault);
        assert_eq!(site.open().documents(), [doc(1), doc(2), doc(4)]);
        fs::write(site.file("keystore.journal"), &journal).unwrap();
    }
}

#[test]
fn a_damaged_key_is_refused_and_never_cut() {
    let site = with_documents(3);
    let journal = fs::read(site.file("keystore.journal")).unwrap();
    for at in (0..journal.len()).step_by(7) {
        let mut damaged = journal.clone();
        damaged[at] ^= 4;
        fs::write(site.file("keystore.journal"), damaged).unwrap();
        let refusal = site.try_open().err().unwrap();
        assert!(
            matches!(refusal, VaultError::Damaged { .. } | VaultError::Version { .. }),
            "byte {at}: {refusal}"
        );
    }
}

#[test]
fn a_damaged_keystore_is_refused() {
    let site = with_documents(2);
    site.open().destroy(&[]).unwrap();
    for name in ["root", "keystore", "site"] {
        let good = fs::read(site.file(name)).unwrap();
        for at in 0..good.len() {
            let mut damaged = good.clone();
            damaged[at] ^= 0x20;
            fs::write(site.file(name), damaged).unwrap();
            let refused = matches!(
                site.try_open(),
                Err(VaultError::Damaged { .. }
                    | VaultError::Version { .. }
                    | VaultError::WrongMasterKey { .. }
                    | VaultError::ForeignRoot { .. })
            );
            assert!(refused, "{name}, byte {at}");
        }
        fs::write(site.file(name), good).unwrap();
    }
    assert!(reads(&site.open(), 2));
}

#[test]
fn destroyed_documents_cannot_be_read_and_all_others_can() {
    // A46, B46: verifiable deletion.
    let site = with_documents(4);
    let vault = site.open();
    let sealed_facts = vault.seal_facts(doc(2), "arrival", b"letter.pdf").unwrap();
    let before = vault.status();
    let proof = vault.destroy(&[whole(doc(2)), whole(doc(3))]).unwrap();
    assert_eq!((proof.generation_before, proof.generation_after), (before.generation, before.generation + 1));
    assert_eq!(proof.directories_left, 0);
    let check = |vault: &Vault| {
        assert_eq!(vault.documents(), [doc(1), doc(4)]);
        assert!(reads(vault, 1) && reads(vault, 4));
        assert!(matches!(vault.reader(doc(2), Area::Original, blob(2)), Err(VaultError::NoKey { .. })));
        assert!(vault.open_facts(doc(2), "arrival", &sealed_facts).is_err());
        assert!(!site.doc_dir(doc(2)).exists());
    };
    check(&vault);
    drop(vault);
    check(&site.open());
}

#[test]
fn copies_from_before_do_not_bring_a_destroyed_key_back() {
    // A46, B46: the master key and old copies of blob, journal and entries do not help.
    let site = with_documents(3);
    let old = site.dir().with_file_name("old");
    copy(&site.dir(), &old);
    site.open().destroy(&[whole(doc(2))]).unwrap();
    copy(&old.join("blobs"), &site.dir().join("blobs"));
    let journal = fs::read(site.file("keystore.journal")).unwrap();

    // The old journal: recognised as left over, and replaced.
    fs::copy(old.join("keystore.journal"), site.file("keystore.journal")).unwrap();
    assert_eq!(site.open().documents(), [doc(1), doc(3)]);
    assert_eq!(fs::read(site.file("keystore.journal")).unwrap(), journal);

    // The old entry, made to look like one of this generation: it is no key of this generation.
    let old_journal = fs::read(old.join("keystore.journal")).unwrap();
    let mut frame = old_journal[JOURNAL_HEADER + FRAME..JOURNAL_HEADER + 2 * FRAME].to_vec();
    frame[4..12].copy_from_slice(&2u64.to_be_bytes());
    let crc = crc32c::crc32c(&frame[4..]);
    frame[..4].copy_from_slice(&crc.to_be_bytes());
    fs::write(site.file("keystore.journal"), [journal.as_slice(), &frame].concat()).unwrap();
    let vault = site.open();
    assert!(vault.knows(doc(2)));
    assert!(matches!(vault.reader(doc(2), Area::Original, blob(2)), Err(VaultError::Damaged { .. })));
    drop(vault);

    // The old keystore file: older than the journal beside it.
    fs::write(site.file("keystore.journal"), &journal).unwrap();
    fs::copy(old.join("keystore"), site.file("keystore")).unwrap();
    assert!(matches!(site.try_open(), Err(VaultError::RolledBack { keystore: 1, journal: 2 })));
}

#[test]
fn the_old_generation_key_is_wiped_from_the_disk() {
    let site = with_documents(2);
    let mut old = File::open(site.file("keystore")).unwrap();
    site.open().destroy(&[whole(doc(1))]).unwrap();
    let mut bytes = Vec::new();
    old.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes[32..92], [0; 60]);
    assert!(!site.file("keystore.retired").exists());
}

#[test]
fn a_crash_at_any_point_of_a_destruction_loses_no_other_key() {
    let site = with_documents(3);
    let before = site.dir().with_file_name("before");
    copy(&site.dir(), &before);
    site.open().destroy(&[whole(doc(2))]).unwrap();
    let after = site.dir().with_file_name("after");
    copy(&site.dir(), &after);
    // What lies in the directory at each step: keystore, journal, and other names.
    let old = fs::read(before.join("keystore")).unwrap();
    let half = &old[..old.len() / 2];
    type Step<'a> = (&'a str, &'a str, &'a [(&'a str, &'a [u8])], bool);
    let steps: [Step<'_>; 6] = [
        ("before", "before", &[(".tmp-keystore", half)], true),
        ("before", "before", &[(".tmp-keystore", &old)], true),
        ("after", "before", &[("keystore.retired", &old)], false),
        ("after", "before", &[("keystore.retired", &old), (".tmp-keystore.journal", b"half")], false),
        ("after", "after", &[("keystore.retired", &old)], false),
        ("after", "after", &[], false),
    ];
    for (step, (keystore, journal, others, alive)) in steps.into_iter().enumerate() {
        let crash = Site::new();
        let crashed = crash.dir();
        fs::remove_dir_all(&crashed).unwrap();
        copy(&before, &crashed);
        let source = |name: &str| site.dir().with_file_name(name);
        fs::copy(source(keystore).join("keystore"), crash.file("keystore")).unwrap();
        fs::copy(source(journal).join("keystore.journal"), crash.file("keystore.journal")).unwrap();
        for (name, bytes) in others {
            fs::write(crash.file(name), bytes).unwrap();
        }
        let vault = Vault::open(&crashed, &site.master(), clock).unwrap();
        assert!(reads(&vault, 1) && reads(&vault, 3), "step {step}");
        assert_eq!(reads(&vault, 2), alive, "step {step}");
        vault.new_document(doc(7)).unwrap();
        drop(vault);
        let vault = Vault::open(&crashed, &site.master(), clock).unwrap();
        assert!(vault.knows(doc(7)) && reads(&vault, 1), "step {step}");
        assert!(!crash.file("keystore.retired").exists() && !crash.file(".tmp-keystore").exists());
    }
}

#[test]
fn a_second_name_of_the_current_keystore_is_not_wiped() {
    // The crash came after the old file got its second name and before the new one took its place.
    let site = with_documents(2);
    fs::hard_link(site.file("keystore"), site.file("keystore.retired")).unwrap();
    let vault = site.open();
    assert!(reads(&vault, 1) && reads(&vault, 2));
    assert!(!site.file("keystore.retired").exists());
}

#[test]
fn keys_born_while_others_die_are_all_there() {
    let site = Site::new();
    let vault = site.open();
    std::thread::scope(|scope| {
        for thread in 0..8u128 {
            let vault = &vault;
            scope.spawn(move || (0..50).for_each(|i| vault.new_document(doc(1000 * thread + i)).unwrap()));
        }
        for round in 0..5 {
            vault.destroy(&[whole(doc(9_000_000 + round))]).unwrap();
        }
    });
    drop(vault);
    let vault = site.open();
    assert_eq!(vault.status().documents, 8 * 50);
    assert!(vault.documents().into_iter().all(|doc| vault.seal_facts(doc, "x", b"").is_ok()));
}

#[test]
fn signatures_and_digests_outlive_restarts_and_depend_on_every_part() {
    // B27: hash and sign the sanitised artefact.
    let site = Site::new();
    let vault = site.open();
    let (key, signature) = (vault.verifying_key(), vault.sign(b"manifest"));
    let digest = vault.keyed_digest("content", &[b"ab", b"c"]);
    drop(vault);
    let vault = site.open();
    assert_eq!(vault.verifying_key(), key);
    UnparsedPublicKey::new(&ED25519, key).verify(b"manifest", &signature).unwrap();
    assert!(UnparsedPublicKey::new(&ED25519, key).verify(b"manifesto", &signature).is_err());
    assert_eq!(vault.keyed_digest("content", &[b"ab", b"c"]), digest);
    for (purpose, parts) in [("content", [b"a".as_slice(), b"bc"]), ("name", [b"ab", b"c"])] {
        assert_ne!(vault.keyed_digest(purpose, &parts), digest);
    }
    assert_ne!(
        Site::new().open().keyed_digest("content", &[b"ab", b"c"]),
        digest,
        "each site has its own secret"
    );
}

#[test]
fn the_files_are_for_their_owner_only() {
    // A41: least privilege.
    let site = with_documents(1);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in kit::files(&site.dir()) {
        assert_eq!(mode(file.clone()), 0o600, "{}", file.display());
    }
    assert_eq!(mode(site.doc_dir(doc(1))), 0o700);
    assert_eq!(mode(site.dir()), 0o700);
}
