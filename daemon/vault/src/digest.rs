//! SHA-256, the one plain hash of the appliance.

use aws_lc_rs::digest::{Context, SHA256};
use std::io::{self, Read, Write};
use types::Digest;

/// Bytes read and hashed at a time.
const PIECE_BYTES: usize = 256 << 10;

/// SHA-256 of bytes that arrive in pieces.
#[derive(Clone)]
pub struct Sha256(Context);

impl Sha256 {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces.
    #[must_use]
    pub fn finish(self) -> Digest {
        digest_of(self.0.finish().as_ref())
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

/// SHA-256 of one piece.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    digest_of(aws_lc_rs::digest::digest(&SHA256, bytes).as_ref())
}

/// Length and SHA-256 of everything that a reader gives.
///
/// # Errors
/// When it cannot be read.
pub fn sha256_of(from: &mut (impl Read + ?Sized)) -> io::Result<(u64, Digest)> {
    copy_and_hash(from, &mut io::sink())
}

/// Copies everything that a reader gives; length and SHA-256 of it.
pub(crate) fn copy_and_hash(
    from: &mut (impl Read + ?Sized),
    to: &mut impl Write,
) -> io::Result<(u64, Digest)> {
    let (mut bytes, mut sha256, mut piece) = (0, Sha256::new(), vec![0; PIECE_BYTES]);
    loop {
        match from.read(&mut piece)? {
            0 => return Ok((bytes, sha256.finish())),
            read => {
                to.write_all(&piece[..read])?;
                sha256.update(&piece[..read]);
                bytes += read as u64;
            }
        }
    }
}

/// The 32 bytes that SHA-256 and HMAC-SHA-256 return as a slice.
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    Digest(bytes.try_into().expect("SHA-256 has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hash_like_the_whole_and_as_fips_180_says() {
        let mut pieces = Sha256::new();
        pieces.update(b"a");
        pieces.update(b"bc");
        assert_eq!(pieces.finish(), sha256(b"abc"));
        assert_eq!(
            sha256(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
