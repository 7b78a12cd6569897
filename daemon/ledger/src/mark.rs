//! What a ledger is at one moment, in three values; a checkpoint carries them, and a later ledger must
//! still hold them.

use crate::LedgerError;
use crate::format::GENESIS;
use crate::merkle::Frontier;
use types::Digest;

/// Size, root and tip of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Records.
    pub size: u64,
    /// Merkle root over them.
    pub root: Digest,
    /// Chain hash of the last one; zeros when there is none.
    pub tip: Digest,
}

/// Compares a ledger, while it is walked, with what it is known to have been.
pub(crate) struct Recall {
    /// Sorted, the smallest last.
    known: Vec<Mark>,
}

impl Recall {
    pub(crate) fn of(known: &[Mark]) -> Self {
        let mut known = known.to_vec();
        known.sort_by_key(|mark| std::cmp::Reverse(mark.size));
        Self { known }
    }

    /// Compares at this size.
    pub(crate) fn at(&mut self, tree: &Frontier, tip: Digest) -> Result<(), LedgerError> {
        while let Some(known) = self.known.pop_if(|known| known.size == tree.size()) {
            let found = Mark { size: tree.size(), root: tree.root(), tip };
            if known != found {
                return Err(LedgerError::Rewritten { size: known.size });
            }
        }
        Ok(())
    }

    /// Nothing known may be left at the end of a ledger of so many records.
    pub(crate) fn end(self, found: u64) -> Result<(), LedgerError> {
        match self.known.first() {
            Some(largest) => Err(LedgerError::RolledBack { found, known: largest.size }),
            None => Ok(()),
        }
    }
}

impl Mark {
    /// A ledger without a record.
    #[must_use]
    pub fn empty() -> Self {
        Self { size: 0, root: Frontier::default().root(), tip: GENESIS }
    }
}
