//! What can go wrong with the index, and what that asks for.

use std::path::PathBuf;

/// No variant holds anything of a document but its place in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the index open.
    #[error("the index {dir} is in use by another process; stop it first")]
    InUse {
        /// The index.
        dir: PathBuf,
    },
    /// The disk is full. It says nothing of the index.
    #[error(
        "the index {dir} does not open on a full disk: {bytes} bytes beside it are needed; free some space, the next start goes on with it"
    )]
    Full {
        /// The index.
        dir: PathBuf,
        /// What an opening may take.
        bytes: usize,
    },
    /// sled refused.
    #[error("the index cannot be used: {0}; restart the daemon, which then rebuilds it from the ledger")]
    Sled(#[from] sled::Error),
    /// sled panicked while it opened the index.
    #[error("the index cannot be opened: sled gave up; it has to be rebuilt from the ledger")]
    Panicked,
    /// The index contradicts itself.
    #[error("the index is damaged: {what}; restart the daemon, which then rebuilds it from the ledger")]
    Damaged {
        /// What does not hold; a fixed text.
        what: &'static str,
    },
    /// The index has followed another ledger, or a longer one.
    #[error("the index does not follow this ledger: they differ at or before record {seq}")]
    Diverged {
        /// Where the index says it is.
        seq: u64,
    },
    /// The ledger could not be read.
    #[error("the ledger cannot be read: {0}")]
    Ledger(#[from] ledger::LedgerError),
    /// The ledger holds an event that cannot follow what is known.
    #[error("record {seq} of the ledger cannot follow what is known: {cause}")]
    Illegal {
        /// The record.
        seq: u64,
        /// Why.
        cause: lifecycle::IllegalEvent,
    },
    /// The ledger holds an event of a document that never arrived.
    #[error("record {seq} of the ledger is about a document that never arrived")]
    NeverArrived {
        /// The record.
        seq: u64,
    },
    /// A record is not the next one.
    #[error("expected record {expected} of the ledger, found record {found}")]
    Gap {
        /// The next.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// A value is larger than the index takes.
    #[error("a value of {bytes} bytes is larger than the index takes ({max})")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The file system refused.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// Verb.
        what: &'static str,
        /// Object.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

impl StoreError {
    /// A stable code, for the ledger.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "in-use",
            Self::Full { .. } => "full",
            Self::Sled(_) | Self::Panicked => "unreadable",
            Self::Damaged { .. } => "damaged",
            Self::Diverged { .. } => "diverged",
            Self::Ledger(_) => "ledger",
            Self::Illegal { .. } | Self::NeverArrived { .. } | Self::Gap { .. } => "impossible",
            Self::TooLarge { .. } => "too-large",
            Self::Io { .. } => "io",
        }
    }

    /// Whether a new index would help.
    #[must_use]
    pub fn is_cured_by_a_rebuild(&self) -> bool {
        match self {
            Self::Sled(_) | Self::Panicked | Self::Damaged { .. } | Self::Diverged { .. } => true,
            // A fold that fails may start from a damaged state; if it does not, the rebuild fails too and says so.
            Self::Illegal { .. } | Self::NeverArrived { .. } | Self::Gap { .. } => true,
            Self::InUse { .. } | Self::Full { .. } | Self::Ledger(_) | Self::Io { .. } => false,
            Self::TooLarge { .. } => false,
        }
    }
}
