//! What any index must answer, whatever it is made of: checked against a plain fold of the same events.

use crate::site::{Site, arrival, arrived, destroyed, digest, doc, failed, label, stopped, whole_trip};
use ledger::Placed;
use lifecycle::{Event, HoldOrder, Position, Record, Stage, State, Status, SystemEvent};
use std::collections::BTreeMap;
use store::{Query, StoreError};
use types::{DocId, Reason, Schedule, UnixMillis};

/// The plainest possible index.
#[derive(Default)]
struct Model {
    documents: BTreeMap<DocId, State>,
    events: BTreeMap<DocId, Vec<Record>>,
}

impl Model {
    fn allows(&self, doc: DocId, event: &Event) -> bool {
        match (self.documents.get(&doc), event) {
            (None, event) => matches!(event, Event::Arrived(_)),
            (Some(state), event) => state.clone().apply(event, UnixMillis(0)).is_ok(),
        }
    }

    fn note(&mut self, doc: DocId, event: &Event, record: Record) {
        let state = match (self.documents.remove(&doc), event) {
            (None, Event::Arrived(arrival)) => State::arrived(arrival, record.at),
            (state, event) => state.unwrap().apply(event, record.at).unwrap(),
        };
        self.documents.insert(doc, state);
        self.events.entry(doc).or_default().push(record);
    }

    fn ids(&self, wanted: impl Fn(&State) -> bool) -> Vec<DocId> {
        self.documents.iter().filter(|(_, state)| wanted(state)).map(|(doc, _)| *doc).collect()
    }
}

fn agree(site: &Site, model: &Model) {
    let store = site.store();
    let statuses = Status::ALL.into_iter().map(Some).chain([None]);
    for status in statuses {
        for source in [None, Some(label("fax")), Some(label("fax-2")), Some(label("nobody"))] {
            let query = Query { status, source: source.clone() };
            let expected = model.ids(|state| {
                !state.forgotten
                    && status.is_none_or(|status| state.status() == status)
                    && source.as_ref().is_none_or(|source| state.source == *source)
            });
            let mut found = Vec::new();
            while let page = store.scan(&query, found.last().copied(), 7).unwrap()
                && !page.is_empty()
            {
                found.extend(page.iter().map(|document| document.id));
            }
            assert_eq!(found, expected, "{query:?}");
        }
    }
    for (doc, state) in &model.documents {
        assert_eq!(store.get(*doc).unwrap().unwrap().state, *state);
        assert_eq!(store.events(*doc).unwrap(), model.events[doc]);
        let holders = |stands: bool| {
            let same = model.documents.iter().filter(move |(_, other)| {
                let gone = other.position == Position::Rejected || other.is_destroyed(Schedule::Original);
                other.content == state.content
                    && other.duplicate_of.is_none()
                    && !other.forgotten
                    && gone != stands
            });
            same.map(|(doc, other)| (other.received_at, *doc))
        };
        assert_eq!(store.by_past_content(state.content).unwrap(), holders(false).max().map(|(_, doc)| doc));
        let first = holders(true).min().map(|(_, doc)| doc);
        assert_eq!(store.by_content(state.content).unwrap(), first);
    }
    let counts = store.counts().unwrap();
    for status in Status::ALL {
        assert_eq!(counts[&status], model.ids(|state| state.status() == status).len() as u64, "{status}");
    }
    assert_eq!(
        store.runnable(None, 1000).unwrap(),
        model.ids(|state| matches!(state.position, Position::At(_)))
    );
    for now in [3_999_999, 4_000_000, 4_999_999, 5_000_000, 6_499_999, u64::MAX - 1] {
        let due = model.ids(|state| state.over_next().is_some_and(|next| next.0 <= now));
        let mut due: Vec<_> =
            due.into_iter().map(|doc| (model.documents[&doc].over_next().unwrap(), doc)).collect();
        due.sort_unstable();
        assert_eq!(store.due_for_expiry(UnixMillis(now), None, 1000).unwrap(), due);
    }
}

/// The next number of a fixed, evenly spread sequence (xorshift64).
fn random(state: &mut u64, below: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % below
}

fn any_event(seed: &mut u64, number: u64) -> Event {
    let source = if random(seed, 2) == 0 { "fax" } else { "fax-2" };
    let stages = lifecycle::Trip::CURRENT.stages();
    let stage = stages[random(seed, stages.len() as u64) as usize];
    let trip = whole_trip(source, number % 5);
    match random(seed, 27) {
        24 => destroyed(Vec::new()),
        25 => destroyed(vec![Schedule::ALL[random(seed, 4) as usize]]),
        26 => Event::Forgotten,
        0 => failed(stage),
        1 => stopped(stage),
        2 => Event::Rejected { stage, reason: Reason::Malformed },
        3 => Event::Referred { reason: Reason::LowConfidence, rule: label("low") },
        4 => Event::Released,
        5 => Event::Approved,
        6 => Event::HoldPlaced { hold: label("court") },
        7 => Event::HoldLifted { hold: label("court") },
        8 => Event::Expired { generation_before: 1, generation_after: 2 },
        9 => Event::Read { rendition: lifecycle::Rendition::Text },
        other => trip[(other as usize - 10).min(10)].clone(),
    }
}

#[test]
fn the_index_answers_as_a_plain_fold_of_the_events_does() {
    let (mut site, mut model, mut seed) = (Site::new(), Model::default(), 0x9e37_79b9_7f4a_7c15);
    let mut legal = 0;
    while legal < 600 {
        let number = random(&mut seed, 40);
        let (doc, event) = (doc(number), any_event(&mut seed, number));
        if !model.allows(doc, &event) {
            continue;
        }
        let record = site.happens(doc, event.clone());
        model.note(doc, &event, record);
        legal += 1;
        if legal % 150 == 0 {
            agree(&site, &model);
        }
    }
    let digest = site.store().digest();
    // Built again while open, opened again, built from nothing: the same answers each time.
    assert_eq!(site.store().rebuild(|_| {}).unwrap(), 600);
    agree(&site, &model);
    assert!(!site.open().rebuilt);
    agree(&site, &model);
    site.close();
    std::fs::remove_dir_all(site.index_dir()).unwrap();
    assert!(site.open().rebuilt);
    agree(&site, &model);
    assert_eq!(site.store().digest(), digest);
}

#[test]
fn a_record_counts_once_and_none_may_be_missing() {
    let mut site = Site::new();
    let first = site.write(lifecycle::Body::Document { doc: doc(1), event: arrived("fax", 1) });
    site.store().apply(std::slice::from_ref(&first)).unwrap();
    site.store().apply(std::slice::from_ref(&first)).unwrap();
    assert_eq!(site.store().counts().unwrap()[&Status::Received], 1);
    let mut later = first.clone();
    later.record.seq = 3;
    assert!(matches!(site.store().apply(&[later]), Err(StoreError::Gap { expected: 2, found: 3 })));
    assert_eq!(site.store().applied_seq(), 1);
}

#[test]
fn an_event_that_cannot_be_names_its_record_and_changes_nothing() {
    let mut site = Site::new();
    site.happens(doc(1), arrived("fax", 1));
    let digest = site.store().digest();
    let approved = lifecycle::Body::Document { doc: doc(1), event: Event::Approved };
    let placed = site.write(approved);
    let error = site.store().apply(std::slice::from_ref(&placed)).unwrap_err();
    assert!(error.to_string().starts_with("record 2 of the ledger cannot follow"), "{error}");
    let nobody = lifecycle::Body::Document { doc: doc(2), event: Event::Released };
    let stranger = Placed { record: Record { body: nobody, ..placed.record.clone() }, ..placed };
    assert!(matches!(site.store().apply(&[stranger]), Err(StoreError::NeverArrived { seq: 2 })));
    assert_eq!(site.store().digest(), digest);
    assert_eq!(site.store().events(doc(1)).unwrap().len(), 1);
}

// A24: "Idempotency key; retries and double clicks create no duplicate work or duplicate patient records"
#[test]
fn an_idempotency_key_names_the_first_document_that_came_with_it() {
    let mut site = Site::new();
    let with_key = |key| {
        Event::Arrived(Box::new(lifecycle::Arrival { idempotency: Some(digest(key)), ..arrival("api", key) }))
    };
    site.happens(doc(9), with_key(77));
    site.happens(doc(2), with_key(77));
    assert_eq!(site.store().by_idempotency(digest(77)).unwrap(), Some(doc(9)));
    assert_eq!(site.store().by_idempotency(digest(78)).unwrap(), None);
}

// B19: "corrupted transfer (checksum, dedupe, hash with metadata)"
#[test]
fn content_names_its_first_holder_until_that_is_destroyed() {
    let mut site = Site::new();
    site.happens(doc(1), arrived("fax", 5));
    let copy = lifecycle::Arrival { original: None, duplicate_of: Some(doc(1)), ..arrival("fax", 5) };
    site.happens(doc(2), Event::Arrived(Box::new(copy)));
    assert_eq!(site.store().by_content(digest(5)).unwrap(), Some(doc(1)));
    site.happens(doc(1), stopped(Stage::Quarantine));
    site.happens(doc(1), Event::Expired { generation_before: 1, generation_after: 2 });
    assert_eq!(site.store().by_content(digest(5)).unwrap(), None, "a destroyed document holds nothing");
    site.happens(doc(3), arrived("fax", 5));
    assert_eq!(site.store().by_content(digest(5)).unwrap(), Some(doc(3)));
}

// What was rejected does not swallow another try; what was destroyed is remembered beside the new document.
#[test]
fn content_that_cannot_stand_for_a_copy_is_found_as_past() {
    let mut site = Site::new();
    site.happens(doc(1), arrived("fax", 5));
    site.happens(doc(1), Event::Rejected { stage: Stage::Quarantine, reason: Reason::Truncated });
    assert_eq!(site.store().by_content(digest(5)).unwrap(), None);
    assert_eq!(site.store().by_past_content(digest(5)).unwrap(), Some(doc(1)));
    for event in whole_trip("fax", 5) {
        site.happens(doc(2), event);
    }
    assert_eq!(site.store().by_content(digest(5)).unwrap(), Some(doc(2)));
    site.happens(doc(2), destroyed(vec![Schedule::Text]));
    assert_eq!(site.store().by_content(digest(5)).unwrap(), Some(doc(2)), "its original is still there");
    site.happens(doc(2), destroyed(vec![Schedule::Original]));
    assert_eq!(site.store().by_content(digest(5)).unwrap(), None, "a copy's bytes must be kept again");
    assert_eq!(site.store().by_past_content(digest(5)).unwrap(), Some(doc(2)), "the latest");
    site.happens(doc(2), destroyed(Vec::new()));
    site.happens(doc(2), Event::Forgotten);
    assert_eq!(site.store().by_past_content(digest(5)).unwrap(), Some(doc(1)));
    let listed: Vec<DocId> =
        site.store().scan(&Query::default(), None, 9).unwrap().iter().map(|it| it.id).collect();
    assert_eq!(listed, [doc(1)], "a tombstone whose log is over leaves the lists");
    assert_eq!(
        site.store().get(doc(2)).unwrap().unwrap().state.position,
        Position::Gone,
        "and is still known"
    );
}

// B46: "explicit auditable legal hold": those in force are known after a restart and after a rebuild.
#[test]
fn holds_in_force_follow_the_ledger() {
    let mut site = Site::new();
    let order = |name: &str, docs: u64| HoldOrder {
        name: label(name),
        docs: (0..docs).map(doc).collect(),
        source: Some(label("fax")),
        class: None,
        from: Some(UnixMillis(7)),
        to: None,
        sensitivity: None,
        why: label("litigation"),
    };
    let orders = [order("a", 1000), order("ab", 0), order("b", 1)];
    for order in &orders {
        site.system(SystemEvent::HoldOrdered(Box::new(order.clone())));
    }
    let names =
        |site: &Site| site.store().holds().unwrap().into_iter().map(|hold| hold.order).collect::<Vec<_>>();
    assert_eq!(names(&site), orders);
    site.system(SystemEvent::HoldEnded { hold: label("a") });
    assert_eq!(names(&site), orders[1..]);
    site.store().rebuild(|_| {}).unwrap();
    assert_eq!(names(&site), orders[1..]);
    site.open();
    assert_eq!(names(&site), orders[1..]);
}

// A20: "audit history"
#[test]
fn the_events_of_a_document_come_in_pages_too() {
    let mut site = Site::new();
    for event in whole_trip("fax", 1) {
        site.happens(doc(1), event);
        site.system(SystemEvent::Audited);
    }
    let all = site.store().events(doc(1)).unwrap();
    assert_eq!(
        all.iter().map(|record| record.seq).collect::<Vec<_>>(),
        (1..=11).map(|n| 2 * n - 1).collect::<Vec<_>>()
    );
    let page = site.store().events_after(doc(1), all[3].seq, 2).unwrap();
    assert_eq!(page, all[4..6]);
    assert!(site.store().events(doc(2)).unwrap().is_empty());
}

#[test]
fn of_the_records_about_the_appliance_the_last_thousand_are_kept() {
    let mut site = Site::new();
    for _ in 0..1003 {
        site.system(SystemEvent::Stopped);
    }
    let seqs: Vec<u64> = site.store().system_events().unwrap().iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (4..=1003).collect::<Vec<_>>());
}

#[test]
fn a_state_larger_than_a_page_is_kept_in_pieces_and_shrinks_again() {
    let mut site = Site::new();
    let large = lifecycle::Arrival { sealed: lifecycle::Sealed(vec![5; 40_000]), ..arrival("fax", 1) };
    site.happens(doc(1), Event::Arrived(Box::new(large)));
    assert_eq!(site.store().get(doc(1)).unwrap().unwrap().state.sealed_arrival.0.len(), 40_000);
    site.happens(doc(1), stopped(Stage::Quarantine));
    site.happens(doc(1), Event::Expired { generation_before: 1, generation_after: 2 });
    assert!(site.store().get(doc(1)).unwrap().unwrap().state.sealed_arrival.0.is_empty());
    assert_eq!(site.store().events(doc(1)).unwrap().len(), 3);
    assert!(!site.open().rebuilt, "no stray piece makes the index look damaged");
    let blobs = std::fs::read_dir(site.index_dir().join("blobs")).unwrap().count();
    assert_eq!(blobs, 0, "nothing may be so large that sled writes it to a file of its own");
}
