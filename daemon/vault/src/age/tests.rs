//! age files against the command of Debian, byte by byte, and typing errors.
#![allow(clippy::unwrap_used)]
use super::*;
use std::fs;
use std::process::Command;

fn sample(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i * 31 + i / 253) as u8).collect()
}

/// Around every edge of a chunk, and the empty file.
const SIZES: [usize; 7] = [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000];

fn saved(folder: &std::path::Path, identity: &Identity) -> std::path::PathBuf {
    let path = folder.join("identity");
    fs::write(&path, identity.file_text().as_bytes()).unwrap();
    path
}

#[test]
fn the_command_age_of_debian_opens_what_we_seal() {
    // B54: "keystore as an `age` file": a site must be able to open it without us.
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (Identity::generate(), Identity::generate());
    for identity in [&first, &second] {
        let key = saved(folder.path(), identity);
        for bytes in SIZES {
            let sealed = folder.path().join("sealed.age");
            fs::write(&sealed, seal(&[first.recipient(), second.recipient()], &sample(bytes))).unwrap();
            let opened =
                Command::new("age").arg("--decrypt").arg("-i").arg(&key).arg(&sealed).output().unwrap();
            assert!(opened.status.success(), "{bytes}: {}", String::from_utf8_lossy(&opened.stderr));
            assert!(opened.stdout == sample(bytes), "{bytes}");
        }
    }
}

#[test]
fn we_open_what_the_command_age_seals_with_a_key_of_age_keygen() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    assert!(Command::new("age-keygen").arg("-o").arg(&key).output().unwrap().status.success());
    let identity = Identity::from_file(&key).unwrap();
    let told = Command::new("age-keygen").arg("-y").arg(&key).output().unwrap().stdout;
    assert_eq!(identity.recipient().to_string(), String::from_utf8(told).unwrap().trim());
    let ours = Identity::generate();
    for bytes in SIZES {
        let plain = folder.path().join("plain");
        fs::write(&plain, sample(bytes)).unwrap();
        let age = Command::new("age")
            .args(["--encrypt", "-r", &ours.recipient().to_string(), "-r", &identity.recipient().to_string()])
            .arg(&plain)
            .output()
            .unwrap();
        let sealed = age.stdout;
        for identity in [&ours, &identity] {
            assert!(*open(identity, &sealed).unwrap() == sample(bytes), "{bytes}");
        }
    }
}

#[test]
fn a_stranger_opens_nothing_and_no_byte_can_be_changed_cut_or_added() {
    let identity = Identity::generate();
    let sealed = seal(&[Identity::generate().recipient(), identity.recipient()], &sample(300));
    assert!(matches!(open(&Identity::generate(), &sealed), Err(VaultError::WrongIdentity)));
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(open(&identity, &changed).is_err(), "byte {at}");
        assert!(open(&identity, &sealed[..at]).is_err(), "cut at {at}");
    }
    assert!(open(&identity, &[sealed.as_slice(), &[0]].concat()).is_err());
    // A chunk that is missing at the end, on its border.
    let long = seal(&[identity.recipient()], &sample(131_072));
    assert!(open(&identity, &long[..long.len() - 65_552]).is_err());
}

#[test]
fn identities_and_recipients_are_read_back_and_typing_errors_show() {
    let identity = Identity::generate();
    let text = identity.recipient().to_string();
    assert_eq!(text.parse::<Recipient>().unwrap(), identity.recipient());
    let folder = tempfile::tempdir().unwrap();
    let again = Identity::from_file(&saved(folder.path(), &identity)).unwrap();
    assert_eq!(again.recipient(), identity.recipient());
    for at in 0..text.len() {
        let mut wrong = text.clone().into_bytes();
        wrong[at] = if wrong[at] == b'q' { b'p' } else { b'q' };
        assert!(String::from_utf8(wrong).unwrap().parse::<Recipient>().is_err(), "{at}");
    }
    assert!("age1".parse::<Recipient>().is_err());
    // A point of small order: everybody would know the shared secret.
    let weak = bech32::encode("age", &[0; 32]);
    assert!(weak.parse::<Recipient>().is_err());
}
