//! Makes a page easy to read: even background, firm ink, no specks, neither too few px nor too many.
//!
//! What is kept for a person is never made here: the result is only shown to Tesseract.
//!
//! The steps were measured on letters, faxes and scans (multiset word recall): flatten and firm lift
//! noisy letters from .965 to .980 and scans from .977 to .992, removing specks and softening lift faxes
//! from .906 to .949, and more px lift forms of 90 dpi from .58 to .76.

use super::raster::Gray;

/// How finely a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// As finely as Tesseract makes use of: the reading that decisions rest on.
    Full,
    /// In less time, at the price of one identifier in two hundred.
    Quick,
}

impl Detail {
    /// The resolution that finer pages are shrunk to, dpi.
    fn dpi(self) -> u32 {
        match self {
            Self::Full => 300,
            Self::Quick => 200,
        }
    }

    /// Shrinking by less than a fifth is not worth its time.
    fn shrinks(self, dpi: u32) -> bool {
        dpi * 5 > self.dpi() * 6
    }
}

/// Below this the strokes are thinner than Tesseract learnt and the page is grown, dpi.
const GROW_BELOW_DPI: u32 = 150;
/// What coarse pages are grown to, dpi: best of 90 (recall .58), 180 (.75), 202, 225 (.76) and 270 (.75).
const GROW_TO_DPI: u32 = 225;

/// A page as Tesseract gets it.
pub(crate) struct Conditioned {
    pub(crate) image: Gray,
    pub(crate) dpi: u32,
    /// Its px for each px of the page: numerator and denominator.
    pub(crate) scale: (u32, u32),
}

/// Prepares a page of this resolution.
pub(super) fn condition(mut page: Gray, dpi: u32, bilevel: bool, detail: Detail) -> Conditioned {
    let dpi = dpi.max(1);
    if bilevel {
        remove_specks(&mut page, speck_px(dpi));
        if !detail.shrinks(dpi) {
            soften(&mut page);
        }
    } else {
        flatten(&mut page);
        firm(&mut page, if dpi < GROW_BELOW_DPI { FIRM_SPAN_THIN } else { FIRM_SPAN });
    }
    let scale = match dpi {
        ..GROW_BELOW_DPI => (GROW_TO_DPI, dpi),
        _ if detail.shrinks(dpi) => (detail.dpi(), dpi),
        _ => return Conditioned { image: page, dpi, scale: (1, 1) },
    };
    Conditioned { image: page.scaled(scale.0, scale.1), dpi: dpi * scale.0 / scale.1, scale }
}

/// Side of the squares that the background is measured in, px: larger than a letter, smaller than a shadow.
const CELL_PX: usize = 32;
/// The background is as bright as all but this share of a square's px.
const BRIGHT_SHARE: u32 = 5;
/// No background is darker: black areas stay black.
const BACKGROUND_MIN: u8 = 96;

/// Divides by the local background, so that shadows and gray paper become white.
fn flatten(page: &mut Gray) {
    let (width, height) = (page.width(), page.height());
    let (columns, rows) = (width.div_ceil(CELL_PX), height.div_ceil(CELL_PX));
    let cells: Vec<u8> = (0..rows * columns).map(|at| brightness(page, at % columns, at / columns)).collect();
    let cells = brightest_of_nine(&cells, columns, rows);
    let mut background = vec![0_u32; columns];
    for (y, line) in page.px_mut().chunks_exact_mut(width).enumerate() {
        let (above, below, weight) = between(y, rows);
        for (column, value) in background.iter_mut().enumerate() {
            let (a, b) = (cells[above * columns + column], cells[below * columns + column]);
            *value = u32::from(a) * (2 * CELL_PX as u32 - weight) + u32::from(b) * weight;
        }
        for (x, value) in line.iter_mut().enumerate() {
            let (left, right, weight) = between(x, columns);
            let white = background[left] * (2 * CELL_PX as u32 - weight) + background[right] * weight;
            let white = white / (4 * (CELL_PX * CELL_PX) as u32);
            *value = (u32::from(*value) * 255 / white.max(1)).min(255) as u8;
        }
    }
}

/// The two cells whose middles lie around a px, and the weight of the second of `2 * CELL_PX`.
fn between(at: usize, cells: usize) -> (usize, usize, u32) {
    let halves = (2 * at + 1).saturating_sub(CELL_PX);
    let first = (halves / (2 * CELL_PX)).min(cells - 1);
    let weight = halves % (2 * CELL_PX);
    (first, (first + 1).min(cells - 1), weight as u32)
}

fn brightness(page: &Gray, column: usize, row: usize) -> u8 {
    let (left, top) = (column * CELL_PX, row * CELL_PX);
    let (right, bottom) = ((left + CELL_PX).min(page.width()), (top + CELL_PX).min(page.height()));
    let mut counts = [0_u32; 256];
    for y in top..bottom {
        page.row(y)[left..right].iter().for_each(|&value| counts[usize::from(value)] += 1);
    }
    let mut left_over = ((right - left) * (bottom - top)) as u32 / BRIGHT_SHARE;
    for value in (BACKGROUND_MIN..=255).rev() {
        let here = counts[usize::from(value)];
        if here > left_over {
            return value;
        }
        left_over -= here;
    }
    BACKGROUND_MIN
}

fn brightest_of_nine(cells: &[u8], columns: usize, rows: usize) -> Vec<u8> {
    let around = |at: usize, end: usize| at.saturating_sub(1)..(at + 2).min(end);
    let brightest = |at: usize| {
        let near =
            around(at / columns, rows).flat_map(|row| &cells[row * columns..][around(at % columns, columns)]);
        near.copied().max().unwrap_or(255)
    };
    (0..cells.len()).map(brightest).collect()
}

/// Gray levels on each side of the threshold that stay gray.
const FIRM_SPAN: i32 = 64;
/// The same for strokes of about one px, which are mostly edge.
const FIRM_SPAN_THIN: i32 = 96;

/// Drives paper to white and ink to black, and keeps the soft edges between.
fn firm(page: &mut Gray, span: i32) {
    let mut counts = [0_u64; 256];
    page.px().iter().for_each(|&value| counts[usize::from(value)] += 1);
    let dark = i32::from(threshold(&counts)) - span;
    let table: [u8; 256] =
        std::array::from_fn(|value| ((value as i32 - dark) * 255 / (2 * span)).clamp(0, 255) as u8);
    page.px_mut().iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

/// Half-way between ink and paper, as Otsu's method splits them: the two halves of the histogram whose
/// means differ most.
fn threshold(counts: &[u64; 256]) -> u8 {
    let weighed = |(value, &count): (usize, &u64)| value as f64 * count as f64;
    let total: f64 = counts.iter().sum::<u64>() as f64;
    let sum: f64 = counts.iter().enumerate().map(weighed).sum();
    let (mut middle, mut best_spread) = (127.0, 0.0);
    let (mut below, mut below_sum) = (0.0, 0.0);
    for (value, &count) in counts.iter().enumerate() {
        below += count as f64;
        below_sum += value as f64 * count as f64;
        let above = total - below;
        if below > 0.0 && above > 0.0 {
            let (ink, paper) = (below_sum / below, (sum - below_sum) / above);
            let spread = below * above * (ink - paper).powi(2);
            if spread > best_spread {
                (middle, best_spread) = ((ink + paper) / 2.0, spread);
            }
        }
    }
    middle as u8
}

/// Specks of up to this many px are noise at 204 dpi; the dot of a 9-point i has twice as many.
const SPECK_PX_AT_204_DPI: u32 = 4;
/// No speck is larger, whatever the resolution.
const SPECK_PX_MAX: usize = 9;

fn speck_px(dpi: u32) -> usize {
    let scaled = u64::from(SPECK_PX_AT_204_DPI) * u64::from(dpi).pow(2) / 204_u64.pow(2);
    usize::try_from(scaled).unwrap_or(SPECK_PX_MAX).min(SPECK_PX_MAX)
}

/// Whitens islands of at most `most` black px.
fn remove_specks(page: &mut Gray, most: usize) {
    let (width, height) = (page.width(), page.height());
    for at in 0..width * height {
        let starts_run = page.px()[at] == 0 && (at % width == 0 || page.px()[at - 1] != 0);
        if starts_run && let Some(island) = Island::around(page, at, most) {
            island.px[..island.len].iter().for_each(|&px| page.px_mut()[px] = 255);
        }
    }
}

/// Black px that touch each other, at most [`SPECK_PX_MAX`].
struct Island {
    px: [usize; SPECK_PX_MAX],
    len: usize,
}

impl Island {
    /// The whole island of a black px, unless it has more than `most` px.
    fn around(page: &Gray, at: usize, most: usize) -> Option<Self> {
        let mut island = Self { px: [at; SPECK_PX_MAX], len: 1 };
        let mut visited = 0;
        while visited < island.len {
            let (x, y) = (island.px[visited] % page.width(), island.px[visited] / page.width());
            visited += 1;
            for near_y in y.saturating_sub(1)..(y + 2).min(page.height()) {
                for near_x in x.saturating_sub(1)..(x + 2).min(page.width()) {
                    let near = near_y * page.width() + near_x;
                    if page.px()[near] != 0 || island.px[..island.len].contains(&near) {
                        continue;
                    }
                    if island.len == most {
                        return None;
                    }
                    island.px[island.len] = near;
                    island.len += 1;
                }
            }
        }
        (island.len <= most).then_some(island)
    }
}

/// Blurs by the binomial 1 4 6 4 1 (a Gaussian of one px): fax letters lose their stairs.
fn soften(page: &mut Gray) {
    let width = page.width();
    let blur = |far: u8, near: u8, here: u8, next: u8, last: u8| {
        let sum =
            u16::from(far) + u16::from(last) + 4 * (u16::from(near) + u16::from(next)) + 6 * u16::from(here);
        (sum / 16) as u8
    };
    let mut line = vec![255; width + 4];
    for row in page.px_mut().chunks_exact_mut(width) {
        line[2..width + 2].copy_from_slice(row);
        for (value, window) in row.iter_mut().zip(line.windows(5)) {
            *value = blur(window[0], window[1], window[2], window[3], window[4]);
        }
    }
    let rows = page.height();
    let mut above = [vec![255; width], vec![255; width]];
    for y in 0..rows {
        let original = page.row(y).to_vec();
        for x in 0..width {
            let below = |step: usize| if y + step < rows { page.px()[(y + step) * width + x] } else { 255 };
            let value = blur(above[0][x], above[1][x], original[x], below(1), below(2));
            page.px_mut()[y * width + x] = value;
        }
        above.swap(0, 1);
        above[1] = original;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: usize, height: usize, px: impl Fn(usize, usize) -> u8) -> Gray {
        let px = (0..width * height).map(|at| px(at % width, at / width)).collect();
        Gray::new(width, height, px).expect("as many px as its size says")
    }

    #[test]
    fn a_shadow_becomes_white_and_ink_in_it_black() {
        let shaded = |x: usize, y: usize| {
            let paper = 250 - x as i32 / 4;
            let ink = x % 40 == 7 && !y.is_multiple_of(3);
            (if ink { paper / 4 } else { paper }) as u8
        };
        let mut page = page(400, 200, shaded);
        flatten(&mut page);
        firm(&mut page, FIRM_SPAN);
        for (at, value) in page.px().iter().enumerate() {
            let ink = (at % 400) % 40 == 7 && !(at / 400).is_multiple_of(3);
            assert!(if ink { *value < 60 } else { *value > 220 }, "px {at} is {value}");
        }
    }

    #[test]
    fn black_boxes_stay_black() {
        let mut page =
            page(500, 300, |x, y| if (100..400).contains(&x) && (50..250).contains(&y) { 3 } else { 240 });
        flatten(&mut page);
        firm(&mut page, FIRM_SPAN);
        assert!(page.px()[150 * 500 + 250] == 0 && page.px()[10 * 500 + 10] == 255);
    }

    #[test]
    fn specks_go_and_dots_stay() {
        // A29: noise of up to four px goes; the dot of an i (3 x 3 px at 204 dpi) and letters stay.
        let speck = |x: usize, y: usize| (x == 5 || x == 6) && (y == 5 || y == 6);
        let dot = |x: usize, y: usize| (20..23).contains(&x) && (5..8).contains(&y);
        let stroke = |x: usize, y: usize| x == 30 && (2..18).contains(&y);
        let mut page = page(40, 20, |x, y| if speck(x, y) || dot(x, y) || stroke(x, y) { 0 } else { 255 });
        remove_specks(&mut page, speck_px(204));
        let black = page.px().iter().filter(|&&value| value == 0).count();
        assert_eq!(black, 9 + 16);
        assert_eq!(page.px()[5 * 40 + 5], 255);
    }

    #[test]
    fn a_soft_page_keeps_its_ink() {
        let mut page =
            page(60, 60, |x, y| if (20..40).contains(&x) && (20..40).contains(&y) { 0 } else { 255 });
        soften(&mut page);
        let ink: u64 = page.px().iter().map(|&value| 255 - u64::from(value)).sum();
        assert!(ink.abs_diff(400 * 255) < 400 * 255 / 20, "{ink}");
        assert!(page.px()[30 * 60 + 30] == 0 && page.px()[5 * 60 + 5] == 255);
    }

    #[test]
    fn coarse_pages_grow_and_fine_pages_shrink() {
        let full = [
            (72, (225, 72)),
            (149, (225, 149)),
            (150, (1, 1)),
            (204, (1, 1)),
            (300, (1, 1)),
            (600, (300, 600)),
        ];
        let quick = [(72, (225, 72)), (204, (1, 1)), (240, (1, 1)), (241, (200, 241)), (300, (200, 300))];
        for (detail, cases) in [(Detail::Full, full.as_slice()), (Detail::Quick, quick.as_slice())] {
            for &(dpi, scale) in cases {
                let conditioned = condition(page(90, 60, |_, _| 255), dpi, false, detail);
                assert_eq!(conditioned.scale, scale, "{detail:?} {dpi} dpi");
                assert_eq!(conditioned.image.width(), 90 * scale.0 as usize / scale.1 as usize);
            }
        }
    }
}
