//! The places of a document's records, packed: a few bytes for each, since the next one mostly lies not far
//! behind the last, in the same segment.

use crate::{
    StoreError, keys,
    trees::{Tree, Trees, Writes},
    values,
};
use ledger::Place;
use types::DocId;

/// Longest piece of a track, in bytes; a longer track goes on in another piece.
const PIECE_BYTES_MAX: usize = values::PIECE_BYTES_MAX;

/// A record and where it lies.
pub(crate) type Step = (u64, Place);

/// Before the first step of a piece: what the steps are counted from.
const ORIGIN: Step = (0, Place { segment: 0, offset: 0 });

/// The end of a document's track, to be longer by and by.
pub(crate) struct Track {
    doc: DocId,
    /// First record of the last piece.
    first: u64,
    piece: Vec<u8>,
    last: Step,
}

impl Track {
    /// That of a document which is about to arrive.
    pub(crate) fn new(doc: DocId) -> Self {
        Self { doc, first: 0, piece: Vec::new(), last: ORIGIN }
    }

    /// As the index has it.
    pub(crate) fn load(trees: &Trees, doc: DocId) -> Result<Self, StoreError> {
        let Some((first, piece)) = piece_at(trees, doc, u64::MAX)? else {
            return Err(StoreError::Damaged { what: "a document has no records" });
        };
        let last = unpack(&piece)?.last().copied();
        let last = last.ok_or(StoreError::Damaged { what: "a track has an empty piece" })?;
        Ok(Self { doc, first, piece, last })
    }

    /// Goes on to another record. A piece that is full goes to `writes`.
    pub(crate) fn add(&mut self, step: Step, writes: &mut Writes) -> Result<(), StoreError> {
        let packed = pack(self.last, step)?;
        if !self.piece.is_empty() && self.piece.len() + packed.len() <= PIECE_BYTES_MAX {
            self.piece.extend_from_slice(&packed);
        } else {
            if !self.piece.is_empty() {
                self.save(writes);
            }
            self.first = step.0;
            self.piece = pack(ORIGIN, step)?;
        }
        self.last = step;
        Ok(())
    }

    /// Puts the last piece to `writes`.
    pub(crate) fn save(&self, writes: &mut Writes) {
        writes.put(Tree::Events, keys::event(self.doc, self.first), self.piece.clone());
    }
}

/// Steps of a document behind record `after`, in order, at most `limit`.
pub(crate) fn steps(trees: &Trees, doc: DocId, after: u64, limit: usize) -> Result<Vec<Step>, StoreError> {
    let mut found = Vec::new();
    let mut next = piece_at(trees, doc, after.saturating_add(1))?;
    if next.is_none() {
        next = piece_behind(trees, doc, after)?;
    }
    while let Some((first, piece)) = next {
        found.extend(unpack(&piece)?.into_iter().filter(|(seq, _)| *seq > after));
        if found.len() >= limit {
            break;
        }
        next = piece_behind(trees, doc, first)?;
    }
    found.truncate(limit);
    Ok(found)
}

/// Where one record of a document lies.
pub(crate) fn place(trees: &Trees, doc: DocId, seq: u64) -> Result<Place, StoreError> {
    let lost = StoreError::Damaged { what: "it lacks a record it names" };
    let Some((_, piece)) = piece_at(trees, doc, seq)? else { return Err(lost) };
    unpack(&piece)?.into_iter().find(|(found, _)| *found == seq).map(|(_, place)| place).ok_or(lost)
}

/// The steps of a piece.
pub(crate) fn unpack(piece: &[u8]) -> Result<Vec<Step>, StoreError> {
    let (mut steps, mut last, mut rest) = (Vec::new(), ORIGIN, piece);
    while !rest.is_empty() {
        let ((seq, segment, offset), behind): ((u64, u64, u64), _) = values::decode_first(rest)?;
        let same = segment == 0;
        let overflow = StoreError::Damaged { what: "a track goes too far" };
        let sum = |a: u64, b: u64| a.checked_add(b);
        let place = Place {
            segment: sum(last.1.segment, segment).unwrap_or_default(),
            offset: if same { sum(last.1.offset, offset).unwrap_or_default() } else { offset },
        };
        last = (sum(last.0, seq).filter(|_| place.segment > 0).ok_or(overflow)?, place);
        steps.push(last);
        rest = behind;
    }
    Ok(steps)
}

fn pack(last: Step, (seq, place): Step) -> Result<Vec<u8>, StoreError> {
    let same = last.1.segment == place.segment;
    let offset = if same { place.offset.wrapping_sub(last.1.offset) } else { place.offset };
    values::encode(&(seq.wrapping_sub(last.0), place.segment.wrapping_sub(last.1.segment), offset))
}

/// The piece that holds record `seq`, if any does: the last that begins at it or before.
fn piece_at(trees: &Trees, doc: DocId, seq: u64) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    let range = keys::event(doc, 0)..=keys::event(doc, seq);
    trees.tree(Tree::Events).range(range).next_back().map(piece_of).transpose()
}

/// The first piece that begins behind record `seq`.
fn piece_behind(trees: &Trees, doc: DocId, seq: u64) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    let range = keys::event(doc, seq.saturating_add(1))..=keys::event(doc, u64::MAX);
    trees.tree(Tree::Events).range(range).next().map(piece_of).transpose()
}

fn piece_of(pair: sled::Result<(sled::IVec, sled::IVec)>) -> Result<(u64, Vec<u8>), StoreError> {
    let (key, value) = pair?;
    let first = key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes));
    Ok((first.ok_or(StoreError::Damaged { what: "a key names no record" })?, value.to_vec()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn steps_are_packed_into_few_bytes_and_come_back() {
        let at = |seq, segment, offset| (seq, Place { segment, offset });
        let steps = [
            at(7, 1, 64),
            at(8, 1, 700),
            at(900, 1, 60_000_000),
            at(300_000, 200_001, 64),
            at(300_001, 200_001, 90),
        ];
        let (mut piece, mut last) = (Vec::new(), ORIGIN);
        for step in steps {
            piece.extend(pack(last, step).unwrap());
            last = step;
        }
        assert_eq!(unpack(&piece).unwrap(), steps);
        assert!(piece.len() <= 30, "{} bytes", piece.len());
        assert!(unpack(&piece[..piece.len() - 1]).is_err(), "cut short");
    }
}
