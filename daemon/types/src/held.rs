//! A file that one process at a time holds, so that two daemons never write to the same folder.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

/// A daemon that was killed is gone before the children it was just starting: they hold its files until each has become
/// its own program. So long a lock that is taken is asked for again.
const WAIT: Duration = Duration::from_secs(2);
/// Pause before it is.
const PAUSE: Duration = Duration::from_millis(10);

/// Holds the file, which is made if need be, until it is dropped; none when another process keeps it.
///
/// # Errors
/// When it can be neither made nor opened, or its file system knows no locks.
pub fn hold(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if begun.elapsed() < WAIT => sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
