//! What is wrong with a ledger, and where.

use std::io;
use types::{Digest, UnixMillis};

/// A place where the ledger is not as it was written.
#[derive(Debug, thiserror::Error)]
#[error(
    "ledger damaged in {segment} at byte {offset}: {fault}. Nothing was changed. Keep a copy of the folder, restore this segment from backup, then run: lazaretctl ledger verify"
)]
pub struct Damage {
    /// File name of the segment, or of the folder.
    pub segment: String,
    /// Where the frame or header begins, in bytes from the start of the file.
    pub offset: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong at one place.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The operating system does not give the bytes.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// The file does not begin as a segment does.
    #[error("expected the header of a ledger segment of version 1 or 2")]
    NoHeader,
    /// The header was changed.
    #[error("expected header checksum {expected:08x}, found {found:08x}")]
    HeaderChecksum {
        /// Computed from the bytes.
        expected: u32,
        /// Written in the header.
        found: u32,
    },
    /// The file's name does not say what its header says.
    #[error("the header says first record {header}, the file name {name}: the file was renamed")]
    Renamed {
        /// First record by the header.
        header: u64,
        /// First record by the name.
        name: u64,
    },
    /// Records are missing, repeated or in another order.
    #[error("expected record {expected}, found record {found}: records were removed, repeated or moved")]
    Sequence {
        /// Which record comes next.
        expected: u64,
        /// Which one is there.
        found: u64,
    },
    /// The chain does not hold.
    #[error(
        "record {seq} follows a record with hash {found}, but the one before it has {expected}: one of the two was changed or exchanged"
    )]
    Chain {
        /// The later record.
        seq: u64,
        /// Hash of the record that is there.
        expected: Digest,
        /// Hash that the later record names.
        found: Digest,
    },
    /// The length of a frame cannot be.
    #[error("record {seq}: expected a length of 1 to {max} bytes, found {found}")]
    Length {
        /// Which record.
        seq: u64,
        /// Bytes allowed.
        max: u64,
        /// Bytes found.
        found: u64,
    },
    /// The frame ends after its file, but this is no torn end: records follow it.
    #[error("record {seq}: {missing} bytes are missing, and records follow it")]
    CutShort {
        /// Which record.
        seq: u64,
        /// Bytes that are not there.
        missing: u64,
    },
    /// The frame was changed.
    #[error("record {seq}: expected checksum {expected:08x}, found {found:08x}")]
    Checksum {
        /// Which record.
        seq: u64,
        /// Computed from the bytes.
        expected: u32,
        /// Written in the frame.
        found: u32,
    },
    /// A frame of one batch stands in another.
    #[error(
        "record {seq}: expected place {expected} in its batch, found {found}: records were removed or moved"
    )]
    Turn {
        /// Which record.
        seq: u64,
        /// Its place in its batch, from 0.
        expected: u32,
        /// What it says.
        found: u32,
    },
    /// A batch cannot be so long.
    #[error("record {seq}: its batch is longer than {max} bytes")]
    BatchTooLong {
        /// Which record.
        seq: u64,
        /// Bytes allowed.
        max: usize,
    },
    /// The frame belongs into a segment of another version.
    #[error("record {seq}: its frame is of another version than its segment")]
    Version {
        /// Which record.
        seq: u64,
    },
    /// The payload is no record that this version knows.
    #[error("record {seq} is no event that this version knows: {source}")]
    Payload {
        /// Which record.
        seq: u64,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Frame and payload say different things.
    #[error("frame of record {seq} at {at}: its payload says record {payload_seq} at {payload_at}")]
    Mismatch {
        /// By the frame.
        seq: u64,
        /// By the frame.
        at: UnixMillis,
        /// By the payload.
        payload_seq: u64,
        /// By the payload.
        payload_at: UnixMillis,
    },
}
