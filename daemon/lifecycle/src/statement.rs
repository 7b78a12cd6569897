//! The balance of a day and a source, as the ledger keeps it.

use serde::{Deserialize, Serialize};
use types::Label;

/// What came, and what became of it, between the statement before and the end of a day (UTC).
///
/// Two rooms count without knowing of each other: the inbox what it sees, the ledger what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The day, `2026-11-24`.
    pub day: Label,
    /// The source.
    pub source: Label,
    /// Record of the ledger up to which this counts.
    pub through: u64,
    /// Files that waited when it began.
    pub opening: u64,
    /// Files first seen in the inbox.
    pub seen: u64,
    /// Documents that came over gRPC.
    pub uploads: u64,
    /// Documents that were taken in, from inbox and gRPC.
    pub arrived: u64,
    /// Those of them whose bytes were there already.
    pub duplicates: u64,
    /// Inbox entries that were refused.
    pub refused: u64,
    /// Files that were gone before they were claimed.
    pub vanished: u64,
    /// Files that wait at its end.
    pub waiting: u64,
    /// Uploads that were begun and not taken; they never became files.
    pub uploads_refused: u64,
    /// Ed25519 under the site's key, hex, over the compact JSON of this statement with an empty signature.
    pub signature: String,
}

impl Statement {
    /// What came: `opening + seen + uploads`.
    #[must_use]
    pub const fn came(&self) -> u64 {
        self.opening + self.seen + self.uploads
    }

    /// What is accounted for: `arrived + refused + vanished + waiting`.
    #[must_use]
    pub const fn accounted(&self) -> u64 {
        self.arrived + self.refused + self.vanished + self.waiting
    }

    /// Whether the two are equal.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.came() == self.accounted()
    }
}
