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
use types::DocId;

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
    mark(Tree::Lists, keys::listed(keys::list(state.status(), &state.source), doc));
    match state.position {
        Position::At(_) => mark(Tree::Runnable, keys::document(doc)),
        Position::Kept | Position::Rejected | Position::Stopped(_) => {
            mark(Tree::Due, keys::at(state.retain_until, doc))
        }
        Position::Review | Position::Gone => None,
    };
    if state.duplicate_of.is_none() && state.position != Position::Gone {
        mark(Tree::Content, keys::held(&state.content.0[..CONTENT_BYTES], state.received_at.0, doc));
    }
    Ok(entries)
}
