//! The states of the observable contract.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The word that callers see (the observable contract).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the contract; see docs/life-of-a-document.md")]
pub enum Status {
    Received,
    Quarantined,
    Processing,
    Review,
    Routed,
    Delivered,
    Rejected,
    Held,
    Expired,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 9] = [
        Self::Received,
        Self::Quarantined,
        Self::Processing,
        Self::Review,
        Self::Routed,
        Self::Delivered,
        Self::Rejected,
        Self::Held,
        Self::Expired,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Quarantined => "quarantined",
            Self::Processing => "processing",
            Self::Review => "review",
            Self::Routed => "routed",
            Self::Delivered => "delivered",
            Self::Rejected => "rejected",
            Self::Held => "held",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Status {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|status| status.name() == text).ok_or(())
    }
}
