//! The encoder against two decoders that are not ours.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::Dice;

/// Runs of every length up to 2700 and random rows: every code of every table is used.
fn page() -> Canvas {
    let mut dice = Dice::seeded("t4");
    let mut page = Canvas::white(2800, 420);
    for y in 0..300 {
        let runs = [y * 9, y * 9 + 3, 64 + y, y % 64, y % 7, 1];
        let mut x = y % 2;
        for (i, length) in runs.into_iter().enumerate() {
            if i % 2 == 1 {
                page.fill(x as i64, y as i64, (x + length) as i64, y as i64 + 1);
            }
            x += length;
        }
    }
    for y in 300..420 {
        let shift = i64::from(dice.between(0, 4));
        for _ in 0..30 {
            let x = i64::from(dice.below(2790));
            page.fill(x + shift, y, x + i64::from(dice.between(1, 80)), y + 2);
        }
    }
    page
}

fn rows(page: &Canvas) -> Vec<Vec<u32>> {
    (0..page.height).map(|y| changes(page, y).into_iter().map(|x| x as u32).collect()).collect()
}

#[test]
fn group_4_decodes_to_the_same_rows() {
    let page = page();
    let mut got = Vec::new();
    let bytes = encode(&page, Scheme::G4);
    fax::decoder::decode_g4(bytes.into_iter(), 2800, Some(420), |row| got.push(row.to_vec())).unwrap();
    assert!(got == rows(&page));
}

#[test]
fn group_3_decodes_to_the_same_rows() {
    let page = page();
    for (scheme, encoding) in [
        (Scheme::G3OneD, hayro_ccitt::EncodingMode::Group3_1D),
        (Scheme::G3TwoD { k: 4 }, hayro_ccitt::EncodingMode::Group3_2D),
    ] {
        let settings = hayro_ccitt::DecodeSettings {
            columns: 2800,
            rows: 420,
            end_of_block: true,
            end_of_line: true,
            rows_are_byte_aligned: false,
            encoding,
            strict: true,
        };
        let mut got = Rows::default();
        let mut state = hayro_ccitt::DecoderContext::new(settings);
        hayro_ccitt::decode(&encode(&page, scheme), &mut got, &mut state).unwrap();
        assert!(got.rows == rows(&page), "{encoding:?}");
    }
}

#[derive(Default)]
struct Rows {
    rows: Vec<Vec<u32>>,
}

impl hayro_ccitt::Decoder for Rows {
    fn push_row(&mut self, changes: &[u32]) {
        self.rows.push(changes.to_vec());
    }
}
