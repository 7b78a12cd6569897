//! How far the index has followed the ledger, and along which records.

use crate::StoreError;
use ledger::Placed;
use serde::{Deserialize, Serialize};
use types::Digest;

/// A position in one ledger and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tip {
    /// Last record applied; 0 before the first.
    pub(crate) seq: u64,
    /// The ledger's hash of that record. It covers all records before, so that two ledgers which agree here are
    /// one up to here.
    pub(crate) digest: Digest,
}

impl Tip {
    /// Before the first record.
    pub(crate) const START: Tip = Tip { seq: 0, digest: Digest([0; 32]) };

    /// After one more record.
    pub(crate) fn after(self, placed: &Placed) -> Result<Tip, StoreError> {
        let (expected, found) = (self.seq + 1, placed.record.seq);
        if found == expected {
            Ok(Tip { seq: found, digest: placed.hash })
        } else {
            Err(StoreError::Gap { expected, found })
        }
    }
}
