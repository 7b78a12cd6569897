//! Where a document is found: everything that the index holds because of its state.

use crate::{
    StoreError,
    kept::{CONTENT_BYTES, Kept},
    keys,
    names::Names,
    trees::Tree,
    trees::Writes,
    values,
};
use lifecycle::Position;
use std::collections::BTreeMap;
use types::{DocId, Schedule};

/// Key → value, in the trees that follow from what is kept alone.
pub(crate) type Entries = BTreeMap<(Tree, Vec<u8>), Vec<u8>>;

/// Replaces what followed from `before` by what follows from `after`.
pub(crate) fn move_document(
    writes: &mut Writes,
    doc: DocId,
    before: Option<&Kept>,
    after: &Kept,
    names: &Names,
) -> Result<(), StoreError> {
    let old = before.map_or_else(|| Ok(Entries::new()), |kept| entries(doc, kept, names))?;
    let new = entries(doc, after, names)?;
    for (tree, key) in old.keys().filter(|entry| !new.contains_key(entry)) {
        writes.remove(*tree, key.clone());
    }
    for ((tree, key), value) in new.into_iter().filter(|(entry, value)| old.get(entry) != Some(value)) {
        writes.put(tree, key, value);
    }
    Ok(())
}

/// Everything that follows from what is kept of a document.
pub(crate) fn entries(doc: DocId, kept: &Kept, names: &Names) -> Result<Entries, StoreError> {
    let mut entries = Entries::new();
    let state = &kept.state;
    for (key, piece) in values::cut(&keys::document(doc), &kept.encode(names)?)? {
        entries.insert((Tree::Docs, key), piece);
    }
    let mut mark = |tree, key| entries.insert((tree, key), Vec::new());
    let list = if state.forgotten {
        keys::forgotten(&state.source)
    } else {
        keys::list(state.status(), &state.source)
    };
    mark(Tree::Lists, keys::listed(list, doc));
    if let Position::At(_) = state.position {
        mark(Tree::Runnable, keys::document(doc));
    }
    if let Some(next) = state.over_next() {
        mark(Tree::Due, keys::at(next, doc));
    }
    if state.duplicate_of.is_none() && !state.forgotten {
        // What was rejected or destroyed cannot stand for a copy that comes later.
        let stands = state.position != Position::Rejected && !state.is_destroyed(Schedule::Original);
        let tree = if stands { Tree::Content } else { Tree::Past };
        mark(tree, keys::held(&state.content.0[..CONTENT_BYTES], state.received_at.0, doc));
    }
    if let Some(first) = state.duplicate_of.filter(|_| state.position != Position::Gone) {
        mark(Tree::Copies, keys::listed(keys::document(first), doc));
    }
    Ok(entries)
}
