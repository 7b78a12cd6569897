//! What a PDF carries besides pages to look at: a walk over all its objects.
//!
//! Only names things, by the names of the ledger; what follows from a finding is policy. It looks at
//! every object of the file, reachable or not, since an action nobody points to yet is still there.

use lopdf::{Dictionary, Document, Object};
use std::collections::BTreeSet;
use types::Reason;

/// Names of what was found.
pub(super) type Findings = BTreeSet<&'static str>;

pub(super) const JAVASCRIPT: &str = "javascript";
pub(super) const LAUNCH: &str = "launch";
pub(super) const EMBEDDED_FILE: &str = "embedded-file";
pub(super) const AUTOMATIC_ACTION: &str = "automatic-action";
pub(super) const EXTERNAL_LINK: &str = "external-link";
pub(super) const SUBMIT_FORM: &str = "submit-form";
pub(super) const RICH_MEDIA: &str = "rich-media";
pub(super) const XFA: &str = "xfa";
pub(super) const INCREMENTAL_UPDATE: &str = "incremental-update";
pub(super) const OPTIONAL_CONTENT: &str = "optional-content";
pub(super) const EMPTY_PASSWORD: &str = "empty-password";
pub(super) const TRAILING_DATA: &str = "trailing-data";

/// Most values in all objects together, for each object that is allowed: arrays of numbers make the
/// bulk of them.
const VALUES_PER_OBJECT: u64 = 100;

/// Collects the findings of all objects. Not recursive: depth costs heap, not stack.
pub(super) fn collect(pdf: &Document, objects_max: u32, findings: &mut Findings) -> Result<(), Reason> {
    let mut values_left = u64::from(objects_max) * VALUES_PER_OBJECT;
    let mut open: Vec<&Object> = Vec::new();
    inspect(&pdf.trailer, pdf, findings);
    for object in pdf.objects.values() {
        open.push(object);
        while let Some(object) = open.pop() {
            values_left = values_left.checked_sub(1).ok_or(Reason::TooManyObjects)?;
            let dictionary = match object {
                Object::Array(items) => {
                    open.extend(items);
                    continue;
                }
                Object::Dictionary(dictionary) => dictionary,
                Object::Stream(stream) => &stream.dict,
                _ => continue,
            };
            inspect(dictionary, pdf, findings);
            open.extend(dictionary.iter().map(|(_key, value)| value));
        }
    }
    Ok(())
}

fn inspect(dictionary: &Dictionary, pdf: &Document, findings: &mut Findings) {
    for (key, value) in dictionary.iter() {
        let found = match key.as_slice() {
            b"JS" | b"JavaScript" => JAVASCRIPT,
            b"EF" | b"EmbeddedFiles" => EMBEDDED_FILE,
            b"AA" => AUTOMATIC_ACTION,
            b"OpenAction" if does_more_than_show_a_place(value, pdf) => AUTOMATIC_ACTION,
            b"XFA" => XFA,
            b"OCProperties" => OPTIONAL_CONTENT,
            b"RichMediaContent" | b"RichMediaSettings" => RICH_MEDIA,
            b"S" | b"Type" | b"Subtype" => match name(value, pdf) {
                Some(b"EmbeddedFile") if is_structure(dictionary, pdf) => EMBEDDED_FILE,
                Some(_) if is_structure(dictionary, pdf) => continue,
                Some(kind) => match finding_of(kind) {
                    Some(found) => found,
                    None => continue,
                },
                None => continue,
            },
            _ => continue,
        };
        findings.insert(found);
    }
}

/// What the name of an action, annotation or stream stands for.
fn finding_of(kind: &[u8]) -> Option<&'static str> {
    match kind {
        b"JavaScript" => Some(JAVASCRIPT),
        b"Launch" => Some(LAUNCH),
        b"EmbeddedFile" | b"FileAttachment" | b"GoToE" => Some(EMBEDDED_FILE),
        b"URI" | b"GoToR" => Some(EXTERNAL_LINK),
        b"SubmitForm" | b"ImportData" => Some(SUBMIT_FORM),
        b"RichMedia" | b"Screen" | b"Movie" | b"Sound" | b"3D" | b"Rendition" | b"RichMediaExecute" => {
            Some(RICH_MEDIA)
        }
        _ => None,
    }
}

/// Structure elements name their role in `S` too; roles are free text.
fn is_structure(dictionary: &Dictionary, pdf: &Document) -> bool {
    dictionary.get(b"Type").ok().and_then(|value| name(value, pdf)) == Some(b"StructElem")
}

/// A destination, or an action that only goes to one, is how every office suite opens its files.
fn does_more_than_show_a_place(value: &Object, pdf: &Document) -> bool {
    match pdf.dereference(value) {
        Ok((_, Object::Dictionary(action))) => {
            action.has(b"Next") || action.get(b"S").ok().and_then(|kind| name(kind, pdf)) != Some(b"GoTo")
        }
        _ => false,
    }
}

fn name<'a>(value: &'a Object, pdf: &'a Document) -> Option<&'a [u8]> {
    pdf.dereference(value).ok().and_then(|(_, object)| object.as_name().ok())
}
