//! Small facts of a document (hashes, file name, upload metadata), sealed so that they can lie in the
//! ledger: they die with the document's key.
//!
//! Bytes: version 2 · nonce 12 · ciphertext · tag 16. The key is HKDF-SHA-256 of the document's seed for facts
//! with purpose and document as info; the same two are associated data.

use crate::VaultError;
use crate::secret::{Secret, random};
use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use types::DocId;

/// Longest plain text. A sidecar of 16 KiB, a file name and three hashes fit, even twice.
pub const FACTS_BYTES_MAX: usize = 48 * 1024;

const VERSION: u8 = 2;

/// Seals facts for one purpose.
pub(crate) fn seal(
    facts_seed: &Secret,
    doc: DocId,
    purpose: &'static str,
    plain: &[u8],
) -> Result<Vec<u8>, VaultError> {
    if plain.len() > FACTS_BYTES_MAX {
        return Err(VaultError::FactsTooLong { purpose, found: plain.len(), max: FACTS_BYTES_MAX });
    }
    let nonce = random::<NONCE_LEN>();
    let context = context(doc, purpose);
    let mut sealed = [&[VERSION], nonce.as_slice(), plain].concat();
    let body = &mut sealed[1 + NONCE_LEN..];
    let tag = facts_seed
        .derive(&[&context])
        .cipher()
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&context), body)
        .expect("48 KiB are within what AES-GCM seals");
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Opens facts of the same document and purpose.
pub(crate) fn open(
    facts_seed: &Secret,
    doc: DocId,
    purpose: &'static str,
    sealed: &[u8],
) -> Result<Vec<u8>, VaultError> {
    let context = context(doc, purpose);
    let open = || {
        let (nonce, body) = sealed.strip_prefix(&[VERSION])?.split_first_chunk::<NONCE_LEN>()?;
        let mut plain = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let bytes = facts_seed
            .derive(&[&context])
            .cipher()
            .open_in_place(nonce, Aad::from(&context), &mut plain)
            .ok()?
            .len();
        plain.truncate(bytes);
        Some(plain)
    };
    open().ok_or(VaultError::FactsTampered { doc, purpose })
}

fn context(doc: DocId, purpose: &str) -> Vec<u8> {
    [b"facts".as_slice(), &doc.to_bytes(), purpose.as_bytes()].concat()
}
