//! What Tesseract said, made into words of the page: boxes mapped back and clamped, text cleaned.

use super::tesseract::RawWord;
use types::{Confidence, PageGeometry, PageWords, Phi, Rect, Word};

/// Longest word kept, bytes: more is a ruled line read as letters.
const WORD_BYTES_MAX: usize = 256;

/// The words of a page, read from an image with `scale` (numerator, denominator) times its px.
pub(super) fn on_page(raw: Vec<RawWord>, scale: (u32, u32), geometry: &PageGeometry) -> PageWords {
    let mut place = Place::default();
    let word = |raw: RawWord| {
        place.move_on(&raw);
        let text = clean(&raw.text)?;
        let rect = back_on_page(raw.edges, scale, geometry.width_px, geometry.height_px)?;
        let confidence = Confidence::new(raw.percent / 100.0);
        Some(Word { text: Phi::new(text), rect, confidence, line: place.line, block: place.block })
    };
    PageWords { words: raw.into_iter().filter_map(word).collect() }
}

/// Line and block of the word before.
#[derive(Default)]
struct Place {
    line: u32,
    block: u32,
    begun: bool,
}

impl Place {
    fn move_on(&mut self, raw: &RawWord) {
        if self.begun {
            self.line += u32::from(raw.starts_line);
            self.block += u32::from(raw.starts_block);
        }
        self.begun = true;
    }
}

/// The printable text, if any is left.
fn clean(text: &str) -> Option<String> {
    let text: String =
        text.chars().filter(|&letter| !letter.is_control() && !letter.is_whitespace()).collect();
    (!text.is_empty() && text.len() <= WORD_BYTES_MAX).then_some(text)
}

/// The smallest box of page px that holds the edges; `None` when they lie off the page.
fn back_on_page(edges: [i32; 4], scale: (u32, u32), width_px: u32, height_px: u32) -> Option<Rect> {
    let (numerator, denominator) = (u64::from(scale.0.max(1)), u64::from(scale.1));
    let [left, top, right, bottom] = edges.map(|edge| u64::from(edge.max(0).unsigned_abs()) * denominator);
    let down = |value: u64, most: u32| (value / numerator).min(u64::from(most)) as u32;
    let up = |value: u64, most: u32| value.div_ceil(numerator).min(u64::from(most)) as u32;
    let rect = Rect {
        x0: down(left, width_px),
        y0: down(top, height_px),
        x1: up(right, width_px),
        y1: up(bottom, height_px),
    };
    rect.is_inside(width_px, height_px).then_some(rect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::tests::geometry;

    fn raw(text: &str, edges: [i32; 4]) -> RawWord {
        RawWord { text: text.to_owned(), edges, percent: 250.0, starts_line: true, starts_block: false }
    }

    #[test]
    fn words_lie_on_the_page_and_hold_print() {
        // A5: lines in order, boxes on the page, confidence within 0..=1.
        let told = vec![
            raw("Pat\u{7}ient", [-5, 10, 40, 20]),
            raw("\u{c}", [0, 0, 10, 10]),
            raw("off", [900, 10, 950, 20]),
            raw("flat", [10, 10, 10, 20]),
            raw("edge", [90, 10, 900, 2000]),
        ];
        let words = on_page(told, (2, 1), &geometry(100, 80, 100, false)).words;
        let seen: Vec<(&str, Rect, u32)> =
            words.iter().map(|word| (word.text.expose(), word.rect, word.line)).collect();
        assert!(
            seen == [
                ("Patient", Rect { x0: 0, y0: 5, x1: 20, y1: 10 }, 0),
                ("edge", Rect { x0: 45, y0: 5, x1: 100, y1: 80 }, 4),
            ]
        );
        assert!(words.iter().all(|word| word.confidence.get() == 1.0));
    }

    #[test]
    fn a_box_read_on_fewer_px_covers_its_word() {
        let rect = back_on_page([10, 10, 21, 20], (200, 300), 2550, 3300);
        assert_eq!(rect, Some(Rect { x0: 15, y0: 15, x1: 32, y1: 30 }));
    }
}
