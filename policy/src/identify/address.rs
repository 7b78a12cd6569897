//! Finds streets, cities and ZIP codes. States stay: they identify nobody (45 CFR 164.514(b)(2)(i)(B)).

use super::{
    hits::Found,
    names,
    rules::{How, IdentifierRules},
};
use crate::{fold, lexicon, sheet::Sheet};
use std::ops::Range;
use types::IdKind;

/// Most words between a house number and the suffix of its street.
const STREET_WORDS_MAX: usize = 5;

/// Most words of the name of a city.
const CITY_WORDS_MAX: usize = 4;

/// Digits of a house number that can stand before a weak suffix ("Union", "Point") without more proof.
const WEAK_NUMBER_DIGITS_MIN: usize = 3;

/// Digits of a house number with a stray point: fewer are the number of an item in a list.
const POINTED_NUMBER_DIGITS_MIN: usize = 3;

/// Adds every address of the page.
pub(crate) fn search(rules: &IdentifierRules, sheet: &Sheet, found: &mut Vec<Found>) {
    let mut at = 0;
    let mut street_end = None;
    while at < sheet.tokens.len() {
        if let Some(tokens) = street(rules, sheet, at) {
            at = tokens.end;
            if let Some(city) = city_after(rules, sheet, at) {
                push(rules, sheet, How::CityStateZip, city, found);
            }
            street_end = Some(at);
            push(rules, sheet, How::Street, tokens, found);
            continue;
        }
        let garbled = street_end.is_some_and(|end| at > end && at - end <= CITY_WORDS_MAX);
        if let Some(zip) = zip_after_state(rules, sheet, at, garbled) {
            if let Some(city) = city_before(rules, sheet, at, street_end) {
                push(rules, sheet, How::CityStateZip, city, found);
            }
            push(rules, sheet, How::CityStateZip, zip.clone(), found);
            at = zip.end;
            continue;
        }
        at += 1;
    }
}

fn push(rules: &IdentifierRules, sheet: &Sheet, how: How, tokens: Range<usize>, found: &mut Vec<Found>) {
    let Some(detector) = rules.detector(how) else { return };
    let (rule, confidence) = (detector.id.clone(), detector.confidence);
    found.push(Found { span: sheet.span_of(tokens), kind: IdKind::Address, rule, confidence, staff: false });
}

/// `4903 North Jennifer Plaza Apt. 12`.
fn street(rules: &IdentifierRules, sheet: &Sheet, at: usize) -> Option<Range<usize>> {
    let number_digits = house_number(sheet, at)?;
    let mut suffix = None;
    for token in at + 1..sheet.tokens.len().min(at + 2 + STREET_WORDS_MAX) {
        if !spaced(sheet, token) || !street_word(rules, sheet, token) {
            break;
        }
        let lower = &*sheet.tokens[token].lower;
        let strong = rules.words.streets.contains(lower);
        if token > at + 1
            && (strong || (rules.words.weak_streets.contains(lower) && names::capital(sheet, token)))
        {
            suffix = Some((token, strong));
            // "Park Street": the last suffix counts, but only straight after another.
            let next = token + 1;
            let another = next < sheet.tokens.len()
                && sheet.gap_before(next) == " "
                && rules.words.streets.contains(&*sheet.tokens[next].lower);
            if strong && !another {
                break;
            }
        }
    }
    let Some((suffix, strong)) = suffix else { return lived_at(rules, sheet, at) };
    let end = unit_end(rules, sheet, suffix + 1);
    let proven = strong
        || end > suffix + 1
        || (number_digits >= WEAK_NUMBER_DIGITS_MIN && {
            let (given, surname) = names::ranks(sheet, suffix - 1);
            given.max(surname) > 0
        })
        || city_after(rules, sheet, end).is_some_and(|city| state(rules, sheet, city.end).is_some());
    proven.then_some(at..end)
}

/// `lives at 16 Calle del Sol`: words that no list calls a street.
fn lived_at(rules: &IdentifierRules, sheet: &Sheet, at: usize) -> Option<Range<usize>> {
    let lives = |token: usize| {
        matches!(
            &*sheet.tokens[token].lower,
            "lives" | "living" | "lived" | "resides" | "residing" | "resided"
        )
    };
    if at < 2 || &*sheet.tokens[at - 1].lower != "at" || !lives(at - 2) {
        return None;
    }
    let word = |token: &usize| spaced(sheet, *token) && street_word(rules, sheet, *token);
    let last = (at + 1..sheet.tokens.len().min(at + 2 + STREET_WORDS_MAX)).take_while(word).last()?;
    Some(at..unit_end(rules, sheet, last + 1))
}

fn house_number(sheet: &Sheet, at: usize) -> Option<usize> {
    let text = sheet.written(at);
    let digits = fold::digits(text);
    let shape = (1..=6).contains(&digits)
        && text.len() <= digits + 1
        && text.starts_with(|c: char| c.is_ascii_digit() || c == 'l' || c == 'I')
        && text.chars().all(char::is_alphanumeric);
    let gap = if at + 1 < sheet.tokens.len() { sheet.gap_after(at) } else { "" };
    let next = matches!(gap, " " | "\n") || (gap == ". " && digits >= POINTED_NUMBER_DIGITS_MIN);
    (shape && next).then_some(digits)
}

/// A word that can be part of a street's name.
fn street_word(rules: &IdentifierRules, sheet: &Sheet, token: usize) -> bool {
    let text = sheet.written(token);
    (names::capital(sheet, token) && may_name_a_place(rules, sheet, token))
        || text.starts_with(|c: char| c.is_ascii_digit())
        || rules.words.streets.contains(&sheet.tokens[token].lower)
        || rules.words.particles.contains(&sheet.tokens[token].lower)
}

/// Past `Apt. 12`, `Suite 300`, `# 4`.
fn unit_end(rules: &IdentifierRules, sheet: &Sheet, at: usize) -> usize {
    let mut end = at;
    if end < sheet.tokens.len()
        && spaced(sheet, end)
        && rules.words.directions.contains(&sheet.tokens[end].lower)
    {
        end += 1;
    }
    let in_reach = |token: usize| token < sheet.tokens.len() && !sheet.gap_before(token).contains('\u{1}');
    let bare_unit = in_reach(end) && sheet.gap_before(end).contains('#');
    if bare_unit && sheet.written(end).len() <= 6 {
        return end + 1;
    }
    let unit = in_reach(end) && rules.words.units.contains(&sheet.tokens[end].lower);
    let short = |token: usize| in_reach(token) && sheet.written(token).len() <= 6;
    if unit && short(end + 1) { end + 2 } else { end }
}

/// The capitalised words after a street, up to a comma or a state.
fn city_after(rules: &IdentifierRules, sheet: &Sheet, at: usize) -> Option<Range<usize>> {
    let starts = at < sheet.tokens.len()
        && matches!(sheet.gap_before(at), ", " | "," | "\n" | ",\n" | " " | ". " | ".\n");
    if !starts {
        return None;
    }
    let mut end = at;
    while end < sheet.tokens.len().min(at + CITY_WORDS_MAX)
        && (end == at || matches!(sheet.gap_before(end), " " | ". " | "-" | "\n"))
    {
        if state(rules, sheet, end).is_some() || !city_word(rules, sheet, end) {
            break;
        }
        end += 1;
    }
    let gap = if end < sheet.tokens.len() { sheet.gap_before(end) } else { "." };
    let sentence_end = gap.starts_with('.') && sheet.gap_before(at) == ", ";
    let closed = gap.starts_with(',') || sentence_end || state(rules, sheet, end).is_some();
    (end > at && closed).then_some(at..end)
}

/// The capitalised words before a state, back to a comma, a street or a small word.
fn city_before(
    rules: &IdentifierRules,
    sheet: &Sheet,
    state: usize,
    street_end: Option<usize>,
) -> Option<Range<usize>> {
    let floor = street_end.unwrap_or(0);
    let mut start = state;
    while start > floor && state - start < CITY_WORDS_MAX {
        let gap = sheet.gap_before(start);
        let near = if start == state {
            matches!(gap, ", " | "," | " " | ". " | ",\n" | "\n")
        } else {
            matches!(gap, " " | ". " | "-")
        };
        let misread =
            start == state && gap.starts_with(',') && lexicon::ordinary(&sheet.tokens[start - 1].lower) == 0;
        let word = city_word(rules, sheet, start - 1) || misread;
        if !near || !word || rules.words.relations.contains(&sheet.tokens[start - 1].lower) {
            break;
        }
        start -= 1;
    }
    (start < state).then_some(start..state)
}

fn city_word(rules: &IdentifierRules, sheet: &Sheet, token: usize) -> bool {
    names::capital(sheet, token)
        && fold::digits(sheet.written(token)) <= 1
        && sheet.written(token).len() > 1
        && may_name_a_place(rules, sheet, token)
}

/// No label and no word of letters and forms.
fn may_name_a_place(rules: &IdentifierRules, sheet: &Sheet, token: usize) -> bool {
    let lower = &sheet.tokens[token].lower;
    let listed =
        rules.words.never_names.contains(lower) && !rules.words.directions.contains(lower) && lower != "city";
    !listed && !sheet.gap_after(token).starts_with(':')
}

/// A ZIP code right after a state; soon after a street, also after two letters that are no state.
fn zip_after_state(rules: &IdentifierRules, sheet: &Sheet, at: usize, garbled: bool) -> Option<Range<usize>> {
    let misread = garbled && sheet.written(at).len() <= 2 && sheet.gap_before(at).starts_with(',');
    let end = state(rules, sheet, at).or(misread.then_some(at + 1))?;
    let near =
        end < sheet.tokens.len() && matches!(sheet.gap_before(end), " " | ", " | ". " | "\n" | "," | ".");
    (near && is_zip(sheet.written(end))).then_some(end..end + 1)
}

/// The end of a state that starts here: `IL`, `1L`, `Illinois`, `New York`.
fn state(rules: &IdentifierRules, sheet: &Sheet, at: usize) -> Option<usize> {
    let text = sheet.tokens.get(at).map(|_| sheet.written(at))?;
    let upright = |one: &str| text.replace(['1', '|', 'l'], one).replace('0', "O").replace('5', "S");
    let listed = |text: &str| rules.words.states.contains(text);
    if text.len() == 2 && (listed(text) || listed(&upright("I")) || listed(&upright("L"))) {
        return Some(at + 1);
    }
    let lower = &sheet.tokens[at].lower;
    if !names::capital(sheet, at) {
        return None;
    }
    let second = sheet.tokens.get(at + 1).map(|next| format!("{lower} {}", next.lower));
    if second.is_some_and(|both| rules.words.state_names.contains(&both)) {
        return Some(at + 2);
    }
    rules.words.state_names.contains(lower).then_some(at + 1)
}

/// `62704`, `62704-1234`, one digit misread.
pub(crate) fn is_zip(text: &str) -> bool {
    let (five, four) = text.split_once('-').map_or((text, None), |(five, four)| (five, Some(four)));
    let part = |part: &str, places: usize| {
        part.len() == places
            && part.chars().all(|c| fold::as_digit(c).is_some())
            && fold::digits(part) + 2 >= places
    };
    part(five, 5) && four.is_none_or(|four| part(four, 4)) && lexicon::ordinary(five) == 0
}

fn spaced(sheet: &Sheet, token: usize) -> bool {
    matches!(sheet.gap_before(token), " " | "\n" | ". " | "-" | "' ")
}
