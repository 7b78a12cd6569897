//! A folder as a target.

use crate::OutboxError;
use nix::{
    errno::Errno,
    fcntl::{OFlag, OpenHow, RenameFlags, ResolveFlag, open, openat2, renameat2},
    sys::stat::Mode,
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

impl FolderTarget {
    /// Delivers a document: durable, and visible as a whole, on return.
    ///
    /// # Errors
    /// [`OutboxError`]; the folder then holds no manifest of this delivery.
    pub async fn deliver(&self, doc: DocId, product: Vec<u8>, manifest: Vec<u8>) -> Result<(), OutboxError> {
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || {
            let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            let folder = open(&folder, flags, Mode::empty()).map_err(|error| OutboxError::Folder(error.into()))?;
            let folder = Folder(folder);
            folder.put(&format!("{doc}.pdf"), &product)?;
            folder.put(&format!("{doc}.json"), &manifest)
        });
        written.await.unwrap_or_else(|_| Err(io::Error::other("the write did not finish").into()))
    }
}

/// An open folder; names are resolved beneath it only.
struct Folder(OwnedFd);

impl Folder {
    /// Writes a file durably, unless it is there already.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), OutboxError> {
        if let Some(present) = self.read(name, bytes.len())? {
            return if present == bytes { self.settle() } else { Err(OutboxError::Conflict) };
        }
        let temp = format!(".{name}.part");
        let mut file = self.create(&temp)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        match renameat2(&self.0, temp.as_str(), &self.0, name, RenameFlags::RENAME_NOREPLACE) {
            Ok(()) => self.settle(),
            Err(Errno::EEXIST) => {
                unlinkat(&self.0, temp.as_str(), UnlinkatFlags::NoRemoveDir)?;
                Err(OutboxError::Conflict)
            }
            Err(error) => Err(error.into()),
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

    /// A new temp file; one that a crash left behind is removed first.
    fn create(&self, temp: &str) -> Result<File, OutboxError> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        match self.open(temp, flags, FILE_MODE) {
            Err(Errno::EEXIST) => {
                unlinkat(&self.0, temp, UnlinkatFlags::NoRemoveDir)?;
                Ok(self.open(temp, flags, FILE_MODE)?)
            }
            other => Ok(other?),
        }
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
