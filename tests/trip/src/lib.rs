//! Makes histories of documents for tests of lifecycle, ledger and store: legal ones and arbitrary ones.

use lifecycle::{Arrival, Channel, Event, Outcome, Rendition, Sealed, Stage, Trip};
use proptest::prelude::*;
use types::{BlobId, Confidence, Digest, DocClass, Label, Reason, UnixMillis};

/// A label that is known to be good.
#[must_use]
pub fn label(text: &str) -> Label {
    text.parse().unwrap_or_else(|_| unreachable!("{text} is a label"))
}

/// The arrival of some bytes; `content` tells them apart.
#[must_use]
pub fn arrival(content: u8) -> Arrival {
    Arrival {
        source: label("fax"),
        channel: Channel::Inbox,
        bytes: 4096,
        original: Some(blob(1)),
        content: Digest([content; 32]),
        idempotency: None,
        duplicate_of: None,
        trip: Trip::CURRENT,
        sealed: Sealed(vec![1, 2, 3]),
        retention: label("default"),
        retain_until: UnixMillis(9_000_000_000_000),
    }
}

/// A blob id by number.
#[must_use]
pub fn blob(number: u128) -> BlobId {
    BlobId::from_parts(UnixMillis(1_700_000_000_000), number)
}

/// What a station leaves when all goes well.
#[must_use]
pub fn outcome(stage: Stage) -> Outcome {
    let sealed = Sealed(vec![9]);
    match stage {
        Stage::Quarantine => Outcome::Quarantined { format: label("tiff") },
        Stage::Parse => Outcome::Parsed { pages: 2, findings: Vec::new() },
        Stage::Normalise => Outcome::Normalised { raster: blob(2), blank_pages: 0 },
        Stage::Ocr => Outcome::Read {
            text: blob(3),
            words: 200,
            confidence: Confidence::new(0.9),
            unread_pages: 0,
            sealed,
        },
        Stage::Classify => Outcome::Classified {
            class: DocClass::Referral,
            confidence: Confidence::new(0.97),
            rules: vec![label("class.referral.title")],
            mixed: false,
        },
        Stage::Redact => {
            Outcome::Redacted { product: blob(4), map: blob(5), boxes: 7, black_pages: 0, sealed }
        }
        Stage::Store => Outcome::Stored { manifest: blob(6) },
        Stage::Route => Outcome::Routed {
            route: label("scheduling"),
            owner: label("front-desk"),
            rule: label("route.referral"),
        },
        Stage::Deliver => Outcome::Delivered { receipt: Digest([8; 32]), disclosure: None },
        Stage::Retain => {
            Outcome::Retained { retention: label("default"), until: UnixMillis(9_500_000_000_000) }
        }
    }
}

/// Any event but an arrival.
pub fn any_event() -> impl Strategy<Value = Event> {
    let stage = prop::sample::select(Trip::CURRENT.stages());
    let reason = prop::sample::select(Reason::ALL);
    let hold = prop::sample::select(vec![label("case-1"), label("case-2")]);
    prop_oneof![
        8 => stage.clone().prop_map(|stage| Event::Finished(outcome(stage))),
        2 => (stage.clone(), reason.clone()).prop_map(|(stage, reason)| Event::Failed { stage, reason }),
        1 => (stage.clone(), reason.clone()).prop_map(|(stage, reason)| Event::Stopped { stage, reason }),
        1 => reason.clone().prop_map(|reason| Event::Referred { reason, rule: label("route.low") }),
        1 => (stage, reason).prop_map(|(stage, reason)| Event::Rejected { stage, reason }),
        1 => Just(Event::Released),
        1 => Just(Event::Approved),
        1 => Just(Event::Reclassified { class: DocClass::Claim }),
        1 => Just(Event::Rerouted { route: label("billing"), owner: label("billing"), why: label("wrong") }),
        1 => hold.clone().prop_map(|hold| Event::HoldPlaced { hold }),
        1 => hold.prop_map(|hold| Event::HoldLifted { hold }),
        1 => Just(Event::Read { rendition: Rendition::Redacted }),
        1 => Just(Event::Expired { generation_before: 1, generation_after: 2 }),
    ]
}
