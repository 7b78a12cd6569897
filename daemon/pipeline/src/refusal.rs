//! How a station says no.

use crate::{book::BookError, lost_index::stop_if_lost};
use ::store::StoreError;
use types::{OutOfBounds, Reason};
use vault::VaultError;
use wire::Fault;

/// Why a station did not finish.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The document is to blame; the reason's disposition says what follows.
    #[error("refused: {0}")]
    Because(Reason),
    /// The site's configuration turns this reason, which would wait for a person, into a final no.
    #[error("rejected: {0}")]
    Reject(Reason),
    /// A worker ended badly.
    #[error("worker: {0:?}")]
    Worker(Fault),
    /// Not this document's fault and not for ever: tried again later, uncounted.
    #[error("not now: {0}")]
    NotNow(Reason),
    /// A backup is running, and nothing is destroyed until it ends.
    #[error("a backup is running, and nothing is destroyed until it ends")]
    Latched,
    /// The wall clock is in doubt, and destruction obeys it.
    #[error("the wall clock is in doubt, and nothing is destroyed until it is right")]
    ClockInDoubt,
    /// Somebody else moved the document meanwhile; look again.
    #[error("overtaken")]
    Overtaken,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Worker(fault)
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::Because(reason)
    }
}

/// A value out of bounds came from a worker: it broke the protocol.
impl From<OutOfBounds> for Refusal {
    fn from(error: OutOfBounds) -> Self {
        tracing::warn!(what = error.what, "a worker's answer is out of bounds");
        Self::Worker(Fault::Protocol)
    }
}

impl From<wire::FrameError> for Refusal {
    fn from(_: wire::FrameError) -> Self {
        Self::Worker(Fault::Protocol)
    }
}

impl From<VaultError> for Refusal {
    fn from(error: VaultError) -> Self {
        tracing::error!(%error, "vault");
        if matches!(error, VaultError::Full { .. }) {
            Self::NotNow(Reason::DiskFull)
        } else {
            Self::Because(Reason::StorageError)
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        stop_if_lost(&error);
        tracing::error!(%error, "index");
        Self::NotNow(Reason::StorageError)
    }
}

impl From<BookError> for Refusal {
    fn from(error: BookError) -> Self {
        match error {
            BookError::Full => Self::NotNow(Reason::DiskFull),
            BookError::Overtaken
            | BookError::Stale
            | BookError::Illegal(_)
            | BookError::Unknown
            | BookError::HoldInForce
            | BookError::NoSuchHold
            | BookError::HoldsFull => Self::Overtaken,
            BookError::Latched => Self::Latched,
            BookError::ClockInDoubt => Self::ClockInDoubt,
            BookError::Broken(_) => Self::NotNow(Reason::StorageError),
        }
    }
}
