//! Turns, straightens and squares a page in one step, with one interpolation.

use super::gray::{BLACK, Gray, WHITE};
use types::{Limits, Reason, Transform};

/// Fraction bits of positions in the source: the error over the longest row stays below 1/1000 px.
const FRACTION_BITS: u32 = 32;
const ONE: f64 = (1_u64 << FRACTION_BITS) as f64;
/// Bits of the weights of neighbouring px.
const WEIGHT_BITS: u32 = 8;
/// Gray from which a px of a bilevel page is white.
const HALF: u8 = 128;

/// A page of this size whose px come from `source` through `to_source`; what lies outside is white.
pub(super) fn warp(
    source: &Gray,
    (width, height): (u32, u32),
    to_source: &Transform,
    is_bilevel: bool,
    limits: &Limits,
) -> Result<Gray, Reason> {
    let mut page = Gray::white(width, height, limits)?;
    let step = Position { x: fixed(to_source.0[0]), y: fixed(to_source.0[3]) };
    for y in 0..height {
        // Px are squares, and interpolation is between their middles.
        let (x0, y0) = to_source.apply(0.5, f64::from(y) + 0.5);
        let mut at = Position { x: fixed(x0 - 0.5), y: fixed(y0 - 0.5) };
        for px in page.row_mut(y) {
            let value = sample(source, at);
            *px = match (is_bilevel, value >= HALF) {
                (false, _) => value,
                (true, true) => WHITE,
                (true, false) => BLACK,
            };
            at = Position { x: at.x + step.x, y: at.y + step.y };
        }
    }
    Ok(page)
}

/// A place in the source, in px with [`FRACTION_BITS`].
#[derive(Clone, Copy)]
struct Position {
    x: i64,
    y: i64,
}

fn fixed(value: f64) -> i64 {
    (value * ONE).round() as i64
}

/// The four px around a place, weighted.
fn sample(source: &Gray, at: Position) -> u8 {
    let (x, y) = (at.x >> FRACTION_BITS, at.y >> FRACTION_BITS);
    let weight =
        |position: i64| (position >> (FRACTION_BITS - WEIGHT_BITS)) as u32 & ((1 << WEIGHT_BITS) - 1);
    let (right, below) = (weight(at.x), weight(at.y));
    let width = source.width as usize;
    let is_inside = x >= 0 && y >= 0 && x + 1 < i64::from(source.width) && y + 1 < i64::from(source.height);
    let [a, b, c, d] = if is_inside {
        let upper = y as usize * width + x as usize;
        let (upper, lower) = (&source.px[upper..upper + 2], &source.px[upper + width..upper + width + 2]);
        [upper[0], upper[1], lower[0], lower[1]]
    } else {
        [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)].map(|(x, y)| px_or_white(source, x, y))
    };
    let across =
        |left: u8, other: u8| u32::from(left) * ((1 << WEIGHT_BITS) - right) + u32::from(other) * right;
    let sum = across(a, b) * ((1 << WEIGHT_BITS) - below) + across(c, d) * below;
    ((sum + (1 << (2 * WEIGHT_BITS - 1))) >> (2 * WEIGHT_BITS)) as u8
}

fn px_or_white(source: &Gray, x: i64, y: i64) -> u8 {
    let inside = u32::try_from(x)
        .ok()
        .zip(u32::try_from(y).ok())
        .filter(|(x, y)| *x < source.width && *y < source.height);
    inside.map_or(WHITE, |(x, y)| source.px[y as usize * source.width as usize + x as usize])
}
