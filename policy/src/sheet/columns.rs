//! Finds what stands right of, beneath and over each segment, and the order in which segments are
//! read: down a column, columns from top to bottom. Boxes come from a reader and may be nonsense;
//! the work per segment is bounded.

use super::segment::Piece;
use types::{PageWords, Rect};

/// Segments looked at on each side of one, in order of height on the page: bounds the work on a page
/// with very many.
const NEIGHBOURS_MAX: usize = 96;

/// How far beneath, in line heights, the next line of a column may start.
const LINE_STEP_HEIGHTS: f32 = 1.9;

/// How far apart, in line heights, the left edges of two lines of a column may lie.
const INDENT_HEIGHTS: f32 = 4.0;

/// The neighbours of one segment, as indices of segments.
#[derive(Clone, Default)]
pub(crate) struct Links {
    pub(crate) right: Option<usize>,
    pub(crate) below: Option<usize>,
    pub(crate) above: Option<usize>,
    /// The next line of its column.
    next: Option<usize>,
    /// Is it the next line of another?
    continues: bool,
    /// Place from top to bottom, then left to right.
    seat: usize,
}

/// Links every segment with its neighbours.
pub(crate) fn link(pieces: &[Piece], page: &PageWords) -> Vec<Links> {
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by_key(|&piece| (middle(pieces[piece].rect), pieces[piece].rect.x0, piece));
    let mut links = vec![Links::default(); pieces.len()];
    for (seat, &piece) in order.iter().enumerate() {
        let nearby = &order[seat.saturating_sub(NEIGHBOURS_MAX)..(seat + NEIGHBOURS_MAX).min(order.len())];
        links[piece].seat = seat;
        links[piece].right = right_of(pieces, page, piece, nearby);
        links[piece].below = below(pieces, piece, nearby);
    }
    for &piece in &order {
        let Some(under) = links[piece].below else { continue };
        let lowest = links[under].above.is_none_or(|other| pieces[other].rect.y1 < pieces[piece].rect.y1);
        if lowest {
            links[under].above = Some(piece);
        }
    }
    for &piece in &order {
        let Some(next) = links[piece].below else { continue };
        let indent = pieces[next].rect.x0.abs_diff(pieces[piece].rect.x0) as f32;
        if indent <= INDENT_HEIGHTS * pieces[piece].height && !links[next].continues {
            links[next].continues = true;
            links[piece].next = Some(next);
        }
    }
    links
}

/// The order of reading; true marks the first segment of a column.
pub(crate) fn order(links: &[Links]) -> Vec<(usize, bool)> {
    let mut heads: Vec<usize> = (0..links.len()).filter(|&piece| !links[piece].continues).collect();
    heads.sort_by_key(|&piece| links[piece].seat);
    let mut order = Vec::with_capacity(links.len());
    for head in heads {
        order.push((head, true));
        let mut at = head;
        while let Some(next) = links[at].next {
            order.push((next, false));
            at = next;
        }
    }
    order
}

/// The nearest segment that starts where this one has ended and shares its line.
fn right_of(pieces: &[Piece], page: &PageWords, piece: usize, nearby: &[usize]) -> Option<usize> {
    let here = &pieces[piece];
    let end = last_word(here, page);
    let starts_after = |&other: &usize| {
        let there = first_word(&pieces[other], page);
        other != piece
            && there.x0 as f32 >= here.rect.x1 as f32 - here.height / 2.0
            && shares_line(end, there)
    };
    nearby.iter().copied().filter(starts_after).min_by_key(|&other| (pieces[other].rect.x0, other))
}

/// The nearest segment beneath that shares a part of its width.
fn below(pieces: &[Piece], piece: usize, nearby: &[usize]) -> Option<usize> {
    let here = &pieces[piece];
    let reach = here.rect.y1 as f32 + LINE_STEP_HEIGHTS * here.height;
    let lies_beneath = |&other: &usize| {
        let there = &pieces[other];
        other != piece
            && middle(there.rect) as f32 > middle(here.rect) as f32 + 0.6 * here.height.min(there.height)
            && there.rect.y0 as f32 <= reach
            && there.rect.x0 < here.rect.x1
            && here.rect.x0 < there.rect.x1
    };
    let distance = |&other: &usize| {
        let there = pieces[other].rect;
        let lines = ((middle(there) - middle(here.rect)) as f32 / here.height).round() as u32;
        (lines, there.x0.abs_diff(here.rect.x0), other)
    };
    nearby.iter().copied().filter(lies_beneath).min_by_key(distance)
}

/// Do two boxes overlap by half of the lower one's height?
fn shares_line(a: Rect, b: Rect) -> bool {
    let common = a.y1.min(b.y1).saturating_sub(a.y0.max(b.y0));
    2 * u64::from(common) >= u64::from(a.height().min(b.height()).max(1))
}

fn middle(rect: Rect) -> u32 {
    u32::midpoint(rect.y0, rect.y1)
}

fn first_word(piece: &Piece, page: &PageWords) -> Rect {
    piece.words.first().map_or(piece.rect, |&word| page.words[word as usize].rect)
}

fn last_word(piece: &Piece, page: &PageWords) -> Rect {
    piece.words.last().map_or(piece.rect, |&word| page.words[word as usize].rect)
}
