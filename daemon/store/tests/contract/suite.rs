//! What any engine must do, case by case.

use crate::{Site, embedded::OnDisk, model::Model};
use lifecycle::{Actor, Arrival, Body, Channel, Event, Outcome, Sealed, Stage, Status, SystemEvent, Trip};
use store::{Contract, Fact, Lease, Query, Refusal};
use types::{BlobId, Digest, DocId, Label, Reason, UnixMillis};

macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        mod the_model { use super::*; $($(#[$doc])* #[test] fn $name() { super::$name(Model::new()); })* }
        mod ledger_and_sled { use super::*; $($(#[$doc])* #[test] fn $name() { super::$name(OnDisk::new()); })* }
    };
}

cases! {
    a_fact_is_there_after_a_crash_and_one_that_was_refused_is_not;
    a_fact_that_was_decided_on_another_version_is_refused;
    facts_of_one_commit_see_each_other;
    an_idempotency_key_counts_once;
    a_key_is_free_again_when_the_bytes_it_came_with_are_destroyed;
    what_left_the_lists_is_counted_still;
    many_readings_hide_no_event;
    what_cannot_be_is_refused_with_its_reason;
    a_late_worker_is_told_and_changes_nothing;
    pages_join_without_gap_or_repetition;
    the_appliances_own_records_are_in_the_log;
}

pub(crate) fn doc(number: u64) -> DocId {
    DocId::from_parts(UnixMillis(1_700_000_000_000 + number), u128::from(number))
}

pub(crate) fn label(text: &str) -> Label {
    text.parse().unwrap()
}

pub(crate) fn arrival(source: &str, content: u8, key: Option<u8>) -> Event {
    Event::Arrived(Box::new(Arrival {
        source: label(source),
        channel: Channel::Grpc,
        bytes: 1234,
        original: Some(BlobId::from_parts(UnixMillis(content.into()), 1)),
        content: Digest([content; 32]),
        idempotency: key.map(|key| Digest([key; 32])),
        duplicate_of: None,
        destroyed_before: None,
        resent_of: None,
        received_at: None,
        schedules: None,
        trip: Trip::CURRENT,
        sealed: Sealed(vec![9; 120]),
        retention: label("short"),
        retain_until: UnixMillis(5_000_000),
    }))
}

pub(crate) fn fact(doc: DocId, event: Event) -> Fact {
    let body = Body::Document { doc, event };
    Fact { at: UnixMillis(1000), by: Actor::Daemon, body, expect: None, under: None }
}

fn quarantined() -> Event {
    Event::Finished(Outcome::Quarantined { format: label("pdf") })
}

fn one(engine: &dyn Contract, fact: Fact) -> Result<u64, Refusal> {
    engine.commit(vec![fact]).unwrap().remove(0).map(|record| record.seq)
}

fn version(engine: &dyn Contract, doc: DocId) -> u64 {
    engine.get(doc).unwrap().unwrap().state.version
}

// "atomic commit(puts with expected version, …)"; "commit returns only when durable"
fn a_fact_is_there_after_a_crash_and_one_that_was_refused_is_not(mut site: impl Site) {
    assert_eq!(one(site.engine(), fact(doc(1), arrival("fax", 1, None))), Ok(1));
    let refused = one(site.engine(), fact(doc(1), Event::Approved)).unwrap_err();
    assert!(matches!(refused, Refusal::Illegal(illegal) if illegal.status == Status::Received));
    site.crash();
    let engine = site.engine();
    assert_eq!(engine.applied_seq(), 1);
    assert_eq!(engine.events(doc(1)).unwrap().len(), 1);
    assert_eq!(engine.counts().unwrap()[&Status::Received], 1);
    assert_eq!(one(engine, fact(doc(1), quarantined())), Ok(2), "numbers have no gap");
}

fn a_fact_that_was_decided_on_another_version_is_refused(site: impl Site) {
    let engine = site.engine();
    one(engine, fact(doc(1), arrival("fax", 1, None))).unwrap();
    let seen = version(engine, doc(1));
    one(engine, Fact { expect: Some(seen), ..fact(doc(1), quarantined()) }).unwrap();
    let hold = Event::HoldPlaced { hold: label("court") };
    let late = one(engine, Fact { expect: Some(seen), ..fact(doc(1), hold.clone()) });
    assert_eq!(late, Err(Refusal::Overtaken));
    one(engine, Fact { expect: Some(seen + 1), ..fact(doc(1), hold) }).unwrap();
}

fn facts_of_one_commit_see_each_other(site: impl Site) {
    let engine = site.engine();
    let facts = vec![
        fact(doc(1), arrival("fax", 1, Some(7))),
        Fact { expect: Some(1), ..fact(doc(1), quarantined()) },
        // Refused by itself: those around it are written all the same.
        Fact { expect: Some(1), ..fact(doc(1), Event::HoldPlaced { hold: label("court") }) },
        fact(doc(2), arrival("fax", 2, Some(7))),
        fact(doc(1), arrival("fax", 1, None)),
        fact(doc(3), arrival("fax", 3, None)),
    ];
    let verdicts = engine.commit(facts).unwrap();
    let verdicts: Vec<_> = verdicts.into_iter().map(|verdict| verdict.map(|record| record.seq)).collect();
    let expected =
        [Ok(1), Ok(2), Err(Refusal::Overtaken), Err(Refusal::Repeated(doc(1))), Err(Refusal::Known), Ok(3)];
    assert_eq!(verdicts, expected);
    assert_eq!(engine.log(1).unwrap().count(), 3);
    assert!(engine.commit(Vec::new()).unwrap().is_empty());
}

// A24: "Idempotency key; retries and double clicks create no duplicate work or duplicate patient records"
fn an_idempotency_key_counts_once(mut site: impl Site) {
    one(site.engine(), fact(doc(9), arrival("api", 1, Some(77)))).unwrap();
    for _ in 0..3 {
        let again = one(site.engine(), fact(doc(2), arrival("api", 2, Some(77))));
        assert_eq!(again, Err(Refusal::Repeated(doc(9))));
        site.crash();
    }
    assert_eq!(site.engine().by_idempotency(Digest([77; 32])).unwrap(), Some(doc(9)));
    assert_eq!(site.engine().by_idempotency(Digest([78; 32])).unwrap(), None);
    assert!(site.engine().get(doc(2)).unwrap().is_none());
}

// "A duplicate of a destroyed document is a new document with a note", also under the key of the first.
fn a_key_is_free_again_when_the_bytes_it_came_with_are_destroyed(mut site: impl Site) {
    let gone = || Event::Expired { generation_before: 1, generation_after: 2 };
    let rejected = || Event::Rejected { stage: Stage::Quarantine, reason: Reason::Duplicate };
    let engine = site.engine();
    let copy = |key| match arrival("api", 1, Some(key)) {
        Event::Arrived(arrival) => {
            Event::Arrived(Box::new(Arrival { duplicate_of: Some(doc(1)), original: None, ..*arrival }))
        }
        other => other,
    };
    let facts = vec![
        fact(doc(1), arrival("api", 1, Some(77))),
        fact(doc(2), copy(78)),
        fact(doc(1), rejected()),
        fact(doc(2), rejected()),
    ];
    assert!(engine.commit(facts).unwrap().iter().all(Result::is_ok));
    assert_eq!(one(engine, fact(doc(3), arrival("api", 1, Some(78)))), Err(Refusal::Repeated(doc(2))));
    // In one commit too: those before it have happened.
    let facts = vec![fact(doc(1), gone()), fact(doc(4), arrival("api", 1, Some(77)))];
    assert!(engine.commit(facts).unwrap().iter().all(Result::is_ok));
    site.crash();
    let engine = site.engine();
    assert_eq!(engine.by_idempotency(Digest([77; 32])).unwrap(), Some(doc(4)));
    assert_eq!(one(engine, fact(doc(5), arrival("api", 1, Some(77)))), Err(Refusal::Repeated(doc(4))));
    assert_eq!(engine.by_idempotency(Digest([78; 32])).unwrap(), None, "the copy's bytes were those of 1");
    assert_eq!(engine.copies(doc(1), None, 9).unwrap(), [doc(2)]);
    one(engine, fact(doc(2), gone())).unwrap();
    assert!(engine.copies(doc(1), None, 9).unwrap().is_empty());
}

// "accounting lists every disclosure of a document": whoever may read it cannot make it unreadable.
fn many_readings_hide_no_event(site: impl Site) {
    const READINGS: usize = 10_001;
    let engine = site.engine();
    let read = || fact(doc(1), Event::Read { rendition: lifecycle::Rendition::Redacted });
    one(engine, fact(doc(1), arrival("fax", 1, None))).unwrap();
    let facts: Vec<Fact> = std::iter::repeat_with(read).take(READINGS).collect();
    for some in facts.chunks(1000) {
        assert!(engine.commit(some.to_vec()).unwrap().iter().all(Result::is_ok));
    }
    let events = engine.events(doc(1)).unwrap();
    assert_eq!(events.iter().map(|record| record.seq).collect::<Vec<_>>(), (1..=10_002).collect::<Vec<_>>());
}

// "seen = the states … summed": for ever, also when a document is shown no more.
fn what_left_the_lists_is_counted_still(mut site: impl Site) {
    let rejected = Event::Rejected { stage: Stage::Quarantine, reason: Reason::Empty };
    let gone = Event::Expired { generation_before: 1, generation_after: 2 };
    let events = [arrival("fax", 1, None), rejected, gone, Event::Forgotten];
    let facts = events.map(|event| fact(doc(1), event));
    assert!(site.engine().commit(facts.into()).unwrap().iter().all(Result::is_ok));
    one(site.engine(), fact(doc(2), arrival("fax", 2, None))).unwrap();
    site.crash();
    let (up_to, census) = site.engine().census(&[label("fax")]).unwrap();
    assert_eq!(up_to, 5);
    assert_eq!((census[&label("fax")][&Status::Expired], census[&label("fax")][&Status::Received]), (1, 1));
    assert_eq!(site.engine().scan(&Query::default(), None, 9).unwrap().len(), 1, "it is shown no more");
}

fn what_cannot_be_is_refused_with_its_reason(site: impl Site) {
    let engine = site.engine();
    assert_eq!(one(engine, fact(doc(1), Event::Released)), Err(Refusal::Unknown));
    one(engine, fact(doc(1), arrival("fax", 1, None))).unwrap();
    assert_eq!(one(engine, fact(doc(1), arrival("fax", 1, None))), Err(Refusal::Known));
    assert_eq!(engine.applied_seq(), 1);
}

// "claim with lease and fencing token": whoever comes late changes nothing.
fn a_late_worker_is_told_and_changes_nothing(mut site: impl Site) {
    let engine = site.engine();
    let under = |lease: Lease, event| Fact { under: Some(lease), ..fact(lease.doc, event) };
    one(engine, fact(doc(1), arrival("fax", 1, None))).unwrap();
    assert!(engine.claim(doc(2), UnixMillis(0), 50).unwrap().is_none(), "there is no such document");
    let first = engine.claim(doc(1), UnixMillis(100), 50).unwrap().unwrap();
    assert!(engine.claim(doc(1), UnixMillis(149), 50).unwrap().is_none());
    let second = engine.claim(doc(1), UnixMillis(150), 50).unwrap().unwrap();
    assert!(second.token > first.token);
    assert_eq!(one(engine, under(first, quarantined())), Err(Refusal::Stale));
    assert!(!engine.finish(&first).unwrap());
    assert_eq!(one(engine, under(second, quarantined())), Ok(2));
    assert!(engine.finish(&second).unwrap());
    assert!(!engine.finish(&second).unwrap(), "nothing is finished twice");
    let stopped = |stage| Event::Stopped { stage, reason: Reason::WorkerCrash };
    assert_eq!(one(engine, under(second, stopped(Stage::Parse))), Err(Refusal::Stale));
    let third = engine.claim(doc(1), UnixMillis(0), u64::MAX).unwrap().unwrap();
    site.crash();
    let engine = site.engine();
    assert_eq!(one(engine, under(third, stopped(Stage::Parse))), Err(Refusal::Stale), "of another life");
    let fourth = engine.claim(doc(1), UnixMillis(0), 10).unwrap().unwrap();
    assert!(fourth.token > third.token, "tokens go on");
    one(engine, under(fourth, stopped(Stage::Parse))).unwrap();
    assert!(engine.claim(doc(1), UnixMillis(99), 10).unwrap().is_none(), "no station is before it");
}

fn pages_join_without_gap_or_repetition(site: impl Site) {
    let engine = site.engine();
    let arrivals =
        (0..25).rev().map(|n| fact(doc(n), arrival(["fax", "lab"][n as usize % 2], n as u8, None)));
    engine.commit(arrivals.collect()).unwrap();
    for size in [1, 7, 25, 100] {
        for (query, expected) in [
            (Query::default(), 25),
            (Query { source: Some(label("lab")), ..Query::default() }, 12),
            (Query { status: Some(Status::Received), ..Query::default() }, 25),
            (Query { status: Some(Status::Held), source: Some(label("fax")) }, 0),
        ] {
            let mut found: Vec<DocId> = Vec::new();
            while let page = engine.scan(&query, found.last().copied(), size).unwrap()
                && !page.is_empty()
            {
                assert!(page.len() <= size);
                assert!(page.iter().all(|document| found.last().is_none_or(|last| document.id > *last)));
                found.extend(page.iter().map(|document| document.id));
            }
            assert_eq!(found.len(), expected, "{query:?} in pages of {size}");
        }
    }
    let log = engine.log(7).unwrap();
    // What comes later is not in what was asked for before.
    one(engine, fact(doc(99), arrival("fax", 99, None))).unwrap();
    assert_eq!(log.map(|record| record.unwrap().seq).collect::<Vec<_>>(), (7..=25).collect::<Vec<_>>());
    assert_eq!(engine.log(27).unwrap().count(), 0);
}

fn the_appliances_own_records_are_in_the_log(mut site: impl Site) {
    let body = Body::System(SystemEvent::Audited);
    let audited =
        Fact { at: UnixMillis(1), by: Actor::Client(label("auditor")), body, expect: None, under: None };
    one(site.engine(), audited.clone()).unwrap();
    site.crash();
    let log = site.engine().log(0).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(log.len(), 1);
    assert_eq!((&log[0].body, &log[0].by), (&audited.body, &audited.by));
}
