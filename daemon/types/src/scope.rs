//! What a principal may do (B31 and design: verbatim names). None implies another.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// One right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Submit documents.
    #[serde(rename = "document:upload")]
    Upload,
    /// Read redacted derivatives, and the status of documents.
    #[serde(rename = "document:read:redacted")]
    ReadRedacted,
    /// Read originals and recognised text.
    #[serde(rename = "document:read:original")]
    ReadOriginal,
    /// Run stations again.
    #[serde(rename = "document:reprocess")]
    Reprocess,
    /// Destroy documents that are due.
    #[serde(rename = "document:delete")]
    Delete,
    /// Decide what the machine would not.
    #[serde(rename = "review")]
    Review,
    /// Send a document elsewhere.
    #[serde(rename = "route")]
    Route,
    /// Place and lift holds.
    #[serde(rename = "hold")]
    Hold,
    /// Read and verify the ledger.
    #[serde(rename = "audit")]
    Audit,
    /// Run the appliance; no PHI.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 10] = [
        Self::Upload,
        Self::ReadRedacted,
        Self::ReadOriginal,
        Self::Reprocess,
        Self::Delete,
        Self::Review,
        Self::Route,
        Self::Hold,
        Self::Audit,
        Self::Admin,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upload => "document:upload",
            Self::ReadRedacted => "document:read:redacted",
            Self::ReadOriginal => "document:read:original",
            Self::Reprocess => "document:reprocess",
            Self::Delete => "document:delete",
            Self::Review => "review",
            Self::Route => "route",
            Self::Hold => "hold",
            Self::Audit => "audit",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no scope.
#[derive(Debug, thiserror::Error)]
#[error(
    "not a scope; expected document:upload, document:read:redacted, document:read:original, document:reprocess, document:delete, review, route, hold, audit or admin"
)]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or(UnknownScope)
    }
}
