//! From what was found in the text to boxes to hide, and to the values to look for elsewhere.

use super::rules::{How, IdentifierRules};
use crate::{Hit, KnownValue, sheet::Sheet};
use std::{collections::HashSet, ops::Range};
use types::{Confidence, IdKind, Label, PageWords, Phi};

/// Most values remembered of one document; a packet of 500 pages has fewer.
const VALUES_MAX: usize = 20_000;

/// Fewest letters and digits of a value that is looked for elsewhere.
const VALUE_CHARS_MIN: usize = 3;

/// An identifier in the text of a page.
#[derive(Clone)]
pub(crate) struct Found {
    /// Where in the text.
    pub(crate) span: Range<usize>,
    pub(crate) kind: IdKind,
    pub(crate) rule: Label,
    pub(crate) confidence: f32,
    /// Names somebody who works here.
    pub(crate) staff: bool,
}

/// The values of a document, each once.
#[derive(Default)]
pub(crate) struct Values {
    pub(crate) list: Vec<KnownValue>,
    seen: HashSet<(IdKind, String)>,
}

impl Values {
    /// Takes the values of a page.
    pub(crate) fn remember(&mut self, sheet: &Sheet, found: &[Found]) {
        for found in found {
            let text = sheet.text[found.span.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
            let long = text.chars().filter(|c| c.is_alphanumeric()).count() >= VALUE_CHARS_MIN;
            let room = self.list.len() < VALUES_MAX;
            if room && long && self.seen.insert((found.kind, text.clone())) {
                self.list.push(KnownValue { text: Phi::new(text), kind: found.kind });
            }
        }
    }
}

/// The boxes to hide: each word once, under the rule that is surest of it.
pub(crate) fn hits(
    rules: &IdentifierRules,
    page: &PageWords,
    sheet: &Sheet,
    mut found: Vec<Found>,
) -> Vec<Hit> {
    found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.span.start.cmp(&b.span.start)));
    let mut hidden: HashSet<u32> = HashSet::new();
    let mut hits = Vec::new();
    for found in &found {
        for segment in sheet.segments_in(&found.span) {
            let part = clip(&found.span, &sheet.segments[segment].span);
            let words = sheet.words_in(&part);
            if words.iter().all(|word| hidden.contains(word)) {
                continue;
            }
            let Some(rect) = sheet.cover(segment, &words) else { continue };
            hidden.extend(&words);
            let confidence = Confidence::new(found.confidence);
            hits.push(Hit { rect, words, kind: found.kind, rule: found.rule.clone(), confidence });
        }
    }
    hits.extend(unread(rules, page, sheet, &hidden));
    hits.sort_by_key(|hit| (hit.rect.y0, hit.rect.x0));
    hits
}

/// Numbers that could be anything: hidden, because an identifier may be among them.
fn unread(rules: &IdentifierRules, page: &PageWords, sheet: &Sheet, hidden: &HashSet<u32>) -> Vec<Hit> {
    let Some(detector) = rules.detector(How::Unread) else { return Vec::new() };
    let mut hits = Vec::new();
    for (at, segment) in sheet.segments.iter().enumerate() {
        for &word in &segment.words {
            let read = &page.words[word as usize];
            let illegible =
                read.confidence.get() < rules.unread_below && read.text.chars().any(|c| c.is_ascii_digit());
            if hidden.contains(&word) || !illegible {
                continue;
            }
            let Some(rect) = sheet.cover(at, &[word]) else { continue };
            let (rule, confidence) = (detector.id.clone(), Confidence::new(detector.confidence));
            hits.push(Hit { rect, words: vec![word], kind: IdKind::Unread, rule, confidence });
        }
    }
    hits
}

fn clip(span: &Range<usize>, within: &Range<usize>) -> Range<usize> {
    let start = span.start.max(within.start);
    start..span.end.min(within.end).max(start)
}
