//! From a piece of the text to boxes on the page: whole words, widened a little because a reader's
//! boxes cut into the ink, but not into the neighbours.

use super::{NO_WORD, Sheet};
use std::ops::Range;
use types::Rect;

/// How much wider than the reader's box a cover is on each side, in heights of the box.
const PAD_HEIGHTS: f32 = 0.15;

/// And at least this many px.
const PAD_PX_MIN: u32 = 2;

impl Sheet {
    /// The words, as indices of the page, whose characters lie in a piece of the text.
    pub(crate) fn words_in(&self, span: &Range<usize>) -> Vec<u32> {
        let mut words: Vec<u32> = self.owners[span.clone()].to_vec();
        words.retain(|&word| word != NO_WORD);
        words.dedup();
        words
    }

    /// The segments that a piece of the text touches.
    pub(crate) fn segments_in(&self, span: &Range<usize>) -> Range<usize> {
        let from = self.segments.partition_point(|segment| segment.span.end <= span.start);
        let to = self.segments.partition_point(|segment| segment.span.start < span.end);
        from..to.max(from)
    }

    /// One box over some words of one segment that follow each other.
    pub(crate) fn cover(&self, segment: usize, words: &[u32]) -> Option<Rect> {
        let segment = &self.segments[segment];
        let inner = words.iter().map(|&word| self.rects[word as usize]).reduce(Rect::union)?;
        let pad = ((PAD_HEIGHTS * inner.height() as f32) as u32).max(PAD_PX_MIN);
        let seat = |word: u32| self.seats[word as usize] as usize;
        let (first, last) = (seat(*words.first()?), seat(*words.last()?));
        let left = first.checked_sub(1).map(|at| self.rects[segment.words[at] as usize].x1);
        let right = segment.words.get(last + 1).map(|&word| self.rects[word as usize].x0);
        let over = segment.above.map(|other| self.segments[other].rect.y1);
        let under = segment.below.map(|other| self.segments[other].rect.y0);
        let padded = Rect {
            x0: grow_down(inner.x0, pad, left),
            y0: grow_down(inner.y0, pad, over),
            x1: grow_up(inner.x1, pad, right),
            y1: grow_up(inner.y1, pad, under),
        };
        self.inside(padded)
    }

    /// The part of a box that lies on the page, if any does.
    fn inside(&self, rect: Rect) -> Option<Rect> {
        let (width, height) = self.size.unwrap_or((u32::MAX, u32::MAX));
        let rect = Rect { x1: rect.x1.min(width), y1: rect.y1.min(height), ..rect };
        rect.is_inside(width, height).then_some(rect)
    }
}

/// Moves an edge towards 0, at most half of the way to a neighbour that lies there.
fn grow_down(edge: u32, pad: u32, neighbour: Option<u32>) -> u32 {
    let room = neighbour.map_or(u32::MAX, |other| edge.saturating_sub(other) / 2);
    edge.saturating_sub(pad.min(room))
}

/// Moves an edge away from 0, at most half of the way to a neighbour that lies there.
fn grow_up(edge: u32, pad: u32, neighbour: Option<u32>) -> u32 {
    let room = neighbour.map_or(u32::MAX, |other| other.saturating_sub(edge) / 2);
    edge.saturating_add(pad.min(room))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::page;
    use super::*;
    use types::{PageGeometry, Transform};

    fn geometry(width_px: u32, height_px: u32) -> PageGeometry {
        let transform = Transform::IDENTITY;
        let (dpi, rotation_deg, skew_centideg, bilevel, blank) = (200, 0, 0, false, false);
        PageGeometry { width_px, height_px, dpi, rotation_deg, skew_centideg, transform, bilevel, blank }
    }

    #[test]
    fn a_cover_is_wider_than_its_word_and_stays_on_the_page() {
        let words = page("Ann");
        let sheet = Sheet::new(&words, Some(&geometry(31, 21)));
        assert_eq!(sheet.cover(0, &[0]), Some(Rect { x0: 0, y0: 0, x1: 31, y1: 21 }));
        let sheet = Sheet::new(&words, Some(&geometry(100, 100)));
        assert_eq!(sheet.cover(0, &[0]), Some(Rect { x0: 0, y0: 0, x1: 33, y1: 23 }));
    }

    #[test]
    fn a_cover_leaves_its_neighbours_legible() {
        let words = page("a Ann b");
        let sheet = Sheet::new(&words, Some(&geometry(100, 100)));
        let rect = sheet.cover(0, &[1]).unwrap();
        assert!(rect.x0 >= 10 && rect.x1 <= 60 && rect.x0 < 20 && rect.x1 > 50);
    }

    #[test]
    fn words_beyond_the_page_have_no_cover() {
        let sheet = Sheet::new(&page("x        Ann"), Some(&geometry(50, 50)));
        assert_eq!(sheet.cover(1, &[1]), None);
    }
}
