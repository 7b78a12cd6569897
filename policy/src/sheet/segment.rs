//! Cuts lines into segments at column gaps.

use std::{collections::BTreeMap, ops::Range};
use types::{PageWords, Rect};

/// A gap of this many line heights parts two columns; a word space is 0.3 to 0.8 of a height.
const COLUMN_GAP_HEIGHTS: f32 = 1.6;

/// A part of a line, in the text of its page.
pub(crate) struct Segment {
    /// Holds all its words.
    pub(crate) rect: Rect,
    /// Indices of the page's words, from left to right.
    pub(crate) words: Vec<u32>,
    /// Where in the text.
    pub(crate) span: Range<usize>,
    /// Its tokens.
    pub(crate) tokens: Range<usize>,
    /// The next segment to the right.
    pub(crate) right: Option<usize>,
    /// The nearest segment beneath.
    pub(crate) below: Option<usize>,
    /// The nearest segment over it.
    pub(crate) above: Option<usize>,
    /// Is it written in capitals?
    pub(crate) capitals: bool,
}

/// A segment before it has a place in the text.
pub(crate) struct Piece {
    pub(crate) rect: Rect,
    pub(crate) words: Vec<u32>,
    /// Height of a typical word, px.
    pub(crate) height: f32,
}

/// All segments of a page, line by line.
pub(crate) fn cut(page: &PageWords) -> Vec<Piece> {
    let mut lines: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let legible = (0..).zip(&page.words).filter(|(_, word)| !is_speck(word.text.expose()));
    for (index, word) in legible {
        lines.entry(word.line).or_default().push(index);
    }
    let mut pieces = Vec::new();
    for mut line in lines.into_values() {
        line.sort_by_key(|&word| (rect(page, word).x0, word));
        cut_line(page, &line, &mut pieces);
    }
    pieces
}

/// Dust, rules and leaders that a reader takes for punctuation: they part nothing and mean nothing.
fn is_speck(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '.' | ',' | '\'' | '"' | '`' | '~' | '_' | ';' | '|' | '^' | '*'))
}

fn cut_line(page: &PageWords, line: &[u32], pieces: &mut Vec<Piece>) {
    let height = typical_height(page, line);
    let gap_px = (COLUMN_GAP_HEIGHTS * height) as u32;
    let mut from = 0;
    let mut reach = 0u32;
    for at in 0..line.len() {
        let word = rect(page, line[at]);
        if at > from && word.x0 > reach.saturating_add(gap_px) {
            pieces.push(piece(page, &line[from..at], height));
            from = at;
        }
        reach = if at == from { word.x1 } else { reach.max(word.x1) };
    }
    pieces.push(piece(page, &line[from..], height));
}

fn piece(page: &PageWords, words: &[u32], height: f32) -> Piece {
    let rect = words.iter().map(|&word| rect(page, word)).reduce(Rect::union);
    Piece { rect: rect.unwrap_or(Rect { x0: 0, y0: 0, x1: 0, y1: 0 }), words: words.to_vec(), height }
}

/// The upper quartile of the heights: words without ascenders are lower than their line.
fn typical_height(page: &PageWords, line: &[u32]) -> f32 {
    let mut heights: Vec<u32> = line.iter().map(|&word| rect(page, word).height()).collect();
    heights.sort_unstable();
    heights.get(heights.len() * 3 / 4).copied().unwrap_or(1).max(1) as f32
}

fn rect(page: &PageWords, word: u32) -> Rect {
    page.words[word as usize].rect
}
