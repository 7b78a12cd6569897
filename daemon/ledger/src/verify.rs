//! Checking a whole ledger offline: read-only, without lock or daemon, sharing only the format with
//! the writer.

use crate::Damage;
use crate::read::Frames;
use std::path::Path;
use types::Digest;

/// What a sound ledger holds. Compare `records` and `tip` with what was noted earlier: a ledger that
/// was cut at the end of a record, or written anew from some record on, is sound in itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Records.
    pub records: u64,
    /// Segment files.
    pub segments: u64,
    /// Hash of the last record; zeros when there is none.
    pub tip: Digest,
    /// Bytes behind the last record that never became one: being appended right now, or torn by a
    /// crash and cut at the next start.
    pub unfinished_bytes: u64,
}

/// Checks every byte: headers, checksums, order, chain, and that each payload is a known event.
///
/// # Errors
/// The first [`Damage`], with its place.
pub fn verify(dir: &Path) -> Result<Report, Damage> {
    let mut frames = Frames::from(dir, 0)?;
    while frames.next(|frame| frame.record().map(drop))?.is_some() {}
    Ok(Report {
        records: frames.link.seq - 1,
        segments: frames.entered,
        tip: frames.link.prev,
        unfinished_bytes: frames.torn_bytes,
    })
}
