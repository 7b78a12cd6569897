//! A legal hold with a scope: which documents it keeps, those of today and those to come.

use crate::State;
use serde::{Deserialize, Serialize};
use types::{DocClass, DocId, Label, UnixMillis};

/// Nothing in its scope is destroyed, forgotten or kept for a shorter time while it is in force. A field
/// that is given narrows the scope; without any it holds everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldOrder {
    /// Its name; one hold of a name at a time.
    pub name: Label,
    /// Only these documents.
    pub docs: Vec<DocId>,
    /// Only documents of this source.
    pub source: Option<Label>,
    /// Only documents that have this class, or had it once: a correction does not let them go.
    pub class: Option<DocClass>,
    /// Only documents received at this time or later.
    pub from: Option<UnixMillis>,
    /// Only documents received before this time.
    pub to: Option<UnixMillis>,
    /// Only documents with this label.
    pub sensitivity: Option<Label>,
    /// Why, as a code of the site's own.
    pub why: Label,
}

impl HoldOrder {
    /// Is this document in its scope?
    #[must_use]
    pub fn covers(&self, doc: DocId, state: &State) -> bool {
        (self.docs.is_empty() || self.docs.contains(&doc))
            && self.source.as_ref().is_none_or(|source| *source == state.source)
            && self.class.is_none_or(|class| state.classes.contains(&class))
            && self.from.is_none_or(|from| state.received_at >= from)
            && self.to.is_none_or(|to| state.received_at < to)
            && self.sensitivity.as_ref().is_none_or(|label| state.sensitivity.contains(label))
    }
}
