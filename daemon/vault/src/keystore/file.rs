//! The compact keystore file: every document's seeds, wrapped under one generation key.
//!
//! ```text
//! magic 8 · id of the root key 16 · generation u64 · generation key 60 (wrapped under the root key)
//! made u64 · wholes u64 · parts u64
//! wholes × { document 16 · root seed 60 (wrapped under the generation key) }
//! parts × { document 16 · bits u8 · for each bit from the lowest: seed 60 (wrapped) }
//! HMAC-SHA-256 of all of this under the generation key, 32
//! ```
//! Integers are big-endian. A wrapped key is nonce 12 · ciphertext 32 · tag 16. Bit n stands for the
//! scope with code n: 1 to 5 are the areas, 6 is facts.

use super::entry::{Entry, Scope};
use crate::VaultError;
use crate::root::Root;
use crate::secret::{KEY_ID_BYTES, KeyId, Secret, WRAPPED_BYTES, Wrapped};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use types::{DocId, UnixMillis};

/// Entries by document.
pub(crate) type Entries = BTreeMap<DocId, Entry>;

/// One whole entry, in the file and in the journal.
pub(crate) const ENTRY_BYTES: usize = 16 + WRAPPED_BYTES;

const MAGIC: &[u8; 8] = b"LZKEYS\0\x02";
const ID: Range<usize> = MAGIC.len()..MAGIC.len() + KEY_ID_BYTES;
const NUMBER: Range<usize> = ID.end..ID.end + 8;
/// Where the wrapped generation key lies: wiped when the file is retired.
const GENERATION_KEY: Range<usize> = NUMBER.end..NUMBER.end + WRAPPED_BYTES;
pub(crate) const WIPED: Range<u64> = GENERATION_KEY.start as u64..GENERATION_KEY.end as u64;
const MADE: Range<usize> = GENERATION_KEY.end..GENERATION_KEY.end + 8;
const WHOLES: Range<usize> = MADE.end..MADE.end + 8;
const PARTS: Range<usize> = WHOLES.end..WHOLES.end + 8;
const TAG_BYTES: usize = 32;
const PURPOSE: &str = "keystore";

/// A generation of the keystore. Its key dies with it, and every seed of a document that did not
/// move on to the next generation dies too.
pub(crate) struct Generation {
    pub(crate) number: u64,
    /// When it was made.
    pub(crate) made: UnixMillis,
    key: Secret,
}

impl Generation {
    /// Number 1.
    pub(crate) fn first(made: UnixMillis) -> Self {
        Self { number: 1, made, key: Secret::generate() }
    }

    /// The one after, with a key of its own.
    pub(crate) fn next(&self, made: UnixMillis) -> Self {
        Self { number: self.number + 1, made, key: Secret::generate() }
    }

    /// Seals a document's root seed, or the seed of one scope.
    pub(crate) fn wrap(&self, doc: DocId, scope: Option<Scope>, seed: &Secret) -> Wrapped {
        self.key.wrap(seed, &document_context(self.number, doc, scope))
    }

    /// Opens a seed; none unless it was sealed in this generation for this document and scope.
    pub(crate) fn unwrap(&self, doc: DocId, scope: Option<Scope>, wrapped: &Wrapped) -> Option<Secret> {
        self.key.unwrap(wrapped, &document_context(self.number, doc, scope))
    }

    /// The generation key itself, to be tried on a sample.
    pub(crate) fn secret(&self) -> &Secret {
        &self.key
    }

    fn tag_key(&self) -> hmac::Key {
        hmac::Key::new(HMAC_SHA256, self.key.derive(&[b"keystore tag"]).expose())
    }
}

/// What a wrapped seed is bound to; a root seed has the code 0.
fn document_context(number: u64, doc: DocId, scope: Option<Scope>) -> Vec<u8> {
    let code = scope.map_or(0, Scope::code);
    [b"lazaret document key v2".as_slice(), &number.to_be_bytes(), &doc.to_bytes(), &[code]].concat()
}

/// What a wrapped generation key is bound to.
fn generation_context(number: u64) -> Vec<u8> {
    [b"lazaret generation key v2".as_slice(), &number.to_be_bytes()].concat()
}

/// A whole entry's bytes.
pub(crate) fn whole(doc: DocId, root: &Wrapped) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..16].copy_from_slice(&doc.to_bytes());
    bytes[16..].copy_from_slice(root);
    bytes
}

/// What a whole entry's bytes say.
pub(crate) fn parse_whole(bytes: &[u8; ENTRY_BYTES]) -> (DocId, Entry) {
    let doc = bytes[..16].try_into().expect("16 of 76 bytes");
    (DocId::from_bytes(doc), Entry::Whole(bytes[16..].try_into().expect("60 of 76 bytes")))
}

/// The file's bytes.
pub(crate) fn encode(root: &Root, generation: &Generation, entries: &Entries) -> Vec<u8> {
    let mut file = Vec::with_capacity(PARTS.end + entries.len() * ENTRY_BYTES + TAG_BYTES);
    let above = root.wrapping(PURPOSE);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&root.id.0);
    file.extend_from_slice(&generation.number.to_be_bytes());
    file.extend_from_slice(&above.wrap(&generation.key, &generation_context(generation.number)));
    file.extend_from_slice(&generation.made.0.to_be_bytes());
    let wholes = entries.values().filter(|entry| matches!(entry, Entry::Whole(_))).count() as u64;
    file.extend_from_slice(&wholes.to_be_bytes());
    file.extend_from_slice(&(entries.len() as u64 - wholes).to_be_bytes());
    let (mut parts, mut fields) = (Vec::new(), Vec::new());
    for (doc, entry) in entries {
        match entry {
            Entry::Whole(root) => file.extend_from_slice(&whole(*doc, root)),
            Entry::Parts(seeds) => {
                fields.clear();
                let mut bits = 0;
                for (scope, wrapped) in seeds {
                    bits |= 1 << scope.code();
                    fields.extend_from_slice(wrapped);
                }
                parts.extend_from_slice(&doc.to_bytes());
                parts.push(bits);
                parts.extend_from_slice(&fields);
            }
        }
    }
    file.extend_from_slice(&parts);
    let tag = hmac::sign(&generation.tag_key(), &file);
    file.extend_from_slice(tag.as_ref());
    file
}

/// What the file's bytes say, all of them verified. `root` finds a root key by its id.
pub(crate) fn decode<'a>(
    root: impl FnOnce(KeyId) -> Option<&'a Root>,
    path: &Path,
    file: &[u8],
) -> Result<(&'a Root, Generation, Entries), VaultError> {
    let damaged =
        |offset: usize, fault| VaultError::Damaged { path: path.to_owned(), offset: offset as u64, fault };
    if !file.starts_with(MAGIC) {
        return Err(VaultError::version(path, file, MAGIC));
    }
    if file.len() < PARTS.end + TAG_BYTES {
        return Err(damaged(file.len(), "expected a whole header"));
    }
    let id = KeyId(file[ID].try_into().expect("16 bytes"));
    let root = root(id).ok_or_else(|| VaultError::ForeignRoot { path: path.to_owned() })?;
    let number = integer(&file[NUMBER]);
    let wrapped: &Wrapped = file[GENERATION_KEY].try_into().expect("60 bytes");
    let key = root
        .wrapping(PURPOSE)
        .unwrap(wrapped, &generation_context(number))
        .ok_or_else(|| damaged(NUMBER.start, "expected a generation key that opens under the root key"))?;
    let generation = Generation { number, made: UnixMillis(integer(&file[MADE])), key };
    let (body, tag) = file.split_at(file.len() - TAG_BYTES);
    if hmac::verify(&generation.tag_key(), body, tag).is_err() {
        return Err(damaged(MADE.start, "expected entries that match the file's HMAC"));
    }
    let entries = parse_entries(&body[PARTS.end..], integer(&file[WHOLES]), integer(&file[PARTS]))
        .ok_or_else(|| damaged(WHOLES.start, "expected as many entries as the counts say"))?;
    Ok((root, generation, entries))
}

fn parse_entries(bytes: &[u8], wholes: u64, parts: u64) -> Option<Entries> {
    let split = usize::try_from(wholes).ok()?.checked_mul(ENTRY_BYTES)?;
    let (whole, mut rest) = bytes.split_at_checked(split)?;
    let (whole, _) = whole.as_chunks::<ENTRY_BYTES>();
    let mut entries: Entries = whole.iter().map(parse_whole).collect();
    for _ in 0..parts {
        let (doc, tail) = rest.split_first_chunk::<16>()?;
        let (bits, mut tail) = tail.split_first()?;
        let mut seeds = Vec::with_capacity(bits.count_ones() as usize);
        for scope in Scope::ALL.into_iter().filter(|scope| bits >> scope.code() & 1 == 1) {
            let (wrapped, after) = tail.split_first_chunk::<WRAPPED_BYTES>()?;
            seeds.push((scope, *wrapped));
            tail = after;
        }
        entries.insert(DocId::from_bytes(*doc), Entry::Parts(seeds));
        rest = tail;
    }
    rest.is_empty().then_some(entries)
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
        let (doc, at) = (DocId::from_bytes([7; 16]), UnixMillis(1));
        let first = Generation::first(at);
        let wrapped = first.wrap(doc, None, &Secret::generate());
        let forged = Generation { number: first.number, made: at, key: first.next(at).key };
        assert!(first.unwrap(doc, None, &wrapped).is_some());
        assert!(forged.unwrap(doc, None, &wrapped).is_none());
        assert!(first.next(at).unwrap(doc, None, &wrapped).is_none());
        assert!(first.unwrap(doc, Some(Scope::Facts), &wrapped).is_none());
    }
}
