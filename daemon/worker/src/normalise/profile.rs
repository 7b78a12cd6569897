//! Ink summed along lines: narrow strips of a page that can be slid against each other, so that the
//! profile of the page at any small slope costs a few additions a row.

use super::ink::Ink;
use std::ops::Range;

/// Width of a strip, in cells: at 5 degrees a line drops by 1.4 cells within it.
const STRIP_CELLS: usize = 16;

/// Row sums of each strip.
pub(super) struct Strips {
    height: usize,
    /// Strip by strip, row by row.
    sums: Vec<u32>,
}

impl Strips {
    pub(super) fn of(ink: &Ink) -> Self {
        let count = ink.width / STRIP_CELLS;
        let mut sums = vec![0; count * ink.height];
        for (y, row) in ink.cells.chunks_exact(ink.width.max(1)).enumerate() {
            for (strip, cells) in row.chunks_exact(STRIP_CELLS).enumerate() {
                sums[strip * ink.height + y] = cells.iter().map(|cell| u32::from(*cell)).sum();
            }
        }
        Self { height: ink.height, sums }
    }

    /// Number of strips.
    pub(super) fn count(&self) -> usize {
        self.sums.len() / self.height.max(1)
    }

    /// Strips to the inch, for a map of this resolution.
    pub(super) fn to_inch(x_dpi: f64) -> f64 {
        x_dpi / STRIP_CELLS as f64
    }

    /// Ink of each row over some strips, along lines that fall by `slope` rows a cell.
    pub(super) fn profile(&self, strips: Range<usize>, slope: f64) -> Vec<u32> {
        let mut profile = vec![0; self.height];
        let middle = self.count() as f64 / 2.0;
        for strip in strips {
            let sums = &self.sums[strip * self.height..][..self.height];
            let fall = ((strip as f64 + 0.5 - middle) * STRIP_CELLS as f64 * slope).round() as isize;
            let shift = fall.unsigned_abs().min(self.height);
            let (target, source) = if fall >= 0 {
                (&mut profile[..self.height - shift], &sums[shift..])
            } else {
                (&mut profile[shift..], &sums[..self.height - shift])
            };
            target.iter_mut().zip(source).for_each(|(total, sum)| *total += sum);
        }
        profile
    }
}
