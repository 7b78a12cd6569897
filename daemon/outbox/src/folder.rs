//! A folder as a target.

use crate::OutboxError;
use nix::{
    errno::Errno,
    fcntl::{OFlag, OpenHow, RenameFlags, ResolveFlag, open, openat2, renameat2},
    sys::stat::{Mode, fchmod},
    unistd::{UnlinkatFlags, fsync, unlinkat},
};
use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
};
use types::DocId;

/// Files are readable for the owner of the route's folder and its group, who fetch them.
const FILE_MODE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR).union(Mode::S_IRGRP);

/// A route's folder.
#[derive(Clone, Debug)]
pub struct FolderTarget {
    /// Where it is. It is never created here: a missing folder may be one that was unmounted.
    pub folder: PathBuf,
}

/// Steps of a delivery; the process may die after each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    ProductWritten,
    ProductPlaced,
    ManifestWritten,
    ManifestPlaced,
}

impl FolderTarget {
    /// Delivers a document: durable, and visible as a whole, on return. To repeat a delivery is harmless,
    /// whether or not it was cut short.
    ///
    /// # Errors
    /// [`OutboxError`]; the folder then holds no manifest of this delivery.
    pub async fn deliver(&self, doc: DocId, product: Vec<u8>, manifest: Vec<u8>) -> Result<(), OutboxError> {
        let target = self.clone();
        let write = move || target.step_by_step(doc, &product, &manifest, |_| Ok(()));
        let written = tokio::task::spawn_blocking(write);
        written.await.unwrap_or_else(|_| Err(io::Error::other("the write did not finish").into()))
    }

    pub(crate) fn step_by_step(
        &self,
        doc: DocId,
        product: &[u8],
        manifest: &[u8],
        mut done: impl FnMut(Step) -> Result<(), OutboxError>,
    ) -> Result<(), OutboxError> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder =
            open(&self.folder, flags, Mode::empty()).map_err(|error| OutboxError::Folder(error.into()))?;
        let folder = Folder(folder);
        let (pdf, json) = (format!("{doc}.pdf"), format!("{doc}.json"));
        // A manifest of something else means that the name is taken: nothing may be written beside it.
        folder.is_there(&json, manifest)?;
        folder.put(&pdf, product, || done(Step::ProductWritten))?;
        done(Step::ProductPlaced)?;
        folder.put(&json, manifest, || done(Step::ManifestWritten))?;
        done(Step::ManifestPlaced)
    }
}

/// An open folder; names are resolved beneath it only.
struct Folder(OwnedFd);

impl Folder {
    /// Writes a file durably, unless it is there already. `written` is told before it gets its name.
    fn put(
        &self,
        name: &str,
        bytes: &[u8],
        written: impl FnOnce() -> Result<(), OutboxError>,
    ) -> Result<(), OutboxError> {
        let temp = format!(".{name}.part");
        if self.is_there(name, bytes)? {
            return self.settle();
        }
        let mut file = self.create(&temp)?;
        file.write_all(bytes)?;
        // The daemon's umask keeps its own files to itself; these are for others.
        fchmod(&file, FILE_MODE)?;
        file.sync_all()?;
        written()?;
        match renameat2(&self.0, temp.as_str(), &self.0, name, RenameFlags::RENAME_NOREPLACE) {
            Ok(()) => self.settle(),
            Err(Errno::EEXIST) => {
                unlinkat(&self.0, temp.as_str(), UnlinkatFlags::NoRemoveDir)?;
                Err(OutboxError::Conflict)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a file of this name and content is there.
    fn is_there(&self, name: &str, bytes: &[u8]) -> Result<bool, OutboxError> {
        match self.read(name, bytes.len())? {
            None => Ok(false),
            Some(present) if present == bytes => Ok(true),
            Some(_) => Err(OutboxError::Conflict),
        }
    }

    /// What lies under this name, read one byte further than expected; none if nothing does.
    fn read(&self, name: &str, expected_bytes: usize) -> Result<Option<Vec<u8>>, OutboxError> {
        match self.open(name, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()) {
            Ok(file) => {
                let mut present = Vec::new();
                file.take(expected_bytes as u64 + 1).read_to_end(&mut present)?;
                Ok(Some(present))
            }
            Err(Errno::ENOENT) => Ok(None),
            // A link or something odd of this name is not our delivery.
            Err(Errno::ELOOP | Errno::ENXIO) => Err(OutboxError::Conflict),
            Err(error) => Err(error.into()),
        }
    }

    /// A new temp file; what a crash, or somebody who wants a link followed, left there is removed first.
    fn create(&self, temp: &str) -> Result<File, OutboxError> {
        match unlinkat(&self.0, temp, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.open(temp, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL, FILE_MODE)?)
    }

    fn open(&self, name: &str, flags: OFlag, mode: Mode) -> nix::Result<File> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW)
            .mode(mode)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
        openat2(self.0.as_fd(), name, how).map(File::from)
    }

    fn settle(&self) -> Result<(), OutboxError> {
        Ok(fsync(&self.0)?)
    }
}
