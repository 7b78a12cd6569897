//! The whole trip, with every sample document and every hostile file.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::{document_of, flat, redacted_text, text};
use kit::Appliance;
use std::fs;

// A57, B2, B36, B47, B61: quarantine, structure, normal form, text, redaction, and only then exposure.
// A2: PDF, images, multi-page scans and fax conversions are accepted. A9, B14, B18, B19: hostile ones are
// answered by content with a reason. A12: pages are counted. B24: values are gone from the product.
// B28: three hashes. A36, A39: whoever owns it gets it, PDF first, manifest last.
#[test]
fn every_sample_comes_to_rest_where_it_belongs() {
    let appliance = Appliance::usual().unwrap();
    let samples = corpus::all();
    for (sample, source) in samples.iter().zip(["fax", "scanner", "partner"].into_iter().cycle()) {
        appliance.drop_in(source, sample.name, &sample.bytes).unwrap();
    }
    appliance.rest(900).unwrap();
    let documents = appliance.documents().unwrap();
    assert_eq!(documents.len(), samples.len(), "one document a file, nothing lost, nothing twice");

    let temp = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for sample in &samples {
        let doc = document_of(&documents, &sample.bytes).unwrap();
        let (id, state) = (text(doc, "id"), text(doc, "state"));
        let mut must = |good: bool, what: &str| {
            if !good {
                wrong.push(format!("{}: {what}: {doc}", sample.name));
            }
        };
        let expected = &sample.expected;
        must(expected.states.iter().any(|allowed| allowed.name() == state), "state");
        if let Some(reason) = expected.reason {
            must(text(doc, "reason") == reason.code(), "reason");
        }
        if let Some(pages) = expected.pages {
            must(doc["pages"] == pages, "pages");
        }
        if let Some(class) = expected.class {
            must(text(doc, "class") == class.name() || state == "review", "class");
        }
        if expected.pages.is_none() {
            continue;
        }
        let layer = flat(&redacted_text(&appliance, id, &temp.path().join("r.pdf")).unwrap());
        for value in &expected.removed {
            must(!layer.contains(&flat(value)), "a removed value is still in the text layer");
        }
        let kept = expected.words.iter().filter(|word| layer.contains(&flat(word))).count();
        must(kept * 10 >= expected.words.len() * 9, "words that may stay are in the text layer");
        if state == "delivered" {
            let route = text(doc, "route");
            let pair = |ext: &str| appliance.outbox().join(route).join(format!("{id}.{ext}"));
            must(pair("pdf").exists() && pair("json").exists(), "delivered as a pair");
            let manifest: serde_json::Value =
                serde_json::from_slice(&fs::read(pair("json")).unwrap()).unwrap();
            must(manifest["sha256"] == doc["sha256"], "the manifest carries the three hashes");
            let delivered = kit::sha256_hex(&fs::read(pair("pdf")).unwrap());
            must(
                manifest["sha256"]["redacted"] == delivered.as_str(),
                "the hash is that of the delivered file",
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for source in ["fax", "scanner", "partner"] {
        let left: Vec<_> = fs::read_dir(appliance.inbox(source)).unwrap().flatten().collect();
        let left = left.iter().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count();
        assert_eq!(left, 0, "the inbox {source} is empty at the end");
    }
    let delivered = documents.iter().filter(|doc| text(doc, "state") == "delivered").count();
    assert!(delivered > 0, "some documents are clear enough to be routed without a person");
    assert_eq!(appliance.delivered().unwrap().len(), delivered * 2);
    assert_eq!(appliance.ctl(&["ledger", "verify"]).unwrap().code, 0);
    assert_eq!(appliance.ctl(&["doctor"]).unwrap().code, 0);
}
