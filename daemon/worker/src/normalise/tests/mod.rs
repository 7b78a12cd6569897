//! Pages made for the tests: something that lies like text, and dots to find places by.

#![allow(clippy::unwrap_used)]

mod lie;
mod pdf;
mod pictures;
mod tiff;

use super::{
    Source,
    gray::Gray,
    page::{Dpi, Normalised, Scan, normalise},
};
use types::{Limits, Reason};

fn open(document: Vec<u8>) -> Source {
    Source::open(document).ok().unwrap()
}

/// The px of a page as its source shows them.
fn scan(document: Vec<u8>) -> Result<Gray, Reason> {
    open(document).page(0, &Limits::default()).map(|scan| scan.px)
}

/// A page by itself.
fn normalised(document: Vec<u8>, turn: Option<u8>) -> Result<Normalised, Reason> {
    let limits = Limits::default();
    normalise(open(document).page(0, &limits)?, turn, &limits)
}

fn normalised_px(px: Gray, dpi: (f64, f64)) -> Normalised {
    normalise(Scan { px, dpi: Dpi::Said(Some(dpi)) }, None, &Limits::default()).ok().unwrap()
}

/// A letter-size page at 150 dpi with 40 lines of words: bodies, ascenders on every third letter,
/// descenders on every eleventh, as in English.
fn text_page() -> Gray {
    let mut page = Gray::white(1275, 1650, &Limits::default()).ok().unwrap();
    let mut letter = 0_u32;
    for line in 0..40 {
        let base = 120 + line * 36;
        let words = 9 + line % 5;
        for word in 0..words {
            for place in 0..7 {
                letter += 1 + (line + word) % 3;
                let x = 120 + word * 78 + place * 9;
                stem(&mut page, x, base - 12, 12);
                stem(&mut page, x + 4, base - 12, 12);
                if letter.is_multiple_of(3) {
                    stem(&mut page, x, base - 19, 7);
                }
                if letter.is_multiple_of(11) {
                    stem(&mut page, x, base, 5);
                }
            }
        }
    }
    page
}

fn stem(page: &mut Gray, x: u32, y: u32, height: u32) {
    fill(page, (x, y), (2, height), 0);
}

fn fill(page: &mut Gray, (x, y): (u32, u32), (width, height): (u32, u32), value: u8) {
    for row in y..y + height {
        page.row_mut(row)[x as usize..][..width as usize].fill(value);
    }
}

/// The middle of the ink in a part of the page, px.
fn middle_of_ink(page: &Gray, (x, y): (f64, f64), reach: f64) -> (f64, f64) {
    let range = |at: f64, end: u32| (at - reach).max(0.0) as u32..((at + reach) as u32).min(end);
    let (mut ink, mut sums) = (0.0, (0.0, 0.0));
    for row in range(y, page.height) {
        for column in range(x, page.width) {
            let dark = f64::from(255 - page.px[(row * page.width + column) as usize]);
            ink += dark;
            sums.0 += dark * (f64::from(column) + 0.5);
            sums.1 += dark * (f64::from(row) + 0.5);
        }
    }
    (sums.0 / ink, sums.1 / ink)
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}
