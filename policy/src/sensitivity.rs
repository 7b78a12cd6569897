//! Which laws of their own a document falls under: terms that are found in what was read give it a label.
//! A label says that somebody should be careful; it is no diagnosis.

use crate::{
    PageView, Problem,
    classify::plain_words,
    sheet::Sheet,
    tables::{Reader, Rows},
};
use serde::Deserialize;
use types::Label;

/// Everything that the `[[sensitivity]]` tables say, in their order.
pub(crate) struct SensitivityRules {
    rules: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Row {
    label: Label,
    /// So many different terms must be found in the document.
    minimum_hits: usize,
    terms: Vec<String>,
}

impl SensitivityRules {
    /// Reads the tables; mistakes go to the reader.
    pub(crate) fn read(reader: &mut Reader<'_>, rows: Rows) -> Self {
        let mut rules: Vec<Row> = Vec::new();
        for (line, mut row) in reader.entries::<Row>(rows) {
            if rules.iter().any(|other| other.label == row.label) {
                reader.report(line, Problem::DuplicateRule(row.label.clone()));
            }
            row.terms = row.terms.iter().map(|term| format!(" {} ", plain_words(term))).collect();
            row.terms.sort_unstable();
            row.terms.dedup();
            if row.terms.is_empty() || row.terms.iter().any(|term| term.trim().is_empty()) {
                reader.report(line, Problem::Empty("terms"));
            }
            if !(1..=row.terms.len()).contains(&row.minimum_hits) {
                let high = row.terms.len() as f32;
                reader.report(line, Problem::OutOfRange { key: "minimum-hits", low: 1.0, high });
            }
            rules.push(row);
        }
        Self { rules }
    }

    /// Every label that a document can get.
    pub(crate) fn labels(&self) -> Vec<Label> {
        self.rules.iter().map(|row| row.label.clone()).collect()
    }

    /// The labels of a document, in the order of the tables.
    pub(crate) fn of(&self, pages: &[PageView<'_>]) -> Vec<Label> {
        let text = |page: &PageView<'_>| {
            format!(" {} ", plain_words(&Sheet::new(page.words, Some(page.geometry)).text))
        };
        let texts: Vec<String> = pages.iter().map(text).collect();
        let found = |term: &&String| texts.iter().any(|text| text.contains(term.as_str()));
        let given = |row: &&Row| row.terms.iter().filter(found).count() >= row.minimum_hits;
        self.rules.iter().filter(given).map(|row| row.label.clone()).collect()
    }
}
