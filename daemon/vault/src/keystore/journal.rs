//! The key journal: keys born since the keystore file was written, appended and synced in groups.
//!
//! ```text
//! magic 8 · generation u64 · crc32c u32 of both
//! n × { crc32c u32 of the rest · generation u64 · document 16 · root seed 60 (wrapped) }
//! ```
//! A tail that never reached the disk whole is cut at open. Any other damage is refused: cutting it
//! would lose documents that were acknowledged.

use super::entry::Entry;
use super::file::{ENTRY_BYTES, Entries, parse_whole, whole};
use crate::VaultError;
use crate::durable::{abort, replace, sync_data};
use crate::error::Context;
use crate::secret::Wrapped;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use types::DocId;

const FILE_NAME: &str = "keystore.journal";
const MAGIC: &[u8; 8] = b"LZKEYJ\0\x02";
const HEADER_BYTES: usize = MAGIC.len() + 8 + 4;
const FRAME_BYTES: usize = 4 + 8 + ENTRY_BYTES;
/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// The open journal of one generation.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
    pub(crate) generation: u64,
}

impl Journal {
    /// Replaces the journal by an empty one.
    pub(crate) fn create(dir: &Path, generation: u64) -> Result<Self, VaultError> {
        let mut header = [MAGIC.as_slice(), &generation.to_be_bytes()].concat();
        header.extend_from_slice(&crc32c::crc32c(&header).to_be_bytes());
        replace(dir, FILE_NAME, &header).when("write the key journal in", dir)?;
        let path = dir.join(FILE_NAME);
        let file = OpenOptions::new().write(true).open(&path).when("open the key journal", &path)?;
        Ok(Self { path, file, bytes: HEADER_BYTES as u64, generation })
    }

    /// Opens the journal and adds its keys to `entries`. One of an earlier generation is left over
    /// from a destruction that was cut short; its keys moved on or died, and it is replaced.
    pub(crate) fn open(dir: &Path, generation: u64, entries: &mut Entries) -> Result<Self, VaultError> {
        let path = dir.join(FILE_NAME);
        let bytes = std::fs::read(&path).when("read the key journal", &path)?;
        let damaged = |offset, fault| VaultError::Damaged { path: path.clone(), offset, fault };
        if !bytes.starts_with(MAGIC) {
            return Err(VaultError::version(&path, &bytes, MAGIC));
        }
        let (header, frames) = bytes
            .split_first_chunk::<HEADER_BYTES>()
            .filter(|(header, _)| is_sound(header))
            .ok_or_else(|| damaged(0, "expected the header of a key journal with a matching checksum"))?;
        let written = u64::from_be_bytes(header[8..16].try_into().expect("8 bytes"));
        if written > generation {
            return Err(VaultError::RolledBack { keystore: generation, journal: written });
        }
        if written < generation {
            return Self::create(dir, generation);
        }
        let whole = replay(frames, generation, entries).map_err(|offset| {
            damaged(
                (HEADER_BYTES + offset) as u64,
                "expected a key of this generation with a matching checksum",
            )
        })?;
        let file = OpenOptions::new().write(true).open(&path).when("open the key journal", &path)?;
        let journal = Self { path, file, bytes: (HEADER_BYTES + whole) as u64, generation };
        if whole < frames.len() {
            journal.cut();
        }
        Ok(journal)
    }

    /// How many keys it holds.
    pub(crate) fn keys(&self) -> u64 {
        (self.bytes - HEADER_BYTES as u64) / FRAME_BYTES as u64
    }

    /// Appends new keys; they are durable on return. When there is no room the journal is as before.
    pub(crate) fn append(&mut self, born: &[(DocId, Wrapped)]) -> Result<(), VaultError> {
        let frames: Vec<u8> =
            born.iter().flat_map(|(doc, wrapped)| frame(self.generation, *doc, wrapped)).collect();
        if let Err(error) = self.file.write_all_at(&frames, self.bytes) {
            self.cut();
            return Err(error).when("append to the key journal", &self.path);
        }
        sync_data(&self.file);
        self.bytes += frames.len() as u64;
        Ok(())
    }

    /// Cuts what lies beyond the last acknowledged key. A journal that cannot be cut could hold half
    /// a key under later ones, so there is no going on.
    fn cut(&self) {
        if self.file.set_len(self.bytes).is_err() {
            abort();
        }
        sync_data(&self.file);
    }
}

fn is_sound(header: &[u8; HEADER_BYTES]) -> bool {
    let (head, crc) = header.split_at(HEADER_BYTES - 4);
    head.starts_with(MAGIC) && crc32c::crc32c(head).to_be_bytes() == crc
}

fn frame(generation: u64, doc: DocId, wrapped: &Wrapped) -> [u8; FRAME_BYTES] {
    let mut frame = [0; FRAME_BYTES];
    frame[4..12].copy_from_slice(&generation.to_be_bytes());
    frame[12..].copy_from_slice(&whole(doc, wrapped));
    let crc = crc32c::crc32c(&frame[4..]);
    frame[..4].copy_from_slice(&crc.to_be_bytes());
    frame
}

fn parse(frame: &[u8; FRAME_BYTES], generation: u64) -> Option<(DocId, Entry)> {
    let whole = crc32c::crc32c(&frame[4..]).to_be_bytes() == frame[..4];
    let ours = frame[4..12] == generation.to_be_bytes();
    (whole && ours).then(|| parse_whole(frame[12..].try_into().expect("76 of 88 bytes")))
}

/// Adds every key and returns the length of the sound part, or where the damage is.
fn replay(bytes: &[u8], generation: u64, entries: &mut Entries) -> Result<usize, usize> {
    let (frames, rest) = bytes.as_chunks::<FRAME_BYTES>();
    for (index, frame) in frames.iter().enumerate() {
        let Some((doc, entry)) = parse(frame, generation) else {
            let offset = index * FRAME_BYTES;
            // A whole key further on was appended after this one had been synced.
            let followed = frames[index + 1..].iter().any(|later| parse(later, generation).is_some());
            return if !followed && never_written(frame, offset) { Ok(offset) } else { Err(offset) };
        };
        entries.insert(doc, entry);
    }
    Ok(bytes.len() - rest.len())
}

/// Is the frame, or its part in the next sector, nothing but zeros: space that was given to the file
/// before a power cut and never filled? A wrapped key looks random, so it is not mistaken for that.
fn never_written(frame: &[u8; FRAME_BYTES], offset: usize) -> bool {
    let in_this_sector = SECTOR_BYTES - (HEADER_BYTES + offset) % SECTOR_BYTES;
    let blank = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    blank(frame) || (in_this_sector < FRAME_BYTES && blank(&frame[in_this_sector..]))
}
