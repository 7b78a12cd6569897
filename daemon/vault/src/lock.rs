//! The vault is one process's at a time.

use crate::VaultError;
use crate::error::Context;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

const LOCK_NAME: &str = "lock";
/// A daemon that was killed is gone before the children it was just starting: they hold its files until each has become
/// its own program. So long a lock that is taken is asked for again.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Pause before it is.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Takes it for this process.
///
/// # Errors
/// When another holds it still.
pub(crate) fn lock(dir: &Path) -> Result<File, VaultError> {
    let path = dir.join(LOCK_NAME);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).when("open the lock", &path)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_WAIT => sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => return Err(VaultError::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(source).when("lock", &path),
        }
    }
}
