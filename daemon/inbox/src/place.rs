//! `.claimed/ID`: the folder of one claimed file, where the file keeps its name and has its sidecar
//! beside it.

use crate::{
    InboxError, Name,
    folder::{Folder, names, open_inner, stamp},
    stamp::Kind,
};
use nix::{
    errno::Errno,
    unistd::{UnlinkatFlags, unlinkat},
};
use sandbox::sys::rename_noreplace;
use std::{fs::File, io, os::fd::OwnedFd, path::PathBuf};
use types::DocId;

/// Entries of such a folder: the file and its sidecar.
const ENTRIES_MAX: usize = 2;

/// Holds descriptors of its own, so that it can travel with the file.
pub(crate) struct Place {
    pub(crate) id: DocId,
    dir: OwnedFd,
    claimed: OwnedFd,
    inbox: OwnedFd,
    folder: PathBuf,
    network: bool,
}

impl Place {
    /// Makes the folder; fails when the id was used before.
    pub(crate) fn make(folder: &Folder, id: DocId) -> Result<Self, InboxError> {
        let dir = Folder::make_inner(&folder.claimed, &id.to_string()).map_err(folder.file_error("claim"))?;
        Self::with(folder, id, dir)
    }

    /// Finds the folder again after a crash.
    pub(crate) fn find(folder: &Folder, id: DocId) -> Result<Option<Self>, InboxError> {
        match open_inner(&folder.claimed, id.to_string()) {
            Ok(dir) => Self::with(folder, id, dir).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn with(folder: &Folder, id: DocId, dir: OwnedFd) -> Result<Self, InboxError> {
        let failed = folder.file_error("claim");
        let claimed = folder.claimed.try_clone().map_err(&failed)?;
        let inbox = folder.inbox.try_clone().map_err(&failed)?;
        Ok(Self { id, dir, claimed, inbox, folder: folder.path.clone(), network: folder.network })
    }

    /// Moves an entry of the inbox here; false when there is none.
    pub(crate) fn take(&self, name: &Name) -> io::Result<bool> {
        moved(rename_noreplace(&self.inbox, name.as_path(), &self.dir, name.as_path()))
    }

    /// Opens what lies here.
    pub(crate) fn open(&self, name: &Name) -> io::Result<File> {
        Folder::open_file(&self.dir, name)
    }

    /// The file among what lies here: the one that is not another's sidecar.
    pub(crate) fn file(&self) -> Result<Option<Name>, InboxError> {
        let failed = |error: Errno| self.failed("find")(error.into());
        let mut files = Vec::new();
        for name in names(&self.dir, ENTRIES_MAX, |_| true).map_err(failed)?.0 {
            if stamp(&self.dir, &name).map_err(failed)?.is_some_and(|stamp| stamp.kind == Kind::File) {
                files.push(name);
            }
        }
        let is_sidecar = |name: &Name| name.sidecar_of().is_some_and(|base| files.contains(&base));
        Ok(files.iter().find(|name| !is_sidecar(name)).cloned())
    }

    /// Puts the file and its sidecar back under their names, unless those are taken. The sidecar goes first,
    /// because it must be there before its file.
    pub(crate) fn put_back(self, name: &Name) -> Result<(), InboxError> {
        for name in [&name.sidecar(), name] {
            match moved(rename_noreplace(&self.dir, name.as_path(), &self.inbox, name.as_path())) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(InboxError::NameTaken { folder: self.folder });
                }
                Err(error) => return Err(self.failed("put back")(error)),
            }
        }
        self.discard()
    }

    /// Removes the file and its sidecar, durably. Ends the process when a local disk does not confirm it.
    pub(crate) fn remove(self, name: &Name) -> Result<(), InboxError> {
        for name in [&name.sidecar(), name] {
            match unlinkat(&self.dir, name.as_path(), UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT | Errno::ENAMETOOLONG) => {}
                Err(error) => return Err(self.failed("remove")(error.into())),
            }
        }
        let claimed = self.claimed.try_clone().map_err(self.failed("remove"))?;
        let failed = self.failed("fsync the folder of");
        let network = self.network;
        self.discard()?;
        match nix::unistd::fsync(&claimed) {
            // A file that comes back is known and removed again. But a local disk that does not confirm a write
            // is the one that holds the ledger, or will soon be as broken.
            Err(_) if !network => abort(),
            Err(error) => Err(failed(error.into())),
            Ok(()) => Ok(()),
        }
    }

    /// Removes the empty folder.
    pub(crate) fn discard(self) -> Result<(), InboxError> {
        let id = self.id.to_string();
        let removed = unlinkat(&self.claimed, id.as_str(), UnlinkatFlags::RemoveDir);
        removed.map_err(|error| self.failed("remove the folder of")(error.into()))
    }

    pub(crate) fn failed(&self, what: &'static str) -> impl Fn(io::Error) -> InboxError + use<> {
        let folder = self.folder.clone();
        move |source| InboxError::File { what, folder: folder.clone(), source }
    }
}

/// Gives up at once: a failed fsync is never tried again, because the kernel may have dropped the bytes and
/// would report success the second time.
fn abort() -> ! {
    eprintln!("lazaret inbox: the disk did not confirm a write (fsync failed); stopping");
    std::process::abort();
}

/// Whether there was anything to rename. A name too long for a file system cannot be that of a sidecar.
fn moved(renamed: io::Result<()>) -> io::Result<bool> {
    match renamed {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
