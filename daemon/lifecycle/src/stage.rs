//! Stations, and what each cannot do without.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A station of the trip, after `watch` and `intake`, which have no document yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Sealed and looked at from outside only: size, magic bytes, duplicates.
    Quarantine,
    /// Structure is checked in a sandbox.
    Parse,
    /// Pages become upright, deskewed rasters with square pixels.
    Normalise,
    /// Rasters become words.
    Ocr,
    /// Words become a class.
    Classify,
    /// Identifiers are painted over, and the product is read again.
    Redact,
    /// Artefacts are read back, hashed and signed.
    Store,
    /// The class becomes a route with an owner, or a review task.
    Route,
    /// The route's target takes the document.
    Deliver,
    /// The document is kept until its retention is over.
    Retain,
}

impl Stage {
    /// Stations whose outcome this one reads.
    #[must_use]
    pub const fn needs(self) -> &'static [Stage] {
        match self {
            Self::Quarantine => &[],
            Self::Parse => &[Self::Quarantine],
            Self::Normalise => &[Self::Parse],
            Self::Ocr => &[Self::Normalise],
            Self::Classify => &[Self::Ocr],
            Self::Redact => &[Self::Normalise, Self::Ocr, Self::Classify],
            Self::Store => &[Self::Redact],
            Self::Route => &[Self::Classify, Self::Store],
            Self::Deliver => &[Self::Route],
            Self::Retain => &[Self::Deliver],
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::Parse => "parse",
            Self::Normalise => "normalise",
            Self::Ocr => "ocr",
            Self::Classify => "classify",
            Self::Redact => "redact",
            Self::Store => "store",
            Self::Route => "route",
            Self::Deliver => "deliver",
            Self::Retain => "retain",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
