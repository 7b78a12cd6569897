//! Segment files: their names, and walking through their frames.

use crate::format::{
    FRAME_BYTES, Frame, HEADER_BYTES, Link, Version, check_frame, decode_frame, decode_header, frame_bytes,
    is_marked, turn,
};
use crate::torn::Tail;
use crate::{BATCH_BYTES_MAX, Damage, Fault};
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Read ahead; a segment is read from front to back.
const READ_BYTES: usize = 256 << 10;

/// A segment's file.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    /// First record, by the name.
    pub(crate) first: u64,
}

/// File name of the segment that begins with this record.
pub(crate) fn file_name(first: u64) -> String {
    format!("ledger-{first:012}.seg")
}

/// All segments, in order.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(first) = name.to_str().and_then(first_record) else { continue };
        segments.push(Segment { path: entry.path(), first });
    }
    segments.sort_by_key(|segment| segment.first);
    Ok(segments)
}

pub(crate) fn first_record(name: &str) -> Option<u64> {
    let first = name.strip_prefix("ledger-")?.strip_suffix(".seg")?.parse().ok()?;
    (file_name(first) == name).then_some(first)
}

impl Segment {
    pub(crate) fn damage(&self, offset: u64, fault: Fault) -> Damage {
        let segment = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Damage { segment, offset, fault }
    }
}

/// What comes next in a segment.
pub(crate) enum Step<'a> {
    /// A frame of a whole batch, which continues the chain.
    Frame(Frame<'a>),
    /// The end of the file, right behind a batch.
    End,
    /// A batch that never reached the disk whole, and what shows it.
    Torn(Damage),
}

/// A walk through one segment, front to back, batch by batch.
pub(crate) struct Walk {
    segment: Segment,
    file: BufReader<File>,
    /// Length of the file when the walk began.
    bytes: u64,
    pub(crate) version: Version,
    /// Where the next frame begins.
    pub(crate) offset: u64,
    pub(crate) link: Link,
    batch: Vec<u8>,
    /// Bytes of the batch that were handed out.
    given: usize,
}

impl Walk {
    /// Reads the header. With `link` it must continue the segment before; without, it is believed.
    pub(crate) fn open(segment: &Segment, link: Option<Link>) -> Result<Self, Damage> {
        let unreadable = |error| segment.damage(0, Fault::Unreadable(error));
        let file = File::open(&segment.path).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        let mut file = BufReader::with_capacity(READ_BYTES, file);
        let mut header = [0; HEADER_BYTES];
        if bytes < HEADER_BYTES as u64 {
            return Err(segment.damage(0, Fault::NoHeader));
        }
        file.read_exact(&mut header).map_err(unreadable)?;
        let (version, found) = decode_header(&header).map_err(|fault| segment.damage(0, fault))?;
        if found.seq != segment.first {
            return Err(segment.damage(0, Fault::Renamed { header: found.seq, name: segment.first }));
        }
        let link = link.unwrap_or(found);
        check(link, found).map_err(|fault| segment.damage(0, fault))?;
        Ok(Self {
            segment: segment.clone(),
            file,
            bytes,
            version,
            offset: HEADER_BYTES as u64,
            link,
            batch: Vec::new(),
            given: 0,
        })
    }

    /// The next step.
    pub(crate) fn step(&mut self) -> Result<Step<'_>, Damage> {
        if self.given == self.batch.len() {
            if self.offset == self.bytes {
                return Ok(Step::End);
            }
            if let Some(fault) = self.read_batch()? {
                let place = self.offset + self.batch.len() as u64;
                let (torn, damage) = (self.is_torn()?, self.segment.damage(place, fault));
                return if torn { Ok(Step::Torn(damage)) } else { Err(damage) };
            }
        }
        let frame = &self.batch[self.given..];
        let length = frame.first_chunk().map_or(Ok(0), |head| frame_bytes(head, self.link.seq));
        let length = length.map_err(|fault| self.segment.damage(self.offset, fault))?;
        let frame = decode_frame(&frame[..length]);
        check(self.link, Link { seq: frame.seq, prev: frame.prev })
            .map_err(|fault| self.segment.damage(self.offset, fault))?;
        self.given += length;
        self.offset += length as u64;
        self.link = Link { seq: frame.seq + 1, prev: frame.hash };
        Ok(Step::Frame(frame))
    }

    /// Reads the next batch into memory; says what is wrong behind its good frames, if anything is.
    fn read_batch(&mut self) -> Result<Option<Fault>, Damage> {
        self.batch.clear();
        self.given = 0;
        for index in 0.. {
            let (start, seq) = (self.batch.len(), self.link.seq + u64::from(index));
            if start > BATCH_BYTES_MAX {
                let fault = Fault::BatchTooLong { seq, max: BATCH_BYTES_MAX };
                return Err(self.segment.damage(self.offset, fault));
            }
            if let Some(fault) = self.read_frame(seq)? {
                self.batch.truncate(start);
                return Ok(Some(fault));
            }
            let frame = &self.batch[start..];
            let found = turn(frame);
            if found.index != index {
                let fault = Fault::Turn { seq, expected: index, found: found.index };
                return Err(self.segment.damage(self.offset + start as u64, fault));
            }
            if !found.more {
                break;
            }
        }
        Ok(None)
    }

    /// Reads one frame behind those of the batch; says what is wrong with it, if anything is.
    fn read_frame(&mut self, seq: u64) -> Result<Option<Fault>, Damage> {
        let start = self.batch.len();
        let left = self.bytes - self.offset - start as u64;
        if left < FRAME_BYTES as u64 {
            return Ok(Some(Fault::CutShort { seq, missing: FRAME_BYTES as u64 - left }));
        }
        let mut head = [0; FRAME_BYTES];
        self.fill(&mut head)?;
        let length = match frame_bytes(&head, seq) {
            Ok(length) if length as u64 <= left => length,
            Ok(length) => return Ok(Some(Fault::CutShort { seq, missing: length as u64 - left })),
            Err(fault) => return Ok(Some(fault)),
        };
        let mut batch = std::mem::take(&mut self.batch);
        batch.extend_from_slice(&head);
        batch.resize(start + length, 0);
        self.fill(&mut batch[start + FRAME_BYTES..])?;
        self.batch = batch;
        let checked = check_frame(&self.batch[start..], seq);
        let is_ours = is_marked(&head) == (self.version == Version::Batches);
        Ok(checked.err().or_else(|| (!is_ours).then_some(Fault::Version { seq })))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Damage> {
        self.file
            .read_exact(bytes)
            .map_err(|error| self.segment.damage(self.offset, Fault::Unreadable(error)))
    }

    /// Is the batch, of which there are good frames and a bad one, one that never reached the disk whole?
    fn is_torn(&self) -> Result<bool, Damage> {
        let length = self.bytes - self.offset;
        if length > BATCH_BYTES_MAX as u64 {
            return Ok(false);
        }
        let mut bytes = vec![0; length as usize];
        let unreadable = |error| self.segment.damage(self.offset, Fault::Unreadable(error));
        self.file.get_ref().read_exact_at(&mut bytes, self.offset).map_err(unreadable)?;
        let (start, version, first) = (self.offset, self.version, self.link.seq);
        Ok(Tail { bytes: &bytes, start, bad: self.batch.len(), first, version }.is_torn())
    }

    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn check(expected: Link, found: Link) -> Result<(), Fault> {
    if expected.seq != found.seq {
        return Err(Fault::Sequence { expected: expected.seq, found: found.seq });
    }
    if expected.prev != found.prev {
        return Err(Fault::Chain { seq: found.seq, expected: expected.prev, found: found.prev });
    }
    Ok(())
}
