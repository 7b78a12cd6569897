//! Encodes bilevel rows as fax machines do: T.4 one-dimensional (MH), T.4 two-dimensional (MR), T.6
//! (MMR, Group 4). Written from the recommendations, so that the product's decoders are tested against
//! something that is not their own twin. Encodes only; knows no file format.

use crate::canvas::Canvas;

/// Which scheme.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Group 3, every row by itself.
    G3OneD,
    /// Group 3, rows coded against the one above, every `k`th by itself.
    G3TwoD {
        /// 2 at standard, 4 at fine resolution.
        k: usize,
    },
    /// Group 4.
    G4,
}

/// Encodes a page: black is below the middle gray.
#[must_use]
pub(crate) fn encode(page: &Canvas, scheme: Scheme) -> Vec<u8> {
    let mut out = Bits::default();
    let mut above = Vec::new();
    for y in 0..page.height {
        let row = changes(page, y);
        match scheme {
            Scheme::G3OneD => {
                out.put(EOL);
                one_d(&mut out, &row, page.width);
            }
            Scheme::G3TwoD { k } if y.is_multiple_of(k) => {
                out.put(EOL);
                out.put("1");
                one_d(&mut out, &row, page.width);
            }
            Scheme::G3TwoD { .. } => {
                out.put(EOL);
                out.put("0");
                two_d(&mut out, &above, &row, page.width);
            }
            Scheme::G4 => two_d(&mut out, &above, &row, page.width),
        }
        above = row;
    }
    end_of_page(&mut out, scheme);
    out.bytes
}

/// Bits of each byte in reverse: TIFF FillOrder 2.
pub(crate) fn reverse_bits(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = byte.reverse_bits();
    }
}

fn end_of_page(out: &mut Bits, scheme: Scheme) {
    let (times, tag) = match scheme {
        Scheme::G3OneD => (6, ""),
        Scheme::G3TwoD { .. } => (6, "1"),
        Scheme::G4 => (2, ""),
    };
    for _ in 0..times {
        out.put(EOL);
        out.put(tag);
    }
}

/// Where the colour changes on a row; the first change is to black.
fn changes(page: &Canvas, y: usize) -> Vec<usize> {
    let mut black = false;
    (0..page.width)
        .filter(|x| {
            let changed = page.is_black(*x, y) != black;
            black ^= changed;
            changed
        })
        .collect()
}

fn one_d(out: &mut Bits, row: &[usize], width: usize) {
    let ends = row.iter().copied().chain([width]);
    let mut start = 0;
    for (i, end) in ends.enumerate() {
        run(out, i % 2 == 1, end - start);
        start = end;
    }
}

fn two_d(out: &mut Bits, above: &[usize], row: &[usize], width: usize) {
    // -1 is the imaginary white px before the row.
    let (mut a0, mut black, mut next) = (-1_i64, false, 0);
    let change = |changes: &[usize], i: usize| changes.get(i).map_or(width as i64, |x| *x as i64);
    while a0 < width as i64 {
        let a1 = change(row, next);
        let b =
            (0..above.len()).find(|j| above[*j] as i64 > a0 && (j % 2 == 1) == black).unwrap_or(above.len());
        let (b1, b2) = (change(above, b), change(above, b + 1));
        if b2 < a1 {
            out.put("0001");
            a0 = b2;
        } else if let Some(code) = vertical(a1 - b1) {
            out.put(code);
            (a0, black, next) = (a1, !black, next + 1);
        } else {
            let a2 = change(row, next + 1);
            out.put("001");
            run(out, black, (a1 - a0.max(0)) as usize);
            run(out, !black, (a2 - a1) as usize);
            (a0, next) = (a2, next + 2);
        }
    }
}

fn vertical(shift: i64) -> Option<&'static str> {
    Some(match shift {
        0 => "1",
        1 => "011",
        2 => "000011",
        3 => "0000011",
        -1 => "010",
        -2 => "000010",
        -3 => "0000010",
        _ => return None,
    })
}

fn run(out: &mut Bits, black: bool, mut length: usize) {
    while length >= 2560 + 64 {
        out.put(EXTENDED[12]);
        length -= 2560;
    }
    let (make_up, ending) = if black { (&BLACK_64, &BLACK) } else { (&WHITE_64, &WHITE) };
    match length / 64 {
        0 => {}
        n if n <= 27 => out.put(make_up[n - 1]),
        n => out.put(EXTENDED[n - 28]),
    }
    out.put(ending[length % 64]);
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn put(&mut self, code: &str) {
        for bit in code.bytes() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let (b'1', Some(last)) = (bit, self.bytes.last_mut()) {
                *last |= 0x80 >> (self.used % 8);
            }
            self.used += 1;
        }
    }
}

const EOL: &str = "000000000001";

/// Runs of 0..=63 white px (T.4 table 2).
#[rustfmt::skip]
const WHITE: [&str; 64] = [
    "00110101", "000111", "0111", "1000", "1011", "1100", "1110", "1111",
    "10011", "10100", "00111", "01000", "001000", "000011", "110100", "110101",
    "101010", "101011", "0100111", "0001100", "0001000", "0010111", "0000011", "0000100",
    "0101000", "0101011", "0010011", "0100100", "0011000", "00000010", "00000011", "00011010",
    "00011011", "00010010", "00010011", "00010100", "00010101", "00010110", "00010111", "00101000",
    "00101001", "00101010", "00101011", "00101100", "00101101", "00000100", "00000101", "00001010",
    "00001011", "01010010", "01010011", "01010100", "01010101", "00100100", "00100101", "01011000",
    "01011001", "01011010", "01011011", "01001010", "01001011", "00110010", "00110011", "00110100",
];

/// Runs of 0..=63 black px.
#[rustfmt::skip]
const BLACK: [&str; 64] = [
    "0000110111", "010", "11", "10", "011", "0011", "0010", "00011",
    "000101", "000100", "0000100", "0000101", "0000111", "00000100", "00000111", "000011000",
    "0000010111", "0000011000", "0000001000", "00001100111", "00001101000", "00001101100", "00000110111", "00000101000",
    "00000010111", "00000011000", "000011001010", "000011001011", "000011001100", "000011001101", "000001101000", "000001101001",
    "000001101010", "000001101011", "000011010010", "000011010011", "000011010100", "000011010101", "000011010110", "000011010111",
    "000001101100", "000001101101", "000011011010", "000011011011", "000001010100", "000001010101", "000001010110", "000001010111",
    "000001100100", "000001100101", "000001010010", "000001010011", "000000100100", "000000110111", "000000111000", "000000100111",
    "000000101000", "000001011000", "000001011001", "000000101011", "000000101100", "000001011010", "000001100110", "000001100111",
];

/// Multiples of 64 up to 1728, white (T.4 table 3).
#[rustfmt::skip]
const WHITE_64: [&str; 27] = [
    "11011", "10010", "010111", "0110111", "00110110", "00110111", "01100100", "01100101", "01101000",
    "01100111", "011001100", "011001101", "011010010", "011010011", "011010100", "011010101", "011010110", "011010111",
    "011011000", "011011001", "011011010", "011011011", "010011000", "010011001", "010011010", "011000", "010011011",
];

/// Multiples of 64 up to 1728, black.
#[rustfmt::skip]
const BLACK_64: [&str; 27] = [
    "0000001111", "000011001000", "000011001001", "000001011011", "000000110011", "000000110100", "000000110101",
    "0000001101100", "0000001101101", "0000001001010", "0000001001011", "0000001001100", "0000001001101",
    "0000001110010", "0000001110011", "0000001110100", "0000001110101", "0000001110110", "0000001110111",
    "0000001010010", "0000001010011", "0000001010100", "0000001010101", "0000001011010", "0000001011011",
    "0000001100100", "0000001100101",
];

/// Multiples of 64 from 1792 to 2560, both colours.
#[rustfmt::skip]
const EXTENDED: [&str; 13] = [
    "00000001000", "00000001100", "00000001101", "000000010010", "000000010011", "000000010100", "000000010101",
    "000000010110", "000000010111", "000000011100", "000000011101", "000000011110", "000000011111",
];

#[cfg(test)]
#[path = "t4_tests.rs"]
mod tests;
