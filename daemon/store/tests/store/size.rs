//! How much sled is given to hold: its memory grows with it.

use crate::site::{Site, blob, certain, digest, doc, label, patiently, terms, whole_trip};
use lifecycle::{Arrival, Channel, Event, Finding, Outcome, Sealed, Trip};
use std::collections::BTreeMap;
use types::{DocClass, UnixMillis};

/// A document with everything a real one has: long names, sealed facts of their real length, every artefact.
fn everything(number: u64) -> Vec<Event> {
    // Real times: they take as many bytes as they ever will.
    let (at, years) = (1_795_502_192_007, 10 * 365 * 24 * 60 * 60 * 1000);
    let mut events = vec![Event::Arrived(Box::new(Arrival {
        source: label("radiology-department-fax-2"),
        channel: Channel::Inbox,
        bytes: 48_213_777,
        original: Some(blob(at + number)),
        content: digest(number),
        idempotency: Some(digest(number)),
        duplicate_of: None,
        trip: Trip::V1,
        sealed: Sealed(vec![9; 420]),
        retention: label("clinical-correspondence"),
        retain_until: UnixMillis(at + years),
        schedules: Some(Box::new(terms([at + years; 5]))),
        destroyed_before: Some(doc(number + 1)),
        resent_of: None,
        received_at: None,
    }))];
    let sealed = || Sealed(vec![3; 77]);
    events.extend(
        [
            Outcome::Quarantined { format: label("pdf") },
            Outcome::Parsed { pages: 214, findings: vec![Finding::ExternalLink, Finding::OptionalContent] },
            Outcome::Normalised { raster: blob(at + number), blank_pages: 3 },
            Outcome::Read {
                text: blob(at + number + 1),
                words: 48_122,
                confidence: certain(),
                unread_pages: 1,
                sealed: sealed(),
            },
            Outcome::Classified {
                class: DocClass::LabResult,
                confidence: certain(),
                rules: ["lab-title", "lab-units", "lab-reference-range", "lab-specimen"].map(label).to_vec(),
                mixed: true,
                sensitivity: ["behavioural-health", "substance-use"].map(label).to_vec(),
                schedules: None,
            },
            Outcome::Redacted {
                product: blob(at + number + 2),
                map: blob(at + number + 3),
                boxes: 1_822,
                black_pages: 2,
                sealed: sealed(),
            },
            Outcome::Stored { manifest: blob(at + number + 4) },
            Outcome::Routed {
                route: label("laboratory-medicine"),
                owner: label("laboratory-medicine-desk"),
                rule: label("class.lab-result"),
            },
            Outcome::Delivered { receipt: digest(number + 7), disclosure: None },
            Outcome::Retained {
                retention: label("laboratory-results"),
                until: UnixMillis(at + 3 * years),
                schedules: Some(Box::new(terms([1, 2, 3, 4, 5].map(|n| at + n * years)))),
            },
        ]
        .map(Event::Finished),
    );
    events.push(Event::HoldPlaced { hold: label("case-2026-0417") });
    events
}

// "records in sled ≤ 256 bytes; its memory grows with its size"
#[test]
fn no_record_in_sled_is_larger_than_256_bytes_and_a_document_is_one() {
    let mut site = Site::new();
    site.now = 1_795_502_192_007;
    // Far along in the ledger, where numbers and places are long.
    for number in 0..200 {
        for event in whole_trip("fax", 1_000_000 + number) {
            site.happens(doc(1_000_000 + number), event);
        }
    }
    for number in 0..20 {
        for event in everything(number) {
            site.happens(doc(number), event);
        }
    }
    // Whoever is read a thousand times has long lists of records.
    for _ in 0..1000 {
        site.happens(doc(3), Event::Read { rendition: lifecycle::Rendition::Text });
    }
    site.store().flush().unwrap();
    site.close();
    let db = patiently(|| sled::open(site.index_dir())).unwrap();
    let mut sizes: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
    for name in db.tree_names() {
        let tree = db.open_tree(&name).unwrap();
        for pair in &tree {
            let (key, value) = pair.unwrap();
            let (count, longest, sum) = sizes.entry(String::from_utf8_lossy(&name).into_owned()).or_default();
            (*count, *longest, *sum) =
                (*count + 1, value.len().max(*longest), *sum + key.len() + value.len());
        }
    }
    for (name, (count, longest, sum)) in &sizes {
        eprintln!(
            "{name:12} {count:6} records, longest value {longest:3} bytes, {:3} with key on average",
            sum / count
        );
    }
    assert!(sizes.values().all(|(_, longest, _)| *longest <= 256), "{sizes:?}");
    assert_eq!(sizes["docs"].0, 220, "every document is one record, the fullest too");
    assert_eq!(site.store_opened().events(doc(3)).unwrap().len(), 1012);
}
