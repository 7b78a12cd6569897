//! A route's folder and `.sent` in it, by descriptor; names are resolved beneath them only.

use crate::OutboxError;
use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag, OpenHow, RenameFlags, ResolveFlag, open, openat2, renameat2},
    sys::stat::{Mode, fchmod, fstat, fstatat, mkdirat},
    unistd::{UnlinkatFlags, fsync, geteuid, linkat, unlinkat},
};
use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

/// Where deliveries are prepared and marked; nobody else may write there.
const SENT: &str = ".sent";
/// Files are readable for the owner of the route's folder and its group, who fetch them.
const FILE_MODE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR).union(Mode::S_IRGRP);
/// Bytes compared at a time.
const COMPARE_BYTES: usize = 64 << 10;

/// One of the two folders.
pub(crate) struct Dir(OwnedFd);

/// The two folders of a route, on one file system.
pub(crate) struct Dirs {
    /// The route's folder: what has a name here can be seen by those who fetch.
    pub(crate) folder: Dir,
    /// `.sent`.
    pub(crate) sent: Dir,
}

impl Dirs {
    /// Opens both; makes `.sent`, but never the folder: a missing one may be one that was unmounted.
    pub(crate) fn open(path: &Path) -> Result<Self, OutboxError> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder = open(path, flags, Mode::empty()).map_err(|error| OutboxError::Folder(error.into()))?;
        let folder = Dir(folder);
        match mkdirat(&folder.0, SENT, Mode::S_IRWXU) {
            Ok(()) => folder.settle(),
            Err(Errno::EEXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let sent = folder.open(SENT, OFlag::O_DIRECTORY, Mode::empty()).map_err(|_| OutboxError::Foreign)?;
        let stat = fstat(&sent)?;
        let others = Mode::S_IWGRP | Mode::S_IWOTH;
        let ours =
            stat.st_uid == geteuid().as_raw() && !Mode::from_bits_truncate(stat.st_mode).intersects(others);
        if ours { Ok(Self { folder, sent: Dir(sent.into()) }) } else { Err(OutboxError::Foreign) }
    }
}

impl Dir {
    /// Whether there is an entry of this name, of whatever kind.
    pub(crate) fn has(&self, name: &str) -> Result<bool, OutboxError> {
        Ok(self.inode(name)?.is_some())
    }

    /// The inode under this name; none when there is none.
    pub(crate) fn inode(&self, name: &str) -> Result<Option<u64>, OutboxError> {
        match fstatat(&self.0, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat.st_ino)),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file for reading; none when there is none of this name.
    pub(crate) fn read(&self, name: &str) -> Result<Option<File>, OutboxError> {
        match self.open(name, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()) {
            Ok(file) => Ok(Some(file)),
            Err(Errno::ENOENT) => Ok(None),
            // A link or something odd of this name is not our delivery.
            Err(Errno::ELOOP | Errno::ENXIO) => Err(OutboxError::Conflict),
            Err(error) => Err(error.into()),
        }
    }

    /// A new file with what `fill` writes, durable but for its name. What a crash left there is removed first.
    pub(crate) fn write(
        &self,
        name: &str,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), OutboxError> {
        self.remove(name)?;
        let mut file = self.open(name, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL, FILE_MODE)?;
        fill(&mut file)?;
        // The daemon's umask keeps its own files to itself; these are for others.
        fchmod(&file, FILE_MODE)?;
        Ok(file.sync_all()?)
    }

    /// Gives a file of another folder a name here; false when the name is taken.
    pub(crate) fn take(&self, from: &Self, old: &str, new: &str) -> Result<bool, OutboxError> {
        match renameat2(&from.0, old, &self.0, new, RenameFlags::RENAME_NOREPLACE) {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a file a second name in the same folder. Not every file system can; what it serves is then not done.
    pub(crate) fn link(&self, old: &str, new: &str) -> Result<(), OutboxError> {
        self.remove(new)?;
        match linkat(&self.0, old, &self.0, new, AtFlags::empty()) {
            Ok(()) | Err(Errno::EPERM | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EMLINK) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a name; one that is not there is fine.
    pub(crate) fn remove(&self, name: &str) -> Result<(), OutboxError> {
        match unlinkat(&self.0, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// All names, at most `max`.
    pub(crate) fn names(&self, max: usize) -> Result<Vec<String>, OutboxError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut names = Vec::new();
        for entry in nix::dir::Dir::openat(&self.0, ".", flags, Mode::empty())? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().to_str()
                && ![".", ".."].contains(&name)
                && names.len() < max
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Makes the names of this folder durable. When the disk does not confirm that, nobody can say what was seen
    /// of a delivery and what will be there after a restart: the process stops.
    pub(crate) fn settle(&self) {
        if fsync(&self.0).is_err() {
            eprintln!(
                "lazaret outbox: the disk of a route's folder did not confirm a write (fsync failed); stopping"
            );
            std::process::abort();
        }
    }

    fn open(&self, name: &str, flags: OFlag, mode: Mode) -> nix::Result<File> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW)
            .mode(mode)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
        openat2(self.0.as_fd(), name, how).map(File::from)
    }
}

/// Whether two files hold the same bytes; neither is held in memory.
pub(crate) fn same(a: &mut File, b: &mut File) -> Result<bool, OutboxError> {
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; COMPARE_BYTES], vec![0; COMPARE_BYTES]);
    loop {
        let (one, other) = (fill(a, &mut left)?, fill(b, &mut right)?);
        if left[..one] != right[..other] {
            return Ok(false);
        }
        if one == 0 {
            return Ok(true);
        }
    }
}

fn fill(file: &mut File, chunk: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < chunk.len() {
        match file.read(&mut chunk[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
