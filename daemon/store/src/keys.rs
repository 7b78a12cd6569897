//! Keys of the index: big-endian throughout, so that byte order is the order of the answers.

use lifecycle::Status;
use types::{Digest, DocId, Label, UnixMillis};

/// Stands where a list is not narrowed to one status.
const ANY_STATUS: u8 = u8::MAX;

/// The documents of one status, of one source, of both or of neither.
pub(crate) fn list(status: Option<Status>, source: Option<&Label>) -> Vec<u8> {
    let mut key = vec![status.map_or(ANY_STATUS, status_byte)];
    key.extend_from_slice(source.map_or("", Label::as_str).as_bytes());
    // No label holds a zero byte, so no list's key is the beginning of another's.
    key.push(0);
    key
}

/// A status as one byte.
pub(crate) fn status_byte(status: Status) -> u8 {
    status as u8
}

/// One document.
pub(crate) fn document(doc: DocId) -> Vec<u8> {
    doc.to_bytes().to_vec()
}

/// The document whose id ends the key.
pub(crate) fn ending(key: &[u8]) -> Option<DocId> {
    key.last_chunk().map(|bytes| DocId::from_bytes(*bytes))
}

/// A document that ends a list.
pub(crate) fn listed(mut list: Vec<u8>, doc: DocId) -> Vec<u8> {
    list.extend_from_slice(&doc.to_bytes());
    list
}

/// A time, then a document.
pub(crate) fn at(at: UnixMillis, doc: DocId) -> Vec<u8> {
    listed(at.0.to_be_bytes().to_vec(), doc)
}

/// A digest, then what orders its holders, then a document.
pub(crate) fn held(digest: Digest, order: u64, doc: DocId) -> Vec<u8> {
    let mut key = digest.0.to_vec();
    key.extend_from_slice(&order.to_be_bytes());
    listed(key, doc)
}

/// An event of a document.
pub(crate) fn event(doc: DocId, seq: u64) -> Vec<u8> {
    let mut key = document(doc);
    key.extend_from_slice(&seq.to_be_bytes());
    key
}
