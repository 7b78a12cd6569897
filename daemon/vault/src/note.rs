//! Notes: short texts of the site that belong to no document yet, such as the name of a file that waits.
//!
//! A note is nonce 12, ciphertext, tag 16 (AES-256-GCM). Its key is the keyed digest of its purpose, so it lives as
//! long as the site's secrets; what belongs to a document is sealed under the document's key instead.

use crate::secret::{Secret, random};
use crate::{Vault, VaultError};
use aws_lc_rs::aead::{Aad, MAX_TAG_LEN, NONCE_LEN, Nonce};

/// Longest note, in bytes; names of files end at 255.
pub const NOTE_BYTES_MAX: usize = 4096;

impl Vault {
    /// Seals a note for one purpose.
    ///
    /// # Errors
    /// When it is longer than [`NOTE_BYTES_MAX`].
    pub fn seal_note(&self, purpose: &'static str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        if plain.len() > NOTE_BYTES_MAX {
            return Err(VaultError::FactsTooLong { purpose, found: plain.len(), max: NOTE_BYTES_MAX });
        }
        let nonce = random::<NONCE_LEN>();
        let mut body = plain.to_vec();
        self.note_key(purpose)
            .cipher()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut body)
            .expect("a note is within what AES-GCM seals");
        Ok([nonce.as_slice(), &body].concat())
    }

    /// Opens a note; none when it was sealed for another purpose or site, or was changed.
    #[must_use]
    pub fn open_note(&self, purpose: &'static str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.note_key(purpose).cipher().open_in_place(nonce, Aad::from(purpose), &mut body).ok()?;
        body.truncate(body.len().checked_sub(MAX_TAG_LEN)?);
        Some(body)
    }

    fn note_key(&self, purpose: &'static str) -> Secret {
        let mut key = Secret::blank();
        key.expose_mut().copy_from_slice(&self.keyed_digest("note-key", &[purpose.as_bytes()]).0);
        key
    }
}
