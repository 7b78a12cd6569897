//! Px as they travel, and solid black over parts of them.

use types::{PageGeometry, Rect};
use wire::packed_bytes;

/// A page that may be painted on: gray, or 8 px to a byte.
pub(super) struct Sheet {
    geometry: PageGeometry,
    px: Vec<u8>,
}

impl Sheet {
    /// Takes exactly the px that the geometry asks for.
    pub(super) fn new(geometry: PageGeometry, px: Vec<u8>) -> Option<Self> {
        (!px.is_empty() && px.len() as u64 == packed_bytes(&geometry)).then_some(Self { geometry, px })
    }

    pub(super) fn geometry(&self) -> &PageGeometry {
        &self.geometry
    }

    /// The px, row by row.
    pub(super) fn px(&self) -> &[u8] {
        &self.px
    }

    pub(super) fn rows(&self) -> std::slice::ChunksExact<'_, u8> {
        self.px.chunks_exact(self.row_bytes())
    }

    fn row_bytes(&self) -> usize {
        let width = self.geometry.width_px as usize;
        if self.geometry.bilevel { width.div_ceil(8) } else { width }
    }

    /// Makes a box solid black; `None` when it does not lie on the page.
    pub(super) fn blacken(&mut self, rect: Rect) -> Option<()> {
        if !rect.is_inside(self.geometry.width_px, self.geometry.height_px) {
            return None;
        }
        let (columns, bilevel) = (rect.x0 as usize..rect.x1 as usize, self.geometry.bilevel);
        let row_bytes = self.row_bytes();
        for row in self.px.chunks_exact_mut(row_bytes).take(rect.y1 as usize).skip(rect.y0 as usize) {
            if bilevel {
                columns.clone().for_each(|x| row[x / 8] &= !(0x80 >> (x % 8)));
            } else {
                row[columns.clone()].fill(0);
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::tests::geometry;

    #[test]
    fn a_box_is_black_to_its_last_px_and_nothing_else_is() {
        // B24: the px themselves are redacted.
        let rect = Rect { x0: 3, y0: 1, x1: 12, y1: 3 };
        for bilevel in [false, true] {
            let geometry = geometry(20, 4, 200, bilevel);
            let mut sheet =
                Sheet::new(geometry, vec![255; packed_bytes(&geometry) as usize]).expect("whole page");
            assert!(sheet.blacken(rect).is_some());
            for (y, row) in sheet.rows().enumerate() {
                for x in 0..20 {
                    let value = if bilevel { row[x / 8] >> (7 - x % 8) & 1 } else { row[x] };
                    let inside = (3..12).contains(&x) && (1..3).contains(&y);
                    assert_eq!(value == 0, inside, "{x} {y} bilevel {bilevel}");
                }
            }
        }
    }

    #[test]
    fn a_box_off_the_page_is_an_error_and_not_skipped() {
        let mut sheet = Sheet::new(geometry(20, 4, 200, false), vec![255; 80]).expect("whole page");
        assert!(sheet.blacken(Rect { x0: 0, y0: 0, x1: 21, y1: 2 }).is_none());
        assert!(sheet.blacken(Rect { x0: 5, y0: 2, x1: 5, y1: 3 }).is_none());
    }
}
