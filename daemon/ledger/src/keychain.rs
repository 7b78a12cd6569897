//! The chain of checkpoints: each names the hash of the note before it and is signed by the key of that
//! note, or by the key that it announced. From one key that is trusted, the chain leads to all later ones.

use crate::checkpoint::{Signed, VerifyingKey};
use types::Digest;

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
    /// It is signed by a key that nobody announced.
    #[error("it is signed with a key that no earlier checkpoint announced: {found}")]
    Stranger {
        /// The key.
        found: Box<VerifyingKey>,
    },
    /// One key announced two successors.
    #[error("its key announced another successor before: {found} was not to follow")]
    TwoSuccessors {
        /// What it announces now.
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
        if new.key == last.key {
            if new.next != last.next {
                return Err(KeyFault::TwoSuccessors { found: Box::new(new.next.clone()) });
            }
        } else if new.key == last.next {
            self.keys.push(new.key.clone());
        } else {
            return Err(KeyFault::Stranger { found: Box::new(new.key.clone()) });
        }
        if new.mark.size < last.mark.size {
            return Err(KeyFault::Shrunk { before: last.mark.size, found: new.mark.size });
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
