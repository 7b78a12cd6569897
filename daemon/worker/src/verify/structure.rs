//! The product as another PDF library sees it: one revision, no key that we do not write, no object that
//! nothing leads to.

use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId};
use std::collections::BTreeSet;

/// Every key that may stand in a dictionary of the product. Annotations, actions, scripts, forms, layers,
/// names, attachments, document information and earlier revisions all need another.
const KEYS: &[&[u8]] = &[
    b"BaseFont",
    b"BitsPerComponent",
    b"ColorSpace",
    b"Columns",
    b"Contents",
    b"Count",
    b"DecodeParms",
    b"DestOutputProfile",
    b"Encoding",
    b"Filter",
    b"Font",
    b"Height",
    b"Info",
    b"K",
    b"Kids",
    b"Length",
    b"MediaBox",
    b"Metadata",
    b"N",
    b"OutputConditionIdentifier",
    b"OutputIntents",
    b"Pages",
    b"Parent",
    b"Picture",
    b"Resources",
    b"Rows",
    b"S",
    b"Subtype",
    b"Text",
    b"Type",
    b"Width",
    b"XObject",
];

/// The keys of the trailer.
const TRAILER_KEYS: &[&[u8]] = &[b"ID", b"Root", b"Size"];

/// Largest stream that is unpacked while loading, bytes: the product packs none but pictures.
const UNPACKED_BYTES_MAX: usize = 1 << 20;

/// Is this a PDF of so many pages that holds what the product may hold, and nothing else?
pub(super) fn is_sound(product: &[u8], pages: u32) -> bool {
    let options = LoadOptions {
        strict: true,
        max_decompressed_size: Some(UNPACKED_BYTES_MAX),
        filter: Some(without_px),
        ..LoadOptions::default()
    };
    Document::load_mem_with_options(product, options).is_ok_and(|document| {
        is_one_revision(product, &document)
            && document.get_pages().len() == pages as usize
            && has_only(&document.trailer, TRAILER_KEYS)
            && document.objects.values().all(is_known)
            && reachable(&document) == document.objects.keys().copied().collect()
    })
}

/// Drops the px of pictures while loading: the structure does not need their memory.
fn without_px(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    if let Object::Stream(stream) = object
        && stream.dict.has(b"Width")
    {
        stream.content = Vec::new();
    }
    Some((id, object.clone()))
}

fn is_one_revision(product: &[u8], document: &Document) -> bool {
    const MARK: &[u8] = b"startxref";
    let marks = product.windows(MARK.len()).filter(|bytes| *bytes == MARK).count();
    let encrypted = document.is_encrypted() || document.was_encrypted();
    marks == 1
        && document.revision_count() == 1
        && document.xref_recovery.is_none()
        && !encrypted
        && product.trim_ascii_end().ends_with(b"%%EOF")
}

fn has_only(dictionary: &Dictionary, keys: &[&[u8]]) -> bool {
    dictionary.iter().all(|(key, _)| keys.contains(&key.as_slice()))
}

/// Only known keys, all the way down.
fn is_known(object: &Object) -> bool {
    let known = |dictionary: &Dictionary| {
        has_only(dictionary, KEYS) && dictionary.iter().all(|(_, value)| is_known(value))
    };
    match object {
        Object::Array(items) => items.iter().all(is_known),
        Object::Dictionary(dictionary) => known(dictionary),
        Object::Stream(stream) => known(&stream.dict),
        _ => true,
    }
}

/// Every object that the trailer leads to.
fn reachable(document: &Document) -> BTreeSet<ObjectId> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Object> = document.trailer.iter().map(|(_, value)| value).collect();
    while let Some(object) = open.pop() {
        match object {
            Object::Reference(id) if reached.insert(*id) => open.extend(document.objects.get(id)),
            Object::Array(items) => open.extend(items),
            Object::Dictionary(dictionary) => open.extend(dictionary.iter().map(|(_, value)| value)),
            Object::Stream(stream) => open.extend(stream.dict.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    reached
}
