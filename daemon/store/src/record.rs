//! Records as the index keeps them, and the digest that tells which records it has followed.

use crate::StoreError;
use aws_lc_rs::digest::{Context, SHA256};
use lifecycle::Record;
use serde::{Deserialize, Serialize};
use types::Digest;

/// The bytes of a record: the ledger's own JSON, whose optional fields postcard could not tell.
pub(crate) fn encode(record: &Record) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record).map_err(|_| StoreError::Damaged { what: "a record cannot be written" })
}

/// The record of some bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<Record, StoreError> {
    serde_json::from_slice(bytes).map_err(|_| StoreError::Damaged { what: "a record cannot be read" })
}

/// How far the index has followed the ledger, and along which records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tip {
    /// Last record applied; 0 before the first.
    pub(crate) seq: u64,
    /// SHA-256 over the digest before and the record, all the way down.
    pub(crate) digest: Digest,
}

impl Tip {
    /// Before the first record.
    pub(crate) const START: Tip = Tip { seq: 0, digest: Digest([0; 32]) };

    /// After one more record, whose bytes these are.
    pub(crate) fn after(self, record: &Record, bytes: &[u8]) -> Result<Tip, StoreError> {
        let expected = self.seq + 1;
        if record.seq != expected {
            return Err(StoreError::Gap { expected, found: record.seq });
        }
        let mut context = Context::new(&SHA256);
        context.update(&self.digest.0);
        context.update(bytes);
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Ok(Tip { seq: record.seq, digest: Digest(digest) })
    }
}
