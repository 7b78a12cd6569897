//! A page after normalisation: its size, its place in the source, the words read on it.

use crate::Phi;
use serde::{Deserialize, Serialize};

/// Confidence 0..=1; [`Confidence::new`] clamps and maps NaN to 0.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confidence(f32);

impl Confidence {
    /// Clamps to 0..=1; NaN becomes 0.
    #[must_use]
    pub fn new(value: f32) -> Self {
        Self(if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) })
    }

    /// The value, 0..=1.
    #[must_use]
    pub fn get(self) -> f32 {
        self.0
    }
}

/// A box in px of the normalised page: origin top left, `x1`/`y1` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge, px.
    pub x0: u32,
    /// Top edge, px.
    pub y0: u32,
    /// Right edge, px, exclusive.
    pub x1: u32,
    /// Bottom edge, px, exclusive.
    pub y1: u32,
}

impl Rect {
    /// Width, px.
    #[must_use]
    pub fn width(self) -> u32 {
        self.x1.saturating_sub(self.x0)
    }

    /// Height, px.
    #[must_use]
    pub fn height(self) -> u32 {
        self.y1.saturating_sub(self.y0)
    }

    /// The smallest box that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
        }
    }

    /// Do the two share a px?
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.x0 < other.x1 && other.x0 < self.x1 && self.y0 < other.y1 && other.y0 < self.y1
    }

    /// Not empty and inside a page of this size (px)?
    #[must_use]
    pub fn is_inside(self, width_px: u32, height_px: u32) -> bool {
        self.x0 < self.x1 && self.y0 < self.y1 && self.x1 <= width_px && self.y1 <= height_px
    }
}

/// 3×3 matrix, row by row, from normalised px to source px (homogeneous).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Transform(pub [f64; 9]);

impl Transform {
    /// Normalised px are source px.
    pub const IDENTITY: Self = Self([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);

    /// First `self`, then `after` (matrix product `after · self`).
    #[must_use]
    pub fn then(self, after: Self) -> Self {
        let (a, b) = (after.0, self.0);
        let cell = |row: usize, col: usize| (0..3).map(|k| a[row * 3 + k] * b[k * 3 + col]).sum();
        Self(std::array::from_fn(|i| cell(i / 3, i % 3)))
    }

    /// Where a point goes.
    #[must_use]
    pub fn apply(self, x: f64, y: f64) -> (f64, f64) {
        let m = self.0;
        let w = m[6] * x + m[7] * y + m[8];
        ((m[0] * x + m[1] * y + m[2]) / w, (m[3] * x + m[4] * y + m[5]) / w)
    }
}

/// Size and origin of one normalised page. No PHI.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageGeometry {
    /// Width, px.
    pub width_px: u32,
    /// Height, px.
    pub height_px: u32,
    /// Resolution of the square px, dpi.
    pub dpi: u32,
    /// Clockwise quarter turns applied to the source, in degrees: 0, 90, 180 or 270.
    pub rotation_deg: u16,
    /// Skew removed, in 1/100 degree, counter-clockwise positive.
    pub skew_centideg: i32,
    /// From normalised px to source px.
    pub transform: Transform,
    /// Every source px was black or white.
    pub bilevel: bool,
    /// No ink worth reading.
    pub blank: bool,
}

/// One word as read. Holds PHI: no `Debug`, no `Display`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Word {
    /// What was read.
    pub text: Phi,
    /// Where, px of the normalised page.
    #[serde(rename = "box")]
    pub rect: Rect,
    /// How sure, 0..=1.
    pub confidence: Confidence,
    /// Line on the page, from 0, in reading order.
    pub line: u32,
    /// Block on the page, from 0, in reading order.
    pub block: u32,
}

/// The words of one page in reading order. Holds PHI: no `Debug`, no `Display`.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct PageWords {
    /// The words.
    pub words: Vec<Word>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_compose_in_reading_order() {
        let scale = Transform([2.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 1.0]);
        let shift = Transform([1.0, 0.0, 5.0, 0.0, 1.0, 7.0, 0.0, 0.0, 1.0]);
        assert_eq!(scale.then(shift).apply(1.0, 1.0), (7.0, 10.0));
        assert_eq!(shift.then(scale).apply(1.0, 1.0), (12.0, 24.0));
    }

    #[test]
    fn a_box_must_have_area_and_stay_on_its_page() {
        let rect = Rect { x0: 0, y0: 0, x1: 10, y1: 10 };
        assert!(rect.is_inside(10, 10));
        assert!(!rect.is_inside(9, 10));
        assert!(!Rect { x1: 0, ..rect }.is_inside(10, 10));
    }
}
