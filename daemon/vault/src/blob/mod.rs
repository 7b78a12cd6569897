//! Sealed blobs: one file each, encrypted and authenticated in chunks, read in any order.
//!
//! ```text
//! header 88   magic 8 · version u16 · area u8 · 0 · chunk size u32 · document 16 · blob 16
//!             nonce prefix 7 · 0 · key commitment 32
//! n × chunk   ciphertext of 64 KiB (the last: 1 byte to 64 KiB, or empty in an empty blob) · tag 16
//! ```
//! Integers are big-endian. This is the STREAM construction over AES-256-GCM: the nonce is the prefix,
//! the chunk's number (u32) and one byte that is 1 for the last chunk, and the whole header is
//! associated data of every chunk. Key and commitment are HKDF-SHA-256 of the area's seed with the
//! first 56 bytes of the header as info: another document, area, blob or prefix is another key.

mod area;
mod format;
mod reader;
mod writer;

pub use area::{Area, BadBlobName, BlobName};
pub(crate) use format::{
    CHUNK_BYTES, Cipher, Extent, HEADER_BYTES, Header, Place, SAMPLE_BYTES_MAX, SEALED_CHUNK_BYTES,
    opens_first_chunk,
};
pub use reader::BlobReader;
pub use writer::{BlobFacts, BlobWriter};

use crate::VaultError;
use crate::durable::{TEMPORARY_PREFIX, make_dir, remove_if_there, sync_names};
use crate::error::Context;
use crate::secret::{Secret, random};
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use types::DocId;

/// The directory of all blobs: one directory for each document.
pub(crate) struct Blobs {
    dir: PathBuf,
    /// In the name of every temporary file of this process, so that sweeping spares them.
    session: String,
}

impl Blobs {
    /// The directory, which must exist.
    pub(crate) fn new(dir: PathBuf) -> Self {
        let session = random::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { dir, session }
    }

    /// Makes the directories of new documents, durable on return.
    pub(crate) fn make_dirs<'a>(&self, docs: impl IntoIterator<Item = &'a DocId>) -> Result<(), VaultError> {
        for doc in docs {
            let dir = self.document(*doc);
            make_dir(&dir).when("make the directory", &dir)?;
        }
        sync_names(&self.dir).when("sync the directory", &self.dir)
    }

    /// Starts a blob in a temporary file.
    pub(crate) fn writer(&self, blob: BlobName, key: &Secret) -> Result<BlobWriter, VaultError> {
        let dir = self.document(blob.doc);
        if !dir.exists() {
            self.make_dirs([&blob.doc])?; // a restored backup may lack empty directories
        }
        let staged = dir.join(format!("{TEMPORARY_PREFIX}{}-{}", self.session, blob.file_name()));
        BlobWriter::start(blob, key, staged, dir)
    }

    /// Opens a blob.
    pub(crate) fn reader(&self, blob: BlobName, key: &Secret) -> Result<BlobReader, VaultError> {
        BlobReader::open(blob, key, &self.path(blob))
    }

    /// Removes a blob; one that is not there is fine.
    pub(crate) fn remove(&self, blob: BlobName) -> Result<(), VaultError> {
        let dir = self.document(blob.doc);
        let path = self.path(blob);
        if !path.exists() {
            return Ok(());
        }
        remove_if_there(&path).and_then(|()| sync_names(&dir)).when("remove", &path)
    }

    /// Removes everything of some documents; returns how many directories could not be removed.
    pub(crate) fn remove_documents(&self, docs: &[DocId]) -> u64 {
        let stays = |doc: &&DocId| matches!(fs::remove_dir_all(self.document(**doc)), Err(error) if error.kind() != io::ErrorKind::NotFound);
        let left = docs.iter().filter(stays).count() as u64;
        if sync_names(&self.dir).is_err() { docs.len() as u64 } else { left }
    }

    /// Removes every blob of some areas; returns how many files could not be removed.
    pub(crate) fn remove_areas(&self, doc: DocId, areas: &[Area]) -> u64 {
        let Ok(names) = self.of_document(doc) else { return 1 };
        let mut left = 0;
        for name in names.into_iter().filter(|name| areas.contains(&name.area)) {
            left += u64::from(remove_if_there(&self.path(name)).is_err());
        }
        let dir = self.document(doc);
        left + u64::from(dir.exists() && sync_names(&dir).is_err())
    }

    /// The blobs of a document; none when it has no directory.
    pub(crate) fn of_document(&self, doc: DocId) -> Result<Vec<BlobName>, VaultError> {
        let dir = self.document(doc);
        let list = || match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            entries => entries?.collect::<io::Result<Vec<_>>>(),
        };
        let name = |entry: &DirEntry| BlobName::of_file(doc, entry.file_name().to_str()?);
        Ok(list().when("list", &dir)?.iter().filter_map(name).collect())
    }

    /// Where a blob lies.
    pub(crate) fn path(&self, blob: BlobName) -> PathBuf {
        self.document(blob.doc).join(blob.file_name())
    }

    /// Documents that have a directory.
    pub(crate) fn documents(&self) -> Result<Vec<DocId>, VaultError> {
        let named = |entry: DirEntry| entry.file_name().to_str().and_then(|name| name.parse().ok());
        let list = || fs::read_dir(&self.dir)?.map(|entry| entry.map(named)).collect::<io::Result<Vec<_>>>();
        Ok(list().when("list", &self.dir)?.into_iter().flatten().collect())
    }

    /// The finished blobs of a document, with their sizes on disk; none when it has no directory.
    pub(crate) fn list(&self, doc: DocId) -> Result<Vec<(BlobName, u64)>, VaultError> {
        let dir = self.document(doc);
        let list = || -> io::Result<Vec<(BlobName, u64)>> {
            let mut found = Vec::new();
            for entry in fs::read_dir(&dir)? {
                let entry = entry?;
                if let Some(blob) = entry.file_name().to_str().and_then(|name| BlobName::parse(doc, name)) {
                    found.push((blob, entry.metadata()?.len()));
                }
            }
            Ok(found)
        };
        match list() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed.when("list", &dir),
        }
    }

    /// Removes temporary files that an earlier process left with a document.
    pub(crate) fn sweep_document(&self, doc: DocId) -> Result<u64, VaultError> {
        let dir = self.document(doc);
        let sweep = || -> io::Result<u64> {
            let mut swept = 0;
            for entry in fs::read_dir(&dir)? {
                let entry = entry?;
                if self.is_left_over(&entry) {
                    remove_if_there(&entry.path())?;
                    swept += 1;
                }
            }
            Ok(swept)
        };
        sweep().when("sweep", &dir)
    }

    fn is_left_over(&self, entry: &DirEntry) -> bool {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(TEMPORARY_PREFIX)) else {
            return false;
        };
        !rest.starts_with(&self.session)
    }

    fn document(&self, doc: DocId) -> PathBuf {
        self.dir.join(doc.to_string())
    }

    /// Is anything in there?
    pub(crate) fn any(dir: &Path) -> bool {
        fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some())
    }
}
