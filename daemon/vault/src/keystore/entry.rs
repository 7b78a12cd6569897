//! A document's entry, which can be punctured: one root seed, or the seeds of those scopes that live.
//!
//! ```text
//! root seed ── "area" ‖ code ──▶ seed of one scope ──▶ keys of its blobs, or of facts
//! ```
//! While the root seed is there, every scope can be derived. Destroying an area replaces the root seed
//! by the seeds of the other scopes: from none of them can the missing one be derived.

use super::file::Generation;
use crate::Area;
use crate::secret::{Secret, Wrapped};
use std::collections::BTreeSet;
use types::DocId;

/// What a seed is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// The blobs of an area.
    Area(Area),
    /// Sealed facts in the ledger. They die with the document only.
    Facts,
}

impl Scope {
    /// Every scope, by code.
    pub(crate) const ALL: [Self; 6] = [
        Self::Area(Area::Original),
        Self::Area(Area::Normalised),
        Self::Area(Area::Text),
        Self::Area(Area::Redacted),
        Self::Area(Area::Review),
        Self::Facts,
    ];

    /// The stable number, 1 to 7: in derivations, and as a bit in the keystore file.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Area(area) => area.code(),
            Self::Facts => 6,
        }
    }

    /// This scope's seed under a root seed.
    pub(crate) fn seed(self, root: &Secret) -> Secret {
        root.derive(&[b"area", &[self.code()]])
    }
}

/// The wrapped seeds of one document.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The root seed.
    Whole(Wrapped),
    /// What is left, in the order of codes.
    Parts(Vec<(Scope, Wrapped)>),
}

/// What of a document is to be destroyed.
#[derive(Clone)]
pub(crate) enum Doom {
    /// All.
    Whole,
    /// These areas.
    Areas(BTreeSet<Area>),
}

impl Entry {
    /// Does this scope live?
    pub(crate) fn lives(&self, scope: Scope) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Parts(parts) => parts.iter().any(|(part, _)| *part == scope),
        }
    }

    /// The seed of a scope that lives; none when the entry does not open in this generation.
    pub(crate) fn seed(&self, generation: &Generation, doc: DocId, scope: Scope) -> Option<Secret> {
        match self {
            Self::Whole(root) => Some(scope.seed(&generation.unwrap(doc, None, root)?)),
            Self::Parts(parts) => {
                let (_, wrapped) = parts.iter().find(|(part, _)| *part == scope)?;
                generation.unwrap(doc, Some(scope), wrapped)
            }
        }
    }

    /// Every seed that the entry holds itself, to be tried on a sample.
    pub(crate) fn held(&self, generation: &Generation, doc: DocId) -> Option<Vec<Secret>> {
        match self {
            Self::Whole(root) => Some(vec![generation.unwrap(doc, None, root)?]),
            Self::Parts(parts) => {
                parts.iter().map(|(scope, wrapped)| generation.unwrap(doc, Some(*scope), wrapped)).collect()
            }
        }
    }

    /// The entry in the next generation, without the dead areas.
    pub(crate) fn move_on(
        &self,
        doc: DocId,
        from: &Generation,
        to: &Generation,
        dead: &BTreeSet<Area>,
    ) -> Option<Self> {
        if let (Self::Whole(root), true) = (self, dead.is_empty()) {
            return Some(Self::Whole(to.wrap(doc, None, &from.unwrap(doc, None, root)?)));
        }
        let survives = |scope: &Scope| match scope {
            Scope::Area(area) => !dead.contains(area),
            Scope::Facts => true,
        };
        let survivors = Scope::ALL.into_iter().filter(|scope| self.lives(*scope)).filter(survives);
        let moved = survivors
            .map(|scope| Some((scope, to.wrap(doc, Some(scope), &self.seed(from, doc, scope)?))))
            .collect::<Option<Vec<_>>>()?;
        Some(Self::Parts(moved))
    }
}
