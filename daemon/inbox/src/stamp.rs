//! What the kernel says of an entry; two equal stamps mean that nothing was written in between.

use nix::sys::stat::{FileStat, SFlag};
use types::Reason;

/// Identity, size and times of an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub(crate) kind: Kind,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) links: u64,
    pub(crate) uid: u32,
    pub(crate) bytes: u64,
    pub(crate) modified: (i64, i64),
    pub(crate) changed: (i64, i64),
}

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    File,
    Directory,
    Symlink,
    /// FIFO, socket or device.
    Special,
}

impl Stamp {
    pub(crate) fn of(stat: &FileStat) -> Self {
        let kind = match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFREG => Kind::File,
            SFlag::S_IFDIR => Kind::Directory,
            SFlag::S_IFLNK => Kind::Symlink,
            _ => Kind::Special,
        };
        Self {
            kind,
            device: stat.st_dev,
            inode: stat.st_ino,
            links: stat.st_nlink,
            uid: stat.st_uid,
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// Whether this is the same file with the same content, possibly under another name: a rename changes the
    /// time of the last change of status, and nothing else.
    pub(crate) fn is_same_content(&self, other: &Stamp) -> bool {
        Stamp { changed: (0, 0), ..*self } == Stamp { changed: (0, 0), ..*other }
    }

    /// Why an entry of this kind can never be taken in.
    pub(crate) fn refusal(&self) -> Option<Reason> {
        match self.kind {
            Kind::Directory => Some(Reason::Directory),
            Kind::Symlink => Some(Reason::Symlink),
            Kind::Special => Some(Reason::SpecialFile),
            Kind::File if self.links > 1 => Some(Reason::HardLink),
            Kind::File => None,
        }
    }
}
