//! Looks for values that are known already: whole values however they are spaced, split or cased, and
//! the names of known people alone, turned round or misread by a letter. Identification and the check
//! of the redacted product use the same search, so that neither knows more than the other.

use super::{
    hits::Found,
    names,
    rules::{How, IdentifierRules},
};
use crate::{KnownValue, fold, lexicon, sheet::Sheet};
use std::collections::HashMap;
use types::IdKind;

/// Most tokens that one value may be spread over.
const VALUE_TOKENS_MAX: usize = 9;

/// Fewest letters and digits of a value that is found although it is split or joined differently.
const SQUEEZED_CHARS_MIN: usize = 6;

/// Fewest of a value that is found as exactly one word.
const EXACT_CHARS_MIN: usize = 4;

/// Fewest letters of a name that is found with one letter misread.
const MISREAD_LETTERS_MIN: usize = 5;

/// Most known words of one first letter and length that a misread word is compared with: bounds the work
/// on a packet with very many names.
const ALIKE_MAX: usize = 256;

/// Fewest letters of a name that is found without its capital.
const UNCAPPED_LETTERS_MIN: usize = 4;

/// How far the search goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Before hiding: misread names too.
    Wide,
    /// After hiding, where a match stops the document: only what is certain.
    Certain,
}

/// Known values, ready to be looked up.
#[derive(Default)]
pub(crate) struct Index {
    /// Whole values, squeezed.
    squeezed: HashMap<String, IdKind>,
    /// Words of names, in lower case.
    names: HashMap<String, Part>,
    /// The same by first letter and length.
    misread: HashMap<(u8, usize), Vec<String>>,
}

/// Where a word stands in a known name.
#[derive(Clone, Copy, Default)]
struct Part {
    given: bool,
    surname: bool,
}

impl Index {
    /// Prepares the values.
    pub(crate) fn new<'a>(values: impl IntoIterator<Item = &'a KnownValue>) -> Self {
        let mut index = Self::default();
        for value in values {
            let squeezed = fold::squeeze(value.text.expose());
            let single_city = value.kind == IdKind::Address
                && value.text.split_whitespace().count() == 1
                && fold::digits(value.text.expose()) == 0;
            let single_name = value.kind == IdKind::Name && value.text.split_whitespace().count() == 1;
            if squeezed.len() >= EXACT_CHARS_MIN && !single_city && !single_name {
                index.squeezed.entry(squeezed).or_insert(value.kind);
            }
            if value.kind == IdKind::Name {
                index.add_name(value.text.expose());
            }
        }
        index
    }

    fn add_name(&mut self, text: &str) {
        let turned = text.contains(',');
        let words: Vec<String> =
            text.split([' ', ',']).map(word).filter(|word| word.chars().count() > 1).collect();
        let many = words.len() > 1;
        for (at, word) in words.iter().enumerate() {
            let first = (at == 0) != turned;
            let part = self.names.entry(word.clone()).or_default();
            part.given |= first || !many;
            part.surname |= !first || !many;
            if word.len() >= MISREAD_LETTERS_MIN {
                let alike = self.misread.entry((word.as_bytes()[0], word.len())).or_default();
                if alike.len() < ALIKE_MAX {
                    alike.push(word.clone());
                }
            }
        }
    }

    fn name(&self, word: &str, reach: Reach) -> Option<Part> {
        if let Some(&part) = self.names.get(word) {
            return Some(part);
        }
        if reach == Reach::Certain || word.len() < MISREAD_LETTERS_MIN || lexicon::ordinary(word) > 0 {
            return None;
        }
        let first = *word.as_bytes().first()?;
        (word.len() - 1..=word.len() + 1)
            .filter_map(|length| self.misread.get(&(first, length)))
            .flatten()
            .find(|known| fold::within_one(known, word))
            .and_then(|known| self.names.get(known).copied())
    }
}

/// Adds every place where a known value stands and nothing was found yet.
pub(crate) fn search(
    rules: &IdentifierRules,
    sheet: &Sheet,
    index: &Index,
    reach: Reach,
    found: &mut Vec<Found>,
) {
    let Some(detector) = rules.detector(How::Known) else { return };
    let mut covered = vec![false; sheet.tokens.len()];
    for hit in found.iter() {
        covered[sheet.tokens_in(&hit.span)].fill(true);
    }
    let mut at = 0;
    while at < sheet.tokens.len() {
        let hit = whole(sheet, index, at).or_else(|| {
            let free = !covered[at] && is_known_name(rules, sheet, index, reach, &covered, at);
            free.then_some((IdKind::Name, at + 1))
        });
        let Some((kind, end)) = hit else {
            at += 1;
            continue;
        };
        if !covered[at..end].iter().all(|&token| token) {
            covered[at..end].fill(true);
            let (rule, confidence) = (detector.id.clone(), detector.confidence);
            found.push(Found { span: sheet.span_of(at..end), kind, rule, confidence, staff: false });
        }
        at = end;
    }
}

/// A whole value that starts at this token, however it is split; the longest counts.
fn whole(sheet: &Sheet, index: &Index, at: usize) -> Option<(IdKind, usize)> {
    let mut squeezed = String::new();
    let mut best = None;
    for end in at + 1..=sheet.tokens.len().min(at + VALUE_TOKENS_MAX) {
        if end > at + 1 && sheet.gap_before(end - 1).contains('\u{1}') {
            break;
        }
        squeezed.push_str(&fold::squeeze(sheet.written(end - 1)));
        let long = squeezed.len() >= SQUEEZED_CHARS_MIN
            || (end == at + 1 && fold::digits(sheet.written(at)) >= EXACT_CHARS_MIN);
        if let Some(&kind) = index.squeezed.get(&squeezed)
            && long
        {
            best = Some((kind, end));
        }
    }
    best
}

/// Is this word the name of somebody known, and meant as a name here?
fn is_known_name(
    rules: &IdentifierRules,
    sheet: &Sheet,
    index: &Index,
    reach: Reach,
    covered: &[bool],
    at: usize,
) -> bool {
    let Some(part) = index.name(&word(&sheet.tokens[at].lower), reach) else { return false };
    let lower = &sheet.tokens[at].lower;
    // A reader may lose the capital of a name that cannot be anything else.
    let small = lower.len() >= UNCAPPED_LETTERS_MIN
        && lexicon::ordinary(lower) == 0
        && index.names.contains_key(lower);
    if !(names::may_be_name(rules, sheet, at) || small) || lower.len() < 3 {
        return false;
    }
    let beside_name = |other: Option<usize>| {
        other.is_some_and(|other| {
            covered.get(other) == Some(&true)
                && index.name(&word(&sheet.tokens[other].lower), Reach::Certain).is_some()
        })
    };
    let close = |gap: &str| matches!(gap, " " | ", " | "," | "\n");
    let titled = at > 0 && names::is_title(rules, sheet, at - 1);
    let before = at > 0 && close(sheet.gap_before(at)) && beside_name(at.checked_sub(1));
    let after = close(sheet.gap_after(at)) && beside_name(Some(at + 1));
    if titled || before || after {
        return true;
    }
    // A word that is also an ordinary one, or that names an organisation, needs a title or a partner;
    // so does, where a match stops the page, a given name that no list knows.
    let plain_word = lexicon::ordinary(lower) > 0;
    let unlisted_given = part.given && !part.surname && names::ranks(sheet, at).0 == 0;
    let doubtful = unlisted_given && reach == Reach::Certain;
    !(plain_word || doubtful || organisation_follows(rules, sheet, at))
}

fn organisation_follows(rules: &IdentifierRules, sheet: &Sheet, at: usize) -> bool {
    let mut after = (at + 1..sheet.tokens.len().min(at + 4))
        .take_while(|&token| sheet.gap_before(token) == " " && names::capital(sheet, token));
    after.any(|token| rules.words.organisations.contains(&sheet.tokens[token].lower))
}

fn word(text: &str) -> String {
    let lower = text.to_lowercase();
    let lower = lower.trim_matches(|c: char| !c.is_alphanumeric());
    fold::letters(lower.strip_suffix("'s").unwrap_or(lower))
}
