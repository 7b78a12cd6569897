//! Questions to the index.

use crate::{
    Reading, Store, StoreError,
    draft::{SYSTEM_RECORDS_MAX, stored},
    kept::{CONTENT_BYTES, Kept, put_back},
    keys,
    listing::{listed, marked},
    track::{self, Step},
    trees::{Reads as _, Tree, Trees},
    values,
};
use ledger::Place;
use lifecycle::{Record, State, Status};
use std::{collections::BTreeMap, ops::Bound};
use types::{Digest, DocId, Label, Schedule, UnixMillis};

/// Events of a document that are read at a time; a document has about twenty, and one more per reading.
const EVENTS_AT_ONCE: usize = 1000;

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
    /// What sled and the ledger say.
    pub fn get(&self, doc: DocId) -> Result<Option<Document>, StoreError> {
        let found = hollow(&self.reading(), doc)?;
        found.map(|hollow| self.fill(hollow)).transpose()
    }

    /// One document without what the ledger alone holds: sealed facts, ids of blobs, digests of content and receipt.
    /// Who only asks for position, times or holds spares reading them.
    ///
    /// # Errors
    /// What sled says.
    pub fn peek(&self, doc: DocId) -> Result<Option<Document>, StoreError> {
        let reading = self.reading();
        let found = stored(reading.trees, doc, &reading.known.names)?;
        Ok(found.map(|kept| Document { id: doc, state: kept.state }))
    }

    /// Documents in the order of their ids, behind `after`, at most `limit`.
    ///
    /// # Errors
    /// What sled and the ledger say.
    pub fn scan(
        &self,
        query: &Query,
        after: Option<DocId>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError> {
        let found: Vec<Hollow> = {
            let reading = self.reading();
            let ids = listed(reading.trees, query, after)?;
            let lost = || StoreError::Damaged { what: "it lists a document it lacks" };
            let found = ids.map(|doc| hollow(&reading, doc?)?.ok_or_else(lost));
            // A tombstone whose time is over is in no list.
            let shown =
                |hollow: &Result<Hollow, _>| !hollow.as_ref().is_ok_and(|hollow| hollow.kept.state.forgotten);
            found.filter(shown).take(limit).collect::<Result<_, _>>()?
        };
        found.into_iter().map(|hollow| self.fill(hollow)).collect()
    }

    /// The document that holds these bytes (a keyed digest): the one that came first, unless it was rejected
    /// or its original destroyed.
    ///
    /// # Errors
    /// What sled says.
    pub fn by_content(&self, content: Digest) -> Result<Option<DocId>, StoreError> {
        let holders: Vec<DocId> = {
            let keys =
                self.reading().trees.tree(Tree::Content).scan_prefix(&content.0[..CONTENT_BYTES]).keys();
            keys.map(ending).collect::<Result<_, _>>()?
        };
        self.first_of(holders, content)
    }

    /// The latest document of these bytes that was rejected, or whose original was destroyed: what came of them
    /// before, when nothing holds them now.
    ///
    /// # Errors
    /// What sled says.
    pub fn by_past_content(&self, content: Digest) -> Result<Option<DocId>, StoreError> {
        let holders: Vec<DocId> = {
            let keys = self.reading().trees.tree(Tree::Past).scan_prefix(&content.0[..CONTENT_BYTES]).keys();
            keys.rev().map(ending).collect::<Result<_, _>>()?
        };
        self.first_of(holders, content)
    }

    /// The first of these whose content is exactly this: the index has only the beginning of each digest.
    fn first_of(&self, holders: Vec<DocId>, content: Digest) -> Result<Option<DocId>, StoreError> {
        for doc in holders {
            if self.get(doc)?.is_some_and(|found| found.state.content == content) {
                return Ok(Some(doc));
            }
        }
        Ok(None)
    }

    /// Documents that arrived as copies of this one and are not destroyed, in the order of their ids, behind `after`,
    /// at most `limit`.
    ///
    /// # Errors
    /// What sled says.
    pub fn copies(&self, first: DocId, after: Option<DocId>, limit: usize) -> Result<Vec<DocId>, StoreError> {
        marked(self.reading().trees, Tree::Copies, &keys::document(first), after).take(limit).collect()
    }

    /// The document that was submitted with this idempotency key (a keyed digest); none when its bytes are destroyed,
    /// for then the key is free again.
    ///
    /// # Errors
    /// What sled says.
    pub fn by_idempotency(&self, key: Digest) -> Result<Option<DocId>, StoreError> {
        self.keyed(key, |doc| Ok(self.peek(doc)?.map(|document| document.state)))
    }

    /// The first document of this key whose bytes are still there.
    pub(crate) fn keyed(
        &self,
        key: Digest,
        state_of: impl Fn(DocId) -> Result<Option<State>, StoreError>,
    ) -> Result<Option<DocId>, StoreError> {
        let holders: Vec<DocId> = {
            let keys = self.reading().trees.tree(Tree::Idempotency).scan_prefix(key.0).keys();
            keys.map(ending).collect::<Result<_, _>>()?
        };
        for doc in holders {
            if has_bytes(doc, &state_of)? {
                return Ok(Some(doc));
            }
        }
        Ok(None)
    }

    /// Every event of a document, oldest first. Whoever may read can make them many: see [`Store::events_after`].
    ///
    /// # Errors
    /// What sled and the ledger say.
    pub fn events(&self, doc: DocId) -> Result<Vec<Record>, StoreError> {
        let mut events: Vec<Record> = Vec::new();
        loop {
            let after = events.last().map_or(0, |record| record.seq);
            let page = self.events_after(doc, after, EVENTS_AT_ONCE)?;
            let last = page.len() < EVENTS_AT_ONCE;
            events.extend(page);
            if last {
                return Ok(events);
            }
        }
    }

    /// Events of a document behind record `after`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// What sled and the ledger say.
    pub fn events_after(&self, doc: DocId, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        let steps = track::steps(self.reading().trees, doc, after, limit)?;
        steps.into_iter().map(|step| self.record(step)).collect()
    }

    /// The latest records about the appliance (1000 at most), oldest first.
    ///
    /// # Errors
    /// What sled and the ledger say.
    pub fn system_events(&self) -> Result<Vec<Record>, StoreError> {
        let steps = {
            let reading = self.reading();
            let total = reading.trees.system_records()?;
            let slots = total.saturating_sub(SYSTEM_RECORDS_MAX)..total;
            slots.map(|number| system_step(reading.trees, number)).collect::<Result<Vec<_>, _>>()?
        };
        steps.into_iter().map(|step| self.record(step)).collect()
    }

    /// How many documents have each status; every status is there.
    ///
    /// # Errors
    /// What sled says.
    pub fn counts(&self) -> Result<BTreeMap<Status, u64>, StoreError> {
        let reading = self.reading();
        Status::ALL.into_iter().map(|status| Ok((status, reading.trees.count(status)?))).collect()
    }

    /// How many documents of each source have each status, and the record up to which that is so. What left the lists
    /// counts among the expired.
    ///
    /// # Errors
    /// What sled says.
    pub fn census(&self, sources: &[Label]) -> Result<crate::Census, StoreError> {
        let reading = self.reading();
        let length = |list: &[u8]| -> Result<u64, StoreError> {
            marked(reading.trees, Tree::Lists, list, None).try_fold(0, |count, doc| doc.map(|_| count + 1))
        };
        let count = |source: &Label, status| -> Result<u64, StoreError> {
            let left = if status == Status::Expired { length(&keys::forgotten(source))? } else { 0 };
            Ok(length(&keys::list(status, source))? + left)
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

    /// Documents at rest and tombstones of which something is over, with since when, the longest overdue first, behind
    /// `after`, at most `limit`; those under a hold are among them.
    ///
    /// # Errors
    /// What sled says.
    pub fn due_for_expiry(
        &self,
        now: UnixMillis,
        after: Option<crate::Due>,
        limit: usize,
    ) -> Result<Vec<crate::Due>, StoreError> {
        let reading = self.reading();
        let end = now.0.saturating_add(1).to_be_bytes();
        let start = after.map_or(Bound::Unbounded, |(since, doc)| Bound::Excluded(keys::at(since, doc)));
        let due = reading.trees.tree(Tree::Due).range::<Vec<u8>, _>((start, Bound::Unbounded)).keys();
        // The clock may have been set back behind `after`.
        let due = due.take_while(|key| key.as_ref().map_or(true, |key| **key < end[..])).take(limit);
        due.map(|key| keys::since(&key?).ok_or(StoreError::Damaged { what: "a key names no time" })).collect()
    }
}

impl Store {
    /// Makes a document whole. No lock is held: a record never moves or changes.
    pub(crate) fn fill(&self, hollow: Hollow) -> Result<Document, StoreError> {
        let Hollow { id, kept, steps } = hollow;
        let mut state = kept.state;
        for step in steps {
            put_back(&mut state, self.record(step)?);
        }
        Ok(Document { id, state })
    }

    pub(crate) fn record(&self, (seq, place): Step) -> Result<Record, StoreError> {
        Ok(self.lookup.read(place, seq)?)
    }
}

/// A document, and the records which carry what it lacks.
pub(crate) struct Hollow {
    id: DocId,
    kept: Kept,
    steps: Vec<Step>,
}

pub(crate) fn hollow(reading: &Reading<'_>, id: DocId) -> Result<Option<Hollow>, StoreError> {
    let Some(kept) = stored(reading.trees, id, &reading.known.names)? else { return Ok(None) };
    let step = |seq| Ok((seq, track::place(reading.trees, id, seq)?));
    let steps = kept.carriers().into_iter().map(step).collect::<Result<_, StoreError>>()?;
    Ok(Some(Hollow { id, kept, steps }))
}

pub(crate) fn ending(key: sled::Result<sled::IVec>) -> Result<DocId, StoreError> {
    keys::ending(&key?).ok_or(StoreError::Damaged { what: "a key names no document" })
}

/// Are the bytes of a document still there? Those of a copy are the first document's.
pub(crate) fn has_bytes(
    doc: DocId,
    state_of: impl Fn(DocId) -> Result<Option<State>, StoreError>,
) -> Result<bool, StoreError> {
    let stands = |state: &State| !state.is_destroyed(Schedule::Original);
    let Some(state) = state_of(doc)?.filter(stands) else { return Ok(false) };
    match state.duplicate_of {
        Some(first) => Ok(state_of(first)?.is_some_and(|first| stands(&first))),
        None => Ok(true),
    }
}

/// Where the index says that a record about the appliance lies.
pub(crate) fn system_step(trees: &Trees, number: u64) -> Result<Step, StoreError> {
    let value = trees.tree(Tree::System).read(&(number % SYSTEM_RECORDS_MAX).to_be_bytes())?;
    let value = value.ok_or(StoreError::Damaged { what: "it lacks a record it names" })?;
    let (seq, segment, offset) = values::decode(&value)?;
    Ok((seq, Place { segment, offset }))
}
