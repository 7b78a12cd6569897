//! Holds a living index against the ledger and against itself, without keeping the writer waiting for long.

use crate::{
    Document, Store, StoreError,
    draft::stored,
    entries::{Entries, entries},
    keys, listing,
    names::Names,
    query::hollow,
    track,
    trees::{Reads as _, Tree, Trees},
};
use ledger::hash_at;
use lifecycle::{Body, Event, State};
use std::ops::Bound;
use types::DocId;

/// Documents, or entries of a tree, that are looked at while writers wait.
const PAGE: usize = 256;
/// Documents that are folded anew from the ledger, spread evenly over all.
const REFOLDED_MAX: u64 = 1000;
/// Documents with more records than this are not folded anew: somebody has read them ten thousand times.
const RECORDS_MAX: usize = 10_000;
/// Trees whose entries follow from a document, which their key ends with.
const FOLLOWING: [Tree; 5] = [Tree::Lists, Tree::Content, Tree::Copies, Tree::Due, Tree::Runnable];

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Records whose chain leads to where the index is.
    pub records: u64,
    /// Documents that are found where they should be.
    pub documents: u64,
    /// Documents that were folded anew from the ledger and are as the index says.
    pub refolded: u64,
}

impl Store {
    /// Looks whether the index follows this ledger, whether every document is found where it should and nowhere
    /// else, and whether a sample of documents is what their events fold to. Reads the whole ledger.
    ///
    /// # Errors
    /// What does not hold; [`StoreError::is_cured_by_a_rebuild`] says whether the index is to blame.
    pub fn examine(&self) -> Result<Examined, StoreError> {
        let tip = self.reading().known.tip;
        if tip.seq > 0
            && hash_at(&self.ledger_dir, tip.seq).map_err(ledger::LedgerError::from)? != Some(tip.digest)
        {
            return Err(StoreError::Diverged { seq: tip.seq });
        }
        let total: u64 = self.counts()?.values().sum();
        let every = total.div_ceil(REFOLDED_MAX).max(1);
        let (mut documents, mut refolded, mut after) = (0_u64, 0, None);
        loop {
            let page = self.page(after)?;
            let Some(last) = page.last().copied() else { break };
            for doc in page {
                if documents.is_multiple_of(every) {
                    refolded += u64::from(self.refold(doc)?);
                }
                documents += 1;
            }
            after = Some(last);
        }
        FOLLOWING.into_iter().try_for_each(|tree| self.nothing_else_in(tree))?;
        Ok(Examined { records: tip.seq, documents, refolded })
    }

    /// The next documents, each found where it should be.
    fn page(&self, after: Option<DocId>) -> Result<Vec<DocId>, StoreError> {
        let reading = self.reading();
        let docs: Vec<DocId> = listing::all(reading.trees, after).take(PAGE).collect::<Result<_, _>>()?;
        for doc in &docs {
            for ((tree, key), value) in expected(reading.trees, *doc, &reading.known.names)? {
                if reading.trees.tree(tree).read(&key)?.is_none_or(|there| there != value) {
                    return Err(StoreError::Damaged { what: "a document cannot be found where it should" });
                }
            }
        }
        Ok(docs)
    }

    /// Every entry follows from the document that it names.
    fn nothing_else_in(&self, tree: Tree) -> Result<(), StoreError> {
        let mut after: Bound<Vec<u8>> = Bound::Unbounded;
        loop {
            let reading = self.reading();
            let keys = reading.trees.tree(tree).range::<Vec<u8>, _>((after, Bound::Unbounded)).keys();
            let keys: Vec<Vec<u8>> =
                keys.take(PAGE).map(|key| Ok(key?.to_vec())).collect::<Result<_, StoreError>>()?;
            let Some(last) = keys.last().cloned() else { return Ok(()) };
            for key in keys {
                let stray = StoreError::Damaged { what: "an index has entries that follow from nothing" };
                let Some(doc) = keys::ending(&key) else { return Err(stray) };
                if !expected(reading.trees, doc, &reading.known.names)?.contains_key(&(tree, key)) {
                    return Err(stray);
                }
            }
            after = Bound::Excluded(last);
        }
    }

    /// Folds a document anew; false when it has too many records for that.
    fn refold(&self, doc: DocId) -> Result<bool, StoreError> {
        let gone = || StoreError::Damaged { what: "a document disappeared" };
        // Of one moment; what a record says never changes afterwards.
        let (found, steps) = {
            let reading = self.reading();
            let steps = track::steps(reading.trees, doc, 0, RECORDS_MAX + 1)?;
            (hollow(&reading, doc)?.ok_or_else(gone)?, steps)
        };
        if steps.len() > RECORDS_MAX {
            return Ok(false);
        }
        let Document { state, .. } = self.fill(found)?;
        let mut folded: Option<State> = None;
        for step in steps {
            let record = self.record(step)?;
            let Body::Document { doc: about, event } = &record.body else { return Err(gone()) };
            if *about != doc {
                return Err(StoreError::Damaged { what: "a record is another document's" });
            }
            folded = Some(match (folded, event) {
                (None, Event::Arrived(arrival)) => State::arrived(arrival, record.at),
                (None, _) => return Err(StoreError::NeverArrived { seq: record.seq }),
                (Some(state), event) => {
                    let illegal = |cause| StoreError::Illegal { seq: record.seq, cause };
                    state.apply(event, record.at).map_err(illegal)?
                }
            });
        }
        if folded == Some(state) {
            Ok(true)
        } else {
            Err(StoreError::Damaged { what: "a document is not what its events fold to" })
        }
    }
}

/// Where a document must be found.
fn expected(trees: &Trees, doc: DocId, names: &Names) -> Result<Entries, StoreError> {
    let lost = StoreError::Damaged { what: "an entry names a document that is not there" };
    entries(doc, &stored(trees, doc, names)?.ok_or(lost)?, names)
}
