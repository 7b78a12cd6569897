//! Evidence of a destruction: what lay on disk, and a piece of it that nobody can open any more.
//!
//! File `samples/<document>-<area>`: the beginning of the area's largest blob, header and first chunk,
//! as it lay on disk. It is ciphertext and is not sealed again.

use crate::blob::{BlobName, Blobs, SAMPLE_BYTES_MAX, opens_first_chunk};
use crate::durable::{make_dir, remove_if_there, replace, sync_names};
use crate::error::Context;
use crate::keystore::Scope;
use crate::secret::Secret;
use crate::{Area, VaultError, sha256_of};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use types::{BlobId, Digest, DocId};

/// One sealed blob as it lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portrait {
    /// Where.
    pub area: Area,
    /// Which.
    pub blob: BlobId,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// SHA-256 of the file, which is ciphertext.
    pub sha256: Digest,
}

/// What became of the attempt to open samples with every key that is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleTrial {
    /// Samples kept of the document.
    pub samples: u64,
    /// Keys that were tried on each of them.
    pub keys_tried: u64,
    /// Times that a key fitted; 0 once the document is destroyed.
    pub opened: u64,
}

/// The directory of all samples.
pub(crate) struct Samples {
    dir: PathBuf,
    /// One sample is written at a time.
    writing: Mutex<()>,
}

impl Samples {
    /// The directory, made when the first sample is.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, writing: Mutex::new(()) }
    }

    /// Hashes the blobs of some areas and keeps a sample of the largest of each; durable on return.
    pub(crate) fn portray(
        &self,
        blobs: &Blobs,
        doc: DocId,
        areas: &[Area],
    ) -> Result<Vec<Portrait>, VaultError> {
        let mut portraits = Vec::new();
        for name in blobs.of_document(doc)?.into_iter().filter(|name| areas.contains(&name.area)) {
            let path = blobs.path(name);
            // A blob that is removed meanwhile leaves nothing to portray.
            let Some((file_bytes, sha256)) = hash(&path).when("hash", &path)? else { continue };
            portraits.push(Portrait { area: name.area, blob: name.blob, file_bytes, sha256 });
        }
        for area in areas {
            let of_area = portraits.iter().filter(|portrait| portrait.area == *area);
            if let Some(largest) = of_area.max_by_key(|portrait| portrait.file_bytes) {
                self.keep(blobs, BlobName { doc, area: *area, blob: largest.blob })?;
            }
        }
        Ok(portraits)
    }

    fn keep(&self, blobs: &Blobs, name: BlobName) -> Result<(), VaultError> {
        let path = blobs.path(name);
        let mut start = Vec::with_capacity(SAMPLE_BYTES_MAX);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened
                .and_then(|file| file.take(SAMPLE_BYTES_MAX as u64).read_to_end(&mut start))
                .when("read", &path)?,
        };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.dir.exists() {
            let make =
                || make_dir(&self.dir).and_then(|()| sync_names(self.dir.parent().unwrap_or(&self.dir)));
            make().when("make the directory", &self.dir)?;
        }
        replace(&self.dir, &file_name(name.doc, name.area), &start).when("keep a sample in", &self.dir)
    }

    /// The samples of a document.
    pub(crate) fn of_document(&self, doc: DocId) -> Result<Vec<Sample>, VaultError> {
        let mut samples = Vec::new();
        for area in Area::ALL {
            let path = self.dir.join(file_name(doc, area));
            match fs::read(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                read => samples.push(Sample { doc, area, bytes: read.when("read", &path)? }),
            }
        }
        Ok(samples)
    }

    /// Removes the samples of a document.
    pub(crate) fn remove(&self, doc: DocId) -> Result<(), VaultError> {
        let remove = |area| remove_if_there(&self.dir.join(file_name(doc, area)));
        let removed = Area::ALL.into_iter().try_for_each(remove);
        let sync = || if self.dir.exists() { sync_names(&self.dir) } else { Ok(()) };
        removed.and_then(|()| sync()).when("remove samples from", &self.dir)
    }
}

/// The beginning of a sealed blob.
pub(crate) struct Sample {
    doc: DocId,
    area: Area,
    bytes: Vec<u8>,
}

impl Sample {
    /// Does a key open it, taken as the document's root seed or as the seed of the area? The key
    /// commitment and the first chunk are tried each on their own.
    pub(crate) fn opens_with(&self, key: &Secret) -> bool {
        let derived = Scope::Area(self.area).seed(key);
        [key, &derived].into_iter().any(|seed| opens_first_chunk(self.doc, self.area, seed, &self.bytes))
    }
}

fn file_name(doc: DocId, area: Area) -> String {
    format!("{doc}-{area}")
}

/// Length and SHA-256 of a file; none when it is gone.
fn hash(path: &Path) -> io::Result<Option<(u64, Digest)>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    sha256_of(&mut file).map(Some)
}
