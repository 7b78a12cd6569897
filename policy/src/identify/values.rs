//! Takes the value of a labelled field: to the right of its label, or beneath it.

use super::{
    address::is_zip,
    hits::Found,
    labels::LabelAt,
    names,
    rules::{IdentifierRules, LabelRule, Shape},
};
use crate::{fold, lexicon, sheet::Sheet};
use std::ops::Range;
use types::IdKind;

/// Tokens between a label and its value that are looked at.
const VALUE_TOKENS_MAX: usize = 24;

/// Fewest letters and digits of a labelled number.
const NUMBER_CHARS_MIN: usize = 4;

/// Most words of an address in one line, and of the name of a city.
const ADDRESS_TOKENS_MAX: usize = 14;
const CITY_TOKENS_MAX: usize = 4;

/// A labelled number of this length may have lost most of its digits to letters.
const LONG_NUMBER_CHARS_MIN: usize = 8;

/// At least one character of so many in a number is a digit.
const SHARE_OF_DIGITS: usize = 4;

/// The value of every label that has one; `patterns` are the matches of patterns in the order of the text.
pub(crate) fn search(
    rules: &IdentifierRules,
    sheet: &Sheet,
    labels: &[LabelAt],
    patterns: &[Found],
) -> Vec<Found> {
    let mut found = Vec::new();
    for (nth, label) in labels.iter().enumerate() {
        let rule = &rules.labels[label.rule];
        if rule.value == Shape::Nothing {
            continue;
        }
        for region in regions(sheet, labels, nth) {
            let spans = spans(rules, sheet, rule, label, region, patterns);
            if !spans.is_empty() {
                found.extend(spans.into_iter().map(|span| value(rule, span)));
                break;
            }
        }
    }
    found
}

fn value(rule: &LabelRule, span: Range<usize>) -> Found {
    Found { span, kind: rule.kind, rule: rule.id.clone(), confidence: rule.confidence, staff: rule.staff }
}

/// Where the value may stand: the rest of the segment, else the segment to the right, else the one
/// beneath; each up to the next label.
fn regions(sheet: &Sheet, labels: &[LabelAt], nth: usize) -> Vec<Range<usize>> {
    let label = &labels[nth];
    let segment = &sheet.segments[sheet.tokens[label.tokens.start].segment];
    let next_label = |from: usize, to: usize| {
        let next = labels.partition_point(|other| other.tokens.start < from);
        labels.get(next).map_or(to, |other| other.tokens.start.min(to))
    };
    let bounded = |from: usize, to: usize| from..next_label(from, to).min(from + VALUE_TOKENS_MAX).max(from);
    let beside = bounded(label.tokens.end, segment.tokens.end);
    if !beside.is_empty() || label.tokens.end < segment.tokens.end {
        // A value that a line end cut off goes on beneath.
        let ends = beside.end == segment.tokens.end;
        let further = segment
            .below
            .filter(|_| ends && beside.len() < 4)
            .map(|other| sheet.segments[other].tokens.clone());
        let continued = further.filter(|tokens| tokens.start == beside.end);
        let continued = continued.map(|tokens| bounded(label.tokens.end, tokens.end));
        return [Some(beside), continued].into_iter().flatten().collect();
    }
    let tokens = |other: usize| sheet.segments[other].tokens.clone();
    let other = [segment.right, segment.below].into_iter().flatten().map(tokens).filter_map(|tokens| {
        let region = bounded(tokens.start, tokens.end);
        // "7." before a label is the number of a field, not a value.
        let numbers_a_field = region.len() == 1 && region.end < tokens.end;
        (!region.is_empty() && !numbers_a_field).then_some(region)
    });
    other.collect()
}

fn spans(
    rules: &IdentifierRules,
    sheet: &Sheet,
    rule: &LabelRule,
    label: &LabelAt,
    region: Range<usize>,
    patterns: &[Found],
) -> Vec<Range<usize>> {
    let elsewhere = sheet.tokens[region.start].segment != sheet.tokens[label.tokens.start].segment;
    let field = label.starts && (label.colon || elsewhere || (rule.bare && label.words > 1));
    let one = |tokens: Option<Range<usize>>| tokens.map(|tokens| sheet.span_of(tokens)).into_iter().collect();
    match rule.value {
        Shape::Nothing => Vec::new(),
        Shape::Name if field => {
            let foreign = |token: usize| lexicon::ordinary(&sheet.tokens[token].lower) == 0;
            let clear = label.colon || (elsewhere && label.words > 1 && region.clone().all(foreign));
            names::in_field(rules, sheet, region, clear && !rule.staff)
        }
        Shape::Name => Vec::new(),
        Shape::Number => one(number(rules, sheet, region, label.colon || rule.bare)),
        Shape::Date => {
            one(already(sheet, &region, patterns, IdKind::Date).or_else(|| digits(rules, sheet, region, 4)))
        }
        Shape::Phone => {
            one(already(sheet, &region, patterns, IdKind::Phone).or_else(|| digits(rules, sheet, region, 7)))
        }
        Shape::Address if field => address(rules, sheet, region, elsewhere),
        Shape::City if field => one(city(rules, sheet, region, elsewhere)),
        Shape::Zip => one(zip(sheet, region)),
        Shape::Contact if label.colon => one(contact(sheet, region)),
        Shape::Address | Shape::City | Shape::Contact => Vec::new(),
    }
}

/// What a pattern found just after the label.
fn already(sheet: &Sheet, region: &Range<usize>, patterns: &[Found], kind: IdKind) -> Option<Range<usize>> {
    let near = region.start..region.end.min(region.start + 3);
    let span = (!near.is_empty()).then(|| sheet.span_of(near))?;
    let first = patterns.partition_point(|hit| hit.span.start < span.start);
    let mut near = patterns[first..].iter().take_while(|hit| hit.span.start < span.end);
    let hit = near.find(|hit| hit.kind == kind)?;
    let tokens = sheet.tokens_in(&hit.span);
    (!tokens.is_empty()).then_some(tokens)
}

/// An identifying number: `12345678`, `BCX 123456789`, `51O2-2S`.
fn number(rules: &IdentifierRules, sheet: &Sheet, region: Range<usize>, sure: bool) -> Option<Range<usize>> {
    let start = skip_connectors(rules, sheet, region.clone());
    let chars = |token: usize| fold::squeeze(sheet.written(token)).len();
    let real = |token: usize| fold::digits(sheet.written(token));
    let close = |token: usize| matches!(sheet.gap_before(token), " " | "-" | " - " | "- " | "");
    let prefix = |token: usize| {
        let text = sheet.written(token);
        text.len() <= 4 && text.chars().all(|c| c.is_ascii_uppercase())
    };
    let least = if sure { 1 } else { 4 };
    let body = if start < region.end && prefix(start) { start + 1 } else { start };
    if body >= region.end || (body > start && !close(body)) {
        return None;
    }
    let long = chars(body) + if body > start { chars(start) } else { 0 } >= NUMBER_CHARS_MIN;
    let split = || body + 1 < region.end && close(body + 1) && real(body + 1) >= 3 && real(body) > 0;
    let written = sheet.written(body);
    let misread = sure && written.len() >= LONG_NUMBER_CHARS_MIN && !written.contains(char::is_lowercase);
    let numeric = misread || SHARE_OF_DIGITS * real(body) >= chars(body);
    let good = real(body) >= least && numeric && (long || split()) && !quantity(sheet, body);
    if !good {
        return None;
    }
    let more = |token: &usize| close(*token) && real(*token) >= 2 && 2 * real(*token) >= chars(*token);
    let end = (body + 1..region.end.min(body + 4)).take_while(more).last().map_or(body + 1, |last| last + 1);
    Some(start..end)
}

/// `20 mg`, `3.5`: a measured value behind a word that is sometimes a label.
fn quantity(sheet: &Sheet, token: usize) -> bool {
    let text = sheet.written(token);
    text.contains('.') && text.parse::<f32>().is_ok()
}

/// Digits that a date or telephone number was reduced to by the reader.
fn digits(
    rules: &IdentifierRules,
    sheet: &Sheet,
    region: Range<usize>,
    least: usize,
) -> Option<Range<usize>> {
    let start = skip_connectors(rules, sheet, region.clone());
    let numeric = |token: &usize| {
        let text = sheet.written(*token);
        let confusable = text.chars().filter(|&c| fold::as_digit(c).is_some()).count();
        fold::digits(text) > 0 && 3 * confusable >= 2 * text.chars().filter(|c| c.is_alphanumeric()).count()
    };
    let end = (start..region.end.min(start + 5)).take_while(numeric).last()? + 1;
    let total: usize = (start..end).map(|token| fold::digits(sheet.written(token))).sum();
    (total >= least).then_some(start..end)
}

/// Everything up to a ZIP code or the next label, states left out.
fn address(
    rules: &IdentifierRules,
    sheet: &Sheet,
    region: Range<usize>,
    elsewhere: bool,
) -> Vec<Range<usize>> {
    let is_state = |token: usize| {
        let text = sheet.written(token);
        rules.words.states.contains(text) || rules.words.state_names.contains(&sheet.tokens[token].lower)
    };
    let after_zip = region.clone().find(|&token| token > region.start && is_zip(sheet.written(token)));
    let region = region.start..after_zip.map_or(region.end, |zip| zip + 1);
    let numbered = |token: usize| fold::digits(sheet.written(token)) > 0;
    // Beneath an empty field stands the next line of the form, not an address.
    let first = region.start;
    let looks_right = if elsewhere {
        numbered(first)
            && !sheet.gap_after(first).starts_with(['.', ')'])
            && region.len() <= ADDRESS_TOKENS_MAX
    } else {
        region.clone().any(numbered)
    };
    if !looks_right {
        return Vec::new();
    }
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut from = region.start;
    for token in region.clone() {
        if token > region.start && is_state(token) {
            if from < token {
                spans.push(sheet.span_of(from..token));
            }
            from = token + 1;
        }
    }
    if from < region.end {
        spans.push(sheet.span_of(from..region.end));
    }
    spans
}

fn city(
    rules: &IdentifierRules,
    sheet: &Sheet,
    region: Range<usize>,
    elsewhere: bool,
) -> Option<Range<usize>> {
    let name = |token: &usize| {
        let first = *token == region.start;
        sheet.written(*token).starts_with(char::is_alphabetic)
            && (first || matches!(sheet.gap_before(*token), " " | ". " | "-"))
    };
    let end = region.clone().take(CITY_TOKENS_MAX).take_while(name).last()? + 1;
    let odd = |token: usize| {
        !names::capital(sheet, token)
            || (rules.words.never_names.contains(&sheet.tokens[token].lower)
                && lexicon::ordinary(&sheet.tokens[token].lower) == 1)
    };
    let form_text = elsewhere && (end < region.end || (region.start..end).any(odd));
    (!form_text).then_some(region.start..end)
}

fn zip(sheet: &Sheet, region: Range<usize>) -> Option<Range<usize>> {
    let good = |token: &usize| {
        let text = sheet.written(*token);
        let read = text.chars().filter(|&c| fold::as_digit(c).is_some()).count();
        fold::digits(text) >= 3 && (4..=10).contains(&read)
    };
    region.take(2).find(good).map(|token| token..token + 1)
}

/// A mail or web address after its label, however garbled.
fn contact(sheet: &Sheet, region: Range<usize>) -> Option<Range<usize>> {
    let first = region.clone().next()?;
    let dotted = |token: &usize| {
        sheet.written(*token).contains(['@', '.']) || sheet.gap_before(*token).contains(['@', '.'])
    };
    let end = (first..region.end.min(first + 4)).rfind(dotted).unwrap_or(first) + 1;
    let text = &sheet.text[sheet.span_of(first..end)];
    let inner_point = text.split('.').skip(1).any(|part| part.starts_with(char::is_alphanumeric));
    (text.contains('@') || inner_point).then_some(first..end)
}

/// Past "number", "no.", "is" and the like.
fn skip_connectors(rules: &IdentifierRules, sheet: &Sheet, region: Range<usize>) -> usize {
    let connects = |token: &usize| rules.words.connectors.contains(&sheet.tokens[*token].lower);
    region.start + region.take_while(connects).count()
}
