//! How much room is left, and a file that takes some.

use nix::{
    fcntl::{FallocateFlags, fallocate},
    sys::statvfs::statvfs,
};
use std::{fs::File, io, os::unix::fs::OpenOptionsExt as _, path::Path};

/// Free bytes for unprivileged writers on the file system that holds `path`.
///
/// # Errors
/// When the file system cannot be asked.
pub fn space_free(path: &Path) -> io::Result<u64> {
    let answer = statvfs(path)?;
    Ok(answer.blocks_available().saturating_mul(answer.fragment_size()))
}

/// Makes a file of so many bytes that really takes them from the disk; durable on return.
///
/// # Errors
/// When there is no room, there is such a file, or the file system cannot reserve. No file is left then.
pub fn reserve(path: &Path, bytes: u64) -> io::Result<()> {
    let length = i64::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput)?;
    let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    let reserved = fallocate(&file, FallocateFlags::empty(), 0, length).map_err(io::Error::from);
    reserved.and_then(|()| file.sync_all()).inspect_err(|_| drop(std::fs::remove_file(path)))
}
