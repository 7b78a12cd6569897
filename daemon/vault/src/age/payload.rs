//! The payload: STREAM over ChaCha20-Poly1305 in chunks of 64 KiB. The nonce is the chunk's number and
//! one byte that is 1 for the last.

use super::{FileKey, derive};
use crate::secret::random;
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

const CHUNK_BYTES: usize = 64 << 10;
const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + MAX_TAG_LEN;
/// Bytes before the first chunk; the payload's key is derived from them.
const SALT_BYTES: usize = 16;

/// Appends the sealed payload.
pub(super) fn seal(file_key: &FileKey, plain: &[u8], out: &mut Vec<u8>) {
    let salt = random::<SALT_BYTES>();
    let key = cipher(file_key, &salt);
    let chunks = plain.len().div_ceil(CHUNK_BYTES).max(1);
    out.reserve(SALT_BYTES + plain.len() + chunks * MAX_TAG_LEN);
    out.extend_from_slice(&salt);
    for number in 0..chunks {
        let start = number * CHUNK_BYTES;
        let mut chunk = Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_BYTES));
        chunk.extend_from_slice(&plain[start..plain.len().min(start + CHUNK_BYTES)]);
        key.seal_in_place_append_tag(nonce(number, number + 1 == chunks), Aad::empty(), &mut *chunk)
            .expect("64 KiB are within what ChaCha20-Poly1305 seals");
        out.extend_from_slice(&chunk);
    }
}

/// Opens the whole payload; none when a byte of it was changed, or it was cut or extended.
pub(super) fn open(file_key: &FileKey, payload: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (salt, sealed) = payload.split_first_chunk::<SALT_BYTES>()?;
    let key = cipher(file_key, salt);
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let chunks = sealed.len().div_ceil(SEALED_CHUNK_BYTES);
    for (number, chunk) in sealed.chunks(SEALED_CHUNK_BYTES).enumerate() {
        let mut chunk = Zeroizing::new(chunk.to_vec());
        let nonce = nonce(number, number + 1 == chunks);
        let opened = key.open_in_place(nonce, Aad::empty(), &mut chunk).ok()?;
        // Only an empty file has an empty chunk.
        if opened.is_empty() && number > 0 {
            return None;
        }
        plain.extend_from_slice(opened);
    }
    (chunks > 0).then_some(plain)
}

fn cipher(file_key: &FileKey, salt: &[u8; SALT_BYTES]) -> LessSafeKey {
    let key = derive(file_key.as_slice(), salt, b"payload");
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.as_slice()).expect("it takes 32 bytes"))
}

fn nonce(number: usize, last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 9..NONCE_LEN - 1].copy_from_slice(&(number as u64).to_be_bytes());
    nonce[NONCE_LEN - 1] = last.into();
    Nonce::assume_unique_for_key(nonce)
}
