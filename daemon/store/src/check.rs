//! Reads a whole index once and holds it against itself, so that damage is met here and not by a query.

use crate::{
    StoreError,
    draft::{SYSTEM_RECORDS_MAX, stored},
    entries::entries,
    holds, listing, query, track,
    trees::{Reads as _, Tree, Trees},
};
use lifecycle::Status;
use std::collections::BTreeMap;
use types::DocId;

/// Entries that a tree must have.
type Expected = BTreeMap<Tree, usize>;

/// Reads every value of every tree; every document must be found wherever its state says, nothing else may
/// be found, and no record that was applied may be missing.
pub(crate) fn check(trees: &Trees) -> Result<(), StoreError> {
    trees.tip()?;
    let mut expected = Expected::new();
    check_documents(trees, &mut expected)?;
    check_records(trees, &mut expected)?;
    for (tree, count) in expected {
        if trees.tree(tree).len() != count {
            return Err(StoreError::Damaged { what: "an index has entries that follow from nothing" });
        }
    }
    Tree::ALL.iter().try_for_each(|tree| trees.tree(*tree).iter().try_for_each(|entry| Ok(entry.map(drop)?)))
}

fn check_documents(trees: &Trees, expected: &mut Expected) -> Result<(), StoreError> {
    for tree in [
        Tree::Docs,
        Tree::Lists,
        Tree::Runnable,
        Tree::Due,
        Tree::Content,
        Tree::Past,
        Tree::Copies,
        Tree::Idempotency,
    ] {
        expected.insert(tree, 0);
    }
    let known = trees.known()?;
    let mut found: BTreeMap<Status, u64> = BTreeMap::new();
    for doc in listing::all(trees, None) {
        let doc = doc?;
        let kept =
            stored(trees, doc, &known.names)?.ok_or(StoreError::Damaged { what: "a value disappeared" })?;
        for ((tree, key), value) in entries(doc, &kept, &known.names)? {
            if trees.tree(tree).read(&key)?.is_none_or(|there| there != value) {
                return Err(StoreError::Damaged { what: "a document cannot be found where it should" });
            }
            *expected.entry(tree).or_default() += 1;
        }
        *expected.entry(Tree::Idempotency).or_default() += usize::from(kept.keyed);
        for seq in kept.carriers() {
            track::place(trees, doc, seq)?;
        }
        *found.entry(kept.state.status()).or_default() += 1;
    }
    for status in Status::ALL {
        if trees.count(status)? != found.get(&status).copied().unwrap_or(0) {
            return Err(StoreError::Damaged { what: "its counts are not those of its documents" });
        }
    }
    Ok(())
}

/// Every record has its place, in the order of the ledger for each document.
fn check_records(trees: &Trees, expected: &mut Expected) -> Result<(), StoreError> {
    let mut records = trees.system_records()?;
    let mut last: (Option<DocId>, u64) = (None, 0);
    for pair in trees.tree(Tree::Events) {
        let (key, piece) = pair?;
        let doc = key.first_chunk().map(|bytes| DocId::from_bytes(*bytes));
        for (seq, _) in track::unpack(&piece)? {
            if last.0 == doc && seq <= last.1 {
                return Err(StoreError::Damaged { what: "records of a document are out of order" });
            }
            last = (doc, seq);
            records += 1;
        }
    }
    let system = trees.system_records()?.min(SYSTEM_RECORDS_MAX);
    (0..system).try_for_each(|slot| query::system_step(trees, slot).map(drop))?;
    expected.insert(Tree::System, usize::try_from(system).unwrap_or(usize::MAX));
    holds::steps(trees)?;
    if records != trees.tip()?.seq {
        return Err(StoreError::Damaged { what: "it lacks records that it says it has" });
    }
    Ok(())
}
