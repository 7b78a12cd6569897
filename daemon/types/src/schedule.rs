//! What is kept of a document, each for a time of its own (requirement B46).

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A part of what is known of a document, with its own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The file as it came.
    Original,
    /// The redacted derivative, its map and its manifest.
    Redacted,
    /// The words that were read, and the page rasters they were read from.
    Text,
    /// What reviewers worked with: crops, thumbnails, corrections.
    Review,
    /// What lists and extracts show of it after its destruction. The ledger itself is never cut.
    Log,
}

impl Schedule {
    /// Every schedule.
    pub const ALL: [Schedule; 5] = [Self::Original, Self::Redacted, Self::Text, Self::Review, Self::Log];

    /// The schedules of sealed bytes: when the last of them is over, the whole document goes.
    pub const CONTENT: [Schedule; 4] = [Self::Original, Self::Redacted, Self::Text, Self::Review];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Redacted => "redacted",
            Self::Text => "text",
            Self::Review => "review",
            Self::Log => "log",
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Schedule {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|schedule| schedule.name() == text).ok_or(())
    }
}
