//! Lines that look like titles: near the top, short, in capitals, large, or alone.

use crate::{fold, sheet::Sheet};
use types::PageGeometry;

/// Titles stand in this upper part of a page.
const TOP_SHARE: f32 = 0.45;

/// Most words of a title.
const TITLE_WORDS_MAX: usize = 10;

/// Most titles looked at on a page.
const TITLES_MAX: usize = 64;

/// Times the height of the body from which on a line is large.
const LARGE_HEIGHTS: f32 = 1.2;

/// What a title counts that neither capitals nor size set off from the text.
const PLAIN_SHARE: f32 = 0.75;

/// Share of a title's letters that a phrase must make up to be the title, and to be a part of it.
const WHOLE_SHARE: f32 = 0.5;
const PART_SHARE: f32 = 0.3;

/// Shorter phrases ("fax", "claim") must be nearly all of a title.
const LONG_PHRASE_LETTERS_MIN: usize = 8;
const SHORT_PHRASE_SHARE: f32 = 0.8;

/// Letters per misread letter that a title may have.
const LETTERS_PER_MISREAD: usize = 8;

/// A line that may be a title.
pub(crate) struct Title {
    /// Its letters, lower case, without spaces.
    letters: String,
    /// Where each of its words starts in `letters`.
    starts: Vec<usize>,
    /// Set off from the text by capitals or size.
    bold: bool,
    /// Rather the label of a field: "Fax: 555-0100".
    labels: bool,
}

/// The titles of a page, from top to bottom.
pub(crate) fn titles(sheet: &Sheet, page: &PageGeometry) -> Vec<Title> {
    let mut heights: Vec<u32> = sheet.segments.iter().map(|segment| segment.rect.height()).collect();
    heights.sort_unstable();
    let body_height = heights.get(heights.len() / 2).copied().unwrap_or(0) as f32;
    let lowest = TOP_SHARE * page.height_px as f32;
    let mut titles = Vec::new();
    for segment in &sheet.segments {
        if titles.len() == TITLES_MAX {
            break;
        }
        let tokens = &sheet.tokens[segment.tokens.clone()];
        if tokens.is_empty() || tokens.len() > TITLE_WORDS_MAX || segment.rect.y0 as f32 > lowest {
            continue;
        }
        let text = &sheet.text[segment.span.clone()];
        let upper = text.chars().filter(|c| c.is_uppercase()).count();
        let lower = text.chars().filter(|c| c.is_lowercase()).count();
        let large = segment.rect.height() as f32 >= LARGE_HEIGHTS * body_height;
        let initials = tokens
            .iter()
            .filter(|token| sheet.text[token.span.clone()].starts_with(char::is_uppercase))
            .count();
        // A line of a paragraph is no title.
        if !(2 * initials > tokens.len() || large) || text.trim_end().ends_with(['.', ',']) {
            continue;
        }
        let mut letters = String::new();
        let mut starts = Vec::with_capacity(tokens.len());
        for token in tokens {
            starts.push(letters.len());
            letters.push_str(&fold::letters(&token.lower));
        }
        if !letters.is_empty() {
            titles.push(Title {
                letters,
                starts,
                bold: large || upper > 4 * lower,
                labels: text.contains(':'),
            });
        }
    }
    titles
}

/// How well the best of some phrases fits the best title, 0..=1.
pub(crate) fn strength(titles: &[Title], phrases: &[String]) -> f32 {
    let fits = titles.iter().flat_map(|title| phrases.iter().map(move |phrase| fit(title, phrase)));
    fits.fold(0.0, f32::max)
}

fn fit(title: &Title, phrase: &str) -> f32 {
    if phrase.is_empty() || !contains(title, phrase) {
        return 0.0;
    }
    let covered = phrase.len() as f32 / title.letters.len().max(phrase.len()) as f32;
    if phrase.len() < LONG_PHRASE_LETTERS_MIN && (covered < SHORT_PHRASE_SHARE || title.labels) {
        return 0.0;
    }
    let whole = if covered >= WHOLE_SHARE {
        1.0
    } else if covered >= PART_SHARE {
        0.6
    } else {
        0.3
    };
    if title.bold { whole } else { whole * PLAIN_SHARE * covered.min(1.0) }
}

/// Does the phrase start at a word of the title, with a few letters misread?
fn contains(title: &Title, phrase: &str) -> bool {
    let misread_max = phrase.len() / LETTERS_PER_MISREAD;
    title.starts.iter().any(|&start| {
        let rest = &title.letters[start..];
        let ends_word = |end: usize| end == rest.len() || title.starts.contains(&(start + end));
        if rest.starts_with(phrase) {
            return ends_word(phrase.len());
        }
        let ends = phrase.len().saturating_sub(misread_max)..=phrase.len() + misread_max;
        misread_max > 0
            && ends.into_iter().any(|end| {
                end <= rest.len()
                    && rest.is_char_boundary(end)
                    && ends_word(end)
                    && fold::within(&rest[..end], phrase, misread_max)
            })
    })
}
