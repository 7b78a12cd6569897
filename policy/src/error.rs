//! What is wrong with a rule file. Rule files are written by admins and hold no PHI.

use types::{DocClass, Label, Schedule};

/// One mistake: where it is and what to do. A check reports every one at once.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct PolicyError {
    /// Which rule file, for example `routes.toml`.
    pub file: &'static str,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong there.
    #[source]
    pub problem: Problem,
}

/// The kinds of mistakes.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Not TOML, an unknown key, a missing key or a value of the wrong type.
    #[error("{}", .0.message())]
    Toml(Box<toml::de::Error>),
    /// Two rules have the same id, so a verdict could not name one of them.
    #[error("the rule id `{0}` is used twice; give each rule of the policy its own")]
    DuplicateRule(Label),
    /// A pattern is no regular expression, or is too large a one.
    #[error("not a usable pattern: {0}")]
    Pattern(Box<regex::Error>),
    /// A pattern names no group that its check reads.
    #[error("the pattern needs a group named `{0}` for its check")]
    MissingGroup(&'static str),
    /// A rule without a phrase, a pattern or a list can never match.
    #[error("`{0}` must not be empty")]
    Empty(&'static str),
    /// A label that has no letter, or that two rules claim.
    #[error("the phrase `{0}` has no letter or belongs to another [[label]] too; leave it in one")]
    DuplicatePhrase(String),
    /// A number outside its range.
    #[error("`{key}` must lie between {low} and {high}")]
    OutOfRange {
        /// Which key.
        key: &'static str,
        /// Smallest good value.
        low: f32,
        /// Largest good value.
        high: f32,
    },
    /// No document may end in limbo.
    #[error("class `{0}` has no route; add it to the `classes` of a [[route]] that has an owner and an SLA")]
    ClassWithoutRoute(DocClass),
    /// A class would have two ways out.
    #[error("class `{0}` has more than one route; leave it in one")]
    ClassWithTwoRoutes(DocClass),
    /// A class that nothing can ever recognise.
    #[error("class `{0}` has no [[rule]] in classes.toml that leads to it")]
    ClassWithoutRule(DocClass),
    /// A service level of no time at all.
    #[error("route `{0}` needs `sla-hours` of at least 1")]
    NoSla(Label),
    /// The folder of a route leads out of the outbox.
    #[error("the folder of route `{0}` must be a plain relative path without `..`")]
    BadFolder(Label),
    /// Nothing says how long this part of any document is kept.
    #[error(
        "one [[rule]] with `days` or `{0}-days` and without `classes`, `sources` and `sensitivity` is needed: it applies to every document"
    )]
    NoDefaultRetention(Schedule),
    /// A rule for a label that no document can get.
    #[error("no [[sensitivity]] of classes.toml has the label `{0}`; define it there")]
    UnknownSensitivity(Label),
    /// A client has a role that the file does not define.
    #[error("client `{client}` has the unknown role `{role}`; define it under [roles]")]
    UnknownRole {
        /// Which client.
        client: Label,
        /// Which role.
        role: Label,
    },
}
