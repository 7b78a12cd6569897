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

    /// Makes a box of the page solid black.
    pub(super) fn blacken(&mut self, rect: Rect) {
        let (columns, bilevel) = (rect.x0 as usize..rect.x1 as usize, self.geometry.bilevel);
        let row_bytes = self.row_bytes();
        for row in self.px.chunks_exact_mut(row_bytes).take(rect.y1 as usize).skip(rect.y0 as usize) {
            if bilevel {
                columns.clone().for_each(|x| row[x / 8] &= !(0x80 >> (x % 8)));
            } else {
                row[columns.clone()].fill(0);
            }
        }
    }
}

/// JPEG codes squares of so many px; one that is all black is black to the last px.
const SQUARE_PX: u32 = 8;

/// Darker px are ink.
const PAPER_MIN: u8 = 160;

impl Sheet {
    /// The box, grown to the squares it touches on each side where that covers nothing but paper.
    pub(super) fn snapped(&self, rect: Rect) -> Rect {
        let down = |at: u32| at - at % SQUARE_PX;
        let up = |at: u32, end: u32| at.next_multiple_of(SQUARE_PX).min(end);
        let grown = [
            Rect { x0: down(rect.x0), x1: rect.x0, ..rect },
            Rect { x0: rect.x1, x1: up(rect.x1, self.geometry.width_px), ..rect },
        ];
        let wide = grown.into_iter().filter(|strip| self.is_paper(*strip)).fold(rect, Rect::union);
        let grown = [
            Rect { y0: down(rect.y0), y1: rect.y0, ..wide },
            Rect { y0: rect.y1, y1: up(rect.y1, self.geometry.height_px), ..wide },
        ];
        grown.into_iter().filter(|strip| self.is_paper(*strip)).fold(wide, Rect::union)
    }

    /// Gray px without ink.
    fn is_paper(&self, rect: Rect) -> bool {
        let columns = rect.x0 as usize..rect.x1 as usize;
        let mut rows = self.rows().take(rect.y1 as usize).skip(rect.y0 as usize);
        !self.geometry.bilevel && rows.all(|row| row[columns.clone()].iter().all(|&value| value >= PAPER_MIN))
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
            sheet.blacken(rect);
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
    fn a_box_grows_over_paper_and_never_over_ink() {
        let geometry = geometry(64, 64, 200, false);
        let mut px = vec![255; 64 * 64];
        px[20 * 64 + 31] = 40;
        let sheet = Sheet::new(geometry, px).expect("whole page");
        let rect = Rect { x0: 11, y0: 18, x1: 29, y1: 23 };
        assert_eq!(sheet.snapped(rect), Rect { x0: 8, y0: 16, x1: 29, y1: 24 }, "ink on the right");
        let edge = Rect { x0: 50, y0: 50, x1: 64, y1: 64 };
        assert_eq!(sheet.snapped(edge), Rect { x0: 48, y0: 48, x1: 64, y1: 64 });
    }
}
