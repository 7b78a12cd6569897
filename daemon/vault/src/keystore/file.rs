//! The compact keystore file: every document key, wrapped under one generation key.
//!
//! ```text
//! magic 8 · id of the master key 16 · generation u64 · generation key 60 (wrapped under the master key)
//! count u64 · count × { document 16 · document key 60 (wrapped under the generation key) }
//! HMAC-SHA-256 of all of this under the generation key, 32
//! ```
//! Integers are big-endian. A wrapped key is nonce 12 · ciphertext 32 · tag 16.

use crate::VaultError;
use crate::master::KEY_ID_BYTES;
use crate::secret::{Secret, WRAPPED_BYTES, Wrapped};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use types::DocId;

/// Wrapped document keys by document.
pub(crate) type Entries = BTreeMap<DocId, Wrapped>;

/// One entry, in the file and in the journal.
pub(crate) const ENTRY_BYTES: usize = 16 + WRAPPED_BYTES;

const MAGIC: &[u8; 8] = b"LZKEYS\0\x01";
const ID: Range<usize> = MAGIC.len()..MAGIC.len() + KEY_ID_BYTES;
const NUMBER: Range<usize> = ID.end..ID.end + 8;
/// Where the wrapped generation key lies: wiped when the file is retired.
pub(crate) const GENERATION_KEY: Range<usize> = NUMBER.end..NUMBER.end + WRAPPED_BYTES;
const COUNT: Range<usize> = GENERATION_KEY.end..GENERATION_KEY.end + 8;
const TAG_BYTES: usize = 32;

/// A generation of the keystore. Its key dies with it, and every key of a document that did not
/// move on to the next generation dies too.
pub(crate) struct Generation {
    pub(crate) number: u64,
    key: Secret,
}

impl Generation {
    /// Number 1.
    pub(crate) fn first() -> Self {
        Self { number: 1, key: Secret::generate() }
    }

    /// The one after, with a key of its own.
    pub(crate) fn next(&self) -> Self {
        Self { number: self.number + 1, key: Secret::generate() }
    }

    /// Seals a document's key.
    pub(crate) fn wrap(&self, doc: DocId, key: &Secret) -> Wrapped {
        self.key.wrap(key, &document_context(self.number, doc))
    }

    /// Opens a document's key; none unless it was sealed in this generation for this document.
    pub(crate) fn unwrap(&self, doc: DocId, wrapped: &Wrapped) -> Option<Secret> {
        self.key.unwrap(wrapped, &document_context(self.number, doc))
    }

    fn tag_key(&self) -> hmac::Key {
        hmac::Key::new(HMAC_SHA256, self.key.derive(&[b"keystore tag"]).expose())
    }
}

/// What a wrapped document key is bound to.
fn document_context(number: u64, doc: DocId) -> Vec<u8> {
    [b"lazaret document key v1".as_slice(), &number.to_be_bytes(), &doc.to_bytes()].concat()
}

/// What a wrapped generation key is bound to.
fn generation_context(number: u64) -> Vec<u8> {
    [b"lazaret generation key v1".as_slice(), &number.to_be_bytes()].concat()
}

/// What the keystore needs of the master key.
pub(crate) struct Above {
    pub(crate) key: Secret,
    pub(crate) id: [u8; KEY_ID_BYTES],
}

/// One entry's bytes.
pub(crate) fn entry(doc: DocId, wrapped: &Wrapped) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..16].copy_from_slice(&doc.to_bytes());
    bytes[16..].copy_from_slice(wrapped);
    bytes
}

/// What an entry's bytes say.
pub(crate) fn parse_entry(bytes: &[u8; ENTRY_BYTES]) -> (DocId, Wrapped) {
    let doc = bytes[..16].try_into().expect("16 of 76 bytes");
    (DocId::from_bytes(doc), bytes[16..].try_into().expect("60 of 76 bytes"))
}

/// The file's bytes.
pub(crate) fn encode(above: &Above, generation: &Generation, entries: &Entries) -> Vec<u8> {
    let mut file = Vec::with_capacity(COUNT.end + entries.len() * ENTRY_BYTES + TAG_BYTES);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&above.id);
    file.extend_from_slice(&generation.number.to_be_bytes());
    file.extend_from_slice(&above.key.wrap(&generation.key, &generation_context(generation.number)));
    file.extend_from_slice(&(entries.len() as u64).to_be_bytes());
    for (doc, wrapped) in entries {
        file.extend_from_slice(&entry(*doc, wrapped));
    }
    let tag = hmac::sign(&generation.tag_key(), &file);
    file.extend_from_slice(tag.as_ref());
    file
}

/// What the file's bytes say, all of them verified.
pub(crate) fn decode(above: &Above, path: &Path, file: &[u8]) -> Result<(Generation, Entries), VaultError> {
    let damaged =
        |offset: usize, fault| VaultError::Damaged { path: path.to_owned(), offset: offset as u64, fault };
    if file.len() < COUNT.end + TAG_BYTES || !file.starts_with(MAGIC) {
        return Err(damaged(0, "expected a keystore of version 1"));
    }
    if file[ID] != above.id {
        return Err(VaultError::WrongMasterKey { path: path.to_owned() });
    }
    let number = integer(&file[NUMBER]);
    let wrapped: &Wrapped = file[GENERATION_KEY].try_into().expect("60 bytes");
    let key = above
        .key
        .unwrap(wrapped, &generation_context(number))
        .ok_or_else(|| damaged(NUMBER.start, "expected a generation key that opens under the master key"))?;
    let generation = Generation { number, key };
    let (body, tag) = file.split_at(file.len() - TAG_BYTES);
    if hmac::verify(&generation.tag_key(), body, tag).is_err() {
        return Err(damaged(COUNT.start, "expected entries that match the file's HMAC"));
    }
    let (entries, rest) = body[COUNT.end..].as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() || entries.len() as u64 != integer(&file[COUNT]) {
        return Err(damaged(COUNT.start, "expected as many entries as the count says"));
    }
    Ok((generation, entries.iter().map(parse_entry).collect()))
}

fn integer(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().expect("8 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_generation_has_a_key_of_its_own() {
        // A46: whoever holds the new generation key cannot open what only the old one sealed, even
        // when the number of the generation is forged.
        let doc = DocId::from_bytes([7; 16]);
        let first = Generation::first();
        let wrapped = first.wrap(doc, &Secret::generate());
        let forged = Generation { number: first.number, key: first.next().key };
        assert!(first.unwrap(doc, &wrapped).is_some());
        assert!(forged.unwrap(doc, &wrapped).is_none());
        assert!(first.next().unwrap(doc, &wrapped).is_none());
    }
}
