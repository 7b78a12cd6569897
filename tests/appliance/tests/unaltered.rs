//! Is a document what its records say? Everything that is kept of it is read back and compared.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::{
    bundle::ids,
    files_under,
    records::{EVERYTHING_AT_ONCE, rejected, with_rules},
    text,
};
use kit::Appliance;
use serde_json::{Value, json};
use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    os::unix::fs::FileExt,
    path::Path,
};
use types::{BlobId, DocId, UnixMillis};
use vault::{Area, MasterKey, Vault};

/// Exit code, and what was looked at, each with whether it was as it must be.
fn verified(appliance: &Appliance, id: &str) -> (i32, Vec<(String, bool)>) {
    let out = appliance.ctl(&["doc", "verify", id, "-o", "json"]).unwrap();
    let reply: Value = serde_json::from_str(&out.text()).unwrap();
    let line = |check: &Value| (text(check, "name").to_owned(), check["ok"] == true);
    (out.code, reply["checks"].as_array().unwrap().iter().map(line).collect())
}

fn wrong(appliance: &Appliance, id: &str) -> Vec<String> {
    let (code, checks) = verified(appliance, id);
    let wrong: Vec<String> = checks.into_iter().filter(|(_, ok)| !ok).map(|(name, _)| name).collect();
    assert_eq!(code, if wrong.is_empty() { 0 } else { 6 }, "{wrong:?}");
    wrong
}

/// Changes one bit, looks, and changes it back; what is written to the file meanwhile stays.
fn with_a_bit_flipped<T>(file: &Path, at: usize, look: impl FnOnce() -> T) -> T {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at as u64).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at as u64).unwrap();
    let seen = look();
    file.write_all_at(&byte, at as u64).unwrap();
    seen
}

// B29: "auditor can ask: altered? who transformed?"
#[test]
fn a_changed_bit_of_anything_that_is_kept_of_a_document_is_found_and_named() {
    let appliance = Appliance::usual().unwrap();
    appliance.drop_in("fax", "slip.png", &corpus::slip(61).bytes).unwrap();
    appliance.rest(240).unwrap();
    let id = ids(&appliance).unwrap().remove(0);
    if appliance.ctl(&["review", "approve", &id]).unwrap().code == 0 {
        appliance.rest(120).unwrap();
    }
    let names =
        ["records", "index", "original", "text", "redacted copy", "redaction map", "manifest", "hands"];
    assert_eq!(verified(&appliance, &id), (0, names.map(|name| (name.to_owned(), true)).to_vec()));
    let shown = appliance.ctl(&["doc", "verify", &id]).unwrap().text();
    assert!(shown.contains("signed by this site"), "{shown}");
    assert!(shown.contains("inbox (file of uid"), "{shown}");

    // Original, words, product, map and manifest.
    let blobs = files_under(&appliance.home.join("state/vault/blobs").join(&id)).unwrap();
    assert_eq!(blobs.len(), 5, "{blobs:?}");
    let middle = |file: &Path| fs::metadata(file).unwrap().len() as usize / 2;
    let mut found: Vec<_> = blobs
        .iter()
        .map(|file| with_a_bit_flipped(file, middle(file), || wrong(&appliance, &id)).join(" "))
        .collect();
    found.sort();
    // Without the manifest nothing says what the map was.
    assert_eq!(found, ["original", "redacted copy", "redaction map", "redaction map manifest", "text"]);
    for file in &blobs {
        let away = file.with_extension("away");
        fs::rename(file, &away).unwrap();
        assert_ne!(wrong(&appliance, &id), [""; 0], "without {}", file.display());
        fs::rename(away, file).unwrap();
    }

    let ledger = files_under(&appliance.home.join("state/ledger")).unwrap();
    let segment = ledger.iter().find(|file| file.extension().is_some_and(|end| end == "seg")).unwrap();
    let written = fs::read(segment).unwrap();
    let arrival = written.windows(9).position(|part| part == b"\"arrived\"").unwrap();
    assert_eq!(with_a_bit_flipped(segment, arrival + 2, || wrong(&appliance, &id)), ["records"]);
    assert_eq!(wrong(&appliance, &id), [""; 0]);
}

// B29, B46: what was destroyed is not missing. A41: only who may audit, or run the appliance, may ask.
#[test]
fn what_was_destroyed_is_not_wrong_and_strangers_may_not_ask() {
    let appliance = with_rules(EVERYTHING_AT_ONCE).unwrap();
    rejected(&appliance, "scanner", 0..1).unwrap();
    let id = ids(&appliance).unwrap().remove(0);
    let parts = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), true)).collect::<Vec<_>>();
    assert_eq!(verified(&appliance, &id), (0, parts(&["records", "index", "original", "hands"])));
    assert_eq!(appliance.ctl(&["retention", "run", &id]).unwrap().code, 0);
    let (code, checks) = verified(&appliance, &id);
    assert_eq!((code, checks[..3].to_vec()), (0, parts(&["records", "index", "original"])));
    let out = appliance.ctl(&["doc", "verify", &id]).unwrap();
    assert!(out.text().contains("destroyed, as its records say"), "{}", out.text());

    assert_eq!(appliance.ctl(&["doc", "verify", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]).unwrap().code, 3);
    let gateway = appliance.home.join("ctl-gateway.toml");
    let admin = fs::read_to_string(appliance.home.join("ctl.toml")).unwrap();
    fs::write(&gateway, admin.replace("admin.", "gateway.")).unwrap();
    assert_eq!(appliance.ctl_with(&gateway, &["doc", "verify", &id]).unwrap().code, 4);
}

/// Which part a sealed file is, and bytes of another content for it.
fn another(area: Area, plain: &[u8], vault: &Vault) -> (&'static str, Vec<u8>) {
    let mut bytes = plain.to_vec();
    match area {
        Area::Text => {
            let word = br#""text":""#;
            let at = bytes.windows(word.len()).position(|part| part == word).unwrap() + word.len();
            bytes.insert(at, b'x');
            ("text", bytes)
        }
        Area::Redacted if bytes.starts_with(br#"{"manifest"#) => {
            let mut signed: Value = serde_json::from_slice(&bytes).unwrap();
            let mut said: Value = serde_json::from_str(text(&signed, "manifest")).unwrap();
            said["boxes"] = json!(said["boxes"].as_u64().unwrap() + 1);
            let said = said.to_string();
            let signature = vault.sign(said.as_bytes()).map(|byte| format!("{byte:02x}")).concat();
            (signed["manifest"], signed["signature"]) = (json!(said), json!(signature));
            ("manifest", serde_json::to_vec(&signed).unwrap())
        }
        area => {
            bytes.push(b' ');
            let is_product = plain.starts_with(b"%PDF");
            match area {
                Area::Redacted if is_product => ("redacted copy", bytes),
                Area::Redacted => ("redaction map", bytes),
                _ => ("original", bytes),
            }
        }
    }
}

// B29: whoever has the keys, too, and seals something else, is found: the ledger's hashes are others.
#[test]
fn what_was_sealed_anew_with_the_right_keys_is_found_and_named() {
    let mut appliance = Appliance::usual().unwrap();
    appliance.drop_in("fax", "slip.png", &corpus::slip(62).bytes).unwrap();
    appliance.rest(240).unwrap();
    let id = ids(&appliance).unwrap().remove(0);
    let doc: DocId = id.parse().unwrap();
    let mut found = Vec::new();
    for file in files_under(&appliance.home.join("state/vault/blobs").join(&id)).unwrap() {
        let (area, blob) = file.file_name().unwrap().to_str().unwrap().split_once('-').unwrap();
        let area = match area {
            "original" => Area::Original,
            "text" => Area::Text,
            "redacted" => Area::Redacted,
            // Of a document in review the rasters are kept.
            _ => continue,
        };
        let blob: BlobId = blob.parse().unwrap();
        appliance.stop().unwrap();
        let good = fs::read(&file).unwrap();
        let part = {
            let master = MasterKey::from_file(&appliance.home.join("master.key")).unwrap();
            let vault_dir = appliance.home.join("state/vault");
            let vault = Vault::open(&vault_dir, &master, || UnixMillis(1_795_502_192_007)).unwrap();
            let mut plain = Vec::new();
            vault.reader(doc, area, blob).unwrap().read_to_end(&mut plain).unwrap();
            let (part, other) = another(area, &plain, &vault);
            vault.remove(doc, area, blob).unwrap();
            let mut writer = vault.writer(doc, area, blob).unwrap();
            writer.write_all(&other).unwrap();
            writer.finish().unwrap();
            part
        };
        appliance.start().unwrap();
        assert_eq!(wrong(&appliance, &id), [part]);
        fs::write(&file, good).unwrap();
        found.push(part);
    }
    found.sort_unstable();
    // In review, or delivered: the manifest is signed in both.
    assert_eq!(found, ["manifest", "original", "redacted copy", "redaction map", "text"]);
    assert_eq!(wrong(&appliance, &id), [""; 0]);
}
