//! A page of 8-bit gray px and the few ways to change its size. It decodes no file format.

use types::PageGeometry;

/// Gray px, row by row, 0 black and 255 white; never empty.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Gray {
    width: usize,
    height: usize,
    px: Vec<u8>,
}

impl Gray {
    /// Takes exactly `width * height` px.
    pub(crate) fn new(width: usize, height: usize, px: Vec<u8>) -> Option<Self> {
        let whole = width > 0 && height > 0 && width.checked_mul(height) == Some(px.len());
        whole.then_some(Self { width, height, px })
    }

    /// The px of a page as they travel: gray, or packed 8 to a byte.
    pub(crate) fn from_wire(geometry: &PageGeometry, bytes: Vec<u8>) -> Option<Self> {
        let (width, height) = (geometry.width_px as usize, geometry.height_px as usize);
        if !geometry.bilevel {
            return Self::new(width, height, bytes);
        }
        let row_bytes = width.div_ceil(8);
        if row_bytes == 0 || row_bytes.checked_mul(height) != Some(bytes.len()) {
            return None;
        }
        let mut px = Vec::with_capacity(width * height);
        for row in bytes.chunks_exact(row_bytes) {
            px.extend((0..width).map(|x| if row[x / 8] >> (7 - x % 8) & 1 == 1 { 255 } else { 0 }));
        }
        Self::new(width, height, px)
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn height(&self) -> usize {
        self.height
    }

    pub(crate) fn px(&self) -> &[u8] {
        &self.px
    }

    pub(crate) fn px_mut(&mut self) -> &mut [u8] {
        &mut self.px
    }

    pub(crate) fn row(&self, y: usize) -> &[u8] {
        &self.px[y * self.width..][..self.width]
    }

    /// A part of the page; what reaches over its edge is left out.
    pub(crate) fn cut(&self, left: usize, top: usize, width: usize, height: usize) -> Option<Self> {
        let (right, bottom) = ((left + width).min(self.width), (top + height).min(self.height));
        if left >= right || top >= bottom {
            return None;
        }
        let px = (top..bottom).flat_map(|y| &self.row(y)[left..right]).copied().collect();
        Self::new(right - left, bottom - top, px)
    }

    /// A quarter turn clockwise.
    pub(crate) fn turned(&self) -> Self {
        let mut px = Vec::with_capacity(self.px.len());
        for x in 0..self.width {
            px.extend((0..self.height).rev().map(|y| self.px[y * self.width + x]));
        }
        Self { width: self.height, height: self.width, px }
    }

    /// The same page on `numerator / denominator` as many px a side: means over areas when it shrinks,
    /// straight lines between px when it grows.
    pub(crate) fn scaled(&self, numerator: u32, denominator: u32) -> Self {
        let side = |old: usize| (old * numerator as usize / denominator as usize).max(1);
        let columns = Taps::new(self.width, side(self.width));
        let rows = Taps::new(self.height, side(self.height));
        let (width, height) = (columns.of.len(), rows.of.len());
        let mut px = Vec::with_capacity(width * height);
        let mut sums = vec![0_u32; self.width];
        for taps in &rows.of {
            sums.fill(0);
            for &(y, weight) in taps {
                self.row(y).iter().zip(&mut sums).for_each(|(&value, sum)| *sum += u32::from(value) * weight);
            }
            px.extend(columns.of.iter().map(|taps| mean(&sums, taps)));
        }
        Self { width, height, px }
    }
}

/// Weights of each direction sum to this.
const WEIGHT_ONE: u32 = 1 << 10;

fn mean(sums: &[u32], taps: &[(usize, u32)]) -> u8 {
    let sum: u64 = taps.iter().map(|&(x, weight)| u64::from(sums[x]) * u64::from(weight)).sum();
    let one = u64::from(WEIGHT_ONE) * u64::from(WEIGHT_ONE);
    ((sum + one / 2) / one).min(255) as u8
}

/// For each new px of a line: the old px it is made of and their weights.
struct Taps {
    of: Vec<Vec<(usize, u32)>>,
}

impl Taps {
    fn new(old: usize, new: usize) -> Self {
        let ratio = old as f64 / new as f64;
        let reach = ratio.max(1.0);
        let taps = |at: usize| {
            let middle = (at as f64 + 0.5) * ratio;
            let (from, to) = (middle - reach / 2.0, middle + reach / 2.0);
            let first = from.floor().max(0.0) as usize;
            let last = (to.ceil() as usize).min(old).max(first + 1);
            let overlap = |x: usize| ((x + 1) as f64).min(to) - (x as f64).max(from);
            let total: f64 = (first..last).map(|x| overlap(x).max(0.0)).sum();
            let share = |x: usize| (overlap(x).max(0.0) / total * f64::from(WEIGHT_ONE)).round() as u32;
            (first..last).map(|x| (x, share(x))).collect()
        };
        Self { of: (0..new).map(taps).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(width: usize, height: usize, px: &[u8]) -> Gray {
        Gray { width, height, px: px.to_vec() }
    }

    #[test]
    fn packed_px_come_out_in_order() {
        let geometry = super::super::tests::geometry(10, 2, 200, true);
        let page = Gray::from_wire(&geometry, vec![0b1000_0000, 0b0100_0000, 0, 0]);
        let page = page.expect("four bytes are two rows of ten px");
        let white: Vec<usize> = (0..20).filter(|&at| page.px()[at] == 255).collect();
        assert_eq!(white, [0, 9]);
        assert!(Gray::from_wire(&geometry, vec![0; 3]).is_none());
    }

    #[test]
    fn four_quarter_turns_are_none() {
        let page = plain(3, 2, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(page.turned().px(), [4, 1, 5, 2, 6, 3]);
        assert!(page.turned().turned().turned().turned() == page);
    }

    #[test]
    fn shrinking_takes_means_and_growing_keeps_flat_areas_flat() {
        let page = plain(4, 2, &[0, 100, 200, 200, 0, 100, 200, 200]);
        assert_eq!(page.scaled(1, 2).px(), [50, 200]);
        let flat = plain(7, 5, &[77; 35]);
        assert!(flat.scaled(2, 1).px().iter().all(|&value| value == 77));
        assert!(flat.scaled(2, 3).px().iter().all(|&value| value.abs_diff(77) <= 1));
    }
}
