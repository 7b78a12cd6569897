//! Values: postcard, cut into pieces that sled keeps inside its pages.
//!
//! sled writes a value that does not fit a page to a file of its own and may leak that file, so no
//! piece is larger than [`PIECE_BYTES_MAX`]. The first piece begins with the number of pieces.

use crate::{StoreError, trees::Reads};
use serde::{Serialize, de::DeserializeOwned};

/// Largest value handed to sled, in bytes.
const PIECE_BYTES_MAX: usize = 8 << 10;
/// Most pieces of a value: their number is one byte.
const PIECES_MAX: usize = u8::MAX as usize;

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

/// Cuts a value into pieces, each with its key.
pub(crate) fn cut(key: &[u8], value: &[u8]) -> Result<Vec<Pair>, StoreError> {
    let count = (value.len() + 1).div_ceil(PIECE_BYTES_MAX);
    let max = PIECE_BYTES_MAX * PIECES_MAX - 1;
    let first = u8::try_from(count).map_err(|_| StoreError::TooLarge { bytes: value.len(), max })?;
    let mut counted = Vec::with_capacity(value.len() + 1);
    counted.push(first);
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
    let Some((count, value)) = first.split_first() else {
        return Err(StoreError::Damaged { what: "a value without a length" });
    };
    let mut value = value.to_vec();
    for number in 1..*count {
        let piece = tree
            .read(&piece_key(key, number))?
            .ok_or(StoreError::Damaged { what: "a value lacks a piece" })?;
        value.extend_from_slice(&piece);
    }
    Ok(Some(value))
}

/// The key of the value that a piece's key belongs to, if the piece is its first.
pub(crate) fn whole_key(piece_key: &[u8]) -> Option<&[u8]> {
    piece_key.split_last().filter(|(number, _)| **number == 0).map(|(_, key)| key)
}

fn piece_key(key: &[u8], number: u8) -> Vec<u8> {
    let mut piece = key.to_vec();
    piece.push(number);
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
    fn no_piece_is_larger_than_8_kib_and_the_pieces_make_the_value_again() {
        for length in [0, 1, 8190, 8191, 8192, 8193, 100_000] {
            let value: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let pieces = Map(cut(b"key", &value).unwrap().into_iter().collect());
            assert!(pieces.0.values().all(|piece| piece.len() <= 8 << 10));
            assert_eq!(join(&pieces, b"key").unwrap().unwrap(), value, "{length}");
        }
        assert!(matches!(cut(b"key", &vec![0; 3 << 20]), Err(StoreError::TooLarge { .. })));
    }

    #[test]
    fn a_missing_piece_is_noticed() {
        let mut pieces: BTreeMap<_, _> = cut(b"key", &[7; 20_000]).unwrap().into_iter().collect();
        pieces.remove(&piece_key(b"key", 1));
        assert!(matches!(join(&Map(pieces), b"key"), Err(StoreError::Damaged { .. })));
    }
}
