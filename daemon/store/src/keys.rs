//! Keys of the index: big-endian throughout, so that byte order is the order of the answers.

use lifecycle::Status;
use types::{DocId, Label, UnixMillis};

/// Ends the source in the key of a list. No label holds a zero byte, so no list's key is the beginning of
/// another's.
const LIST_END: u8 = 0;
/// Stands where a list has its status; no status is so high.
const FORGOTTEN: u8 = u8::MAX;

/// The documents of one status and one source.
pub(crate) fn list(status: Status, source: &Label) -> Vec<u8> {
    let mut key = vec![status_byte(status)];
    key.extend_from_slice(source.as_str().as_bytes());
    key.push(LIST_END);
    key
}

/// The documents of one source whose tombstones left the lists: they are counted, and shown no more.
pub(crate) fn forgotten(source: &Label) -> Vec<u8> {
    let mut key = vec![FORGOTTEN];
    key.extend_from_slice(source.as_str().as_bytes());
    key.push(LIST_END);
    key
}

/// The list that an entry belongs to, and a key behind all of its entries.
pub(crate) fn list_of(entry: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    // The status comes first, and may be any byte.
    let source = entry.get(1..)?.iter().position(|byte| *byte == LIST_END)?;
    let list = &entry[..source + 2];
    let mut behind = list.to_vec();
    *behind.last_mut()? += 1;
    Some((list.to_vec(), behind))
}

/// A status as one byte.
pub(crate) fn status_byte(status: Status) -> u8 {
    status as u8
}

/// One document.
pub(crate) fn document(doc: DocId) -> Vec<u8> {
    doc.to_bytes().to_vec()
}

/// The document of a key that is only its id.
pub(crate) fn only(key: &[u8]) -> Option<DocId> {
    key.try_into().ok().map(DocId::from_bytes)
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

/// The time and the document of such a key.
pub(crate) fn since(key: &[u8]) -> Option<(UnixMillis, DocId)> {
    let since = key.first_chunk().map(|bytes| UnixMillis(u64::from_be_bytes(*bytes)))?;
    Some((since, ending(key)?))
}

/// A digest (or its beginning), then what orders its holders, then a document.
pub(crate) fn held(digest: &[u8], order: u64, doc: DocId) -> Vec<u8> {
    let mut key = digest.to_vec();
    key.extend_from_slice(&order.to_be_bytes());
    listed(key, doc)
}

/// The piece of a document's track that begins with this record.
pub(crate) fn event(doc: DocId, seq: u64) -> Vec<u8> {
    let mut key = document(doc);
    key.extend_from_slice(&seq.to_be_bytes());
    key
}
