//! How much room is left.

use nix::sys::statvfs::statvfs;
use std::{io, path::Path};

/// Free bytes for unprivileged writers on the file system that holds `path`.
///
/// # Errors
/// When the file system cannot be asked.
pub fn space_free(path: &Path) -> io::Result<u64> {
    let answer = statvfs(path)?;
    Ok(answer.blocks_available().saturating_mul(answer.fragment_size()))
}
