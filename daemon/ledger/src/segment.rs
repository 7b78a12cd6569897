//! Segment files: their names, and walking through their frames.

use crate::format::{
    FRAME_BYTES, Frame, HEADER_BYTES, Link, check_frame, decode_frame, decode_header, frame_bytes, u64_at,
};
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
    /// A whole frame that continues the chain.
    Frame(Frame<'a>),
    /// The end of the file, right behind a frame.
    End,
    /// The beginning of a frame that never reached the disk whole, and what is wrong with it.
    Torn(Fault),
}

/// A walk through one segment, front to back.
pub(crate) struct Walk {
    segment: Segment,
    file: BufReader<File>,
    /// Length of the file when the walk began.
    bytes: u64,
    /// Where the next frame begins.
    pub(crate) offset: u64,
    pub(crate) link: Link,
    frame: Vec<u8>,
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
        let found = decode_header(&header).map_err(|fault| segment.damage(0, fault))?;
        if found.seq != segment.first {
            return Err(segment.damage(0, Fault::Renamed { header: found.seq, name: segment.first }));
        }
        let link = link.unwrap_or(found);
        check(link, found).map_err(|fault| segment.damage(0, fault))?;
        Ok(Self {
            segment: segment.clone(),
            file,
            bytes,
            offset: HEADER_BYTES as u64,
            link,
            frame: Vec::new(),
        })
    }

    /// The next step.
    pub(crate) fn step(&mut self) -> Result<Step<'_>, Damage> {
        let start = self.offset;
        if start == self.bytes {
            return Ok(Step::End);
        }
        if let Some(fault) = self.read_frame()? {
            let torn = self.is_torn(start)?;
            return if torn { Ok(Step::Torn(fault)) } else { Err(self.segment.damage(start, fault)) };
        }
        let frame = decode_frame(&self.frame);
        check(self.link, Link { seq: frame.seq, prev: frame.prev })
            .map_err(|fault| self.segment.damage(start, fault))?;
        self.offset += self.frame.len() as u64;
        self.link = Link { seq: frame.seq + 1, prev: frame.hash };
        Ok(Step::Frame(frame))
    }

    /// Reads one frame into memory; says what is wrong with it, if anything is.
    fn read_frame(&mut self) -> Result<Option<Fault>, Damage> {
        let (seq, left) = (self.link.seq, self.bytes - self.offset);
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
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        frame.extend_from_slice(&head);
        frame.resize(length, 0);
        self.fill(&mut frame[FRAME_BYTES..])?;
        self.frame = frame;
        Ok(check_frame(&self.frame, seq).err())
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Damage> {
        self.file
            .read_exact(bytes)
            .map_err(|error| self.segment.damage(self.offset, Fault::Unreadable(error)))
    }

    /// Is the bad frame at `start` one that never reached the disk whole? It is when it is incomplete
    /// at the end of the file, within the length of a batch, and no whole frame follows: one that
    /// follows was written after this one had been confirmed by the disk.
    fn is_torn(&self, start: u64) -> Result<bool, Damage> {
        let length = self.bytes - start;
        if length > BATCH_BYTES_MAX as u64 {
            return Ok(false);
        }
        let mut rest = vec![0; length as usize];
        let unreadable = |error| self.segment.damage(start, Fault::Unreadable(error));
        self.file.get_ref().read_exact_at(&mut rest, start).map_err(unreadable)?;
        Ok(is_incomplete(&rest) && !holds_whole_frame(&rest, self.link.seq))
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

/// Does the frame end after the file, or in space that was given to the file and never filled? JSON
/// holds no zero byte, so zeros at the place of its last byte cannot have been written.
fn is_incomplete(rest: &[u8]) -> bool {
    let Some(head) = rest.first_chunk::<FRAME_BYTES>() else { return true };
    if head.iter().all(|byte| *byte == 0) {
        return true;
    }
    match frame_bytes(head, 0) {
        Ok(length) => rest.get(length - 1).is_none_or(|last| *last == 0),
        Err(_) => false,
    }
}

/// Does the rest of the file hold a whole frame: a later one, or this one under a changed length?
fn holds_whole_frame(rest: &[u8], seq: u64) -> bool {
    let later = seq + 1..=seq + (rest.len() / FRAME_BYTES) as u64;
    let follows = |at: usize| later.contains(&u64_at(rest, at + 8)) && begins_with_whole_frame(&rest[at..]);
    (1..rest.len().saturating_sub(FRAME_BYTES)).any(follows) || is_whole_but_for_its_length(rest)
}

fn begins_with_whole_frame(bytes: &[u8]) -> bool {
    let length = bytes.first_chunk().and_then(|head| frame_bytes(head, 0).ok());
    let frame = length.and_then(|length| bytes.get(..length));
    frame.is_some_and(|frame| check_frame(frame, 0).is_ok())
}

fn is_whole_but_for_its_length(rest: &[u8]) -> bool {
    let Some(payload) = rest.len().checked_sub(FRAME_BYTES) else { return false };
    let mut frame = rest.to_vec();
    frame[..4].copy_from_slice(&(payload as u32).to_be_bytes());
    begins_with_whole_frame(&frame)
}
