//! Files in the `age-encryption.org/v1` format for X25519 recipients: what `age` and every other
//! implementation of it opens, so that a site can read its escrow without us.
//!
//! Only what the escrow of keys needs: no passphrases, no plugins, no armour, whole files in memory.
//! Why this is not the crate of that name stands in `docs/decisions/0016-age-files.md`.

mod bech32;
mod header;
mod identity;
mod payload;

pub use identity::{Identity, Recipient};

use crate::VaultError;
use crate::secret::random;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

/// Bytes of the key that a header gives to each recipient.
const FILE_KEY_BYTES: usize = 16;
/// Bytes of every derived key.
const KEY_BYTES: usize = 32;

type FileKey = Zeroizing<[u8; FILE_KEY_BYTES]>;
type Key = Zeroizing<[u8; KEY_BYTES]>;

/// Encrypts to every recipient; any one of them can open it.
pub(crate) fn seal(recipients: &[Recipient], plain: &[u8]) -> Vec<u8> {
    let file_key = Zeroizing::new(random::<FILE_KEY_BYTES>());
    let mut file = header::write(&file_key, recipients);
    payload::seal(&file_key, plain, &mut file);
    file
}

/// Decrypts.
pub(crate) fn open(identity: &Identity, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (file_key, payload) = header::read(identity, file)?;
    payload::open(&file_key, payload).ok_or(VaultError::NotEscrow {
        fault: "its content was changed or cut; fetch it again from the medium",
    })
}

/// HKDF-SHA-256.
fn derive(ikm: &[u8], salt: &[u8], info: &[u8]) -> Key {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    Salt::new(HKDF_SHA256, salt)
        .extract(ikm)
        .expand(&[info], Length)
        .and_then(|okm| okm.fill(key.as_mut_slice()))
        .expect("HKDF-SHA-256 yields 32 bytes");
    key
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

#[cfg(test)]
mod tests;
