//! What counts on a day, and what does not.
#![allow(clippy::unwrap_used)]
use super::*;
use lifecycle::{Arrival, Sealed, Trip};
use types::{Digest, DocId};

fn fax() -> Label {
    "fax".parse().unwrap()
}

fn arrived(channel: Channel, duplicate_of: Option<DocId>) -> Body {
    let arrival = Arrival {
        source: fax(),
        channel,
        bytes: 1,
        original: None,
        content: Digest([0; 32]),
        idempotency: None,
        schedules: None,
        destroyed_before: None,
        resent_of: None,
        received_at: None,
        duplicate_of,
        trip: Trip::CURRENT,
        sealed: Sealed::default(),
        retention: fax(),
        retain_until: UnixMillis(0),
    };
    let doc = DocId::from_parts(UnixMillis(1), 1);
    Body::Document { doc, event: Event::Arrived(Box::new(arrival)) }
}

fn day(bodies: Vec<Body>) -> Day {
    let mut day = Day::default();
    for (seq, body) in (1..).zip(bodies) {
        day.add(&Record { seq, at: UnixMillis(0), by: Actor::Daemon, body });
    }
    day
}

// A crash between a record and the journal has the record written twice; the file counts once.
#[test]
fn what_a_crash_has_written_twice_counts_once_and_what_stays_in_the_inbox_is_not_refused() {
    let name = Digest([1; 32]);
    let refused = |entry| SystemEvent::Refused { source: fax(), reason: Reason::Symlink, name, entry };
    let vanished = SystemEvent::Vanished { source: fax(), name, entry: Some(2) };
    let uploads = SystemEvent::UploadsRefused { source: Some(fax()), why: fax(), count: 5 };
    let systems = [refused(Some(1)), refused(Some(1)), refused(None), vanished.clone(), vanished, uploads];
    let twin = Some(DocId::from_parts(UnixMillis(1), 1));
    let mut bodies = vec![arrived(Channel::Inbox, None), arrived(Channel::Grpc, twin)];
    bodies.extend(systems.map(Body::System));
    let day = day(bodies);
    let totals = day.totals[&fax()];
    assert_eq!((totals.arrived, totals.uploads, totals.duplicates), (2, 1, 1));
    assert_eq!((totals.refused, totals.vanished, totals.uploads_refused), (1, 1, 5));
    let counts = Counts { opening: 2, seen: 4, waiting: 3, ever: 6 };
    let good = stated(fax(), fax(), day.through, counts, totals);
    assert!(good.holds() && good.through == 8);
    let lost = stated(fax(), fax(), 8, Counts { waiting: 2, ..counts }, totals);
    assert!(!lost.holds(), "a file that is in none of the columns is noticed");
}

#[test]
fn a_day_is_named_as_people_write_it() {
    assert_eq!(day_name(1_795_502_192_007 / DAY_MS).unwrap().as_str(), "2026-11-24");
}
