//! Makes histories of documents for tests of lifecycle, ledger and store: legal ones and arbitrary ones.

use lifecycle::{Arrival, Channel, Event, Outcome, Rendition, Schedules, Sealed, Stage, Term, Trip};
use proptest::prelude::*;
use types::{BlobId, Confidence, Digest, DocClass, DocId, Label, Reason, Schedule, UnixMillis};

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
        schedules: None,
        destroyed_before: None,
        resent_of: None,
        received_at: None,
    }
}

/// Schedules that end at these times, in the order of [`Schedule::ALL`]; the rules are named as they are.
#[must_use]
pub fn schedules(until: [u64; 5]) -> Schedules {
    let term = |at: usize| Term { rule: label(Schedule::ALL[at].name()), until: UnixMillis(until[at]) };
    Schedules { original: term(0), redacted: term(1), text: term(2), review: term(3), log: term(4) }
}

/// Schedules around [`outcome`]'s and before.
pub fn any_schedules() -> impl Strategy<Value = Schedules> {
    prop::array::uniform5(prop::sample::select(vec![0_u64, 1_000, 8_000_000_000_000, 9_900_000_000_000]))
        .prop_map(schedules)
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
            sensitivity: Vec::new(),
            schedules: None,
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
            let until = UnixMillis(9_500_000_000_000);
            Outcome::Retained { retention: label("default"), until, schedules: None }
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
        1 => Just(Event::Reclassified { class: DocClass::Claim, schedules: None }),
        1 => Just(Event::Rerouted { route: label("billing"), owner: label("billing"), why: label("wrong") }),
        1 => hold.clone().prop_map(|hold| Event::HoldPlaced { hold }),
        1 => hold.prop_map(|hold| Event::HoldLifted { hold }),
        1 => Just(Event::Read { rendition: Rendition::Redacted }),
        1 => any_schedules().prop_map(|schedules| {
            Event::Finished(Outcome::Retained {
                retention: label("default"),
                until: schedules.last().until,
                schedules: Some(Box::new(schedules)),
            })
        }),
        1 => any_schedules().prop_map(|schedules| {
            let duplicate = DocId::from_parts(UnixMillis(1_700_000_000_000), 9);
            Event::RetentionExtended { duplicate, schedules: Box::new(schedules) }
        }),
        1 => prop::collection::vec(prop::sample::select(&Schedule::ALL[..]), 0..3).prop_map(destroyed),
        1 => Just(Event::Forgotten),
        1 => Just(Event::Expired { generation_before: 1, generation_after: 2 }),
    ]
}

/// The destruction of these parts, or of all.
#[must_use]
pub fn destroyed(areas: Vec<Schedule>) -> Event {
    Event::Destroyed { areas, certificate: "{}".to_owned(), signature: "00".repeat(64) }
}
