//! Records that were folded but are not committed yet: one while the daemon runs, many while an index
//! is built.

use crate::{
    StoreError, entries, holds, keys, record, record::Tip, trees::Tree, trees::Trees, trees::Writes, values,
};
use lifecycle::{Body, Event, Record, State, Status};
use std::collections::BTreeMap;
use types::DocId;

/// Records about the appliance that the index keeps, the latest ones; the ledger keeps them all.
pub(crate) const SYSTEM_RECORDS_MAX: u64 = 1000;

/// A document before the first record of the draft, and after its last.
struct Change {
    before: Option<State>,
    after: State,
}

pub(crate) struct Draft<'t> {
    trees: &'t Trees,
    tip: Tip,
    documents: BTreeMap<DocId, Change>,
    system_records: u64,
    writes: Writes,
}

impl<'t> Draft<'t> {
    pub(crate) fn new(trees: &'t Trees, tip: Tip) -> Result<Self, StoreError> {
        let system_records = trees.system_records()?;
        Ok(Self { trees, tip, documents: BTreeMap::new(), system_records, writes: Writes::default() })
    }

    /// Folds one more record.
    pub(crate) fn add(&mut self, record: &Record) -> Result<(), StoreError> {
        let bytes = record::encode(record)?;
        let tip = self.tip.after(record, &bytes)?;
        match &record.body {
            Body::System(event) => {
                holds::follow(&mut self.writes, event, record)?;
                self.keep_system_record(&bytes)?;
            }
            Body::Document { doc, event } => {
                self.fold(*doc, event, record)?;
                self.put_value(Tree::Events, &keys::event(*doc, record.seq), &bytes)?;
            }
        }
        self.tip = tip;
        Ok(())
    }

    /// Makes everything visible in one transaction, together with the position.
    pub(crate) fn commit(mut self) -> Result<Tip, StoreError> {
        let mut moved: BTreeMap<Status, i64> = BTreeMap::new();
        for (doc, change) in &self.documents {
            entries::move_document(&mut self.writes, *doc, change.before.as_ref(), &change.after)?;
            if let Some(before) = &change.before {
                *moved.entry(before.status()).or_default() -= 1;
            }
            *moved.entry(change.after.status()).or_default() += 1;
        }
        for (status, change) in moved {
            let count = self.trees.count(status)?.checked_add_signed(change);
            let count = count.ok_or(StoreError::Damaged { what: "a count would fall below zero" })?;
            self.writes.put(Tree::Counts, vec![keys::status_byte(status)], count.to_be_bytes().to_vec());
        }
        self.writes.position(self.tip, self.system_records)?;
        self.trees.commit(self.writes)?;
        Ok(self.tip)
    }

    fn fold(&mut self, doc: DocId, event: &Event, record: &Record) -> Result<(), StoreError> {
        if let Event::Arrived(arrival) = event
            && let Some(key) = arrival.idempotency
        {
            self.writes.put(Tree::Idempotency, keys::held(key, record.seq, doc), Vec::new());
        }
        let known = match self.documents.remove(&doc) {
            Some(change) => Some((change.before, change.after)),
            None => stored(self.trees, doc)?.map(|state| (Some(state.clone()), state)),
        };
        let (before, after) = match (known, event) {
            (Some((before, state)), event) => (before, next(state, event, record)?),
            (None, Event::Arrived(arrival)) => (None, State::arrived(arrival, record.at)),
            (None, _) => return Err(StoreError::NeverArrived { seq: record.seq }),
        };
        self.documents.insert(doc, Change { before, after });
        Ok(())
    }

    fn keep_system_record(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let slot = self.system_records % SYSTEM_RECORDS_MAX;
        self.system_records += 1;
        self.put_value(Tree::System, &slot.to_be_bytes(), bytes)
    }

    fn put_value(&mut self, tree: Tree, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        for (key, piece) in values::cut(key, value)? {
            self.writes.put(tree, key, piece);
        }
        Ok(())
    }
}

/// The state that the index holds of a document.
pub(crate) fn stored(trees: &Trees, doc: DocId) -> Result<Option<State>, StoreError> {
    trees.value(Tree::Docs, &keys::document(doc))?.map(|bytes| values::decode(&bytes)).transpose()
}

fn next(state: State, event: &Event, record: &Record) -> Result<State, StoreError> {
    state.apply(event, record.at).map_err(|cause| StoreError::Illegal { seq: record.seq, cause })
}
