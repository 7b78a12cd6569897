//! Finds what its own form gives away: dates, telephone numbers, numbers with check digits.

use super::{
    calendar::{self, Parts, Trust},
    check,
    hits::Found,
    rules::{Check, IdentifierRules, Pattern},
};
use crate::sheet::Sheet;
use regex::Captures;

/// What a match that has only the shape counts, as a share of its rule's confidence.
const LIKELY_SHARE: f32 = 0.7;

/// Every match of every pattern, in the order of the text.
pub(crate) fn search(rules: &IdentifierRules, sheet: &Sheet) -> Vec<Found> {
    let mut found: Vec<Found> = rules.patterns.iter().flat_map(|pattern| matches(pattern, sheet)).collect();
    found.sort_by_key(|hit| hit.span.start);
    found
}

/// The matches of one pattern that pass its check.
pub(crate) fn matches(pattern: &Pattern, sheet: &Sheet) -> Vec<Found> {
    let sound = |captures: Captures<'_>| {
        let hit = captures.name("v").or_else(|| captures.get(0))?;
        let share = match trust(pattern.check, &captures, hit.as_str()) {
            Trust::Sure => 1.0,
            Trust::Likely => LIKELY_SHARE,
            Trust::No => return None,
        };
        Some(Found {
            span: hit.range(),
            kind: pattern.kind,
            rule: pattern.id.clone(),
            confidence: pattern.confidence * share,
            staff: false,
        })
    };
    pattern.regex.captures_iter(&sheet.text).filter_map(sound).collect()
}

fn trust(check: Check, captures: &Captures<'_>, text: &str) -> Trust {
    let part = |name| captures.name(name).map(|group| group.as_str());
    match check {
        Check::None => Trust::Sure,
        Check::Date => calendar::trust(&Parts {
            year: part("y"),
            month: part("m"),
            month_name: part("mon"),
            day: part("d"),
        }),
        Check::Phone => check::phone(text),
        Check::Ssn => check::ssn(text),
        Check::Npi => check::npi(text),
        Check::Dea => check::dea(text),
        Check::Mbi => check::mbi(text),
        Check::LongNumber => check::long_number(text),
    }
}
