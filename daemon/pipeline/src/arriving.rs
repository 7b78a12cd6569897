//! Documents that have a key and no record yet: the sweeper leaves them alone.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};
use types::DocId;

/// Their ids.
#[derive(Clone, Default)]
pub(crate) struct Arriving(Arc<Mutex<BTreeSet<DocId>>>);

impl Arriving {
    /// A document is arriving until the guard is dropped.
    pub(crate) fn begin(&self, doc: DocId) -> Arrives {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(doc);
        Arrives { doc, among: self.clone() }
    }

    /// Is it arriving?
    pub(crate) fn has(&self, doc: DocId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&doc)
    }
}

/// See [`Arriving::begin`].
pub(crate) struct Arrives {
    doc: DocId,
    among: Arriving,
}

impl Drop for Arrives {
    fn drop(&mut self) {
        self.among.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.doc);
    }
}
