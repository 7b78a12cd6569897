//! Finds the labels of fields ("Date of birth:", "MRN"), also when a reader garbled or joined them.

use super::rules::{IdentifierRules, Shape};
use crate::{fold, lexicon, sheet::Sheet};
use std::{collections::HashMap, ops::Range};

/// Most words of a label.
const LABEL_WORDS_MAX: usize = 6;

/// Letters from which on one of them may be misread, and from which on two may be.
const ONE_MISREAD_LETTERS_MIN: usize = 6;
const TWO_MISREAD_LETTERS_MIN: usize = 14;

/// Most tokens of a segment in which a point after a label is a misread colon, not the end of a sentence.
const FIELD_TOKENS_MAX: usize = 8;

/// The phrases of all labels, joined and folded, with the rule each belongs to.
#[derive(Default)]
pub(crate) struct Phrases {
    exact: HashMap<String, Phrase>,
    by_length: HashMap<usize, Vec<(String, Phrase)>>,
}

#[derive(Clone, Copy)]
struct Phrase {
    rule: usize,
    words: usize,
}

/// A label on a page.
pub(crate) struct LabelAt {
    pub(crate) rule: usize,
    pub(crate) tokens: Range<usize>,
    /// A colon or the like follows it.
    pub(crate) colon: bool,
    /// Nothing of a sentence stands before it.
    pub(crate) starts: bool,
    /// Words of its phrase.
    pub(crate) words: usize,
}

impl Phrases {
    /// Adds a phrase; false when it has no letter or another rule has it.
    pub(crate) fn add(&mut self, phrase: &str, rule: usize) -> bool {
        let words: Vec<String> = phrase.split_whitespace().map(folded).collect();
        let joined = words.concat();
        let phrase = Phrase { rule, words: words.len() };
        self.by_length.entry(joined.len()).or_default().push((joined.clone(), phrase));
        !joined.is_empty() && self.exact.insert(joined, phrase).is_none_or(|other| other.rule == rule)
    }

    fn misread(&self, joined: &str) -> Option<Phrase> {
        let most = match joined.len() {
            TWO_MISREAD_LETTERS_MIN.. => 2,
            ONE_MISREAD_LETTERS_MIN..TWO_MISREAD_LETTERS_MIN => 1,
            _ => return None,
        };
        let near = |length: usize| {
            let phrases = self.by_length.get(&length)?;
            phrases.iter().find(|(phrase, _)| fold::within(phrase, joined, most)).map(|&(_, phrase)| phrase)
        };
        (0..=most).find_map(|off| near(joined.len() + off).or_else(|| near(joined.len() - off)))
    }
}

/// Every label of a page, in order, none overlapping another.
pub(crate) fn locate(rules: &IdentifierRules, sheet: &Sheet) -> Vec<LabelAt> {
    let mut labels = Vec::new();
    let mut at = 0;
    while at < sheet.tokens.len() {
        match longest(rules, sheet, at) {
            Some(label) => {
                at = label.tokens.end;
                labels.push(label);
            }
            None => at += 1,
        }
    }
    labels
}

fn longest(rules: &IdentifierRules, sheet: &Sheet, from: usize) -> Option<LabelAt> {
    let segment = &sheet.segments[sheet.tokens[from].segment];
    let starts = from == segment.tokens.start || stands_apart(sheet, from);
    let last = segment.tokens.end.min(from + LABEL_WORDS_MAX);
    let mut joined = String::new();
    let mut best = None;
    for to in from..last {
        if to > from && sheet.gap_before(to).contains([':', ';', ',', '_']) {
            break;
        }
        let word = &sheet.tokens[to].lower;
        if 2 * fold::digits(word) > word.chars().count() {
            break;
        }
        joined.push_str(&folded(word));
        let after = sheet.gap_after(to);
        let after = after.split(['\n', '\u{1}']).next().unwrap_or(after);
        let alone = from == segment.tokens.start && segment.tokens.len() <= FIELD_TOKENS_MAX;
        let colon =
            after.contains([':', '#', '=', '_', '?', ';']) || (alone && after.starts_with(['.', ',']));
        let may_be_misread = colon || (starts && to + 1 == segment.tokens.end);
        let phrase = rules.phrases.exact.get(&joined).copied();
        let phrase = phrase.or_else(|| may_be_misread.then(|| rules.phrases.misread(&joined)).flatten());
        if let Some(Phrase { rule, words }) = phrase {
            best = Some(LabelAt { rule, tokens: from..to + 1, colon, starts, words });
        }
    }
    // A word of a sentence ends no value.
    best.filter(|label| rules.labels[label.rule].value != Shape::Nothing || label.colon || starts)
}

/// Does the label start anew, or does an ordinary word before it make it another label ("Test name")?
fn stands_apart(sheet: &Sheet, from: usize) -> bool {
    let before = &sheet.tokens[from - 1].lower;
    let part_of_sentence = before.len() > 2 && lexicon::ordinary(before) > 0;
    !part_of_sentence || sheet.gap_before(from).contains(['.', ',', ';', ':', '(', ')', '|', ']', '_', '/'])
}

/// A word of a label with everything equal that a reader confuses: `1D` and `ID`, `Narne` and `Name`.
fn folded(word: &str) -> String {
    let lower = word.to_lowercase();
    let letters = fold::letters(lower.strip_suffix("'s").unwrap_or(&lower));
    letters.replace('i', "l").replace("rn", "m").replace("vv", "w")
}
