//! Making bytes and names survive a power cut.
//!
//! An fsync that fails is never tried again: the kernel may have dropped the dirty pages and would
//! report success the second time. The process aborts, and recovery starts from what is on disk.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Start of every temporary name; whatever bears it after a crash is rubbish.
pub(crate) const TEMPORARY_PREFIX: &str = ".tmp-";

/// Waits until the file's bytes and metadata are on disk.
pub(crate) fn sync(file: &File) {
    if file.sync_all().is_err() {
        abort();
    }
}

/// Waits until the file's bytes, and what is needed to find them, are on disk.
pub(crate) fn sync_data(file: &File) {
    if file.sync_data().is_err() {
        abort();
    }
}

/// Waits until the names in a directory are on disk.
pub(crate) fn sync_names(dir: &Path) -> io::Result<()> {
    sync(&File::open(dir)?);
    Ok(())
}

/// Gives up at once, before anything else can be acknowledged.
pub(crate) fn abort() -> ! {
    eprintln!(
        "lazaret vault: the disk did not confirm a write (fsync failed); stopping so that nothing unsafe is acknowledged"
    );
    std::process::abort();
}

/// Makes a directory that only we can enter; one that is there is fine. The caller makes its name durable.
pub(crate) fn make_dir(dir: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Opens a new file that only we can read; it must not exist.
pub(crate) fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes a whole file beside `name` and makes it durable; returns where it lies.
pub(crate) fn stage(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<std::path::PathBuf> {
    let staged = dir.join(format!("{TEMPORARY_PREFIX}{name}"));
    remove_if_there(&staged)?;
    let mut file = new_file(&staged)?;
    file.write_all(bytes)?;
    sync(&file);
    Ok(staged)
}

/// Replaces `name` by a whole new file: after a crash there is the old one or the new one.
pub(crate) fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let staged = stage(dir, name, bytes)?;
    std::fs::rename(staged, dir.join(name))?;
    sync_names(dir)
}

/// Removes a file; one that is not there is fine.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
