//! Is the end of a ledger a batch that never reached the disk whole? Nothing of such a batch was
//! acknowledged, so it may be cut; everything else that is wrong is damage and may not.
//!
//! A batch is one write. After a power cut each sector of it is on disk or still as it was before: zero,
//! for the space was reserved and never filled. The file may also be shorter than the batch. So a batch
//! that is torn has a frame that ends after the file or overlaps a sector of zeros, and behind that nothing
//! but frames of the same batch: one of a later batch was written after this one had been confirmed.

use crate::BATCH_BYTES_MAX;
use crate::format::{
    FRAME_BYTES, Version, check_frame, frame_bytes, is_marked, turn, u64_at, with_length_to_the_end,
};
use std::ops::Range;

/// The least that a disk writes whole.
const SECTOR_BYTES: u64 = 512;
/// In version 1 the first bytes of a frame may be zero: they are those of its length.
const LENGTH_BYTES: usize = 4;

/// The end of a segment, from the beginning of a batch that is not whole.
pub(crate) struct Tail<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where it begins in the file.
    pub(crate) start: u64,
    /// Where in it the first frame begins that is not as it was written.
    pub(crate) bad: usize,
    /// Number of the first record of the batch.
    pub(crate) first: u64,
    pub(crate) version: Version,
}

impl Tail<'_> {
    /// Can it only be a batch that the disk never confirmed?
    pub(crate) fn is_torn(&self) -> bool {
        self.bytes.len() <= BATCH_BYTES_MAX && self.is_unfinished() && !self.is_contradicted()
    }

    /// Does the bad frame miss bytes? They are behind the end of the file, or zero to its end, or a sector.
    fn is_unfinished(&self) -> bool {
        let end = self.claimed_end().unwrap_or(self.bad + FRAME_BYTES);
        self.bytes.get(end - 1..).is_none_or(is_zero) || self.has_hole(self.bad..end)
    }

    /// Where the bad frame ends by its own length, if that can be a length.
    fn claimed_end(&self) -> Option<usize> {
        let head = self.bytes[self.bad..].first_chunk::<FRAME_BYTES>()?;
        let is_ours = is_marked(head) == (self.version == Version::Batches);
        frame_bytes(head, 0).ok().filter(|_| is_ours).map(|length| self.bad + length)
    }

    /// Is one of the sectors that the range touches zero, as far as the batch reaches into it? The first
    /// byte and the last one of a frame never are, nor is one of its payload.
    fn has_hole(&self, range: Range<usize>) -> bool {
        let sector = |at: usize| (self.start + at as u64) / SECTOR_BYTES;
        let place = |sector: u64| (sector * SECTOR_BYTES).saturating_sub(self.start) as usize;
        let least = if self.version == Version::Batches { 1 } else { LENGTH_BYTES };
        (sector(range.start)..=sector(range.end - 1)).any(|sector| {
            let part = &self.bytes[place(sector)..place(sector + 1).min(self.bytes.len())];
            part.len() >= least && is_zero(part)
        })
    }

    /// Does something behind say that the batch was whole once, or that the bad frame's length was changed?
    fn is_contradicted(&self) -> bool {
        let inside = self.bad + 1..self.claimed_end().unwrap_or(self.bad);
        let later = self.first + 1..=self.first + (self.bytes.len() / FRAME_BYTES) as u64;
        let whole = (self.bad + 1..self.bytes.len().saturating_sub(FRAME_BYTES)).filter(|at| {
            later.contains(&u64_at(self.bytes, at + 8)) && begins_with_whole_frame(&self.bytes[*at..])
        });
        let mut odd = whole.filter(|at| inside.contains(at) || !self.is_of_this_batch(*at));
        let rest = &self.bytes[self.bad..];
        odd.next().is_some()
            || with_length_to_the_end(rest).is_some_and(|frame| begins_with_whole_frame(&frame))
    }

    fn is_of_this_batch(&self, at: usize) -> bool {
        let index = u64::from(turn(&self.bytes[at..]).index);
        u64_at(self.bytes, at + 8).checked_sub(index) == Some(self.first)
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn begins_with_whole_frame(bytes: &[u8]) -> bool {
    let length = bytes.first_chunk().and_then(|head| frame_bytes(head, 0).ok());
    let frame = length.and_then(|length| bytes.get(..length));
    frame.is_some_and(|frame| check_frame(frame, 0).is_ok())
}
