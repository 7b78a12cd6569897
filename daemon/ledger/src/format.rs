//! The bytes of a segment. Writer and verifier share this file and nothing else; what it says is
//! written down in `docs/reference/ledger-format.md`. Integers are big-endian.

use crate::{Fault, LedgerError};
use lifecycle::Record;
use types::{Digest, UnixMillis};

/// A segment is followed by a new one when it would grow beyond this: small enough to copy, check
/// and hold in memory at once.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// Longest JSON of one record. The longest known one carries a sidecar of 16 KiB, sealed and in hex.
pub const PAYLOAD_BYTES_MAX: usize = 128 << 10;
/// Longest batch: it is built in memory and must fit into one segment.
pub const BATCH_BYTES_MAX: usize = 16 << 20;
/// Records of a batch: a frame has twelve bits to say which of them it is.
pub const BATCH_RECORDS_MAX: usize = 1 << 12;

/// Bytes of a segment's header.
pub(crate) const HEADER_BYTES: usize = 64;
/// Bytes of a frame before its payload.
pub(crate) const FRAME_BYTES: usize = 56;
/// What the first record of all follows.
pub(crate) const GENESIS: Digest = Digest([0; 32]);

const MAGIC: &[u8; 8] = b"LZLEDGER";
const HEADER_CRC_AT: usize = 56;
const CHAIN_DOMAIN: &[u8] = b"lazaret ledger frame v1\0";

/// First bit of a frame: it is never zero, so that a sector of a frame is not, either.
const MARK: u32 = 1 << 31;
/// Another frame of the same batch follows.
const MORE: u32 = 1 << 30;
const INDEX_SHIFT: u32 = 18;
const LENGTH_MASK: u32 = (1 << INDEX_SHIFT) - 1;

/// What version of the format a segment is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Frames do not say which batch they belong to. Read, and written no more.
    Single = 1,
    /// Every frame says where it stands in its batch.
    Batches = 2,
}

impl Version {
    /// The one that is written.
    pub(crate) const LATEST: Self = Self::Batches;
}

/// Where a frame stands in its batch: what is written at once and confirmed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// From 0.
    pub(crate) index: u32,
    /// Is it not the last one?
    pub(crate) more: bool,
}

impl Turn {
    /// A batch of one record.
    pub(crate) const ALONE: Self = Self { index: 0, more: false };
}

/// What the next frame must carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its number.
    pub(crate) seq: u64,
    /// Hash of the frame before it.
    pub(crate) prev: Digest,
}

impl Link {
    /// Before the first record of all.
    pub(crate) const START: Self = Self { seq: 1, prev: GENESIS };
}

/// A segment's header.
pub(crate) fn encode_header(first: Link) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&(Version::LATEST as u32).to_be_bytes());
    header[16..24].copy_from_slice(&first.seq.to_be_bytes());
    header[24..56].copy_from_slice(&first.prev.0);
    let crc = crc32c::crc32c(&header[..HEADER_CRC_AT]);
    header[HEADER_CRC_AT..HEADER_CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
    header
}

/// What a segment's header says.
pub(crate) fn decode_header(header: &[u8; HEADER_BYTES]) -> Result<(Version, Link), Fault> {
    let expected = crc32c::crc32c(&header[..HEADER_CRC_AT]);
    let found = u32_at(header, HEADER_CRC_AT);
    let reserved = [&header[12..16], &header[60..]].concat();
    let version = match u32_at(header, 8) {
        1 => Version::Single,
        2 => Version::Batches,
        _ => return Err(Fault::NoHeader),
    };
    if !header.starts_with(MAGIC) || reserved.iter().any(|byte| *byte != 0) {
        return Err(Fault::NoHeader);
    }
    if expected != found {
        return Err(Fault::HeaderChecksum { expected, found });
    }
    let prev = Digest(header[24..56].try_into().expect("32 bytes"));
    Ok((version, Link { seq: u64_at(header, 16), prev }))
}

/// Appends the frame of a record to `out`; returns what the next one must carry.
pub(crate) fn encode_frame(
    link: Link,
    turn: Turn,
    record: &Record,
    out: &mut Vec<u8>,
) -> Result<Link, LedgerError> {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&record.seq.to_be_bytes());
    out.extend_from_slice(&record.at.0.to_be_bytes());
    out.extend_from_slice(&link.prev.0);
    serde_json::to_writer(&mut *out, record).map_err(LedgerError::NotJson)?;
    let found = out.len() - start - FRAME_BYTES;
    if found > PAYLOAD_BYTES_MAX {
        return Err(LedgerError::RecordTooLong { found, max: PAYLOAD_BYTES_MAX });
    }
    let frame = &mut out[start..];
    let more = if turn.more { MORE } else { 0 };
    let word = MARK | more | turn.index << INDEX_SHIFT | found as u32;
    frame[..4].copy_from_slice(&word.to_be_bytes());
    let crc = checksum(frame);
    frame[4..8].copy_from_slice(&crc.to_be_bytes());
    Ok(Link { seq: link.seq + 1, prev: chain_hash(frame) })
}

/// A frame whose bytes are as they were written.
pub(crate) struct Frame<'a> {
    pub(crate) seq: u64,
    pub(crate) at: UnixMillis,
    pub(crate) prev: Digest,
    /// Its own hash, which the next frame carries.
    pub(crate) hash: Digest,
    pub(crate) payload: &'a [u8],
}

/// Length of the whole frame that begins here, by its first bytes.
pub(crate) fn frame_bytes(head: &[u8; FRAME_BYTES], seq: u64) -> Result<usize, Fault> {
    let word = u32_at(head, 0);
    let payload = if is_marked(head) { word & LENGTH_MASK } else { word } as usize;
    if (1..=PAYLOAD_BYTES_MAX).contains(&payload) {
        return Ok(FRAME_BYTES + payload);
    }
    Err(Fault::Length { seq, max: PAYLOAD_BYTES_MAX as u64, found: payload as u64 })
}

/// Was this frame written in a version in which frames say where they stand?
pub(crate) fn is_marked(frame: &[u8]) -> bool {
    u32_at(frame, 0) & MARK != 0
}

/// Where a frame stands in its batch; without a mark, each is one of its own.
pub(crate) fn turn(frame: &[u8]) -> Turn {
    let word = u32_at(frame, 0);
    if word & MARK == 0 {
        return Turn::ALONE;
    }
    Turn { index: (word & !(MARK | MORE)) >> INDEX_SHIFT, more: word & MORE != 0 }
}

/// The same frame, if its payload reached to the end of these bytes.
pub(crate) fn with_length_to_the_end(frame: &[u8]) -> Option<Vec<u8>> {
    let payload = u32::try_from(frame.len().checked_sub(FRAME_BYTES)?).ok()?;
    let mut frame = frame.to_vec();
    let word = if is_marked(&frame) { u32_at(&frame, 0) & !LENGTH_MASK | payload } else { payload };
    frame[..4].copy_from_slice(&word.to_be_bytes());
    Some(frame)
}

/// Is a whole frame as it was written? `seq` is the record that is expected here.
pub(crate) fn check_frame(frame: &[u8], seq: u64) -> Result<(), Fault> {
    let (expected, found) = (checksum(frame), u32_at(frame, 4));
    if expected == found { Ok(()) } else { Err(Fault::Checksum { seq, expected, found }) }
}

/// What a checked frame says.
pub(crate) fn decode_frame(frame: &[u8]) -> Frame<'_> {
    Frame {
        seq: u64_at(frame, 8),
        at: UnixMillis(u64_at(frame, 16)),
        prev: Digest(frame[24..FRAME_BYTES].try_into().expect("32 bytes")),
        hash: chain_hash(frame),
        payload: &frame[FRAME_BYTES..],
    }
}

impl Frame<'_> {
    /// The record in it.
    pub(crate) fn record(&self) -> Result<Record, Fault> {
        let record: Record = serde_json::from_slice(self.payload)
            .map_err(|source| Fault::Payload { seq: self.seq, source })?;
        if (record.seq, record.at) == (self.seq, self.at) {
            return Ok(record);
        }
        Err(Fault::Mismatch { seq: self.seq, at: self.at, payload_seq: record.seq, payload_at: record.at })
    }
}

/// CRC-32C of the length and of everything after the checksum.
fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[8..])
}

/// SHA-256 of a fixed text and the same bytes that the checksum covers.
fn chain_hash(frame: &[u8]) -> Digest {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in [CHAIN_DOMAIN, &frame[..4], &frame[8..]] {
        context.update(part);
    }
    Digest(context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}
