//! Evidence for somebody who does not trust the appliance: who got what, and a bundle that two verifiers check offline.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::{
    bundle::{Bundle, both, export, ids, pin, refused},
    records::{EVERYTHING_AT_ONCE, rejected, with_rules},
    text,
};
use kit::{Appliance, Plan};
use serde_json::json;
use std::{fs, path::Path};
use types::UnixMillis;
use vault::{MasterKey, Vault};

/// A document that was delivered and read, one that was rejected, one that was destroyed.
fn with_documents() -> (Appliance, [String; 3]) {
    let appliance = with_rules(EVERYTHING_AT_ONCE).unwrap();
    appliance.drop_in("fax", "slip.png", &corpus::slip(41).bytes).unwrap();
    appliance.rest(240).unwrap();
    let delivered = ids(&appliance).unwrap().remove(0);
    if appliance.ctl(&["review", "approve", &delivered]).unwrap().code == 0 {
        appliance.rest(120).unwrap();
    }
    let copy = appliance.home.join("copy.pdf");
    assert_eq!(appliance.ctl(&["doc", "get", &delivered, "-O", &copy.to_string_lossy()]).unwrap().code, 0);
    rejected(&appliance, "scanner", 0..2).unwrap();
    let mut others = ids(&appliance).unwrap();
    others.retain(|id| *id != delivered);
    let [alive, destroyed]: [String; 2] = others.try_into().unwrap();
    assert_eq!(appliance.ctl(&["retention", "run", &destroyed]).unwrap().code, 0);
    (appliance, [delivered, alive, destroyed])
}

fn vault_of(appliance: &Appliance) -> Vault {
    let master = MasterKey::from_file(&appliance.home.join("master.key")).unwrap();
    Vault::open(&appliance.home.join("state/vault"), &master, || UnixMillis(1_795_502_192_007)).unwrap()
}

fn sound(appliance: &Appliance, bundle: &Path, pinned: Option<&Path>) {
    let [ours, theirs] = both(appliance, bundle, pinned).unwrap();
    assert_eq!((ours.code, theirs.code), (0, 0), "{} {}", ours.stderr, theirs.text());
}

// A39: "every routing event audited: who uploaded, how classified, confidence, where sent, whether delivery
// succeeded". A46: "exportable evidence", "anybody can check".
#[test]
fn an_auditor_gets_disclosures_and_bundles_that_both_verifiers_accept() {
    let (appliance, [delivered, alive, destroyed]) = with_documents();
    let told = appliance.json(&["accounting", &delivered]).unwrap();
    let told = told["disclosures"].as_array().unwrap();
    let seen: Vec<_> = told.iter().map(|line| (text(line, "how"), text(line, "rendition"))).collect();
    assert!(seen.contains(&("read", "redacted")), "{told:?}");
    assert!(seen.iter().any(|(how, _)| *how == "delivered"), "{told:?}");

    let (pinned, range) = (pin(&appliance).unwrap(), ["--from", "2020-01-01", "--to", "2100-01-01"]);
    let stranger = Plan::default().start().unwrap();
    let other = pin(&stranger).unwrap();
    let cases = [
        (vec![delivered.as_str()], 1),
        (vec![&alive], 1),
        (vec![&destroyed], 1),
        (vec![&destroyed, &delivered, &destroyed], 2),
        (range.to_vec(), 3),
    ];
    for (number, (which, documents)) in cases.into_iter().enumerate() {
        let file = appliance.home.join(format!("{number}.zip"));
        let out = export(&appliance, &file, &which).unwrap();
        assert_eq!(out.code, 0, "{which:?}: {}", out.stderr);
        sound(&appliance, &file, None);
        sound(&appliance, &file, Some(&pinned));
        let checked = appliance.json(&["evidence", "verify", &file.to_string_lossy()]).unwrap();
        assert_eq!(checked["documents"], documents, "{checked}");
        let not_ours = refused(&appliance, &fs::read(&file).unwrap(), &other).unwrap();
        assert!(not_ours.iter().all(|said| said.contains("pinned key never signed")), "{not_ours:?}");
    }

    // B27, B46: the certificate of what was destroyed, the signed manifest of what is there with all its hashes.
    let bundle = Bundle::of(&fs::read(appliance.home.join("4.zip")).unwrap()).unwrap();
    let certificates = bundle.0.iter().filter(|(path, _)| path.contains("certificate-"));
    assert!(certificates.map(|(path, _)| path).all(|path| path.contains(&destroyed)));
    let shown = bundle.json(&format!("documents/{delivered}/document.json")).unwrap();
    let made = bundle.json(&format!("documents/{delivered}/manifest.json")).unwrap();
    let made: serde_json::Value = serde_json::from_str(text(&made, "manifest")).unwrap();
    assert_eq!(text(&made, "sha256_redaction_map").len(), 64, "{made}");
    assert_eq!(made["sha256_redaction_map"], shown["sha256_redaction_map"]);
    assert_eq!(made["sha256"]["redacted"], shown["sha256_redacted"]);

    let none =
        export(&appliance, &appliance.home.join("none.zip"), &["--from", "2001-01-01", "--to", "2001-01-02"]);
    assert_eq!(none.unwrap().code, 3, "nothing came then");
}

// A46: a document of this moment is in the evidence with all that happened to it.
#[test]
fn evidence_of_a_fresh_document_has_its_events() {
    let appliance = Appliance::usual().unwrap();
    rejected(&appliance, "scanner", 0..1).unwrap();
    let id = ids(&appliance).unwrap().remove(0);
    let events = appliance.json(&["doc", "events", &id]).unwrap();
    let file = appliance.home.join("fresh.zip");
    let out = export(&appliance, &file, &[&id]).unwrap();
    assert_eq!(out.code, 0, "{}", out.stderr);
    sound(&appliance, &file, None);
    let bundle = Bundle::of(&fs::read(&file).unwrap()).unwrap();
    let proof = bundle.json(&format!("documents/{id}/events.json")).unwrap();
    assert_eq!(
        proof["leaves"].as_array().unwrap().len(),
        events["events"].as_array().unwrap().len(),
        "{events}"
    );
    assert_eq!(bundle.json("manifest.json").unwrap()["newer"], json!([]));
}

// B29: an auditor can ask whether something was altered. Somebody who changed it has no key of the site.
#[test]
fn whoever_changes_a_bundle_without_the_key_is_found_by_both_verifiers() {
    let (appliance, [delivered, ..]) = with_documents();
    let (pinned, file) = (pin(&appliance).unwrap(), appliance.home.join("case.zip"));
    assert_eq!(export(&appliance, &file, &["--from", "2020-01-01", "--to", "2100-01-01"]).unwrap().code, 0);
    let good = fs::read(&file).unwrap();
    let refuse = |what: &str, bytes: &[u8]| match refused(&appliance, bytes, &pinned) {
        Ok(said) => eprintln!("{what}: {said:?}"),
        Err(error) => panic!("{what}: {error}"),
    };
    for part in [
        "uploaded_by",
        "sha256_original",
        "\"recipient\"",
        "\ntip ",
        "\"site_key\"",
        "lazaret-deletion",
        "\"proofs\"",
    ] {
        let at = good.windows(part.len()).position(|window| window == part.as_bytes());
        let mut bad = good.clone();
        bad[at.unwrap_or_else(|| panic!("{part} is not in the bundle")) + 2] ^= 1;
        refuse(part, &bad);
    }
    for bytes in [0, 21, 22, good.len() / 2, good.len() - 1] {
        refuse(&format!("cut to {bytes} bytes"), &good[..bytes]);
    }
    refuse("something behind it", &[&good[..], b"\n"].concat());
    let bundle = Bundle::of(&good).unwrap();
    for (path, bytes) in &bundle.0 {
        refuse(&format!("{path} removed"), &bundle.clone().without(path).zip().unwrap());
        let mut twice = bundle.clone();
        twice.0.insert(0, (path.clone(), bytes.clone()));
        refuse(&format!("{path} twice"), &twice.zip().unwrap());
    }
    refuse("a file added", &bundle.clone().with("more.txt", b"more").zip().unwrap());
    // Python packs as zip tools do: what unpacks to 100 MiB, and what is the same but packed.
    let bomb = "import sys,zipfile\nold=zipfile.ZipFile(sys.argv[1])\nnew=zipfile.ZipFile(sys.argv[2],'w',zipfile.ZIP_DEFLATED)\nfor name in old.namelist():\n  new.writestr(name, b'0'*(100<<20) if name==sys.argv[3] else old.read(name))\nnew.close()";
    for blown in ["", &format!("documents/{delivered}/events.json")] {
        let packed = appliance.home.join("packed.zip");
        let mut packing = std::process::Command::new("/usr/bin/python3");
        packing.args(["-c", bomb]).arg(&file).arg(&packed).arg(blown);
        assert!(packing.status().unwrap().success());
        let said = refused(&appliance, &fs::read(&packed).unwrap(), &pinned).unwrap();
        assert!(said.iter().all(|said| said.contains("packed")), "{said:?}");
    }
}

// Root on the machine has the site's key, and signs what it changed.
#[test]
fn whoever_has_the_key_of_the_site_cannot_change_what_the_ledger_holds() {
    let (mut appliance, [delivered, alive, destroyed]) = with_documents();
    let (pinned, file) = (pin(&appliance).unwrap(), appliance.home.join("case.zip"));
    assert_eq!(export(&appliance, &file, &["--from", "2020-01-01", "--to", "2100-01-01"]).unwrap().code, 0);
    let mut stranger = Plan::default().start().unwrap();
    rejected(&stranger, "scanner", 0..1).unwrap();
    let theirs = stranger.home.join("theirs.zip");
    assert_eq!(export(&stranger, &theirs, &[&ids(&stranger).unwrap()[0]]).unwrap().code, 0);
    stranger.stop().unwrap();
    appliance.stop().unwrap();

    let (vault, bundle) = (vault_of(&appliance), Bundle::of(&fs::read(&file).unwrap()).unwrap());
    let sign = |message: &[u8]| vault.sign(message);
    // What is signed anew and unchanged is accepted: the cases below are refused for what they change.
    fs::write(&file, bundle.clone().signed(&sign, |_| {}).unwrap().zip().unwrap()).unwrap();
    sound(&appliance, &file, Some(&pinned));

    let path = |id: &str, name: &str| format!("documents/{id}/{name}");
    let events = path(&delivered, "events.json");
    let mut altered = bundle.json(&events).unwrap();
    altered["leaves"][0]["record"] = text(&altered["leaves"][0], "record").replace("fax", "fox").into();
    let mut exchanged = bundle.json(&events).unwrap();
    let leaves = exchanged["leaves"].as_array_mut().unwrap();
    (leaves[0]["hashes"], leaves[1]["hashes"]) = (leaves[1]["hashes"].clone(), leaves[0]["hashes"].clone());
    let mut reordered = bundle.json(&events).unwrap();
    reordered["leaves"].as_array_mut().unwrap().swap(0, 1);
    let certificate = bundle.0.iter().find(|(path, _)| path.contains("certificate-")).unwrap().0.clone();
    let forged =
        String::from_utf8(bundle.get(&certificate).unwrap().to_vec()).unwrap().replace("true", "false");
    let other = Bundle::of(&fs::read(&theirs).unwrap()).unwrap();
    let b = |value: &serde_json::Value| serde_json::to_vec(value).unwrap();
    let cases: Vec<(&str, Bundle)> = vec![
        ("event altered", bundle.clone().with(&events, &b(&altered))),
        ("proofs exchanged", bundle.clone().with(&events, &b(&exchanged))),
        ("events reordered", bundle.clone().with(&events, &b(&reordered))),
        (
            "events of another document",
            bundle.clone().with(&events, bundle.get(&path(&alive, "events.json")).unwrap()),
        ),
        ("no events", bundle.clone().without(&events)),
        ("no summary", bundle.clone().without(&path(&alive, "document.json"))),
        ("a file more", bundle.clone().with("more.txt", b"more")),
        ("certificate altered", bundle.clone().with(&certificate, forged.as_bytes())),
        ("no certificate", bundle.clone().without(&certificate)),
        ("a certificate of nothing", bundle.clone().with(&path(&alive, "certificate-1.json"), b"{}")),
        ("manifest of another document", {
            let made = bundle.get(&path(&delivered, "manifest.json")).unwrap().to_vec();
            bundle.clone().with(&path(&destroyed, "manifest.json"), &made)
        }),
        ("keys of another appliance", bundle.clone().with("keys.notes", other.get("keys.notes").unwrap())),
        ("no consistency", bundle.clone().without("consistency.json")),
        (
            "empty consistency",
            bundle.clone().with("consistency.json", br#"{"schema_version":1,"proofs":[]}"#),
        ),
        (
            "site key of another appliance",
            bundle.clone().with("site-key.json", other.get("site-key.json").unwrap()),
        ),
    ];
    let refuse = |what: &str, bundle: Bundle| match refused(&appliance, &bundle.zip().unwrap(), &pinned) {
        Ok(said) => eprintln!("{what}: {said:?}"),
        Err(error) => panic!("{what}: {error}"),
    };
    for (what, bundle) in cases {
        refuse(what, bundle.signed(&sign, |_| {}).unwrap());
    }
    for (what, field, value) in [
        (
            "a document more",
            "documents",
            json!([delivered, alive, destroyed, text(&stranger_id(&other), "id")]),
        ),
        ("a document less", "documents", json!([delivered])),
        ("no document", "documents", json!([])),
        ("newer that is old", "newer", json!([{"document": delivered, "seq": 1}])),
        ("another kind", "kind", json!("lazaret-deletion-certificate")),
        ("another version", "schema_version", json!(2)),
    ] {
        refuse(what, bundle.clone().signed(&sign, |manifest| manifest[field] = value).unwrap());
    }
    let strange = vault_of(&stranger);
    let key: String = strange.verifying_key().iter().map(|byte| format!("{byte:02x}")).collect();
    refuse(
        "signed with another key",
        bundle.clone().signed(&|message| strange.sign(message), |_| {}).unwrap(),
    );
    let named =
        bundle.clone().signed(&|message| strange.sign(message), |manifest| manifest["site_key"] = key.into());
    refuse("signed with another key that is named", named.unwrap());
}

fn stranger_id(bundle: &Bundle) -> serde_json::Value {
    json!({"id": bundle.json("manifest.json").unwrap()["documents"][0]})
}
