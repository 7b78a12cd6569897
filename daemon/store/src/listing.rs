//! Lists of documents: those of one status and one source are kept, wider ones are merged from them.

use crate::{
    Query, StoreError, keys,
    query::ending,
    trees::{Tree, Trees},
};
use lifecycle::Status;
use std::{iter::Peekable, ops::Bound};
use types::DocId;

type Ids<'t> = Box<dyn Iterator<Item = Result<DocId, StoreError>> + 't>;

/// The documents of a query, in the order of their ids, behind `after`.
pub(crate) fn listed<'t>(
    trees: &'t Trees,
    query: &Query,
    after: Option<DocId>,
) -> Result<Ids<'t>, StoreError> {
    let lists = match (query.status, &query.source) {
        (None, None) => return Ok(Box::new(all(trees, after))),
        (Some(status), Some(source)) => vec![keys::list(status, source)],
        (None, Some(source)) => Status::ALL.map(|status| keys::list(status, source)).to_vec(),
        (Some(status), None) => sources(trees, status)?,
    };
    let lists = lists.iter().map(|list| marked(trees, Tree::Lists, list, after).peekable()).collect();
    Ok(Box::new(Merged { lists }))
}

/// Every document there is.
pub(crate) fn all(
    trees: &Trees,
    after: Option<DocId>,
) -> impl Iterator<Item = Result<DocId, StoreError>> + use<> {
    let start = after.map_or(Bound::Unbounded, |after| Bound::Excluded(keys::document(after)));
    let keys = trees.tree(Tree::Docs).range::<Vec<u8>, _>((start, Bound::Unbounded)).keys();
    // Further pieces of a long value are no documents of their own.
    keys.filter_map(|key| key.map(|key| keys::only(&key)).map_err(StoreError::from).transpose())
}

/// The documents whose ids follow `prefix` in a tree, in the order of their ids.
pub(crate) fn marked(
    trees: &Trees,
    tree: Tree,
    prefix: &[u8],
    after: Option<DocId>,
) -> impl Iterator<Item = Result<DocId, StoreError>> + use<> {
    let prefix = prefix.to_vec();
    let start = match after {
        None => Bound::Included(prefix.clone()),
        Some(after) => Bound::Excluded(keys::listed(prefix.clone(), after)),
    };
    let keys = trees.tree(tree).range::<Vec<u8>, _>((start, Bound::Unbounded)).keys();
    keys.take_while(move |key| key.as_ref().map_or(true, |key| key.starts_with(&prefix))).map(ending)
}

/// The lists of a status: one for each source that has documents there. Ends, since each step leads behind the
/// list before.
fn sources(trees: &Trees, status: Status) -> Result<Vec<Vec<u8>>, StoreError> {
    let (mut lists, mut from) = (Vec::new(), vec![keys::status_byte(status)]);
    while let Some(entry) = trees.tree(Tree::Lists).range(from..).keys().next() {
        let entry = entry?;
        if !entry.starts_with(&[keys::status_byte(status)]) {
            break;
        }
        let (list, behind) =
            keys::list_of(&entry).ok_or(StoreError::Damaged { what: "a key names no list" })?;
        lists.push(list);
        from = behind;
    }
    Ok(lists)
}

/// Several lists as one, in order. A document is in one list of a query only.
struct Merged<I: Iterator> {
    lists: Vec<Peekable<I>>,
}

impl<I: Iterator<Item = Result<DocId, StoreError>>> Iterator for Merged<I> {
    type Item = Result<DocId, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        // An error sorts first and is told at once.
        let heads = self.lists.iter_mut().enumerate();
        let heads = heads.filter_map(|(at, list)| Some((list.peek()?.as_ref().ok().copied(), at)));
        let (_, at) = heads.min()?;
        self.lists.get_mut(at)?.next()
    }
}
