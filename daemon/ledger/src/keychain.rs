//! The chain of checkpoints: each names the hash of the note before it and is signed by the key of that
//! note, or, after the last note of a key, by the key that this one announced. From one key that is trusted, the chain leads to all later ones. Each key signs on one day of its notes' times (UTC), and its handover then or later.

use crate::checkpoint::{Signed, VerifyingKey};
use types::{Digest, UnixMillis};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Why a checkpoint does not follow the one before it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyFault {
    /// A note is missing, or another stood in its place.
    #[error(
        "it follows a note with hash {found}, but the one before it has {expected}: a checkpoint was removed, changed or exchanged"
    )]
    Prev {
        /// Hash of the note before it.
        expected: Digest,
        /// Hash that it names.
        found: Digest,
    },
    /// It is signed by a key that nobody announced, or by one that had handed over.
    #[error(
        "it is signed with a key whose turn it is not, for the checkpoint before announced another or none: {found}"
    )]
    Stranger {
        /// The key.
        found: Box<VerifyingKey>,
    },
    /// The ledger got shorter.
    #[error("it is over {found} records, the one before it over {before}")]
    Shrunk {
        /// Records before.
        before: u64,
        /// Records now.
        found: u64,
    },
    /// Time went back.
    #[error("it is of {found}, the one before it of {before}: notes of a log never go back in time")]
    Back {
        /// When the one before was signed.
        before: UnixMillis,
        /// When this one was.
        found: UnixMillis,
    },
    /// A key went on after its day.
    #[error(
        "it is of {found}, and signed with the key of the note of {before}: on another day a key signs nothing but its handover"
    )]
    Outlived {
        /// When the one before was signed.
        before: UnixMillis,
        /// When this one was.
        found: UnixMillis,
    },
}

/// Where the chain is.
#[derive(Clone, Debug)]
pub struct KeyChain {
    last: Signed,
    /// Keys that signed, in their order.
    keys: Vec<VerifyingKey>,
}

impl KeyChain {
    /// Begins with the first checkpoint of all.
    ///
    /// # Errors
    /// When it names one before it.
    pub fn begin(first: Signed) -> Result<Self, KeyFault> {
        let (expected, found) = (Digest([0; 32]), first.checkpoint.prev);
        if found != expected {
            return Err(KeyFault::Prev { expected, found });
        }
        let keys = vec![first.checkpoint.key.clone()];
        Ok(Self { last: first, keys })
    }

    /// Goes on to the next checkpoint.
    ///
    /// # Errors
    /// When it does not follow.
    pub fn follow(&mut self, next: Signed) -> Result<(), KeyFault> {
        let (last, new) = (&self.last.checkpoint, &next.checkpoint);
        if new.prev != self.last.hash() {
            return Err(KeyFault::Prev { expected: self.last.hash(), found: new.prev });
        }
        if new.key != *last.next.as_ref().unwrap_or(&last.key) {
            return Err(KeyFault::Stranger { found: Box::new(new.key.clone()) });
        }
        if new.mark.size < last.mark.size {
            return Err(KeyFault::Shrunk { before: last.mark.size, found: new.mark.size });
        }
        let (before, found) = (last.at, new.at);
        if found < before {
            return Err(KeyFault::Back { before, found });
        }
        // The handover may come later: the daemon did not run in between.
        let is_one_day = found.0 / DAY_MS == before.0 / DAY_MS;
        if new.key == last.key && new.next.is_none() && !is_one_day {
            return Err(KeyFault::Outlived { before, found });
        }
        if new.key != last.key {
            self.keys.push(new.key.clone());
        }
        self.last = next;
        Ok(())
    }

    /// The last checkpoint.
    #[must_use]
    pub fn last(&self) -> &Signed {
        &self.last
    }

    /// Every key that signed, the first one first.
    #[must_use]
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }
}
