//! The writer's part of a backup: how far the ledger reaches, with nothing under way.

use crate::book::{BookError, Writer};
use ledger::{Extent, Mark};

/// How far the ledger reaches.
pub(crate) struct Tip {
    pub(crate) mark: Mark,
    pub(crate) extents: Vec<Extent>,
}

impl Writer {
    /// Nothing is being written or destroyed while it is told.
    pub(crate) fn tip(&self) -> Result<Tip, BookError> {
        let extents = self.store.extents().map_err(|error| {
            tracing::error!(%error, "the segments cannot be listed");
            BookError::Broken("ledger")
        })?;
        Ok(Tip { mark: self.store.mark(), extents })
    }
}
