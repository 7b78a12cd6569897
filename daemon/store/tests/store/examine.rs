//! The examination of a living index: it finds what was changed behind the index's back.

use crate::{
    recovery::busy_site,
    site::{doc, patiently},
};
use sled::IVec;
use store::StoreError;

// "digest compared with the ledger at start and nightly"
#[test]
fn a_sound_index_is_examined_whole_and_goes_on_answering() {
    let site = busy_site();
    let examined = site.store().examine().unwrap();
    assert_eq!((examined.records, examined.documents, examined.refolded), (221, 21, 21));
}

/// Changes one tree behind the index's back, in a way that the index's own checks at start would not be asked about.
fn meddle(tree: &str, change: impl Fn(&sled::Tree)) -> StoreError {
    let mut site = busy_site();
    site.store().flush().unwrap();
    site.close();
    {
        let db = patiently(|| sled::open(site.index_dir())).unwrap();
        change(&db.open_tree(tree).unwrap());
        db.flush().unwrap();
    }
    site.open_unprobed();
    let error = site.store().examine().unwrap_err();
    assert!(error.is_cured_by_a_rebuild(), "{error}");
    // What the daemon then does.
    assert_eq!(site.store().rebuild(|_| {}).unwrap(), 221);
    assert_eq!(site.store().rebuilt_seq(), 221);
    site.store().examine().unwrap();
    error
}

fn first(tree: &sled::Tree) -> (IVec, IVec) {
    tree.first().unwrap().unwrap()
}

#[test]
fn a_document_that_is_not_what_its_events_fold_to_is_found() {
    let error = meddle("docs", |docs| {
        // The fold of another document that went the same way: sound in itself.
        let other = docs.get(doc(1).to_bytes()).unwrap().unwrap();
        docs.insert(first(docs).0, other).unwrap();
    });
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn a_missing_entry_and_a_stray_one_are_found() {
    let error = meddle("due", |due| drop(due.remove(first(due).0).unwrap()));
    assert!(error.to_string().contains("cannot be found where it should"), "{error}");
    let error = meddle("lists", |lists| {
        let mut key = first(lists).0.to_vec();
        key[0] = 7;
        lists.insert(key, b"").unwrap();
    });
    assert!(error.to_string().contains("follow from nothing"), "{error}");
}

#[test]
fn records_of_another_document_are_found() {
    let error = meddle("events", |events| {
        let (key, _) = first(events);
        let (_, other) = events.iter().nth(1).unwrap().unwrap();
        events.insert(key, other).unwrap();
    });
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}
