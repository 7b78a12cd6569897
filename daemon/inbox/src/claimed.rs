//! A file that is ours: read from the descriptor that was checked, then removed or put back.

use crate::{Inbox, InboxError, Name, Sidecar, place::Place, stamp::Stamp};
use nix::sys::stat::fstat;
use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
};
use types::{DocId, Phi, Reason};

/// A claimed file. Dropping it leaves it in `.claimed`, where [`Inbox::leftovers`] finds it.
pub struct Claimed {
    /// The document it will become, or has become.
    pub id: DocId,
    name: Name,
    file: File,
    stamp: Stamp,
    bytes_max: u64,
    place: Place,
}

impl Inbox {
    pub(crate) fn hold(&self, place: Place, name: Name, file: File) -> Result<Claimed, InboxError> {
        let stat = fstat(&file).map_err(|error| place.failed("look at")(error.into()))?;
        let bytes_max = self.settings.file_bytes_max;
        Ok(Claimed { id: place.id, name, file, stamp: Stamp::of(&stat), bytes_max, place })
    }
}

impl Claimed {
    /// Its name, for people and for sealing; never for a path.
    #[must_use]
    pub fn name(&self) -> Phi {
        self.name.display()
    }

    /// The name's bytes, for a keyed digest.
    #[must_use]
    pub fn name_bytes(&self) -> &[u8] {
        self.name.as_bytes()
    }

    /// Who owns the file (B13: a folder drop is attributed to its inbox and the owner of the file).
    #[must_use]
    pub fn owner_uid(&self) -> u32 {
        self.stamp.uid
    }

    /// Its size when it was claimed.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.stamp.bytes
    }

    /// Whether it is larger than its source may send. Its bytes can be read only up to that size.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.stamp.bytes > self.bytes_max
    }

    /// The bytes from the start, each time it is called; at most those it had when it was claimed.
    pub fn open(&mut self) -> impl Read {
        FromStart { file: &self.file, at: 0, end: self.stamp.bytes.min(self.bytes_max) }
    }

    /// Whether nothing was written since it was claimed; to be asked after reading.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn unchanged(&self) -> Result<bool, InboxError> {
        let stat = fstat(&self.file).map_err(|error| self.place.failed("look at")(error.into()))?;
        Ok(Stamp::of(&stat) == self.stamp)
    }

    /// What its sidecar says; none when it has none.
    #[must_use]
    pub fn sidecar(&self) -> Option<Result<Sidecar, Reason>> {
        match self.place.open(&self.name.sidecar()) {
            Ok(file) => Some(Sidecar::read(file)),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename) =>
            {
                None
            }
            Err(_) => Some(Err(Reason::BadSidecar)),
        }
    }

    /// Removes it and its sidecar, durably. Only for a file whose bytes are kept elsewhere, durably.
    ///
    /// # Errors
    /// When the file system refuses; [`Inbox::leftovers`] then finds it after the next start.
    pub fn remove(self) -> Result<(), InboxError> {
        self.place.remove(&self.name)
    }

    /// Puts it and its sidecar back under their names.
    ///
    /// # Errors
    /// [`InboxError::NameTaken`]; when the file system refuses. It then stays claimed.
    pub fn put_back(self) -> Result<(), InboxError> {
        self.place.put_back(&self.name)
    }
}

/// Reads by position: the descriptor's own position is shared with nobody.
struct FromStart<'f> {
    file: &'f File,
    at: u64,
    end: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let room = left.min(buffer.len());
        let got = self.file.read_at(&mut buffer[..room], self.at)?;
        self.at += got as u64;
        Ok(got)
    }
}
