//! How fast an index is built again. `LAZARET_TEST_EVENTS=200000 cargo test … -- rate --nocapture` prints the
//! figure of a busy site.

use crate::site::{Site, doc, whole_trip};
use ledger::NewRecord;
use lifecycle::{Actor, Body};
use std::{fs, time::Instant};
use types::UnixMillis;

/// Events a second below which something is badly wrong, however loaded the machine is. An idle one does
/// twenty thousand and more.
const RATE_MIN: u128 = 1_000;
/// Records of one ledger batch.
const BATCH: usize = 500;

#[test]
fn an_index_is_built_again_at_a_useful_rate() {
    let wanted: usize = std::env::var("LAZARET_TEST_EVENTS").map_or(11_000, |text| text.parse().unwrap());
    let mut site = Site::new();
    site.close();
    let events =
        (0..).flat_map(|number| whole_trip("fax", number).into_iter().map(move |event| (doc(number), event)));
    let mut batch = Vec::new();
    for (doc, event) in events.take(wanted) {
        batch.push(NewRecord {
            at: UnixMillis(site.now),
            by: Actor::Daemon,
            body: Body::Document { doc, event },
        });
        if batch.len() == BATCH {
            site.ledger.append(std::mem::take(&mut batch)).unwrap();
        }
    }
    site.ledger.append(batch).unwrap();
    fs::remove_dir_all(site.index_dir()).unwrap();
    let start = Instant::now();
    assert_eq!(site.open().replayed, wanted as u64);
    let built = start.elapsed();
    let rate = wanted as u128 * 1000 / built.as_millis().max(1);
    let start = Instant::now();
    assert_eq!(site.open().replayed, 0);
    let reopened = start.elapsed();
    let bytes: u64 =
        fs::read_dir(site.index_dir()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    eprintln!(
        "{wanted} events: built in {built:?} ({rate}/s), opened again in {reopened:?}, {} KiB on disk",
        bytes >> 10
    );
    assert!(rate >= RATE_MIN, "{rate} events/s");
}
