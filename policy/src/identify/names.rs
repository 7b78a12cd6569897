//! Finds names of people: after titles and relations, in fields, and as pairs of the lexicon.

use super::{
    hits::Found,
    labels::LabelAt,
    rules::{How, IdentifierRules},
};
use crate::{fold, lexicon, sheet::Sheet};
use std::ops::Range;
use types::IdKind;

/// Most tokens of one name.
const NAME_TOKENS_MAX: usize = 5;

/// How common given name and surname must be together (2..=12, less what speaks for ordinary words):
/// in running text, and in a line of capitals, where every word looks like a name.
const PAIR_RANK_MIN: i32 = 4;
const PAIR_RANK_MIN_IN_CAPITALS: i32 = 6;

/// Tokens of a value that is a name as a whole.
const SHORT_VALUE_TOKENS: usize = 3;

/// How common a given name or a surname must be to make a name of itself and a word of no list.
const LONE_GIVEN_RANK_MIN: u8 = 3;
const LONE_SURNAME_RANK_MIN: u8 = 5;

/// Adds every name of the page.
pub(crate) fn search(rules: &IdentifierRules, sheet: &Sheet, labels: &[LabelAt], found: &mut Vec<Found>) {
    let labelled = |token: usize| {
        let at = labels.partition_point(|label| label.tokens.end <= token);
        labels.get(at).is_some_and(|label| label.tokens.contains(&token) && (label.colon || label.words > 1))
    };
    let mut at = 0;
    while at < sheet.tokens.len() {
        let hit = if labelled(at) {
            None
        } else {
            after_title(rules, sheet, at)
                .or_else(|| after_relation(rules, sheet, at))
                .or_else(|| pair(rules, sheet, at))
        };
        match hit {
            Some((how, tokens)) => {
                at = tokens.end.max(at + 1);
                found.extend(name(rules, sheet, how, tokens));
            }
            None => at += 1,
        }
    }
}

fn name(rules: &IdentifierRules, sheet: &Sheet, how: How, tokens: Range<usize>) -> Option<Found> {
    let staff = how == How::Staff || staff_suffix_after(rules, sheet, tokens.end);
    let detector = rules.detector(if staff { How::Staff } else { how })?;
    let (rule, confidence) = (detector.id.clone(), detector.confidence);
    Some(Found { span: sheet.span_of(tokens), kind: IdKind::Name, rule, confidence, staff })
}

/// The name in the value of a field. Where the field can hold nothing but a name (`sure`), words of no
/// lexicon count too, and ordinary words when they are all of the value ("Long", "Piers").
pub(crate) fn in_field(
    rules: &IdentifierRules,
    sheet: &Sheet,
    region: Range<usize>,
    sure: bool,
) -> Vec<Range<usize>> {
    let titled = |token: usize| is_title(rules, sheet, token);
    let start = region.start + region.clone().take_while(|&token| titled(token)).count();
    let possible = |token: usize| may_be_name(rules, sheet, token) || is_initial(sheet, token);
    let all = start..region.end;
    if sure
        && (1..=SHORT_VALUE_TOKENS).contains(&all.len())
        && all.clone().all(possible)
        && !in_organisation(rules, sheet, all.clone())
    {
        return vec![sheet.span_of(all)];
    }
    let mut spans = Vec::new();
    let mut from = start;
    while from < region.end {
        let end = field_name_end(rules, sheet, from, region.end, sure);
        if end == from {
            break;
        }
        spans.push(sheet.span_of(from..end));
        let and = end < region.end && matches!(&*sheet.tokens[end].lower, "and" | "or");
        from = if and { end + 1 } else { break };
    }
    spans
}

fn field_name_end(rules: &IdentifierRules, sheet: &Sheet, from: usize, to: usize, sure: bool) -> usize {
    let mut end = from;
    let mut known = false;
    while end < to.min(from + NAME_TOKENS_MAX) {
        let gap = sheet.gap_before(end);
        // After a comma stands the given name of "Smith, Ann" or a suffix, not another name.
        let turned = end == from + 1 || rules.words.name_suffixes.contains(&sheet.tokens[end].lower);
        let parted = end > from
            && !matches!(gap, " " | ". " | "." | "-")
            && !(turned && matches!(gap, ", " | "," | "., "));
        let (given, surname) = ranks(sheet, end);
        // A reader may lose a capital.
        let small = given >= 3 && lexicon::ordinary(&sheet.tokens[end].lower) == 0;
        let possible =
            may_be_name(rules, sheet, end) || is_initial(sheet, end) || particle(rules, sheet, end);
        if parted || !(possible || small) {
            break;
        }
        let listed = given > 0 || surname > 0;
        let plain_word = lexicon::ordinary(&sheet.tokens[end].lower);
        if plain_word > 0 && given < 3 && surname < 3 && !(listed && known) {
            break;
        }
        known |= listed;
        end += 1;
    }
    // "Low Back Pain" is made of surnames, and is none.
    let telling = |token: usize| {
        lexicon::ordinary(&sheet.tokens[token].lower) == 0 || ranks(sheet, token).0 >= LONE_GIVEN_RANK_MIN
    };
    let named = (known && (sure || (from..end).any(telling)))
        || (sure && end > from && sheet.tokens[from].lower.len() > 1);
    if named && !in_organisation(rules, sheet, from..end) { end } else { from }
}

/// `Mr. Smith`, `Dr. Ann Smith`.
fn after_title(rules: &IdentifierRules, sheet: &Sheet, at: usize) -> Option<(How, Range<usize>)> {
    let lower = &*sheet.tokens[at].lower;
    let how = if rules.words.staff_titles.contains(lower) {
        How::Staff
    } else if rules.words.titles.contains(lower) {
        How::Title
    } else {
        return None;
    };
    let start = at + 1;
    let close = start < sheet.tokens.len()
        && matches!(sheet.gap_before(start), " " | ". " | "." | ", " | ".\n" | "\n");
    if !close || !capital(sheet, at) || !may_be_name(rules, sheet, start) && !is_initial(sheet, start) {
        return None;
    }
    let end = extend(rules, sheet, start);
    // An initial alone names nobody.
    (start..end).any(|token| !is_initial(sheet, token)).then_some((how, start..end))
}

/// `daughter Ann Smith`, `her son, John`.
fn after_relation(rules: &IdentifierRules, sheet: &Sheet, at: usize) -> Option<(How, Range<usize>)> {
    let start = at + 1;
    if !rules.words.relations.contains(&sheet.tokens[at].lower) || start >= sheet.tokens.len() {
        return None;
    }
    let close = matches!(sheet.gap_before(start), " " | ", " | "\n" | ": " | " (" | ",\n");
    let (given, surname) = ranks(sheet, start);
    let uncapped = given >= LONE_GIVEN_RANK_MIN && lexicon::ordinary(&sheet.tokens[start].lower) == 0;
    let two_unlisted = start + 1 < sheet.tokens.len()
        && joined(sheet, start + 1)
        && may_be_name(rules, sheet, start + 1)
        && (start..start + 2).all(|token| lexicon::ordinary(&sheet.tokens[token].lower) == 0);
    let next_line = sheet.gap_before(start).contains('\n');
    let listed = given > 0 || (!next_line && (surname > 0 || two_unlisted));
    if !close || !(may_be_name(rules, sheet, start) || uncapped) || !listed {
        return None;
    }
    if two_unlisted {
        return Some((How::Relation, start..extend(rules, sheet, start + 1)));
    }
    Some((How::Relation, start..extend(rules, sheet, start)))
}

/// The end of a name that starts here: further parts must be names themselves.
fn extend(rules: &IdentifierRules, sheet: &Sheet, start: usize) -> usize {
    let mut end = start + 1;
    while end < sheet.tokens.len().min(start + NAME_TOKENS_MAX) && joined(sheet, end) {
        let (given, surname) = ranks(sheet, end);
        let plain_word = lexicon::ordinary(&sheet.tokens[end].lower) == 1 && surname < 4;
        let part = may_be_name(rules, sheet, end) && given.max(surname) > 0 && !plain_word;
        let particle =
            particle(rules, sheet, end) && sheet.tokens.len() > end + 1 && may_be_name(rules, sheet, end + 1);
        let suffix = rules.words.name_suffixes.contains(&sheet.tokens[end].lower) && capital(sheet, end);
        if !(part || particle || suffix || is_initial(sheet, end)) {
            break;
        }
        end += 1;
    }
    end
}

/// `Ann Smith`, `Ann B. Smith`, `SMITH, ANN`.
fn pair(rules: &IdentifierRules, sheet: &Sheet, at: usize) -> Option<(How, Range<usize>)> {
    if !may_be_name(rules, sheet, at) || at + 1 >= sheet.tokens.len() {
        return None;
    }
    if let Some(tokens) = reversed(rules, sheet, at) {
        return Some((How::Reversed, tokens));
    }
    if particle(rules, sheet, at) {
        return None;
    }
    let mut last = at + 1;
    while last < sheet.tokens.len()
        && joined(sheet, last)
        && (is_initial(sheet, last) || particle(rules, sheet, last))
    {
        last += 1;
    }
    if last >= sheet.tokens.len() || !joined(sheet, last) || !may_be_name(rules, sheet, last) {
        return None;
    }
    let end = extend(rules, sheet, last);
    let middle_is_initial = last > at + 1;
    let rank =
        rank_of_pair(sheet, at, end - 1).max(rank_of_pair(sheet, at, last)) + i32::from(middle_is_initial);
    let least = if sheet.segments[sheet.tokens[at].segment].capitals {
        PAIR_RANK_MIN_IN_CAPITALS
    } else {
        PAIR_RANK_MIN
    };
    let line_end = (at + 1..end).any(|token| sheet.gap_before(token).contains('\n'));
    let good = rank >= least + 2 * i32::from(line_end) && !in_organisation(rules, sheet, at..end);
    good.then_some((How::Pair, at..end))
}

fn rank_of_pair(sheet: &Sheet, first: usize, last: usize) -> i32 {
    let given = ranks(sheet, first).0;
    let surname = ranks(sheet, last).1;
    let (first_word, last_word) =
        (lexicon::ordinary(&sheet.tokens[first].lower), lexicon::ordinary(&sheet.tokens[last].lower));
    // One half in no list: the other must be common, and neither an ordinary word.
    if given == 0 || surname == 0 {
        let lone = given >= LONE_GIVEN_RANK_MIN || surname >= LONE_SURNAME_RANK_MIN;
        let long = [first, last].iter().all(|&token| sheet.tokens[token].lower.len() > 2);
        return if lone && long && first_word == 0 && last_word == 0 { PAIR_RANK_MIN } else { 0 };
    }
    i32::from(given) + i32::from(surname) - doubt(first_word) - doubt(last_word)
}

/// What an ordinary word takes from the rank of a name.
fn doubt(ordinary: u8) -> i32 {
    match ordinary {
        0 => 0,
        1 => 2,
        _ => 1,
    }
}

fn reversed(rules: &IdentifierRules, sheet: &Sheet, at: usize) -> Option<Range<usize>> {
    let second = at + 1;
    if !matches!(sheet.gap_before(second), ", " | ",") || !may_be_name(rules, sheet, second) {
        return None;
    }
    let (surname, given) = (ranks(sheet, at).1, ranks(sheet, second).0);
    let lower = &sheet.tokens[second].lower;
    let plain = lexicon::ordinary(&sheet.tokens[at].lower) + lexicon::ordinary(lower) > 0;
    let starts = at == 0 || !matches!(sheet.gap_before(at), ", " | "," | " and ");
    let good = surname >= 2 && given >= 4 && !plain && starts && !rules.words.state_names.contains(lower);
    good.then(|| {
        let initial =
            second + 1 < sheet.tokens.len() && joined(sheet, second + 1) && is_initial(sheet, second + 1);
        at..second + 1 + usize::from(initial)
    })
}

/// Does a neighbour in the same run of capitalised words say that this names an organisation?
fn in_organisation(rules: &IdentifierRules, sheet: &Sheet, tokens: Range<usize>) -> bool {
    let organisation = |token: usize| rules.words.organisations.contains(&sheet.tokens[token].lower);
    let after = (tokens.end..sheet.tokens.len().min(tokens.end + 3))
        .take_while(|&token| sheet.gap_before(token) == " " && capital(sheet, token));
    let mut after = after;
    after.any(organisation)
}

pub(crate) fn staff_suffix_after(rules: &IdentifierRules, sheet: &Sheet, end: usize) -> bool {
    let close = end < sheet.tokens.len() && matches!(sheet.gap_before(end), ", " | " " | "," | ". ");
    close && rules.words.staff_suffixes.contains(&*sheet.tokens[end].lower.replace('.', ""))
}

pub(crate) fn is_title(rules: &IdentifierRules, sheet: &Sheet, token: usize) -> bool {
    let lower = &sheet.tokens[token].lower;
    rules.words.titles.contains(lower) || rules.words.staff_titles.contains(lower)
}

/// A capitalised word of letters that no list excludes.
pub(crate) fn may_be_name(rules: &IdentifierRules, sheet: &Sheet, token: usize) -> bool {
    let text = sheet.written(token);
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let others = text.chars().filter(|c| !c.is_alphabetic() && !matches!(c, '\'' | '-' | '.')).count();
    capital(sheet, token)
        && !(sheet.gap_after(token).starts_with(':') && is_label_word(sheet, token))
        && letters >= 2
        && (others == 0 || (others == 1 && letters >= 4))
        && !rules.words.never_names.contains(&sheet.tokens[token].lower)
        && !is_title(rules, sheet, token)
}

/// Before a colon a word is a label, unless it can only be a name.
fn is_label_word(sheet: &Sheet, token: usize) -> bool {
    let (given, surname) = ranks(sheet, token);
    given.max(surname) == 0 || lexicon::ordinary(&sheet.tokens[token].lower) > 0
}

pub(crate) fn is_initial(sheet: &Sheet, token: usize) -> bool {
    let text = sheet.written(token);
    text.len() == 1 && text.starts_with(|c: char| c.is_ascii_uppercase())
}

fn particle(rules: &IdentifierRules, sheet: &Sheet, token: usize) -> bool {
    rules.words.particles.contains(&sheet.tokens[token].lower)
}

pub(crate) fn capital(sheet: &Sheet, token: usize) -> bool {
    sheet.written(token).starts_with(char::is_uppercase)
}

/// Nothing but a space, a line end or the point of an initial stands before it.
fn joined(sheet: &Sheet, token: usize) -> bool {
    match sheet.gap_before(token) {
        " " | "\n" => true,
        ". " | "." | ".\n" => is_initial(sheet, token - 1),
        _ => false,
    }
}

/// How common a token is as a given name and as a surname.
pub(crate) fn ranks(sheet: &Sheet, token: usize) -> (u8, u8) {
    let lower = &sheet.tokens[token].lower;
    let best =
        |rank: fn(&str) -> u8| lower.split('-').map(|part| rank(&fold::letters(part))).max().unwrap_or(0);
    (best(lexicon::given), best(lexicon::surname))
}
