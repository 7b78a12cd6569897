//! What a re-reading of the redacted product still shows. A finding stops the page, so only what is
//! certain counts: known values, and patterns whose check leaves no doubt.

use super::{
    hits::Found,
    known::{self, Index, Reach},
    pattern,
    rules::IdentifierRules,
};
use crate::{KnownValue, Residue, sheet::Sheet};
use std::collections::BTreeSet;
use types::PageWords;

/// Searches what was read from the pixels and what lies in the text layer.
pub(crate) fn residue(
    rules: &IdentifierRules,
    read: &PageWords,
    layer: &PageWords,
    values: &[KnownValue],
) -> Vec<Residue> {
    let index = Index::new(values);
    let mut residue = BTreeSet::new();
    for words in [read, layer] {
        let sheet = Sheet::new(words, None);
        let mut found: Vec<Found> = Vec::new();
        known::search(rules, &sheet, &index, Reach::Certain, &mut found);
        for pattern in rules.patterns.iter().filter(|pattern| pattern.again) {
            found.extend(
                pattern::matches(pattern, &sheet)
                    .into_iter()
                    .filter(|hit| hit.confidence >= pattern.confidence),
            );
        }
        residue.extend(found.into_iter().map(|hit| Residue { kind: hit.kind, rule: hit.rule }));
    }
    residue.into_iter().collect()
}
