//! Frames between daemon and worker, and what may be said when.
//!
//! A frame is `magic u32 | version u8 | kind u8 | reserved u16 | length u32` (little-endian) and then
//! `length` bytes. The length is checked against the kind's cap *before* anything is allocated. Control
//! frames carry postcard; data frames carry raw bytes in chunks whose total was announced before. Both
//! sides are of the same build (`Hello` says so), so the encoding needs no compatibility.
//!
//! This room does no I/O beyond `Read`/`Write` that it is handed, and knows no process.

mod conversation;
mod frame;
mod message;

pub use conversation::{Conversation, Unexpected};
pub use frame::{DATA_CHUNK_BYTES_MAX, Frame, FrameError, Kind, read_frame, write_data, write_frame};
pub use message::{
    Done, Enforcement, Fault, Hello, Job, OcrPage, PageJob, PageResult, ParsedDocument, ProbeAction, Refusal,
    Role, VerifiedPage, decode, encode, packed_bytes,
};
