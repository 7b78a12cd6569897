//! Copies and the bytes they share, with the real writer on a real ledger, index and vault.
#![allow(clippy::unwrap_used)]

use crate::{
    book::{Admission, BookError},
    copies,
    destruction::{Doomed, Fate},
    test_site::Written,
};
use ::store::Fact;
use lifecycle::{
    Actor, Arrival, Body, Channel, Event, HoldOrder, Over, Schedules, Sealed, Stage, State, SystemEvent,
    Term, Trip,
};
use std::future::Future;
use types::{BlobId, Digest, DocId, Label, Reason, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_000_000);
/// Over long ago, and in a hundred years.
const OVER: u64 = 500_000;
const LONG: u64 = 3_000_000_000_000;

impl Written {
    /// As an intake does: the key, then the record.
    async fn admit(&self, number: u8, arrival: Arrival) -> Result<Admission, BookError> {
        self.vault.new_document(doc(number)).unwrap();
        self.book.admit(doc(number), Actor::Daemon, arrival).await
    }

    /// What a crash, or an older version, left in the ledger.
    fn left(&self, facts: Vec<(u64, Body)>) {
        let fact =
            |(at, body)| Fact { at: UnixMillis(at), by: Actor::Daemon, body, expect: None, under: None };
        let verdicts = self.store.commit(facts.into_iter().map(fact).collect()).unwrap();
        assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
    }

    fn state(&self, number: u8) -> State {
        self.store.get(doc(number)).unwrap().unwrap().state
    }

    fn until(&self, number: u8) -> u64 {
        self.state(number).schedules.last().until.0
    }

    fn extensions(&self, number: u8) -> usize {
        let events = self.store.events_after(doc(number), 0, 100).unwrap();
        let is = |body: &Body| matches!(body, Body::Document { event: Event::RetentionExtended { .. }, .. });
        events.iter().filter(|record| is(&record.body)).count()
    }

    fn destroy(&self, number: u8) -> Fate {
        let doomed = Doomed { doc: doc(number), over: Over::Whole, portraits: Vec::new() };
        now(self.book.destroy(vec![doomed], Actor::Daemon)).unwrap().remove(0).1
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

fn doc(number: u8) -> DocId {
    DocId::from_bytes([number; 16])
}

fn arrival(until: u64, key: Option<u8>, first: Option<u8>) -> Arrival {
    let term = || Term { rule: label(&format!("until-{until}")), until: UnixMillis(until) };
    let schedules =
        Schedules { original: term(), redacted: term(), text: term(), review: term(), log: term() };
    Arrival {
        source: label("fax"),
        channel: Channel::Grpc,
        bytes: 3,
        original: first.is_none().then(|| BlobId::from_bytes([7; 16])),
        content: Digest([1; 32]),
        idempotency: key.map(|key| Digest([key; 32])),
        duplicate_of: first.map(doc),
        trip: Trip::CURRENT,
        sealed: Sealed(vec![1]),
        retention: label("short"),
        retain_until: UnixMillis(until),
        schedules: Some(Box::new(schedules)),
        destroyed_before: None,
        resent_of: None,
        received_at: None,
    }
}

fn arrived(number: u8, arrival: Arrival) -> Body {
    Body::Document { doc: doc(number), event: Event::Arrived(Box::new(arrival)) }
}

fn rejected(number: u8, reason: Reason) -> Body {
    Body::Document { doc: doc(number), event: Event::Rejected { stage: Stage::Quarantine, reason } }
}

/// A first document whose time is over, and a copy of it that is kept for long; the ledger lacks what goes with it.
fn with_a_copy() -> Written {
    let site = Written::new(|| NOW);
    site.left(vec![
        (100, arrived(1, arrival(OVER, None, None))),
        (200, arrived(2, arrival(LONG, Some(9), Some(1)))),
        (300, rejected(1, Reason::RejectedByReviewer)),
        (400, rejected(2, Reason::Duplicate)),
    ]);
    assert_eq!((site.until(1), site.until(2)), (OVER, LONG));
    site
}

// A45, after a crash that left only the arrival of the copy: whoever meets the copy again writes what is lacking.
#[test]
fn a_lost_extension_is_written_when_the_same_claim_or_upload_comes_again_and_only_once() {
    let same_claim = |site: &Written| {
        let again = site.admit(2, arrival(LONG, None, None));
        assert!(
            matches!(now(again).unwrap(), Admission::New { duplicate_of: Some(first) } if first == doc(1))
        );
    };
    let same_key = |site: &Written| {
        let again = site.admit(3, arrival(LONG, Some(9), None));
        assert!(matches!(now(again).unwrap(), Admission::Repeated(copy) if copy == doc(2)));
        assert!(site.store.get(doc(3)).unwrap().is_none(), "no document is made of a repetition");
    };
    let same_file = |site: &Written| {
        let copy = site.store.get(doc(2)).unwrap().unwrap();
        now(copies::settle(&*site.store, &site.book, &copy));
    };
    for meet in [&same_claim as &dyn Fn(&Written), &same_key, &same_file] {
        let site = with_a_copy();
        meet(&site);
        assert_eq!(site.until(1), LONG);
        meet(&site);
        assert_eq!(site.extensions(1), 1);
    }
}

// Issue 3, 4: nothing is destroyed before its longest term, whatever the ledger lacks.
#[test]
fn the_writer_looks_at_the_copies_before_it_destroys_what_they_share() {
    let site = with_a_copy();
    assert_eq!(site.destroy(1), Fate::Changed);
    assert_eq!((site.until(1), site.state(1).blobs.original.is_some()), (LONG, true));
}

// Issue 3, 4: "legal holds block every deletion path": one whose scope only a copy is in keeps the bytes of both.
#[test]
fn a_hold_over_a_copy_keeps_the_bytes_of_the_first() {
    let hold = |docs: &[u8], from: Option<u64>| HoldOrder {
        name: label("case-1"),
        docs: docs.iter().copied().map(doc).collect(),
        source: None,
        class: None,
        from: from.map(UnixMillis),
        to: None,
        sensitivity: None,
        why: label("test"),
    };
    for order in [hold(&[2], None), hold(&[], Some(150))] {
        let site = Written::new(|| NOW);
        site.left(vec![
            (100, arrived(1, arrival(OVER, None, None))),
            (200, arrived(2, arrival(OVER, None, Some(1)))),
            (300, rejected(1, Reason::RejectedByReviewer)),
            (400, Body::System(SystemEvent::HoldOrdered(Box::new(order)))),
        ]);
        assert_eq!(site.destroy(1), Fate::Held(vec![label("case-1")]));
        now(site.book.note(Actor::Daemon, SystemEvent::HoldEnded { hold: label("case-1") })).unwrap();
        assert_eq!(site.destroy(1), Fate::Done);
    }
    let site = Written::new(|| NOW);
    let own = Event::HoldPlaced { hold: label("case-2") };
    site.left(vec![
        (100, arrived(1, arrival(OVER, None, None))),
        (200, arrived(2, arrival(OVER, None, Some(1)))),
        (300, rejected(1, Reason::RejectedByReviewer)),
        (400, Body::Document { doc: doc(2), event: own }),
    ]);
    assert_eq!(site.destroy(1), Fate::Held(vec![label("case-2")]), "a hold of the copy alone");
}

// A station under way is not thrown away because somebody sends the same file again.
#[test]
fn a_copy_does_not_overtake_a_station_of_the_first() {
    let site = Written::new(|| NOW);
    site.left(vec![(100, arrived(1, arrival(OVER, None, None)))]);
    let seen = site.state(1).version;
    now(site.admit(2, arrival(LONG, None, None))).unwrap();
    assert_eq!(site.until(1), LONG);
    let reason = Reason::RejectedByReviewer;
    let event = Event::Rejected { stage: Stage::Quarantine, reason };
    now(site.book.record(doc(1), seen, Actor::Daemon, event)).unwrap();
}
