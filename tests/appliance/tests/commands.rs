//! What people do: review, reroute, hold, upload, retention.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::text;
use kit::{Appliance, Plan};
use serde_json::Value;
use std::fs;

fn one(appliance: &Appliance) -> Value {
    let mut documents = appliance.documents().unwrap();
    assert_eq!(documents.len(), 1, "{documents:?}");
    documents.remove(0)
}

fn upload(appliance: &Appliance, bytes: &[u8], more: &[&str]) -> (i32, String) {
    let file = appliance.home.join("upload.bin");
    fs::write(&file, bytes).unwrap();
    let file = file.to_string_lossy().into_owned();
    let sent =
        appliance.ctl(&[&["submit", "--source", "partner", "-o", "name"], more, &[&file]].concat()).unwrap();
    (sent.code, sent.text().trim().to_owned())
}

// A17, A18, A20, A51: an upload is acknowledged with an id at once; its status and history can be asked.
// A24: the same key twice is the same document, and other bytes under it are refused. A25, A1: the caller's
// trace id goes with the document from upload to delivery.
#[test]
fn an_upload_is_acknowledged_once_and_can_be_followed() {
    let appliance = Appliance::usual().unwrap();
    let slip = corpus::slip(11).bytes;
    let key = ["--idempotency-key", "order-4711", "--correlation-id", "trace-1"];
    let (code, id) = upload(&appliance, &slip, &key);
    assert_eq!((code, id.len()), (0, 26));
    assert_eq!(upload(&appliance, &slip, &key), (0, id.clone()), "a double click");
    let (code, _) = upload(&appliance, &corpus::slip(12).bytes, &key);
    assert_eq!(code, 5, "other bytes under the same key would be lost silently");
    appliance.rest(120).unwrap();
    let doc = one(&appliance);
    assert_eq!((text(&doc, "id"), text(&doc, "correlation_id")), (id.as_str(), "trace-1"));
    let events = appliance.json(&["doc", "events", &id]).unwrap().to_string();
    assert!(events.contains("arrived") && events.contains("redacted"), "{events}");
    let explained = appliance.ctl(&["doc", "explain", &id]).unwrap().text();
    assert!(explained.contains("intake") && explained.contains("classify"), "{explained}");
    if text(&doc, "state") == "delivered" {
        let manifest = appliance.outbox().join(text(&doc, "route")).join(format!("{id}.json"));
        let manifest: Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
        assert_eq!(manifest["correlation_id"], "trace-1");
    }
}

// A37: what is not certain goes to a person, who approves, corrects or rejects. A21: rerouting needs a reason.
#[test]
fn a_reviewer_decides_and_the_document_follows() {
    let appliance = Appliance::usual().unwrap();
    let sample = corpus::named("scan-visitors-deflate.tif").unwrap();
    appliance.drop_in("scanner", "visitors.tif", &sample.bytes).unwrap();
    appliance.rest(240).unwrap();
    let doc = one(&appliance);
    let id = text(&doc, "id");
    assert_eq!(text(&doc, "state"), "review", "{doc}");
    assert!(appliance.ctl(&["review", "list"]).unwrap().text().contains(id));

    assert_eq!(appliance.ctl(&["review", "reclassify", id, "referral"]).unwrap().code, 0);
    appliance.rest(120).unwrap();
    let doc = one(&appliance);
    assert_eq!((text(&doc, "state"), text(&doc, "class")), ("delivered", "referral"), "{doc}");
    assert_eq!(appliance.ctl(&["review", "approve", id]).unwrap().code, 5, "it is not in review any more");

    let routes = appliance.json(&["route", "list"]).unwrap();
    let routes = routes["routes"].as_array().unwrap();
    let other =
        routes.iter().map(|route| text(route, "name")).find(|name| *name != text(&doc, "route")).unwrap();
    assert_eq!(appliance.ctl(&["reroute", id, other]).unwrap().code, 2, "a reason is asked for");
    assert_eq!(appliance.ctl(&["reroute", id, other, "--why", "wrong-department"]).unwrap().code, 0);
    appliance.rest(120).unwrap();
    assert!(appliance.outbox().join(other).join(format!("{id}.pdf")).exists());
    assert_eq!(appliance.ctl(&["doc", "show", "01JD9Z6M8Q3V5X7Y9A1B2C3D4E"]).unwrap().code, 3);
}

// A45, B46: retention is set at intake; when it is over, key and bytes are gone; a hold stops it.
#[test]
fn retention_destroys_what_is_over_unless_it_is_held() {
    let plan = Plan::default();
    let appliance = plan.init().unwrap();
    let rules = appliance.home.join("policy/retention.toml");
    let text_before = fs::read_to_string(&rules).unwrap();
    let shortened: Vec<String> = text_before
        .lines()
        .map(
            |line| {
                if line.trim_start().starts_with("days") { "days = 0".to_owned() } else { line.to_owned() }
            },
        )
        .collect();
    fs::write(&rules, shortened.join("\n")).unwrap();
    let mut appliance = appliance;
    appliance.start().unwrap();
    appliance.drop_in("fax", "slip.png", &corpus::slip(21).bytes).unwrap();
    appliance.rest(120).unwrap();
    let doc = one(&appliance);
    let id = text(&doc, "id").to_owned();
    if text(&doc, "state") == "review" {
        assert_eq!(appliance.ctl(&["review", "approve", &id]).unwrap().code, 0);
        appliance.rest(60).unwrap();
    }
    assert_eq!(appliance.ctl(&["hold", &id, "case-17"]).unwrap().code, 0);
    assert_eq!(text(&one(&appliance), "state"), "held");
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 5, "a hold is in force");
    let original = |appliance: &Appliance| {
        let file = appliance.home.join("original.bin").to_string_lossy().into_owned();
        appliance.ctl(&["doc", "get", &id, "--rendition", "original", "--force", "-O", &file]).unwrap().code
    };
    assert_eq!(original(&appliance), 0);
    assert_eq!(appliance.ctl(&["unhold", &id, "case-17"]).unwrap().code, 0);
    assert_eq!(appliance.ctl(&["retention", "run", "--dry-run"]).unwrap().code, 0);
    assert_eq!(text(&one(&appliance), "state"), "delivered", "a dry run destroys nothing");
    assert_eq!(appliance.ctl(&["retention", "run"]).unwrap().code, 0);
    assert_eq!(text(&one(&appliance), "state"), "expired");
    assert_ne!(original(&appliance), 0);
    let blobs = appliance::files_under(&appliance.home.join("state/vault/blobs")).unwrap();
    assert!(blobs.iter().all(|file| !file.to_string_lossy().contains(&id)), "no sealed bytes are left");
}
