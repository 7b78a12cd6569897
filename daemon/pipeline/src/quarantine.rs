//! # quarantine
//!
//! Reads: size, first bytes, what the arrival says. Leaves: `Quarantined { format }`.
//! Can refuse because: `duplicate`, `empty`, `file-too-large`, `bad-sidecar`, `archive`,
//! `unsupported-format`. Only magic numbers are compared here; structure is the parse worker's.

use crate::{desk::Desk, facts::ArrivalFacts, refusal::Refusal};
use ::store::Document;
use lifecycle::Outcome;
use std::{io::Read, sync::Arc};
use types::{Label, Reason};
use vault::Area;

/// A PDF header may follow so many bytes of junk (ISO 32000-1, annex H, implementation note 13).
const PDF_HEADER_WITHIN_BYTES: u64 = 1024;

pub(crate) async fn run(desk: &Arc<Desk>, doc: &Document) -> Result<Outcome, Refusal> {
    let state = &doc.state;
    if state.duplicate_of.is_some() {
        return Err(Reason::Duplicate.into());
    }
    if state.bytes == 0 {
        return Err(Reason::Empty.into());
    }
    if state.bytes > desk.limits(&state.source).file_bytes_max {
        return Err(Reason::FileTooLarge.into());
    }
    let (id, sealed, original, accepted) = (
        doc.id,
        state.sealed_arrival.clone(),
        state.blobs.original,
        state.accepted.contains(&Reason::BadSidecar),
    );
    desk.blocking(move |desk| {
        let facts = ArrivalFacts::open(&desk.vault, id, &sealed.0)?;
        if facts.bad_sidecar && !accepted {
            return Err(Reason::BadSidecar.into());
        }
        let original = original.ok_or(Reason::StorageError)?;
        let mut head = Vec::new();
        let reader = desk.vault.reader(id, Area::Original, original)?;
        reader.take(PDF_HEADER_WITHIN_BYTES).read_to_end(&mut head).map_err(crate::artefacts::disk)?;
        let format = sniff(&head)?;
        Ok(Outcome::Quarantined { format: format.parse::<Label>().map_err(|_| Reason::UnsupportedFormat)? })
    })
    .await
}

/// The format that the magic bytes announce (B14).
fn sniff(head: &[u8]) -> Result<&'static str, Reason> {
    const TIFF: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];
    const ARCHIVES: [&[u8]; 6] =
        [b"PK\x03\x04", b"PK\x05\x06", b"7z\xBC\xAF\x27\x1C", b"Rar!", b"\x1F\x8B", b"\xFD7zXZ"];
    if ARCHIVES.iter().any(|magic| head.starts_with(magic)) {
        return Err(Reason::Archive);
    }
    if TIFF.iter().any(|magic| head.starts_with(magic)) {
        return Ok("tiff");
    }
    if head.starts_with(b"\x89PNG\r\n\x1A\n") {
        return Ok("png");
    }
    if head.starts_with(b"\xFF\xD8\xFF") {
        return Ok("jpeg");
    }
    if head.windows(5).any(|window| window == b"%PDF-") {
        return Ok("pdf");
    }
    Err(Reason::UnsupportedFormat)
}

#[cfg(test)]
mod tests {
    use super::*;

    // B14, A9: the type is what the bytes say, never what the name says.
    #[test]
    fn formats_are_told_by_their_magic_bytes() {
        for (head, format) in [
            (&b"II*\0rest"[..], Ok("tiff")),
            (b"MM\0+bigtiff", Ok("tiff")),
            (b"\x89PNG\r\n\x1A\n", Ok("png")),
            (b"\xFF\xD8\xFF\xE0", Ok("jpeg")),
            (b"junk before %PDF-1.4", Ok("pdf")),
            (b"PK\x03\x04 named .pdf", Err(Reason::Archive)),
            (b"#!/bin/sh", Err(Reason::UnsupportedFormat)),
        ] {
            assert_eq!(sniff(head), format);
        }
    }
}
