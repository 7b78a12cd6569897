//! Reads a whole index once and holds it against itself, so that damage is met here and not by a query.

use crate::{
    StoreError,
    entries::entries,
    holds, keys, record,
    trees::{Reads as _, Tree, Trees},
    values,
};
use lifecycle::{Body, Event, State, Status};
use std::collections::BTreeMap;

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
    for tree in
        [Tree::Docs, Tree::Lists, Tree::Runnable, Tree::Due, Tree::Content, Tree::Past, Tree::Idempotency]
    {
        expected.insert(tree, 0);
    }
    let mut found: BTreeMap<Status, u64> = BTreeMap::new();
    for key in whole_keys(trees, Tree::Docs) {
        let key = key?;
        let state: State = values::decode(&value(trees, Tree::Docs, &key)?)?;
        let doc = keys::ending(&key).ok_or(StoreError::Damaged { what: "a key names no document" })?;
        for ((tree, key), value) in entries(doc, &state)? {
            if trees.tree(tree).read(&key)?.is_none_or(|there| there != value) {
                return Err(StoreError::Damaged { what: "a document cannot be found where it should" });
            }
            *expected.entry(tree).or_default() += 1;
        }
        *found.entry(state.status()).or_default() += 1;
    }
    for status in Status::ALL {
        if trees.count(status)? != found.get(&status).copied().unwrap_or(0) {
            return Err(StoreError::Damaged { what: "its counts are not those of its documents" });
        }
    }
    Ok(())
}

fn check_records(trees: &Trees, expected: &mut Expected) -> Result<(), StoreError> {
    let mut records = trees.system_records()?;
    for key in whole_keys(trees, Tree::Events) {
        let record = record::decode(&value(trees, Tree::Events, &key?)?)?;
        records += 1;
        if let Body::Document { event: Event::Arrived(arrival), .. } = record.body
            && arrival.idempotency.is_some()
        {
            *expected.entry(Tree::Idempotency).or_default() += 1;
        }
    }
    holds::all(trees)?;
    for key in whole_keys(trees, Tree::System) {
        record::decode(&value(trees, Tree::System, &key?)?)?;
    }
    if records != trees.tip()?.seq {
        return Err(StoreError::Damaged { what: "it lacks records that it says it has" });
    }
    Ok(())
}

fn whole_keys(trees: &Trees, tree: Tree) -> impl Iterator<Item = Result<Vec<u8>, StoreError>> {
    let keys = trees.tree(tree).iter().keys();
    keys.filter_map(|key| {
        key.map(|key| values::whole_key(&key).map(<[u8]>::to_vec)).map_err(StoreError::from).transpose()
    })
}

fn value(trees: &Trees, tree: Tree, key: &[u8]) -> Result<Vec<u8>, StoreError> {
    trees.value(tree, key)?.ok_or(StoreError::Damaged { what: "a value disappeared" })
}
