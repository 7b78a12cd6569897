//! Unpacks one strip or tile of a TIFF into the bytes of its rows. Output never grows past what the
//! page's size explains, whatever the packed bytes say.

use crate::parse::{TiffPage, compression};
use flate2::read::ZlibDecoder;
use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};
use std::{borrow::Cow, io::Read};
use types::Reason;
use weezl::{BitOrder, LzwStatus};

/// Bits of `t4_options`.
const T4_IS_TWO_DIMENSIONAL: u64 = 1;
const T4_IS_BYTE_ALIGNED: u64 = 4;

/// Least share of the rows that a damaged fax must still give, in percent; with fewer, too much of the
/// page would be missing in silence.
const FAX_ROWS_PERCENT_MIN: usize = 90;

/// Size of what is unpacked.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// Columns, px.
    pub(super) columns: u32,
    /// Rows.
    pub(super) count: u32,
    /// Bytes of a row.
    pub(super) row_bytes: usize,
}

/// The rows of a strip or tile. Missing bytes at the end become 0, as in other readers.
pub(super) fn unpack(page: &TiffPage, packed: &[u8], rows: Rows) -> Result<Vec<u8>, Reason> {
    let bytes = rows.row_bytes * rows.count as usize;
    let packed: Cow<[u8]> = if page.is_lsb_first {
        packed.iter().map(|byte| byte.reverse_bits()).collect()
    } else {
        packed.into()
    };
    let mut unpacked = match page.compression {
        compression::NONE => packed[..packed.len().min(bytes)].to_vec(),
        compression::LZW => lzw(&packed, bytes)?,
        compression::DEFLATE | compression::OLD_DEFLATE => inflate(&packed, bytes)?,
        compression::PACK_BITS => pack_bits(&packed, bytes),
        compression::HUFFMAN | compression::GROUP_3 | compression::GROUP_4 => {
            return fax(page, &packed, rows);
        }
        _ => return Err(Reason::UnsupportedFormat),
    };
    unpacked.resize(bytes, 0);
    Ok(unpacked)
}

fn lzw(packed: &[u8], bytes: usize) -> Result<Vec<u8>, Reason> {
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
    let mut unpacked = vec![0; bytes];
    let (mut read, mut written) = (0, 0);
    while written < bytes && read < packed.len() {
        let step = decoder.decode_bytes(&packed[read..], &mut unpacked[written..]);
        read += step.consumed_in;
        written += step.consumed_out;
        match step.status {
            Ok(LzwStatus::Ok) if step.consumed_in + step.consumed_out > 0 => {}
            Ok(_) => break,
            Err(_) => return Err(Reason::Malformed),
        }
    }
    Ok(unpacked)
}

fn inflate(packed: &[u8], bytes: usize) -> Result<Vec<u8>, Reason> {
    let mut unpacked = Vec::with_capacity(bytes);
    match ZlibDecoder::new(packed).take(bytes as u64).read_to_end(&mut unpacked) {
        Ok(_) => Ok(unpacked),
        Err(_) => Err(Reason::Malformed),
    }
}

/// Apple's run-length code: a signed length, then that many bytes or one byte to repeat.
fn pack_bits(mut packed: &[u8], bytes: usize) -> Vec<u8> {
    let mut unpacked = Vec::with_capacity(bytes);
    while let [head, rest @ ..] = packed {
        let head = usize::from(*head);
        packed = match head {
            0..=127 => {
                let (run, rest) = rest.split_at(rest.len().min(head + 1));
                unpacked.extend_from_slice(run);
                rest
            }
            128 => rest,
            _ => {
                unpacked.extend(rest.first().into_iter().cycle().take(257 - head));
                rest.get(1..).unwrap_or_default()
            }
        };
        if unpacked.len() >= bytes {
            unpacked.truncate(bytes);
            break;
        }
    }
    unpacked
}

/// CCITT T.4 and T.6, with 1 for black.
fn fax(page: &TiffPage, packed: &[u8], rows: Rows) -> Result<Vec<u8>, Reason> {
    let is_group_3 = page.compression == compression::GROUP_3;
    let encoding = match page.compression {
        compression::GROUP_4 => EncodingMode::Group4,
        compression::GROUP_3 if page.t4_options & T4_IS_TWO_DIMENSIONAL != 0 => EncodingMode::Group3_2D,
        _ => EncodingMode::Group3_1D,
    };
    let settings = DecodeSettings {
        columns: rows.columns,
        rows: rows.count,
        end_of_block: page.compression != compression::HUFFMAN,
        end_of_line: is_group_3,
        rows_are_byte_aligned: page.compression == compression::HUFFMAN
            || is_group_3 && page.t4_options & T4_IS_BYTE_ALIGNED != 0,
        encoding,
        strict: false,
    };
    let mut canvas = FaxRows { bits: vec![0; rows.row_bytes * rows.count as usize], rows, at: 0 };
    let result = hayro_ccitt::decode(packed, &mut canvas, &mut DecoderContext::new(settings));
    let enough = rows.count as usize * FAX_ROWS_PERCENT_MIN / 100;
    if result.is_err() && canvas.at < enough.max(1) { Err(Reason::Malformed) } else { Ok(canvas.bits) }
}

struct FaxRows {
    bits: Vec<u8>,
    rows: Rows,
    at: usize,
}

impl Decoder for FaxRows {
    fn push_row(&mut self, changes: &[u32]) {
        let Some(row) = self.bits.chunks_exact_mut(self.rows.row_bytes).nth(self.at) else { return };
        self.at += 1;
        for run in changes.chunks(2) {
            let end = run.get(1).copied().unwrap_or(self.rows.columns);
            set_bits(row, run[0] as usize, end.min(self.rows.columns) as usize);
        }
    }
}

/// Sets the bits `start..end` of a row, most significant bit first.
fn set_bits(row: &mut [u8], start: usize, end: usize) {
    if start >= end {
        return;
    }
    let (first, last) = (start / 8, (end - 1) / 8);
    let (head, tail) = (0xFF >> (start % 8), 0xFF << (7 - (end - 1) % 8));
    if first == last {
        row[first] |= head & tail;
    } else {
        row[first] |= head;
        row[first + 1..last].fill(0xFF);
        row[last] |= tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_bits_may_start_and_end_anywhere() {
        for start in 0..24 {
            for end in start..=24 {
                let mut row = [0; 3];
                set_bits(&mut row, start, end);
                let found = (0..24).filter(|i| row[i / 8] & 0x80 >> (i % 8) != 0).collect::<Vec<_>>();
                assert_eq!(found, (start..end).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn packed_runs_never_grow_past_their_rows() {
        assert_eq!(pack_bits(&[0xFE, 7, 0x80, 1, 8, 9], 64), [7, 7, 7, 8, 9]);
        assert_eq!(pack_bits(&[0x81, 7], 5), [7; 5]);
        assert_eq!(pack_bits(&[0x05, 1], 64), [1]);
    }
}
