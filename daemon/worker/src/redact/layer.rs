//! The invisible text layer: the words that may stay, each in its place.
//!
//! It never sees a word that policy did not permit, and drops permitted words that a black box covers.

use std::{collections::BTreeMap, fmt::Write as _};
use types::{PageGeometry, Rect, Word};

/// Width of every letter of Courier, thousandths of the font size. One width for all letters means that
/// no table of widths is needed to stretch a word over its box.
pub(crate) const LETTER_WIDTH_THOUSANDTHS: u64 = 600;

/// Ten-thousandths of a point: the unit of every number that is written, so that no float is.
pub(crate) const UNITS_A_POINT: u64 = 10_000;

/// A word is dropped when boxes cover more than one part in so many of it; less is padding that touches
/// its neighbours.
const COVERED_PART: u64 = 10;

/// Smallest and largest font size, in units: what is smaller or larger was not read as a letter.
const SIZE_UNITS: std::ops::RangeInclusive<u64> = UNITS_A_POINT..=144 * UNITS_A_POINT;

/// Content stream operators that show the words invisibly, in the given order.
pub(super) fn text(words: &[Word], boxes: &[Rect], geometry: &PageGeometry) -> String {
    let place = Place::new(words, geometry);
    let mut text = String::new();
    for word in words.iter().filter(|word| is_clear(word.rect, boxes, geometry)) {
        let letters = win_ansi(word.text.expose());
        if !letters.is_empty() {
            place.show(&mut text, word, &letters);
        }
    }
    if text.is_empty() { text } else { format!("BT\n3 Tr\n{text}ET\n") }
}

/// On the page, and not under a box.
fn is_clear(rect: Rect, boxes: &[Rect], geometry: &PageGeometry) -> bool {
    let area = |rect: Rect| u64::from(rect.width()) * u64::from(rect.height());
    let covered: u64 = boxes.iter().map(|painted| area(common(rect, *painted))).sum();
    rect.is_inside(geometry.width_px, geometry.height_px) && covered * COVERED_PART <= area(rect)
}

fn common(a: Rect, b: Rect) -> Rect {
    Rect { x0: a.x0.max(b.x0), y0: a.y0.max(b.y0), x1: a.x1.min(b.x1), y1: a.y1.min(b.y1) }
}

/// Where words stand: words of a line share a baseline and a size, so that readers see one line.
struct Place<'a> {
    geometry: &'a PageGeometry,
    /// Median top and bottom of each line, by block and line.
    lines: BTreeMap<(u32, u32), (u32, u32)>,
}

impl<'a> Place<'a> {
    fn new(words: &[Word], geometry: &'a PageGeometry) -> Self {
        let mut edges: BTreeMap<_, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
        for word in words {
            let (tops, bottoms) = edges.entry((word.block, word.line)).or_default();
            tops.push(word.rect.y0);
            bottoms.push(word.rect.y1);
        }
        let lines = edges.into_iter().map(|(line, (tops, bottoms))| (line, (median(tops), median(bottoms))));
        Self { geometry, lines: lines.collect() }
    }

    fn show(&self, text: &mut String, word: &Word, letters: &[u8]) {
        let (top, bottom) = self.line(word);
        let size = self.units(bottom - top).clamp(*SIZE_UNITS.start(), *SIZE_UNITS.end());
        let natural = size * LETTER_WIDTH_THOUSANDTHS / 1000 * letters.len() as u64;
        let stretch = Units(self.units(word.rect.width()) * 100 * UNITS_A_POINT / natural);
        let left = Units(self.units(word.rect.x0));
        let baseline = Units(self.units(self.geometry.height_px - bottom));
        let size = Units(size);
        // Writing to memory cannot fail.
        let _written = write!(text, "/Text {size} Tf\n{stretch} Tz\n1 0 0 1 {left} {baseline} Tm\n(");
        letters.iter().for_each(|&letter| push_letter(text, letter));
        text.push_str(" ) Tj\n");
    }

    /// Top and bottom of the word's line, unless they are far from the word's own (as on a skewed line).
    fn line(&self, word: &Word) -> (u32, u32) {
        let own = (word.rect.y0, word.rect.y1);
        let line = self.lines.get(&(word.block, word.line)).copied().unwrap_or(own);
        let near =
            |line: u32, own: u32| if line.abs_diff(own) * 2 <= word.rect.height() { line } else { own };
        let (top, bottom) = (near(line.0, own.0), near(line.1, own.1));
        if top < bottom { (top, bottom) } else { own }
    }

    fn units(&self, px: u32) -> u64 {
        units(px, self.geometry.dpi)
    }
}

fn median(mut values: Vec<u32>) -> u32 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A length in px, in ten-thousandths of a point; rounded down, so that a page never gains a px.
pub(crate) fn units(px: u32, dpi: u32) -> u64 {
    u64::from(px) * 72 * UNITS_A_POINT / u64::from(dpi.max(1))
}

/// A number of ten-thousandths as a PDF writes it.
pub(crate) struct Units(pub(crate) u64);

impl std::fmt::Display for Units {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:04}", self.0 / UNITS_A_POINT, self.0 % UNITS_A_POINT)
    }
}

/// A letter inside a literal string; only plain ASCII goes into the file.
fn push_letter(text: &mut String, letter: u8) {
    match letter {
        b'(' | b')' | b'\\' => text.extend(['\\', char::from(letter)]),
        b' '..=b'~' => text.push(char::from(letter)),
        _ => text.extend(['\\', digit(letter >> 6), digit(letter >> 3 & 7), digit(letter & 7)]),
    }
}

fn digit(value: u8) -> char {
    char::from(b'0' + value)
}

/// The text in WinAnsi (Windows-1252). Letters that it lacks become their plain cousins or are dropped.
fn win_ansi(text: &str) -> Vec<u8> {
    text.chars().flat_map(|letter| cousins(letter).chars().collect::<Vec<_>>()).filter_map(code).collect()
}

/// Other letters for one that WinAnsi lacks.
fn cousins(letter: char) -> std::borrow::Cow<'static, str> {
    let plain = match letter {
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        '−' | '‐' | '‑' => "-",
        '′' => "'",
        '″' => "\"",
        '≤' => "<=",
        '≥' => ">=",
        '☐' => "[]",
        '☑' | '☒' => "[x]",
        _ => return letter.to_string().into(),
    };
    plain.into()
}

/// The letters of WinAnsi at 0x80..0xA0; `\0` where there is none.
const HIGH: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“',
    '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

fn code(letter: char) -> Option<u8> {
    match letter {
        '!'..='~' | '¡'..='ÿ' => u8::try_from(u32::from(letter)).ok(),
        _ => HIGH.iter().position(|&high| high == letter && high != '\0').map(|at| 0x80 + at as u8),
    }
}

/// The letter of a WinAnsi code, if it has one.
pub(crate) fn letter(code: u8) -> Option<char> {
    match code {
        0x80..=0x9F => Some(HIGH[usize::from(code - 0x80)]).filter(|&letter| letter != '\0'),
        b' '..=b'~' | 0xA1.. => Some(char::from(code)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::tests::{geometry, word};

    fn rect(x0: u32, y0: u32, x1: u32, y1: u32) -> Rect {
        Rect { x0, y0, x1, y1 }
    }

    #[test]
    fn words_under_boxes_do_not_reach_the_layer() {
        // B20, B22: even a permitted word is dropped when a box covers it.
        let words = [
            word("Jane", rect(10, 10, 60, 30), 0),
            word("stays", rect(70, 10, 120, 30), 0),
            word("beside", rect(130, 10, 200, 30), 0),
        ];
        let boxes = [rect(5, 5, 30, 35), rect(198, 5, 240, 35)];
        let text = text(&words, &boxes, &geometry(300, 100, 200, false));
        assert!(!text.contains("Jane") && text.contains("(stays )") && text.contains("(beside )"), "{text}");
    }

    #[test]
    fn letters_outside_win_ansi_become_their_cousins_or_go() {
        assert_eq!(win_ansi("eﬃcient−3≥"), b"efficient-3>=");
        assert_eq!(win_ansi("日本"), b"");
        let dash = win_ansi("Müller—x");
        assert_eq!(dash.iter().filter_map(|&code| letter(code)).collect::<String>(), "Müller—x");
    }

    #[test]
    fn a_string_cannot_be_left() {
        let words = [word("a)Tj(\\b\u{e9}", rect(10, 10, 60, 30), 0)];
        let text = text(&words, &[], &geometry(300, 100, 200, false));
        assert!(text.contains("(a\\)Tj\\(\\\\b\\351 ) Tj"), "{text}");
        assert!(text.is_ascii());
    }
}
