//! Opening a blob: every chunk is verified before a byte of it is handed out.
//!
//! Opening verifies the last chunk, so the length is proven before the first read: a file that was
//! cut or extended does not open at all.

use super::BlobName;
use super::format::{CHUNK_BYTES, Cipher, Extent, HEADER_BYTES, Place, SEALED_CHUNK_BYTES};
use crate::VaultError;
use crate::error::Context;
use crate::secret::Secret;
use nix::fcntl::OFlag;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// A sealed blob, read as plain bytes from any place; holds one chunk in memory. An error of a read
/// carries a [`VaultError`] (kind `InvalidData`) when the blob is not as it was sealed.
pub struct BlobReader {
    blob: BlobName,
    cipher: Cipher,
    file: File,
    extent: Extent,
    chunk: Zeroizing<Vec<u8>>,
    /// Number and plain length of what `chunk` holds.
    held: Option<(u32, usize)>,
    position: u64,
}

impl BlobReader {
    pub(super) fn open(blob: BlobName, area_seed: &Secret, path: &Path) -> Result<Self, VaultError> {
        let mut options = OpenOptions::new();
        let file = match options.read(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(VaultError::NoBlob { blob }),
            other => other.when("open", path)?,
        };
        let file_bytes = file.metadata().when("look at", path)?.len();
        let fault = "its length is that of no sealed blob";
        let extent = Extent::of_file(file_bytes).ok_or(VaultError::Tampered { blob, fault })?;
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0).when("read", path)?;
        let cipher = Cipher::from_header(blob, area_seed, header)?;
        // At full size from the start: growing would leave an unwiped copy behind.
        let chunk = Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_BYTES));
        let mut reader = Self { blob, cipher, file, extent, chunk, held: None, position: 0 };
        if !reader.load(extent.last()).when("read", path)? {
            let fault = "its end is missing, was changed, or something was appended";
            return Err(VaultError::Tampered { blob, fault });
        }
        Ok(reader)
    }

    /// Plain bytes of the whole blob.
    #[must_use]
    pub fn plain_bytes(&self) -> u64 {
        self.extent.bytes
    }

    /// Reads and verifies a chunk; false when it is not the chunk of this place.
    fn load(&mut self, place: Place) -> io::Result<bool> {
        let (sealed, offset) = self.extent.sealed(place);
        self.held = None;
        self.chunk.resize(sealed, 0);
        self.file.read_exact_at(&mut self.chunk, offset)?;
        let plain = self.cipher.open(place, &mut self.chunk).map(|plain| plain.len());
        self.held = plain.map(|plain| (place.number, plain));
        Ok(plain.is_some())
    }

    /// The rest of the chunk at the current position.
    fn rest(&mut self) -> io::Result<&[u8]> {
        let number = (self.position / CHUNK_BYTES as u64) as u32;
        let start = (self.position % CHUNK_BYTES as u64) as usize;
        if self.held.is_none_or(|(held, _)| held != number) && !self.load(self.extent.place(number))? {
            let fault = "a chunk was changed or stands in another's place";
            let tampered = VaultError::Tampered { blob: self.blob, fault };
            return Err(io::Error::new(io::ErrorKind::InvalidData, tampered));
        }
        let plain = self.held.map_or(0, |(_, plain)| plain);
        Ok(&self.chunk[start..plain])
    }
}

impl Read for BlobReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.extent.bytes || out.is_empty() {
            return Ok(0);
        }
        let rest = self.rest()?;
        let taken = rest.len().min(out.len());
        out[..taken].copy_from_slice(&rest[..taken]);
        self.position += taken as u64;
        Ok(taken)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.extent.bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
