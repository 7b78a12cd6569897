//! Values: postcard, cut into pieces that stay small.
//!
//! sled's memory grows with what it holds, and a value that does not fit a page goes to a file of its own,
//! which sled may leak. So no piece is larger than [`PIECE_BYTES_MAX`]; nearly every value is one piece.
//! The first piece has the key itself and begins with the number of pieces.

use crate::{StoreError, trees::Reads};
use serde::{Serialize, de::DeserializeOwned};

/// Largest value handed to sled, in bytes.
pub(crate) const PIECE_BYTES_MAX: usize = 256;
/// Most pieces of a value: a document under thousands of holds still fits.
const PIECES_MAX: usize = u16::MAX as usize;
/// The number of pieces, at the beginning of the first.
const COUNT_BYTES: usize = 2;

/// A key and a value as sled sees them.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// The bytes of a value.
pub(crate) fn encode(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(value).map_err(|_| StoreError::Damaged { what: "a value cannot be written" })
}

/// The value of some bytes.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| StoreError::Damaged { what: "a value cannot be read" })
}

/// The first value of some bytes, and the bytes behind it.
pub(crate) fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), StoreError> {
    postcard::take_from_bytes(bytes).map_err(|_| StoreError::Damaged { what: "a value cannot be read" })
}

/// Zeros in a row that are worth two bytes.
const ZEROS_MIN: usize = 4;

/// Shortens runs of zeros, which stand where something was taken out: (length, so many bytes, so many zeros), again
/// and again.
pub(crate) fn squeeze(bytes: &[u8]) -> Vec<u8> {
    let mut squeezed = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let run = rest.windows(ZEROS_MIN).position(|window| window.iter().all(|byte| *byte == 0));
        let (plain, behind) = rest.split_at(run.unwrap_or(rest.len()).min(u8::MAX.into()));
        let zeros = behind.iter().take(u8::MAX.into()).take_while(|byte| **byte == 0).count();
        let zeros = if zeros < ZEROS_MIN { 0 } else { zeros };
        squeezed.push(plain.len() as u8);
        squeezed.extend_from_slice(plain);
        squeezed.push(zeros as u8);
        rest = &behind[zeros..];
    }
    squeezed
}

/// The bytes that were squeezed.
pub(crate) fn unsqueeze(squeezed: &[u8]) -> Result<Vec<u8>, StoreError> {
    let (mut bytes, mut rest) = (Vec::with_capacity(squeezed.len() * 2), squeezed);
    while let Some((length, behind)) = rest.split_first() {
        let parts = behind.split_at_checked(usize::from(*length));
        let parts = parts.and_then(|(plain, behind)| Some((plain, behind.split_first()?)));
        let (plain, (zeros, behind)) = parts.ok_or(StoreError::Damaged { what: "a value is cut short" })?;
        bytes.extend_from_slice(plain);
        bytes.resize(bytes.len() + usize::from(*zeros), 0);
        rest = behind;
    }
    Ok(bytes)
}

/// Cuts a value into pieces, each with its key.
pub(crate) fn cut(key: &[u8], value: &[u8]) -> Result<Vec<Pair>, StoreError> {
    let count = (value.len() + COUNT_BYTES).div_ceil(PIECE_BYTES_MAX);
    let max = PIECE_BYTES_MAX * PIECES_MAX - COUNT_BYTES;
    let first = u16::try_from(count).map_err(|_| StoreError::TooLarge { bytes: value.len(), max })?;
    let mut counted = Vec::with_capacity(value.len() + COUNT_BYTES);
    counted.extend_from_slice(&first.to_be_bytes());
    counted.extend_from_slice(value);
    Ok(counted
        .chunks(PIECE_BYTES_MAX)
        .zip(0..)
        .map(|(piece, number)| (piece_key(key, number), piece.to_vec()))
        .collect())
}

/// Puts the pieces of a value together again; none when there is no such value.
pub(crate) fn join(tree: &impl Reads, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(first) = tree.read(&piece_key(key, 0))? else { return Ok(None) };
    let Some((count, value)) = first.split_first_chunk::<COUNT_BYTES>() else {
        return Err(StoreError::Damaged { what: "a value without a length" });
    };
    let mut value = value.to_vec();
    for number in 1..u16::from_be_bytes(*count) {
        let piece = tree
            .read(&piece_key(key, number))?
            .ok_or(StoreError::Damaged { what: "a value lacks a piece" })?;
        value.extend_from_slice(&piece);
    }
    Ok(Some(value))
}

fn piece_key(key: &[u8], number: u16) -> Vec<u8> {
    let mut piece = key.to_vec();
    if number > 0 {
        piece.extend_from_slice(&number.to_be_bytes());
    }
    piece
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeMap;

    struct Map(BTreeMap<Vec<u8>, Vec<u8>>);

    impl Reads for Map {
        fn read(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
            Ok(self.0.get(key).map(|value| value.as_slice().into()))
        }
    }

    #[test]
    fn no_piece_is_larger_than_256_bytes_and_the_pieces_make_the_value_again() {
        for length in [0, 1, 253, 254, 255, 256, 257, 510, 511, 100_000] {
            let value: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let pieces = Map(cut(b"key", &value).unwrap().into_iter().collect());
            assert!(pieces.0.values().all(|piece| piece.len() <= 256));
            assert_eq!(join(&pieces, b"key").unwrap().unwrap(), value, "{length}");
        }
        assert_eq!(cut(b"key", &[0; 254]).unwrap().len(), 1);
        assert!(matches!(cut(b"key", &vec![0; 17 << 20]), Err(StoreError::TooLarge { .. })));
    }

    #[test]
    fn squeezed_bytes_come_back() {
        for zeros in [0, 1, 3, 4, 5, 254, 255, 256, 260, 600] {
            for plain in [0, 1, 254, 255, 256, 300] {
                let mut bytes = vec![7; plain];
                bytes.resize(plain + zeros, 0);
                bytes.extend_from_slice(&[1, 0, 0, 2]);
                assert_eq!(unsqueeze(&squeeze(&bytes)).unwrap(), bytes, "{plain} bytes, {zeros} zeros");
            }
        }
        assert_eq!(squeeze(&[0; 200]).len(), 2);
        let squeezed = squeeze(&[7; 20]);
        assert!(unsqueeze(&squeezed[..20]).is_err(), "cut short");
    }

    #[test]
    fn a_missing_piece_is_noticed() {
        let mut pieces: BTreeMap<_, _> = cut(b"key", &[7; 20_000]).unwrap().into_iter().collect();
        pieces.remove(&piece_key(b"key", 1));
        assert!(matches!(join(&Map(pieces), b"key"), Err(StoreError::Damaged { .. })));
    }
}
