//! Where a page has ink: a small map that orientation and skew are measured on.
//!
//! Rules, borders, streaks and photos are taken out, since they say little about text and much that
//! is wrong. The map is never shown and nothing is read from it.

use super::gray::Gray;

/// Ink of each cell, 0 none to 255.
pub(super) struct Ink {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Cells to the inch across.
    pub(super) x_dpi: f64,
    /// Cells to the inch down.
    pub(super) y_dpi: f64,
    pub(super) cells: Vec<u8>,
}

/// Resolution the map aims at: letters of 8 points have an x-height of 8 cells.
const MAP_DPI: f64 = 150.0;
/// Side of the squares whose brightest cell counts as paper, in cells.
const PAPER_SQUARE: usize = 32;
/// Cells less dark than this share of the paper are paper too: shading, show-through, noise.
const INK_DARKNESS_PERCENT: u32 = 22;
/// Runs of ink as long as this are rules, borders or pictures; no letter of running text is as long.
const RUN_INCHES_MAX: f64 = 0.5;
/// Cells with ink, each with ink around it, that the least readable mark has: a third of a small digit.
const READABLE_CELLS_MIN: usize = 8;
/// Of the 9 cells of a neighbourhood, how many must have ink for it to be more than a speck.
const NEIGHBOURS_MIN: usize = 4;

impl Ink {
    /// The ink of a page with these resolutions.
    pub(super) fn of(page: &Gray, x_dpi: f64, y_dpi: f64) -> Self {
        let step = |dpi: f64| ((dpi / MAP_DPI).round() as usize).max(1);
        let (across, down) = (step(x_dpi), step(y_dpi));
        let mut ink = Self {
            width: page.width as usize / across,
            height: page.height as usize / down,
            x_dpi: x_dpi / across as f64,
            y_dpi: y_dpi / down as f64,
            cells: Vec::new(),
        };
        ink.cells = ink.averages(page, across, down);
        ink.subtract_paper();
        ink
    }

    /// Nothing here that anybody could read.
    pub(super) fn is_blank(&self) -> bool {
        let mut readable = 0;
        for y in 1..self.height.saturating_sub(1) {
            for x in (1..self.width.saturating_sub(1)).filter(|x| self.cells[y * self.width + x] > 0) {
                let rows = [y - 1, y, y + 1].map(|y| &self.cells[y * self.width + x - 1..][..3]);
                let neighbours = rows.into_iter().flatten().filter(|cell| **cell > 0).count();
                readable += usize::from(neighbours >= NEIGHBOURS_MIN);
                if readable >= READABLE_CELLS_MIN {
                    return false;
                }
            }
        }
        true
    }

    /// Takes out what is too long to be a letter.
    pub(super) fn without_long_runs(mut self) -> Self {
        let across_max = (self.x_dpi * RUN_INCHES_MAX) as usize;
        let down_max = (self.y_dpi * RUN_INCHES_MAX) as usize;
        let mut doomed = vec![false; self.cells.len()];
        for y in 0..self.height {
            mark_long_runs(&self.cells, &mut doomed, (y * self.width, 1), self.width, across_max);
        }
        for x in 0..self.width {
            mark_long_runs(&self.cells, &mut doomed, (x, self.width), self.height, down_max);
        }
        self.cells.iter_mut().zip(doomed).filter(|(_, doomed)| *doomed).for_each(|(cell, _)| *cell = 0);
        self
    }

    /// The map turned clockwise by 90 degrees.
    pub(super) fn turned(&self) -> Self {
        let mut cells = vec![0; self.cells.len()];
        for (y, row) in self.cells.chunks_exact(self.width.max(1)).enumerate() {
            let column = self.height - 1 - y;
            row.iter().enumerate().for_each(|(x, cell)| cells[x * self.height + column] = *cell);
        }
        Self { width: self.height, height: self.width, x_dpi: self.y_dpi, y_dpi: self.x_dpi, cells }
    }

    fn averages(&self, page: &Gray, across: usize, down: usize) -> Vec<u8> {
        if (across, down) == (1, 1) {
            return page.px.clone();
        }
        let mut cells = Vec::with_capacity(self.width * self.height);
        let mut sums = vec![0_u32; self.width];
        for band in page.px.chunks_exact(page.width as usize * down).take(self.height) {
            sums.fill(0);
            for row in band.chunks_exact(page.width as usize) {
                let add =
                    |(sum, px): (&mut u32, &[u8])| *sum += px.iter().map(|px| u32::from(*px)).sum::<u32>();
                sums.iter_mut().zip(row.chunks_exact(across)).for_each(add);
            }
            let count = (across * down) as u32;
            cells.extend(sums.iter().map(|sum| (sum / count) as u8));
        }
        cells
    }

    /// Turns brightness into ink: how much darker a cell is than the paper around it.
    fn subtract_paper(&mut self) {
        let squares = self.width.div_ceil(PAPER_SQUARE);
        let paper = self.paper(squares);
        for (y, row) in self.cells.chunks_exact_mut(self.width.max(1)).enumerate() {
            let paper = &paper[y / PAPER_SQUARE * squares..][..squares];
            for (cells, paper) in row.chunks_mut(PAPER_SQUARE).zip(paper) {
                let least = paper * INK_DARKNESS_PERCENT / 100;
                for cell in cells {
                    let darkness = paper.saturating_sub(u32::from(*cell));
                    *cell = if darkness > least { darkness as u8 } else { 0 };
                }
            }
        }
    }

    /// The brightest cell of each square and of the squares beside it.
    fn paper(&self, squares: usize) -> Vec<u32> {
        let mut brightest = vec![0_u8; squares * self.height.div_ceil(PAPER_SQUARE)];
        for (y, row) in self.cells.chunks_exact(self.width.max(1)).enumerate() {
            let line = &mut brightest[y / PAPER_SQUARE * squares..][..squares];
            for (most, cells) in line.iter_mut().zip(row.chunks(PAPER_SQUARE)) {
                *most = cells.iter().copied().fold(*most, u8::max);
            }
        }
        let lines = brightest.len() / squares.max(1);
        let around = |at: usize, count: usize| at.saturating_sub(1)..(at + 2).min(count);
        let widened = |line: usize, column: usize| {
            let rows = around(line, lines).map(|l| &brightest[l * squares..][around(column, squares)]);
            u32::from(rows.flatten().copied().max().unwrap_or(0))
        };
        (0..lines)
            .flat_map(|line| (0..squares).map(move |column| (line, column)))
            .map(|(l, c)| widened(l, c))
            .collect()
    }
}

/// Marks the runs of one row or column that are longer than `max`.
fn mark_long_runs(
    cells: &[u8],
    doomed: &mut [bool],
    (start, step): (usize, usize),
    count: usize,
    max: usize,
) {
    let mut run = 0;
    for i in 0..=count {
        let at = start + i * step;
        if i < count && cells[at] > 0 {
            run += 1;
            continue;
        }
        if run > max {
            (i - run..i).for_each(|i| doomed[start + i * step] = true);
        }
        run = 0;
    }
}
