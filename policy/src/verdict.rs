//! What goes in and what comes out: facts about a document, and verdicts that name their rules.

use std::path::PathBuf;
use types::{Confidence, DocClass, IdKind, Label, PageGeometry, PageWords, Phi, Reason, Rect};

/// One page as it was read.
#[derive(Clone, Copy)]
pub struct PageView<'a> {
    /// What was read.
    pub words: &'a PageWords,
    /// On what page.
    pub geometry: &'a PageGeometry,
}

/// What kind of document it is, and why.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Classification {
    /// The class with the most evidence.
    pub class: DocClass,
    /// How often such evidence is right, 0..=1.
    pub confidence: Confidence,
    /// The rules that spoke for the class; never empty.
    pub rules: Vec<Label>,
    /// Pages that are clear by themselves are of different classes.
    pub mixed: bool,
    /// The same for each page.
    pub pages: Vec<(DocClass, Confidence)>,
}

/// A value to look for. Holds PHI: no `Debug`.
#[derive(Clone)]
pub struct KnownValue {
    /// As it was read or given.
    pub text: Phi,
    /// What it identifies.
    pub kind: IdKind,
}

/// A box to hide. It tells where and why, never what.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Px of the normalised page, padded, inside the page.
    pub rect: Rect,
    /// The words it covers, as indices of the page's words.
    pub words: Vec<u32>,
    /// What is hidden.
    pub kind: IdKind,
    /// The rule that found it.
    pub rule: Label,
    /// How sure the rule is, 0..=1.
    pub confidence: Confidence,
}

/// Everything to hide, page by page, and the values found. Holds PHI: no `Debug`.
#[derive(Clone)]
#[must_use]
pub struct Identified {
    /// The boxes of each page, from top to bottom.
    pub pages: Vec<Vec<Hit>>,
    /// Each value found, once.
    pub values: Vec<KnownValue>,
}

/// A value that the redacted product still shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Residue {
    /// What it identifies.
    pub kind: IdKind,
    /// The rule that found it.
    pub rule: Label,
}

/// What the route of a document depends on.
#[derive(Clone, Debug)]
pub struct RouteFacts<'a> {
    /// Its class.
    pub class: DocClass,
    /// How sure the class is.
    pub confidence: Confidence,
    /// Where it came from.
    pub source: &'a Label,
    /// Its pages are of different classes.
    pub mixed: bool,
    /// Mean confidence of the words.
    pub reading: Confidence,
    /// Words on all pages.
    pub words: u32,
    /// Pages with ink on which nothing could be read.
    pub unread_pages: u32,
    /// Pages that did not pass the check of the redacted product and are wholly black.
    pub black_pages: u32,
    /// A reviewer has approved or corrected the class.
    pub decided_by_person: bool,
    /// Pages, blank ones included.
    pub pages: u32,
    /// Pages without ink.
    pub blank_pages: u32,
}

/// Where a document goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// To a route, without a person.
    Send {
        /// Which route.
        route: Label,
        /// Who answers for it.
        owner: Label,
        /// The rule that sent it.
        rule: Label,
    },
    /// To a person.
    Review {
        /// Why.
        reason: Reason,
        /// The rule that asked for it.
        rule: Label,
    },
}

/// A way out of the house, with somebody who answers for it (A36).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its name.
    pub name: Label,
    /// Who answers for it.
    pub owner: Label,
    /// Within how many hours.
    pub sla_hours: u32,
    /// Folder of the outbox, relative.
    pub folder: PathBuf,
    /// What it delivers.
    pub rendition: RouteRendition,
    /// The classes it takes.
    pub classes: Vec<DocClass>,
}

/// What a route delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteRendition {
    /// The redacted derivative.
    Redacted,
    /// The original; only for owners who may see it.
    Original,
}

/// What retention depends on.
#[derive(Clone, Copy, Debug)]
pub struct RetentionFacts<'a> {
    /// The class, once it is known.
    pub class: Option<DocClass>,
    /// The source.
    pub source: &'a Label,
    /// Labels of [`crate::Policy::sensitivity`].
    pub sensitivity: &'a [Label],
    /// Rules that the sender or the source's configuration names; they only lengthen.
    pub requested: &'a [&'a Label],
}

/// How long what is kept of a document stays.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[expect(missing_docs, reason = "each field is the schedule of its name")]
pub struct Retention {
    pub original: Kept,
    pub redacted: Kept,
    pub text: Kept,
    pub review: Kept,
    pub log: Kept,
}

/// How long one schedule lasts, and under which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The rule with the longest period; of equal ones the first of the file.
    pub rule: Label,
    /// Days from receipt.
    pub days: u32,
}
