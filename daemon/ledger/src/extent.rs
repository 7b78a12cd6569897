//! What of the segments is acknowledged, so that a copy can be taken while records are appended.

use crate::error::Context;
use crate::segment::{first_record, list};
use crate::{Ledger, LedgerError};
use std::fs;

/// A segment's file and how much of it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// File name, see [`is_segment_name`].
    pub name: String,
    /// Bytes from its start that are acknowledged. They never change again.
    pub bytes: u64,
}

/// Is this the name of a segment's file? Such a name has no separator in it.
#[must_use]
pub fn is_segment_name(name: &str) -> bool {
    first_record(name).is_some()
}

impl Ledger {
    /// All segments in order, as far as they are acknowledged now.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn extents(&self) -> Result<Vec<Extent>, LedgerError> {
        let segments = list(&self.dir).when("list", &self.dir)?;
        segments
            .into_iter()
            .map(|segment| {
                let whole = fs::metadata(&segment.path).when("look at", &segment.path)?.len();
                let bytes = if segment.path == self.path { self.bytes } else { whole };
                Ok(Extent { name: crate::segment::file_name(segment.first), bytes })
            })
            .collect()
    }
}
