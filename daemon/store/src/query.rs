//! Questions to the index.

use crate::{
    Store, StoreError,
    draft::{SYSTEM_RECORDS_MAX, stored},
    keys, record,
    trees::{Tree, Trees},
    values,
};
use lifecycle::{Record, State, Status};
use std::{collections::BTreeMap, ops::Bound};
use types::{Digest, DocId, Label, UnixMillis};

/// Most events of a document in one answer; a document has about twenty, and one more per reading.
const EVENTS_MAX: usize = 10_000;

/// A document as the index knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its id.
    pub id: DocId,
    /// What its events fold to.
    pub state: State,
}

/// Narrows a list; every field that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only this status.
    pub status: Option<Status>,
    /// Only this source.
    pub source: Option<Label>,
}

impl Store {
    /// One document.
    ///
    /// # Errors
    /// What sled says.
    pub fn get(&self, doc: DocId) -> Result<Option<Document>, StoreError> {
        Ok(stored(self.reading().trees, doc)?.map(|state| Document { id: doc, state }))
    }

    /// Documents in the order of their ids, behind `after`, at most `limit`.
    ///
    /// # Errors
    /// What sled says.
    pub fn scan(
        &self,
        query: &Query,
        after: Option<DocId>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError> {
        let reading = self.reading();
        let list = keys::list(query.status, query.source.as_ref());
        let document = |doc: Result<DocId, StoreError>| {
            let id = doc?;
            let state = stored(reading.trees, id)?
                .ok_or(StoreError::Damaged { what: "it lists a document it lacks" })?;
            Ok(Document { id, state })
        };
        listed(reading.trees, &list, after).take(limit).map(document).collect()
    }

    /// The document that holds these bytes (a keyed digest): the one that came first, while it is not destroyed.
    ///
    /// # Errors
    /// What sled says.
    pub fn by_content(&self, content: Digest) -> Result<Option<DocId>, StoreError> {
        first(self.reading().trees, Tree::Content, content)
    }

    /// The document that was submitted with this idempotency key (a keyed digest).
    ///
    /// # Errors
    /// What sled says.
    pub fn by_idempotency(&self, key: Digest) -> Result<Option<DocId>, StoreError> {
        first(self.reading().trees, Tree::Idempotency, key)
    }

    /// Every event of a document, oldest first.
    ///
    /// # Errors
    /// [`StoreError::TooManyEvents`] beyond 10,000 ([`Store::events_after`] has pages); what sled says.
    pub fn events(&self, doc: DocId) -> Result<Vec<Record>, StoreError> {
        let events = self.events_after(doc, 0, EVENTS_MAX + 1)?;
        if events.len() > EVENTS_MAX {
            Err(StoreError::TooManyEvents { max: EVENTS_MAX })
        } else {
            Ok(events)
        }
    }

    /// Events of a document behind record `after`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// What sled says.
    pub fn events_after(&self, doc: DocId, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        let reading = self.reading();
        let start = keys::event(doc, after.saturating_add(1));
        let keys = reading.trees.tree(Tree::Events).range(start..).keys();
        let mut events = Vec::new();
        for key in keys {
            let key = key?;
            if events.len() == limit || !key.starts_with(&doc.to_bytes()) {
                break;
            }
            if let Some(key) = values::whole_key(&key) {
                events.push(kept(reading.trees, Tree::Events, key)?);
            }
        }
        Ok(events)
    }

    /// The latest records about the appliance (1000 at most), oldest first.
    ///
    /// # Errors
    /// What sled says.
    pub fn system_events(&self) -> Result<Vec<Record>, StoreError> {
        let reading = self.reading();
        let total = reading.trees.system_records()?;
        (total.saturating_sub(SYSTEM_RECORDS_MAX)..total)
            .map(|number| kept(reading.trees, Tree::System, &(number % SYSTEM_RECORDS_MAX).to_be_bytes()))
            .collect()
    }

    /// How many documents have each status; every status is there.
    ///
    /// # Errors
    /// What sled says.
    pub fn counts(&self) -> Result<BTreeMap<Status, u64>, StoreError> {
        let reading = self.reading();
        Status::ALL.into_iter().map(|status| Ok((status, reading.trees.count(status)?))).collect()
    }

    /// How many documents of each source have each status, and the record up to which that is so.
    ///
    /// # Errors
    /// What sled says.
    pub fn census(
        &self,
        sources: &[Label],
    ) -> Result<(u64, BTreeMap<Label, BTreeMap<Status, u64>>), StoreError> {
        let reading = self.reading();
        let count = |source: &Label, status| -> Result<u64, StoreError> {
            let list = keys::list(Some(status), Some(source));
            listed(reading.trees, &list, None).try_fold(0, |count, doc| doc.map(|_| count + 1))
        };
        let counts = |source: &Label| -> Result<_, StoreError> {
            let each = Status::ALL.into_iter().map(|status| Ok((status, count(source, status)?)));
            Ok((source.clone(), each.collect::<Result<_, StoreError>>()?))
        };
        let census = sources.iter().map(counts).collect::<Result<_, StoreError>>()?;
        Ok((reading.seq(), census))
    }

    /// Documents with a station before them, behind `after`, at most `limit`.
    ///
    /// # Errors
    /// What sled says.
    pub fn runnable(&self, after: Option<DocId>, limit: usize) -> Result<Vec<DocId>, StoreError> {
        marked(self.reading().trees, Tree::Runnable, &[], after).take(limit).collect()
    }

    /// Documents at rest whose retention is over, the longest overdue first, at most `limit`; those under a hold
    /// are among them.
    ///
    /// # Errors
    /// What sled says.
    pub fn due_for_expiry(&self, now: UnixMillis, limit: usize) -> Result<Vec<DocId>, StoreError> {
        let reading = self.reading();
        let end = now.0.saturating_add(1).to_be_bytes();
        reading.trees.tree(Tree::Due).range::<&[u8], _>(..&end[..]).keys().take(limit).map(ending).collect()
    }
}

/// The documents of a list, in the order of their ids.
pub(crate) fn listed<'t>(
    trees: &'t Trees,
    list: &[u8],
    after: Option<DocId>,
) -> impl Iterator<Item = Result<DocId, StoreError>> + use<'t> {
    marked(trees, Tree::Lists, list, after)
}

/// The documents whose ids follow `prefix` in a tree, in the order of their ids.
fn marked<'t>(
    trees: &'t Trees,
    tree: Tree,
    prefix: &[u8],
    after: Option<DocId>,
) -> impl Iterator<Item = Result<DocId, StoreError>> + use<'t> {
    let prefix = prefix.to_vec();
    let start = match after {
        None => Bound::Included(prefix.clone()),
        Some(after) => Bound::Excluded(keys::listed(prefix.clone(), after)),
    };
    let keys = trees.tree(tree).range::<Vec<u8>, _>((start, Bound::Unbounded)).keys();
    keys.take_while(move |key| key.as_ref().map_or(true, |key| key.starts_with(&prefix))).map(ending)
}

fn ending(key: sled::Result<sled::IVec>) -> Result<DocId, StoreError> {
    keys::ending(&key?).ok_or(StoreError::Damaged { what: "a key names no document" })
}

fn first(trees: &Trees, tree: Tree, digest: Digest) -> Result<Option<DocId>, StoreError> {
    trees.tree(tree).scan_prefix(digest.0).keys().next().map(ending).transpose()
}

fn kept(trees: &Trees, tree: Tree, key: &[u8]) -> Result<Record, StoreError> {
    let bytes = trees.value(tree, key)?.ok_or(StoreError::Damaged { what: "it lacks a record it names" })?;
    record::decode(&bytes)
}
