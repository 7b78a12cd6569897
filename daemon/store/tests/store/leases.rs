//! Claims and fencing.

use crate::site::{Site, arrived, doc, stopped};
use lifecycle::Stage;
use types::UnixMillis;

#[test]
fn a_document_is_worked_on_by_one_at_a_time_and_a_late_finisher_is_told() {
    let mut site = Site::new();
    site.happens(doc(1), arrived("fax", 1));
    let store = site.store();
    let first = store.claim(doc(1), UnixMillis(100), 50).unwrap().unwrap();
    assert!(store.claim(doc(1), UnixMillis(149), 50).unwrap().is_none());
    let second = store.claim(doc(1), UnixMillis(150), 50).unwrap().unwrap();
    assert!(second.token > first.token);
    assert!(!store.finish(&first).unwrap(), "the lease ran out and was given to another");
    assert!(store.finish(&second).unwrap());
    assert!(!store.finish(&second).unwrap(), "nothing is finished twice");
    assert!(store.claim(doc(1), UnixMillis(151), 50).unwrap().is_some());
}

#[test]
fn only_a_document_with_a_station_before_it_can_be_claimed() {
    let mut site = Site::new();
    site.happens(doc(1), arrived("fax", 1));
    site.happens(doc(1), stopped(Stage::Quarantine));
    assert!(site.store().claim(doc(1), UnixMillis(1), 1).unwrap().is_none());
    assert!(site.store().claim(doc(2), UnixMillis(1), 1).unwrap().is_none());
}

#[test]
fn leases_end_with_the_process_but_tokens_go_on() {
    let mut site = Site::new();
    site.happens(doc(1), arrived("fax", 1));
    let before = site.store().claim(doc(1), UnixMillis(1), u64::MAX).unwrap().unwrap();
    site.open();
    let after = site.store().claim(doc(1), UnixMillis(1), 10).unwrap().unwrap();
    assert!(after.token > before.token);
    assert!(!site.store().finish(&before).unwrap());
}

#[test]
fn a_rebuild_leaves_leases_alone() {
    let mut site = Site::new();
    site.happens(doc(1), arrived("fax", 1));
    let lease = site.store().claim(doc(1), UnixMillis(1), 10).unwrap().unwrap();
    site.store().rebuild(|_| {}).unwrap();
    assert!(site.store().finish(&lease).unwrap());
}
