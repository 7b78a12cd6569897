//! Reading records back, across segments, while or without anybody appending.

use crate::format::{FRAME_BYTES, Frame, Link};
use crate::place::{Place, Placed};
use crate::segment::{Segment, Step, Walk, list};
use crate::{Damage, Fault, LedgerError};
use lifecycle::Record;
use std::path::Path;
use types::Digest;

/// Frames of a ledger from one segment on to the end; every one of them checked.
pub(crate) struct Frames {
    segments: std::vec::IntoIter<Segment>,
    pub(crate) walk: Option<Walk>,
    /// Segments that were entered.
    pub(crate) entered: u64,
    /// Bytes of an unfinished batch at the end.
    pub(crate) torn_bytes: u64,
    pub(crate) link: Link,
}

impl Frames {
    /// From the segment that holds record `seq`; from the very first when it is 1 or 0.
    pub(crate) fn from(dir: &Path, seq: u64) -> Result<Self, Damage> {
        let unreadable =
            |error| Damage { segment: dir.display().to_string(), offset: 0, fault: Fault::Unreadable(error) };
        let mut segments = list(dir).map_err(unreadable)?;
        let skipped = segments.iter().rposition(|segment| segment.first <= seq).unwrap_or(0);
        segments.drain(..skipped);
        let mut frames =
            Self { segments: segments.into_iter(), walk: None, entered: 0, torn_bytes: 0, link: Link::START };
        frames.enter((skipped == 0).then_some(Link::START))?;
        Ok(frames)
    }

    /// Goes on to the next segment, if there is one.
    fn enter(&mut self, link: Option<Link>) -> Result<bool, Damage> {
        let Some(segment) = self.segments.next() else { return Ok(false) };
        let walk = Walk::open(&segment, link)?;
        self.link = walk.link;
        self.entered += 1;
        self.walk = Some(walk);
        Ok(true)
    }

    /// Hands the next frame to `look`; none at the end.
    pub(crate) fn next<T>(
        &mut self,
        look: impl FnOnce(&Frame<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Damage> {
        loop {
            let Some(walk) = &mut self.walk else { return Ok(None) };
            let start = walk.offset;
            match walk.step()? {
                Step::Frame(frame) => {
                    self.link = Link { seq: frame.seq + 1, prev: frame.hash };
                    let looked = look(&frame);
                    return looked.map(Some).map_err(|fault| walk.segment().damage(start, fault));
                }
                Step::Torn(_) if self.segments.as_slice().is_empty() => {
                    self.torn_bytes = walk.bytes() - start;
                    return Ok(None);
                }
                Step::Torn(damage) => return Err(damage),
                Step::End => {
                    if !self.enter(Some(self.link))? {
                        return Ok(None);
                    }
                }
            }
        }
    }
}

/// Records in order with their places. Ends at the first damage, after saying what it is.
pub struct PlacedRecords {
    frames: Frames,
    from: u64,
    ended: bool,
}

impl PlacedRecords {
    pub(crate) fn from(dir: &Path, seq: u64) -> Result<Self, LedgerError> {
        Ok(Self { frames: Frames::from(dir, seq)?, from: seq, ended: false })
    }

    fn advance(&mut self) -> Result<Option<Placed>, Damage> {
        let from = self.from;
        loop {
            let looked = self.frames.next(|frame| {
                let record = (frame.seq >= from).then(|| frame.record()).transpose()?;
                Ok((record, frame.hash, frame.payload.len()))
            })?;
            let Some((record, hash, payload)) = looked else { return Ok(None) };
            let Some(record) = record else { continue };
            // The walk stands behind the frame that it gave.
            let Some(walk) = &self.frames.walk else { return Ok(None) };
            let offset = walk.offset - (FRAME_BYTES + payload) as u64;
            let place = Place { segment: walk.segment().first, offset };
            return Ok(Some(Placed { record, place, hash }));
        }
    }
}

impl Iterator for PlacedRecords {
    type Item = Result<Placed, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.advance().map_err(LedgerError::from).transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Records in order. Ends at the first damage, after saying what it is.
pub struct Records(PlacedRecords);

impl Records {
    pub(crate) fn from(dir: &Path, seq: u64) -> Result<Self, LedgerError> {
        PlacedRecords::from(dir, seq).map(Self)
    }
}

impl Iterator for Records {
    type Item = Result<Record, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map(|placed| placed.record))
    }
}

/// Hash of record `seq`, after the chain from the first record to it was checked; none when there is no such
/// record. Payloads are not looked at.
///
/// # Errors
/// The first [`Damage`] up to there.
pub fn hash_at(dir: &Path, seq: u64) -> Result<Option<Digest>, Damage> {
    let mut frames = Frames::from(dir, 0)?;
    while let Some((found, hash)) = frames.next(|frame| Ok((frame.seq, frame.hash)))? {
        if found == seq {
            return Ok(Some(hash));
        }
    }
    Ok(None)
}
