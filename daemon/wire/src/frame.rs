//! One frame: header, cap, payload.

use std::io::{self, Read, Write};

const MAGIC: u32 = 0x5A41_4C31; // "1LAZ"
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 12;

/// Largest data frame: 1 MiB.
pub const DATA_CHUNK_BYTES_MAX: usize = 1 << 20;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Worker to daemon, first: who I am and how I am confined.
    Hello = 1,
    /// Daemon to worker: the job.
    Job = 2,
    /// Daemon to worker: one page of the job.
    PageJob = 3,
    /// Either way: raw bytes.
    Data = 4,
    /// Worker to daemon: one page's result.
    PageResult = 5,
    /// Worker to daemon, last: finished.
    Done = 6,
    /// Worker to daemon, last: the document is refused.
    Refusal = 7,
}

impl Kind {
    /// Largest payload, bytes.
    #[must_use]
    pub const fn cap(self) -> usize {
        match self {
            Self::Hello => 4 << 10,
            Self::Job => 64 << 10,
            Self::PageJob | Self::PageResult => 16 << 20,
            Self::Data => DATA_CHUNK_BYTES_MAX,
            Self::Done => 256 << 10,
            Self::Refusal => 256,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Hello),
            2 => Some(Self::Job),
            3 => Some(Self::PageJob),
            4 => Some(Self::Data),
            5 => Some(Self::PageResult),
            6 => Some(Self::Done),
            7 => Some(Self::Refusal),
            _ => None,
        }
    }
}

/// A frame as read. May hold PHI: no `Debug`.
pub struct Frame {
    /// What it carries.
    pub kind: Kind,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// Why no frame could be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side closed the pipe between frames.
    #[error("the other side closed the pipe")]
    Closed,
    /// The header is not ours.
    #[error("frame header: expected magic, version 1 and a known kind")]
    Header,
    /// The frame is longer than its kind may be.
    #[error("frame of kind {kind:?}: {found} bytes, at most {cap} are allowed")]
    TooLong {
        /// Its kind.
        kind: Kind,
        /// Announced length, bytes.
        found: u32,
        /// Cap, bytes.
        cap: usize,
    },
    /// The payload does not decode.
    #[error("frame payload does not decode")]
    Payload,
    /// The pipe failed.
    #[error("pipe: {0}")]
    Io(#[from] io::Error),
}

/// Writes one frame; the caller flushes.
///
/// # Errors
/// [`FrameError::TooLong`] before anything is written, or the pipe's error.
pub fn write_frame(pipe: &mut impl Write, kind: Kind, payload: &[u8]) -> Result<(), FrameError> {
    let cap = kind.cap();
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    if payload.len() > cap {
        return Err(FrameError::TooLong { kind, found: length, cap });
    }
    let mut header = [0; HEADER_BYTES];
    header[0..4].copy_from_slice(&MAGIC.to_le_bytes());
    header[4] = VERSION;
    header[5] = kind as u8;
    header[8..12].copy_from_slice(&length.to_le_bytes());
    pipe.write_all(&header)?;
    pipe.write_all(payload)?;
    Ok(())
}

/// Writes `bytes` as data frames of at most [`DATA_CHUNK_BYTES_MAX`].
///
/// # Errors
/// The pipe's error.
pub fn write_data(pipe: &mut impl Write, bytes: &[u8]) -> Result<(), FrameError> {
    bytes.chunks(DATA_CHUNK_BYTES_MAX).try_for_each(|chunk| write_frame(pipe, Kind::Data, chunk))
}

/// Reads one frame; allocates only after the length passed its cap.
///
/// # Errors
/// [`FrameError::Closed`] at a clean end; every other error means the conversation is over.
pub fn read_frame(pipe: &mut impl Read) -> Result<Frame, FrameError> {
    let mut header = [0; HEADER_BYTES];
    let mut filled = 0;
    while filled < HEADER_BYTES {
        match pipe.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Err(FrameError::Closed),
            Ok(0) => return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into())),
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let [m0, m1, m2, m3, version, kind, r0, r1, l0, l1, l2, l3] = header;
    let ours = u32::from_le_bytes([m0, m1, m2, m3]) == MAGIC && version == VERSION && [r0, r1] == [0, 0];
    let kind = Kind::from_byte(kind).filter(|_| ours).ok_or(FrameError::Header)?;
    let found = u32::from_le_bytes([l0, l1, l2, l3]);
    let cap = kind.cap();
    let length = found as usize;
    if length > cap {
        return Err(FrameError::TooLong { kind, found, cap });
    }
    let mut payload = vec![0; length];
    pipe.read_exact(&mut payload)?;
    Ok(Frame { kind, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_and_its_cap_is_exact() {
        for (len, good) in [(0, true), (Kind::Refusal.cap(), true), (Kind::Refusal.cap() + 1, false)] {
            let mut pipe = Vec::new();
            assert_eq!(write_frame(&mut pipe, Kind::Refusal, &vec![7; len]).is_ok(), good);
            if good {
                let frame = read_frame(&mut pipe.as_slice()).ok().filter(|f| f.kind == Kind::Refusal);
                assert_eq!(frame.map(|f| f.payload.len()), Some(len));
            }
        }
    }

    #[test]
    fn a_length_over_the_cap_is_refused_before_it_is_read() {
        let mut pipe = Vec::new();
        assert!(write_frame(&mut pipe, Kind::Refusal, b"x").is_ok());
        pipe[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(read_frame(&mut pipe.as_slice()), Err(FrameError::TooLong { .. })));
        pipe[0] ^= 1;
        assert!(matches!(read_frame(&mut pipe.as_slice()), Err(FrameError::Header)));
        assert!(matches!(read_frame(&mut [].as_slice()), Err(FrameError::Closed)));
    }
}
