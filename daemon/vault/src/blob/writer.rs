//! Sealing a blob while it is written. Nothing is visible before [`BlobWriter::finish`], and what is
//! dropped before leaves nothing behind.

use super::BlobName;
use super::format::{CHUNK_BYTES, Cipher, Place, SEALED_CHUNK_BYTES};
use crate::durable::{new_file, remove_if_there, sync};
use crate::error::Context;
use crate::secret::Secret;
use crate::{Sha256, VaultError};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use types::Digest;
use zeroize::Zeroizing;

/// What is known of a blob once it is sealed (B28: each artefact has a hash of its own).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobFacts {
    /// Plain bytes.
    pub bytes: u64,
    /// SHA-256 of the plain bytes.
    pub sha256: Digest,
}

/// A blob that is being written: 64 KiB in memory, the rest sealed in a temporary file.
#[must_use = "a blob that is not finished does not exist"]
pub struct BlobWriter {
    blob: BlobName,
    cipher: Cipher,
    file: File,
    staged: PathBuf,
    dir: PathBuf,
    chunk: Zeroizing<Vec<u8>>,
    chunks: u32,
    bytes: u64,
    sha256: Sha256,
    /// Why a chunk was written only in part: the file can no longer become a blob.
    broken: Option<io::ErrorKind>,
}

impl BlobWriter {
    pub(super) fn start(
        blob: BlobName,
        area_seed: &Secret,
        staged: PathBuf,
        dir: PathBuf,
    ) -> Result<Self, VaultError> {
        if dir.join(blob.file_name()).exists() {
            return Err(VaultError::BlobExists { blob });
        }
        let mut file = new_file(&staged).when("make", &staged)?;
        let cipher = Cipher::new(blob, area_seed);
        let begun = file.write_all(cipher.header()).when("write", &staged);
        let chunk = Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_BYTES));
        let (chunks, bytes, sha256, broken) = (0, 0, Sha256::new(), None);
        let writer = Self { blob, cipher, file, staged, dir, chunk, chunks, bytes, sha256, broken };
        begun.map(|()| writer)
    }

    /// Seals the last chunk and gives the blob its name; both are durable on return.
    ///
    /// # Errors
    /// When the disk is full, an earlier write failed, or a blob of this name appeared meanwhile.
    pub fn finish(mut self) -> Result<BlobFacts, VaultError> {
        self.seal_chunk(true).when("write", &self.staged)?;
        let names = File::open(&self.dir).when("open", &self.dir)?;
        sync(&self.file);
        self.publish()?;
        sync(&names);
        Ok(BlobFacts { bytes: self.bytes, sha256: std::mem::take(&mut self.sha256).finish() })
    }

    fn publish(&self) -> Result<(), VaultError> {
        let path: &Path = &self.dir.join(self.blob.file_name());
        let staged: &Path = &self.staged;
        match renameat2(AT_FDCWD, staged, AT_FDCWD, path, RenameFlags::RENAME_NOREPLACE) {
            Err(nix::Error::EEXIST) => Err(VaultError::BlobExists { blob: self.blob }),
            other => other.map_err(io::Error::from).when("rename into place", path),
        }
    }

    fn seal_chunk(&mut self, last: bool) -> io::Result<()> {
        if let Some(kind) = self.broken {
            return Err(kind.into());
        }
        if self.chunks == u32::MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, VaultError::TooLong { blob: self.blob }));
        }
        self.cipher.seal(Place { number: self.chunks, last }, &mut self.chunk);
        let written = self.file.write_all(&self.chunk);
        self.chunk.clear();
        written.inspect_err(|error| self.broken = Some(error.kind()))?;
        self.chunks += 1;
        Ok(())
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits until more comes: only then it is known not to be the last.
        if self.chunk.len() == CHUNK_BYTES && !bytes.is_empty() {
            self.seal_chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        let bytes = &bytes[..taken];
        self.chunk.extend_from_slice(bytes);
        self.sha256.update(bytes);
        self.bytes += taken as u64;
        Ok(taken)
    }

    /// Does nothing: a chunk is sealed when it is full, and the blob is durable when it is finished.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        // After `finish` the name is gone already. If removing fails, the sweep at the next start does it.
        drop(remove_if_there(&self.staged));
    }
}
