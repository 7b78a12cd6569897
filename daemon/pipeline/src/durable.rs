//! Small files of the state directory that survive a power cut whole.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Replaces a small file: after a crash there is the old one or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // No label begins with a dot.
    let staged = path.with_file_name(format!(".{name}.part"));
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
    file.write_all(bytes)?;
    settle(&file);
    fs::rename(staged, path)?;
    settle(&File::open(path.parent().unwrap_or(Path::new(".")))?);
    Ok(())
}

/// Lets a note wait that a full disk did not take: a start must not fail for it. `what` says what waits.
pub(crate) fn unless_full(written: io::Result<()>, what: &'static str) -> io::Result<()> {
    match written {
        Err(error) if is_full(&error) => {
            tracing::warn!(what, "the disk is full: not written now, but later");
            Ok(())
        }
        written => written,
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Waits until a file or folder is on disk; a disk that does not confirm ends the process.
pub(crate) fn settle(file: &File) {
    if file.sync_all().is_err() {
        tracing::error!("the disk did not confirm a write in the state directory (fsync failed); stopping");
        std::process::abort();
    }
}
