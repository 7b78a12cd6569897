//! Retention is a property of the document (A45): of all rules that apply, the longest wins.

use crate::{
    Problem, Retention,
    tables::{Ids, Reader, Rows},
};
use serde::Deserialize;
use types::{DocClass, Label};

/// Longest period, in days (100 years): a longer one is a typing error.
const DAYS_MAX: u32 = 36_525;

/// Everything that `retention.toml` says.
pub(crate) struct RetentionRules {
    rules: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Row {
    id: Label,
    days: u32,
    /// Empty: every class, also an unknown one.
    #[serde(default)]
    classes: Vec<DocClass>,
    /// Empty: every source.
    #[serde(default)]
    sources: Vec<Label>,
    /// Applies only to a document whose sender asks for it.
    #[serde(default)]
    on_request: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outline {
    #[serde(default)]
    rule: Rows,
}

impl RetentionRules {
    /// Reads the rules; mistakes go to the reader.
    pub(crate) fn read(reader: &mut Reader<'_>, ids: &mut Ids) -> Option<Self> {
        let outline: Outline = reader.outline()?;
        let mut rules = Vec::new();
        for (line, row) in reader.entries::<Row>(outline.rule) {
            ids.take(reader, line, &row.id);
            if row.days > DAYS_MAX {
                reader.report(line, Problem::OutOfRange { key: "days", low: 0.0, high: DAYS_MAX as f32 });
            }
            rules.push(row);
        }
        let for_all = |row: &Row| row.classes.is_empty() && row.sources.is_empty() && !row.on_request;
        if !rules.iter().any(for_all) {
            reader.report(1, Problem::NoDefaultRetention);
        }
        Some(Self { rules })
    }

    /// The longest period of the rules for this class, this source and what the sender asked for.
    pub(crate) fn longest(
        &self,
        class: Option<DocClass>,
        source: &Label,
        requested: Option<&Label>,
    ) -> Retention {
        let applies = |row: &&Row| {
            let asked_for = requested == Some(&row.id);
            let fits = !row.on_request
                && (row.classes.is_empty() || class.is_some_and(|class| row.classes.contains(&class)))
                && (row.sources.is_empty() || row.sources.contains(source));
            asked_for || fits
        };
        let longest = self.rules.iter().filter(applies).max_by_key(|row| row.days);
        let row = longest.expect("a rule for every document was demanded when the file was read");
        Retention { rule: row.id.clone(), days: row.days }
    }
}
