//! Disk blocks of a segment, taken before they are needed: then an append writes, and allocates nothing.
//!
//! The length of the file stays what was written, so the format knows nothing of it.

use nix::fcntl::{FallocateFlags, fallocate};
use std::fs::File;
use std::io;

/// Takes the blocks of the first `bytes` of a file. A file system that cannot, or is short of space,
/// leaves the file without: appending allocates then, and says when there is no space.
pub(crate) fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    let length = i64::try_from(bytes).map_err(io::Error::other)?;
    match fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, length) {
        Ok(()) => Ok(()),
        // What was taken before the space ran out is for others.
        Err(_) => give_back(file, file.metadata()?.len()),
    }
}

/// Gives back the blocks behind the first `bytes`, which is the length of the file.
pub(crate) fn give_back(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)
}
