//! Records that were folded but are not committed yet: those of one batch of the ledger while the daemon runs,
//! many more while an index is built.

use crate::{
    StoreError, entries, holds,
    kept::Kept,
    keys,
    names::Names,
    tip::Tip,
    track::Track,
    trees::{Known, Tree, Trees, Writes},
    values,
};
use ledger::Placed;
use lifecycle::{Body, Event, State, Status};
use std::collections::BTreeMap;
use types::DocId;

/// Records about the appliance that the index names, the latest ones; the ledger keeps them all.
pub(crate) const SYSTEM_RECORDS_MAX: u64 = 1000;

/// A document before the first record of the draft, and after its last.
struct Change {
    before: Option<Kept>,
    after: Kept,
    track: Track,
}

pub(crate) struct Draft<'t> {
    trees: &'t Trees,
    known: &'t mut Known,
    tip: Tip,
    documents: BTreeMap<DocId, Change>,
    system_records: u64,
    writes: Writes,
}

impl<'t> Draft<'t> {
    pub(crate) fn new(trees: &'t Trees, known: &'t mut Known) -> Result<Self, StoreError> {
        let (tip, system_records) = (known.tip, trees.system_records()?);
        let (documents, writes) = (BTreeMap::new(), Writes::default());
        Ok(Self { trees, known, tip, documents, system_records, writes })
    }

    /// Folds one more record.
    pub(crate) fn add(&mut self, placed: &Placed) -> Result<(), StoreError> {
        let tip = self.tip.after(placed)?;
        match &placed.record.body {
            Body::System(event) => {
                holds::follow(&mut self.writes, event, placed)?;
                self.keep_system_record(placed)?;
            }
            Body::Document { doc, event } => self.fold(*doc, event, placed)?,
        }
        self.tip = tip;
        Ok(())
    }

    /// Makes everything visible in one transaction, together with the position.
    pub(crate) fn commit(mut self) -> Result<(), StoreError> {
        let mut moved: BTreeMap<Status, i64> = BTreeMap::new();
        let names = &mut self.known.names;
        for (doc, change) in &mut self.documents {
            names.learn(&mut change.after.state);
            entries::move_document(&mut self.writes, *doc, change.before.as_ref(), &change.after, names)?;
            change.track.save(&mut self.writes);
            if let Some(before) = &change.before {
                *moved.entry(before.state.status()).or_default() -= 1;
            }
            *moved.entry(change.after.state.status()).or_default() += 1;
        }
        for (status, change) in moved {
            let count = self.trees.count(status)?.checked_add_signed(change);
            let count = count.ok_or(StoreError::Damaged { what: "a count would fall below zero" })?;
            self.writes.put(Tree::Counts, vec![keys::status_byte(status)], count.to_be_bytes().to_vec());
        }
        self.writes.position(self.tip, self.system_records)?;
        names.save(&mut self.writes)?;
        self.trees.commit(self.writes)?;
        self.known.names.saved();
        self.known.tip = self.tip;
        Ok(())
    }

    fn fold(&mut self, doc: DocId, event: &Event, placed: &Placed) -> Result<(), StoreError> {
        let record = &placed.record;
        let known = match self.documents.remove(&doc) {
            Some(change) => Some(change),
            None => stored(self.trees, doc, &self.known.names)?
                .map(|kept| {
                    let track = Track::load(self.trees, doc)?;
                    Ok::<_, StoreError>(Change { before: Some(kept.clone()), after: kept, track })
                })
                .transpose()?,
        };
        let mut change = match (known, event) {
            (Some(change), event) => Change { after: change.after.apply(event, record)?, ..change },
            (None, Event::Arrived(arrival)) => {
                if let Some(key) = arrival.idempotency {
                    self.writes.put(Tree::Idempotency, keys::held(&key.0, record.seq, doc), Vec::new());
                }
                let state = State::arrived(arrival, record.at);
                let after = Kept::arrived(state, record.seq, arrival.idempotency.is_some());
                Change { before: None, after, track: Track::new(doc) }
            }
            (None, _) => return Err(StoreError::NeverArrived { seq: record.seq }),
        };
        change.track.add((record.seq, placed.place), &mut self.writes)?;
        self.documents.insert(doc, change);
        Ok(())
    }

    fn keep_system_record(&mut self, placed: &Placed) -> Result<(), StoreError> {
        let slot = self.system_records % SYSTEM_RECORDS_MAX;
        self.system_records += 1;
        let value = values::encode(&(placed.record.seq, placed.place.segment, placed.place.offset))?;
        self.writes.put(Tree::System, slot.to_be_bytes().to_vec(), value);
        Ok(())
    }
}

/// What the index keeps of a document.
pub(crate) fn stored(trees: &Trees, doc: DocId, names: &Names) -> Result<Option<Kept>, StoreError> {
    trees.value(Tree::Docs, &keys::document(doc))?.map(|bytes| Kept::decode(&bytes, names)).transpose()
}
