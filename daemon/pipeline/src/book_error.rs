//! Why the book did not write a fact.

use crate::lost_index::stop_if_lost;
use ::store::{Refusal, StoreError};
use lifecycle::IllegalEvent;

/// Why a fact was not written.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum BookError {
    /// It cannot follow what is known.
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
    /// Something else happened to the document in between.
    #[error("the document changed meanwhile")]
    Overtaken,
    /// Somebody else works on the document now.
    #[error("the document was claimed by another meanwhile")]
    Stale,
    /// There is no such document.
    #[error("no such document")]
    Unknown,
    /// The disk is full; nothing was written.
    #[error("the ledger's disk is full")]
    Full,
    /// A hold of this name is in force already.
    #[error("a hold of this name is in force")]
    HoldInForce,
    /// No hold of this name is in force.
    #[error("no hold of this name is in force")]
    NoSuchHold,
    /// As many holds are in force as there may be.
    #[error("too many holds are in force")]
    HoldsFull,
    /// A backup is running.
    #[error("a backup is running, and nothing is destroyed until it ends")]
    Latched,
    /// The wall clock is in doubt.
    #[error("the wall clock is in doubt, and nothing is destroyed until it is right")]
    ClockInDoubt,
    /// The ledger or the index failed.
    #[error("ledger or index: {0}")]
    Broken(&'static str),
}

/// The store looks once more at what the book judged.
impl From<Refusal> for BookError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Illegal(illegal) => Self::Illegal(illegal),
            Refusal::Overtaken | Refusal::Known => Self::Overtaken,
            Refusal::Stale => Self::Stale,
            Refusal::Unknown => Self::Unknown,
            Refusal::Repeated(_) => Self::Broken("an idempotency key was overlooked"),
        }
    }
}

/// The index does not answer.
pub(crate) fn broken(error: StoreError) -> BookError {
    stop_if_lost(&error);
    tracing::error!(%error, "the index cannot be read");
    BookError::Broken("index")
}
