//! Rules to verdicts: classes, identifiers, routes, retention, roles.
//!
//! Pure: TOML rules and what was read go in, verdicts that name their rules come out. There is no
//! I/O here, no clock and no state; the same input gives the same verdict on every machine. What is
//! done about a verdict is decided elsewhere.

mod classify;
mod error;
mod fold;
mod identify;
mod lexicon;
mod retention;
mod roles;
mod route;
mod sensitivity;
mod sheet;
mod tables;
mod verdict;

pub use error::{PolicyError, Problem};
pub use roles::Roles;
pub use verdict::{
    Classification, Hit, Identified, Kept, KnownValue, PageView, Residue, Retention, RetentionFacts, Route,
    RouteFacts, RouteRendition, Verdict,
};

use classify::ClassRules;
use identify::IdentifierRules;
use retention::RetentionRules;
use route::RouteRules;
use sensitivity::SensitivityRules;
use tables::{Ids, Reader};
use types::{DocClass, Label, PageWords};

/// The rule files of a site, as text.
#[derive(Clone, Copy)]
pub struct PolicyTexts<'a> {
    /// `classes.toml`
    pub classes: &'a str,
    /// `identifiers.toml`
    pub identifiers: &'a str,
    /// `routes.toml`
    pub routes: &'a str,
    /// `retention.toml`
    pub retention: &'a str,
}

/// The rules of a site, checked and ready.
pub struct Policy {
    classes: ClassRules,
    identifiers: IdentifierRules,
    routes: RouteRules,
    retention: RetentionRules,
    sensitivity: SensitivityRules,
}

impl Policy {
    /// The rules that come with the product.
    #[must_use]
    pub const fn shipped_texts() -> PolicyTexts<'static> {
        PolicyTexts {
            classes: include_str!("../rules/classes.toml"),
            identifiers: include_str!("../rules/identifiers.toml"),
            routes: include_str!("../rules/routes.toml"),
            retention: include_str!("../rules/retention.toml"),
        }
    }

    /// Reads and checks the rule files.
    ///
    /// # Errors
    /// Every mistake in all of them, each with its file and line.
    pub fn parse(texts: &PolicyTexts<'_>) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let mut ids = Ids::default();
        let classes =
            ClassRules::read(&mut Reader::new("classes.toml", texts.classes, &mut errors), &mut ids);
        let identifiers = IdentifierRules::read(
            &mut Reader::new("identifiers.toml", texts.identifiers, &mut errors),
            &mut ids,
        );
        let routes = RouteRules::read(&mut Reader::new("routes.toml", texts.routes, &mut errors), &mut ids);
        let labels = classes.as_ref().map(|(_, sensitivity)| sensitivity.labels()).unwrap_or_default();
        let retention = RetentionRules::read(
            &mut Reader::new("retention.toml", texts.retention, &mut errors),
            &mut ids,
            &labels,
        );
        match (classes, identifiers, routes, retention) {
            (Some((classes, sensitivity)), Some(identifiers), Some(routes), Some(retention))
                if errors.is_empty() =>
            {
                Ok(Self { classes, identifiers, routes, retention, sensitivity })
            }
            _ => Err(errors),
        }
    }

    /// What kind of document these pages are; `expected` is what the sender said.
    pub fn classify(&self, pages: &[PageView<'_>], expected: Option<DocClass>) -> Classification {
        classify::classify(&self.classes, pages, expected)
    }

    /// What to hide on these pages; `known` are values given at upload.
    pub fn identify(&self, pages: &[PageView<'_>], known: &[KnownValue]) -> Identified {
        identify::identify(&self.identifiers, pages, known)
    }

    /// What a re-reading of a redacted page (`read` from its pixels, `layer` in its text layer) still
    /// shows. Empty means that it may leave.
    #[must_use]
    pub fn residue(&self, read: &PageWords, layer: &PageWords, values: &[KnownValue]) -> Vec<Residue> {
        identify::residue(&self.identifiers, read, layer, values)
    }

    /// Where a document goes.
    pub fn route(&self, facts: &RouteFacts<'_>) -> Verdict {
        self.routes.verdict(facts)
    }

    /// The route of this name.
    #[must_use]
    pub fn route_named(&self, name: &Label) -> Option<&Route> {
        self.routes.routes().iter().find(|route| route.name == *name)
    }

    /// Every route.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        self.routes.routes()
    }

    /// How long what is kept of a document stays, for each schedule by itself.
    pub fn retention(&self, facts: &RetentionFacts<'_>) -> Retention {
        self.retention.longest(facts)
    }

    /// The laws of their own that a document falls under, as labels; empty for most.
    #[must_use]
    pub fn sensitivity(&self, pages: &[PageView<'_>]) -> Vec<Label> {
        self.sensitivity.of(pages)
    }

    /// Can a document get this label?
    #[must_use]
    pub fn has_sensitivity(&self, label: &Label) -> bool {
        self.sensitivity.labels().contains(label)
    }
}
