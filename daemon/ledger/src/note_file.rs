//! Reading a checkpoint that somebody else may have put there, or may have put something else in its place.

use crate::checkpoint::{NOTE_BYTES_MAX, Signed};
use nix::{errno::Errno, fcntl::OFlag};
use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// The checkpoint in this file; none when it is no regular file, or holds no note. A link is not followed, and
/// a pipe that nobody writes to is not waited for.
///
/// # Errors
/// When the disk or the share does not give the bytes.
pub fn read_note(path: &Path) -> io::Result<Option<Signed>> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits()).open(path) {
        // A link, or a socket.
        Err(error)
            if [Errno::ELOOP, Errno::ENXIO]
                .map(|errno| Some(errno as i32))
                .contains(&error.raw_os_error()) =>
        {
            return Ok(None);
        }
        file => file?,
    };
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut note = Vec::new();
    file.take(NOTE_BYTES_MAX as u64 + 1).read_to_end(&mut note)?;
    Ok(std::str::from_utf8(&note).ok().and_then(|note| Signed::parse(note).ok()))
}
