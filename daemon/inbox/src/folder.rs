//! The folder on disk, by descriptor: the inbox, `.claimed` and `.refused` in it.

use crate::{InboxError, Name, stamp::Stamp};
use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag},
    sys::{
        stat::{FileStat, Mode, fstat, fstatat, mkdirat},
        statfs::{self, FsType, fstatfs},
    },
    unistd::geteuid,
};
use sandbox::sys::openat2_beneath;
use std::{
    fs::{DirBuilder, File},
    io,
    os::fd::{AsFd, OwnedFd},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// Claimed files, one folder each, named by the document's id.
pub(crate) const CLAIMED: &str = ".claimed";
/// Refused entries, one folder each.
pub(crate) const REFUSED: &str = ".refused";

/// Nobody but the daemon looks into these folders.
const PRIVATE: Mode = Mode::S_IRWXU;
/// For folders.
const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY);
/// For files of strangers: a FIFO must not block, a terminal must not become ours.
const FILE: OFlag = OFlag::O_RDONLY.union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY);

/// File systems whose other users we neither see events nor leases of. Not all have a name in the C library.
const NETWORK: [FsType; 9] = [
    statfs::NFS_SUPER_MAGIC,
    statfs::SMB_SUPER_MAGIC,
    FsType(0xff53_4d42), // CIFS
    FsType(0xfe53_4d42), // SMB2
    statfs::FUSE_SUPER_MAGIC,
    statfs::AFS_SUPER_MAGIC,
    statfs::CODA_SUPER_MAGIC,
    FsType(0x00c3_6400), // Ceph
    FsType(0x0102_1997), // 9P
];

/// An open inbox.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) inbox: OwnedFd,
    pub(crate) claimed: OwnedFd,
    pub(crate) refused: OwnedFd,
    /// On a network file system.
    pub(crate) network: bool,
    identity: (u64, u64),
}

impl Folder {
    /// Opens the folder, and makes what is missing in it. Makes the folder itself only when told to.
    pub(crate) fn open(path: &Path, create: bool) -> Result<Self, InboxError> {
        if create {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
            made.map_err(|source| InboxError::Folder { what: "create", folder: path.to_owned(), source })?;
        }
        Self::from(path, open_directory(path)?)
    }

    fn from(path: &Path, inbox: OwnedFd) -> Result<Self, InboxError> {
        let failed = failed(path, "look at");
        let stat = fstat(&inbox).map_err(failed)?;
        let network = NETWORK.contains(&fstatfs(&inbox).map_err(failed)?.filesystem_type());
        let claimed = private_folder(path, &inbox, CLAIMED)?;
        let refused = private_folder(path, &inbox, REFUSED)?;
        Ok(Self { path: path.to_owned(), inbox, claimed, refused, network, identity: identity(&stat) })
    }

    /// Makes sure that the path still leads to the folder that is open. An unmounted inbox shows the empty
    /// folder below it, where nothing must be made or missed; one that was mounted again is taken up again.
    pub(crate) fn refresh(&mut self) -> Result<(), InboxError> {
        let inbox = open_directory(&self.path)?;
        if identity(&fstat(&inbox).map_err(failed(&self.path, "look at"))?) == self.identity {
            return Ok(());
        }
        if fstatat(&inbox, CLAIMED, AtFlags::AT_SYMLINK_NOFOLLOW).is_err() {
            return Err(InboxError::Replaced { folder: self.path.clone() });
        }
        *self = Self::from(&self.path, inbox)?;
        Ok(())
    }

    /// Up to `max` entries whose names are not ignored, and whether that is all of them.
    pub(crate) fn names(&self, ignored: &[String], max: usize) -> Result<(Vec<Name>, bool), InboxError> {
        names(&self.inbox, max, |name| !name.is_ignored(ignored)).map_err(failed(&self.path, "list"))
    }

    /// Folders in `.claimed` or `.refused`, at most `max`.
    pub(crate) fn inner_names(&self, inner: &OwnedFd, max: usize) -> Result<Vec<Name>, InboxError> {
        Ok(names(inner, max, |_| true).map_err(failed(&self.path, "list"))?.0)
    }

    /// The stamp of an entry of the inbox; none when it is gone.
    pub(crate) fn stamp(&self, name: &Name) -> Result<Option<Stamp>, InboxError> {
        stamp(&self.inbox, name).map_err(failed(&self.path, "look at"))
    }

    /// Opens a file of strangers in `folder` for reading.
    pub(crate) fn open_file(folder: impl AsFd, name: &Name) -> io::Result<File> {
        openat2_beneath(folder, name.as_path(), FILE, Mode::empty()).map(File::from)
    }

    /// Makes and opens a private folder; fails when there is one of that name.
    pub(crate) fn make_inner(inner: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
        mkdirat(inner, name, PRIVATE)?;
        open_inner(inner, name)
    }

    /// An error about a file of this inbox.
    pub(crate) fn file_error(&self, what: &'static str) -> impl Fn(io::Error) -> InboxError + '_ {
        move |source| InboxError::File { what, folder: self.path.clone(), source }
    }
}

/// Opens a folder in a folder.
pub(crate) fn open_inner(folder: &OwnedFd, name: impl AsRef<Path>) -> io::Result<OwnedFd> {
    openat2_beneath(folder, name.as_ref(), DIRECTORY | OFlag::O_NOFOLLOW, Mode::empty())
}

/// The stamp of an entry; none when it is gone.
pub(crate) fn stamp(folder: &OwnedFd, name: &Name) -> Result<Option<Stamp>, Errno> {
    match fstatat(folder, name.as_path(), AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(Stamp::of(&stat))),
        Err(Errno::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Up to `max` names that are wanted, and whether that is all of them.
pub(crate) fn names(
    folder: &OwnedFd,
    max: usize,
    wanted: impl Fn(&Name) -> bool,
) -> Result<(Vec<Name>, bool), Errno> {
    let mut found = Vec::new();
    for entry in Dir::openat(folder, ".", DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())? {
        let entry = entry?;
        let bytes = entry.file_name().to_bytes();
        let name = Name::new(bytes);
        if bytes == b"." || bytes == b".." || !wanted(&name) {
            continue;
        }
        if found.len() == max {
            return Ok((found, false));
        }
        found.push(name);
    }
    Ok((found, true))
}

fn open_directory(path: &Path) -> Result<OwnedFd, InboxError> {
    nix::fcntl::open(path, DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map_err(failed(path, "open"))
}

/// Opens `.claimed` or `.refused`, making it first if need be. Whoever can write to the inbox could
/// have made it before us and put something in between our steps, so it must be ours alone.
fn private_folder(path: &Path, inbox: &OwnedFd, inner: &'static str) -> Result<OwnedFd, InboxError> {
    match mkdirat(inbox, inner, PRIVATE) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(error) => return Err(failed(path, "make a folder in")(error)),
    }
    let foreign = || InboxError::Foreign { folder: path.to_owned(), inner };
    let folder = open_inner(inbox, inner).map_err(|_| foreign())?;
    let stat = fstat(&folder).map_err(failed(path, "look at"))?;
    let others = Mode::S_IWGRP | Mode::S_IWOTH;
    let ours =
        stat.st_uid == geteuid().as_raw() && !Mode::from_bits_truncate(stat.st_mode).intersects(others);
    if ours { Ok(folder) } else { Err(foreign()) }
}

fn identity(stat: &FileStat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

fn failed(path: &Path, what: &'static str) -> impl Fn(Errno) -> InboxError + Copy {
    move |error| InboxError::Folder { what, folder: path.to_owned(), source: error.into() }
}
