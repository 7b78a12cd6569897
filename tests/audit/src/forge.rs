//! Somebody who may write every byte: edits, removes, reorders, cuts, exchanges, writes anew and signs
//! anew, each time as well as it can be done. Shares only the written format with the product.

use crate::{Dice, Papers, Signer};
use anyhow::{Context, Result};
use aws_lc_rs::digest::{SHA256, digest};
use ledger::{Mark, Signed, merkle};
use lifecycle::{Body, Record, SystemEvent};
use std::{fs, path::Path};
use types::Digest;

const HEADER: usize = 64;
const FRAME: usize = 56;
/// Bits of a frame's first word that are its length.
const LENGTH: u64 = 0x3_ffff;
/// The other bits, of a batch of one record.
const ALONE: u32 = 1 << 31;
const LOG: &str = "checkpoints.log";
const END_LINE: &str = "%%\n";

/// What is done to a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Forgery {
    FlipBit,
    EditAndMendChecksum,
    EditAndRechain,
    Delete,
    DeleteAndRechain,
    Reorder,
    ReorderAndRechain,
    Repeat,
    RepeatAndRechain,
    Truncate,
    SwapSegments,
    RemoveSegment,
    EditAndResignWithNewKeys,
    EditAndResignWithTodaysKey,
    RollBack,
    FlipBitOfLog,
    RemoveNote,
    SwapNotes,
    TruncateLog,
    RemoveLog,
}

/// All of them.
pub const KINDS: [Forgery; 20] = [
    Forgery::FlipBit,
    Forgery::EditAndMendChecksum,
    Forgery::EditAndRechain,
    Forgery::Delete,
    Forgery::DeleteAndRechain,
    Forgery::Reorder,
    Forgery::ReorderAndRechain,
    Forgery::Repeat,
    Forgery::RepeatAndRechain,
    Forgery::Truncate,
    Forgery::SwapSegments,
    Forgery::RemoveSegment,
    Forgery::EditAndResignWithNewKeys,
    Forgery::EditAndResignWithTodaysKey,
    Forgery::RollBack,
    Forgery::FlipBitOfLog,
    Forgery::RemoveNote,
    Forgery::SwapNotes,
    Forgery::TruncateLog,
    Forgery::RemoveLog,
];

/// A ledger's folder in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Folder {
    segments: Vec<(String, Vec<u8>)>,
    log: Option<Vec<u8>>,
}

impl Folder {
    /// Reads one.
    ///
    /// # Errors
    /// When the disk does.
    pub fn load(dir: &Path) -> Result<Self> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(dir)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".seg") {
                segments.push((name.clone(), fs::read(dir.join(name))?));
            }
        }
        segments.sort();
        Ok(Self { segments, log: fs::read(dir.join(LOG)).ok() })
    }

    /// Writes it into a new folder.
    ///
    /// # Errors
    /// When the disk does.
    pub fn store(&self, dir: &Path) -> Result<()> {
        fs::create_dir(dir)?;
        for (name, bytes) in &self.segments {
            fs::write(dir.join(name), bytes)?;
        }
        self.log.iter().try_for_each(|log| fs::write(dir.join(LOG), log))?;
        Ok(())
    }

    /// The same records in segments of so many.
    ///
    /// # Errors
    /// When a frame is no frame.
    pub fn cut_into(&self, records: usize) -> Result<Self> {
        let payloads: Vec<_> = self.frames().iter().map(|frame| frame[FRAME..].to_vec()).collect();
        Ok(Self { segments: chained(&payloads, records)?.0, log: self.log.clone() })
    }

    /// Does it to a copy. Everything that is touched is covered by the auditor's checkpoint.
    ///
    /// # Errors
    /// When a frame is no frame.
    pub fn forged(&self, kind: Forgery, dice: &mut Dice, papers: &Papers, today: &Signer) -> Result<Self> {
        let covered = usize::try_from(papers.external.checkpoint.mark.size)?;
        let (mut to, frames) = (self.clone(), self.frames());
        let (k, other) = two(dice, covered);
        let per_segment = self.per_segment();
        let mut payloads: Vec<_> = frames.iter().map(|frame| frame[FRAME..].to_vec()).collect();
        match kind {
            Forgery::FlipBit => {
                let segment = dice.below(to.segments.len());
                flip(&mut to.segments[segment].1, dice);
            }
            Forgery::EditAndMendChecksum => {
                let mut changed = frames;
                changed[k] = frame(integer(&changed[k][8..16]), &changed[k][24..56], &edited(&payloads[k])?)?;
                to.segments = as_they_are(&changed, per_segment)?;
            }
            Forgery::EditAndRechain => {
                payloads[k] = edited(&payloads[k])?;
                to.segments = chained(&payloads, per_segment)?.0;
            }
            Forgery::Delete => {
                let mut changed = frames;
                changed.remove(k);
                to.segments = as_they_are(&changed, per_segment)?;
            }
            Forgery::DeleteAndRechain => {
                payloads.remove(k);
                to.segments = chained(&payloads, per_segment)?.0;
            }
            Forgery::Reorder => {
                let mut changed = frames;
                changed.swap(k, other);
                to.segments = as_they_are(&changed, per_segment)?;
            }
            Forgery::ReorderAndRechain => {
                payloads.swap(k, other);
                to.segments = chained(&payloads, per_segment)?.0;
            }
            Forgery::Repeat => {
                let mut changed = frames;
                changed.insert(k, changed[other].clone());
                to.segments = as_they_are(&changed, per_segment)?;
            }
            Forgery::RepeatAndRechain => {
                payloads.insert(k, payloads[other].clone());
                to.segments = chained(&payloads, per_segment)?.0;
            }
            Forgery::Truncate => to.truncate(k, dice),
            Forgery::SwapSegments => {
                let (a, b) = two(dice, to.segments.len());
                let (one, two) = (to.segments[a].1.clone(), to.segments[b].1.clone());
                (to.segments[a].1, to.segments[b].1) = (two, one);
            }
            Forgery::RemoveSegment => {
                // The last one may hold nothing that was signed.
                let segment = dice.below(to.segments.len() - 1);
                to.segments.remove(segment);
            }
            Forgery::EditAndResignWithNewKeys | Forgery::EditAndResignWithTodaysKey => {
                payloads[k] = edited(&payloads[k])?;
                let (segments, marks) = chained(&payloads, per_segment)?;
                let strange = Signer::new()?;
                let new_keys = kind == Forgery::EditAndResignWithNewKeys;
                to.segments = segments;
                to.log =
                    Some(to.signed_anew(&marks, k, if new_keys { &strange } else { today }, new_keys)?);
            }
            Forgery::RollBack => {
                to.truncate(k, dice);
                let mut notes = self.notes()?;
                notes.retain(|note| note.checkpoint.mark.size <= k as u64);
                to.log = Some(joined(&notes));
            }
            Forgery::FlipBitOfLog => flip(to.log.as_mut().context("a log")?, dice),
            Forgery::RemoveNote => {
                let mut notes = self.notes()?;
                notes.remove(dice.below(notes.len()));
                to.log = Some(joined(&notes));
            }
            Forgery::SwapNotes => {
                let mut notes = self.notes()?;
                let (a, b) = two(dice, notes.len());
                notes.swap(a, b);
                to.log = Some(joined(&notes));
            }
            Forgery::TruncateLog => {
                let log = to.log.as_mut().context("a log")?;
                log.truncate(dice.below(log.len()));
            }
            Forgery::RemoveLog => to.log = None,
        }
        Ok(to)
    }

    /// Changes record `k` (from 0), and signs with today's key whatever does not fit any more.
    ///
    /// # Errors
    /// When a frame is no frame.
    pub fn resigned(&self, k: usize, today: &Signer) -> Result<Self> {
        let mut payloads: Vec<_> = self.frames().iter().map(|frame| frame[FRAME..].to_vec()).collect();
        payloads[k] = edited(&payloads[k])?;
        let (segments, marks) = chained(&payloads, self.per_segment())?;
        Ok(Self { segments, log: Some(self.signed_anew(&marks, k, today, false)?) })
    }

    /// Keeps the first `k` records and sometimes a part of the next one.
    fn truncate(&mut self, k: usize, dice: &mut Dice) {
        let mut left = k;
        let mut cut = None;
        for (index, (_, bytes)) in self.segments.iter_mut().enumerate() {
            let frames = split(bytes);
            if left < frames.len() {
                let kept = HEADER + frames[..left].iter().map(Vec::len).sum::<usize>();
                bytes.truncate(kept + dice.below(2) * dice.below(frames[left].len()));
                cut = Some(index + 1);
                break;
            }
            left -= frames.len();
        }
        self.segments.truncate(cut.unwrap_or(self.segments.len()));
    }

    /// A log that fits the changed ledger. With today's key only those notes are kept that still fit;
    /// all others are signed anew.
    fn signed_anew(&self, marks: &[Mark], k: usize, signer: &Signer, all: bool) -> Result<Vec<u8>> {
        let mut log: Vec<Signed> = Vec::new();
        for note in self.notes()? {
            let checkpoint = &note.checkpoint;
            if checkpoint.mark.size <= k as u64 && !all {
                log.push(note);
            } else {
                let mark = marks[usize::try_from(checkpoint.mark.size)?];
                let prev = log.last().map_or(Digest([0; 32]), Signed::hash);
                log.push(signer.sign(mark, checkpoint.at.0, prev, false)?);
            }
        }
        Ok(joined(&log))
    }

    fn frames(&self) -> Vec<Vec<u8>> {
        self.segments.iter().flat_map(|(_, bytes)| split(bytes)).collect()
    }

    fn per_segment(&self) -> usize {
        self.segments.first().map_or(1, |(_, bytes)| split(bytes).len())
    }

    fn notes(&self) -> Result<Vec<Signed>> {
        let log = String::from_utf8(self.log.clone().context("a log")?)?;
        log.split_terminator(END_LINE).map(|note| Ok(Signed::parse(note)?)).collect()
    }
}

fn joined(notes: &[Signed]) -> Vec<u8> {
    notes.iter().map(|note| [note.note(), END_LINE].concat()).collect::<String>().into_bytes()
}

/// Two different numbers below `end`.
fn two(dice: &mut Dice, end: usize) -> (usize, usize) {
    let (a, b) = (dice.below(end), dice.below(end - 1));
    (a, if b < a { b } else { b + 1 })
}

fn flip(bytes: &mut [u8], dice: &mut Dice) {
    let at = dice.below(bytes.len());
    bytes[at] ^= 1 << dice.below(8);
}

fn edited(payload: &[u8]) -> Result<Vec<u8>> {
    let mut record: Record = serde_json::from_slice(payload)?;
    record.body = Body::System(SystemEvent::Stopped);
    Ok(serde_json::to_vec(&record)?)
}

/// Frames of a segment, cut apart.
fn split(segment: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut frames) = (&segment[HEADER..], Vec::new());
    while rest.len() > FRAME {
        let (frame, behind) =
            rest.split_at((FRAME + (integer(&rest[..4]) & LENGTH) as usize).min(rest.len()));
        frames.push(frame.to_vec());
        rest = behind;
    }
    frames
}

/// Records numbered and chained anew, in segments of so many; and what the ledger is at each size.
#[expect(clippy::type_complexity, reason = "two things made in one walk")]
fn chained(payloads: &[Vec<u8>], per_segment: usize) -> Result<(Vec<(String, Vec<u8>)>, Vec<Mark>)> {
    let (mut frames, mut chain, mut tree) = (Vec::new(), [0; 32], merkle::Frontier::default());
    let mut marks = vec![Mark::empty()];
    for (index, payload) in payloads.iter().enumerate() {
        let mut record: Record = serde_json::from_slice(payload)?;
        record.seq = index as u64 + 1;
        let payload = serde_json::to_vec(&record)?;
        let frame = frame(record.seq, &chain, &payload)?;
        chain = chain_hash(&frame)?;
        tree.push(merkle::leaf_hash(&payload));
        marks.push(Mark { size: record.seq, root: tree.root(), tip: Digest(chain) });
        frames.push(frame);
    }
    Ok((as_they_are(&frames, per_segment)?, marks))
}

/// Frames put into segments whose headers fit as well as they can.
fn as_they_are(frames: &[Vec<u8>], per_segment: usize) -> Result<Vec<(String, Vec<u8>)>> {
    let mut segments = Vec::new();
    for group in frames.chunks(per_segment) {
        let first = integer(&group[0][8..16]);
        let mut header = [b"LZLEDGER".as_slice(), &[0, 0, 0, 2, 0, 0, 0, 0]].concat();
        header.extend_from_slice(&first.to_be_bytes());
        header.extend_from_slice(&group[0][24..56]);
        header.extend_from_slice(&crc32c::crc32c(&header).to_be_bytes());
        header.extend_from_slice(&[0; 4]);
        segments.push((format!("ledger-{first:012}.seg"), [header, group.concat()].concat()));
    }
    Ok(segments)
}

fn frame(seq: u64, prev: &[u8], payload: &[u8]) -> Result<Vec<u8>> {
    let at = serde_json::from_slice::<Record>(payload)?.at.0.to_be_bytes();
    let length = (u32::try_from(payload.len())? | ALONE).to_be_bytes();
    let behind = [&seq.to_be_bytes(), at.as_slice(), prev, payload].concat();
    let crc = crc32c::crc32c(&[length.as_slice(), &behind].concat()).to_be_bytes();
    Ok([length.as_slice(), &crc, &behind].concat())
}

fn chain_hash(frame: &[u8]) -> Result<[u8; 32]> {
    let covered = [b"lazaret ledger frame v1\0", &frame[..4], &frame[8..]].concat();
    Ok(digest(&SHA256, &covered).as_ref().try_into()?)
}

fn integer(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
