//! Making bytes and names survive a power cut.
//!
//! An fsync that fails is never tried again: the kernel may have dropped the dirty pages and would
//! report success the second time. The process aborts, and recovery starts from what is on disk.

use nix::fcntl::OFlag;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Start of every temporary name; whatever bears it after a crash is rubbish.
pub(crate) const TEMPORARY_PREFIX: &str = ".tmp-";

/// End of the name of a file that was replaced and whose keys are not yet overwritten.
const RETIRED_SUFFIX: &str = ".retired";

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
    wipe_if_there(&staged)?;
    let mut file = new_file(&staged)?;
    if let Err(error) = file.write_all(bytes) {
        // What of it is there may be keys; the error that counts is the first.
        drop(wipe_if_there(&staged));
        return Err(error);
    }
    sync(&file);
    Ok(staged)
}

/// Replaces `name` by a whole new file: after a crash there is the old one or the new one.
pub(crate) fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let staged = stage(dir, name, bytes)?;
    std::fs::rename(staged, dir.join(name))?;
    sync_names(dir)
}

/// Like [`replace`], for a file with keys: the bytes `wiped` of the old one are overwritten.
pub(crate) fn replace_and_wipe(dir: &Path, name: &str, bytes: &[u8], wiped: Range<u64>) -> io::Result<()> {
    swap(dir, name, bytes, wiped.clone())?;
    finish_retirement(dir, name, wiped)
}

/// Puts a new file in the place of `name`; the old one keeps the name `NAME.retired` until
/// [`finish_retirement`]. Nothing can fail once the name is replaced.
pub(crate) fn swap(dir: &Path, name: &str, bytes: &[u8], wiped: Range<u64>) -> io::Result<()> {
    let names = File::open(dir)?;
    let staged = stage(dir, name, bytes)?;
    finish_retirement(dir, name, wiped)?;
    let current = dir.join(name);
    if current.exists() {
        std::fs::hard_link(&current, dir.join(format!("{name}{RETIRED_SUFFIX}")))?;
        // If the replacement survived a power cut and this name did not, nobody would find the old keys and
        // wipe them.
        sync(&names);
    }
    std::fs::rename(staged, current)?;
    sync(&names);
    Ok(())
}

/// Overwrites keys of a file that was replaced, then removes it. A second name of the *current* file
/// (the crash came before the replacement) is only removed. Repeating it is harmless.
pub(crate) fn finish_retirement(dir: &Path, name: &str, wiped: Range<u64>) -> io::Result<()> {
    let retired = dir.join(format!("{name}{RETIRED_SUFFIX}"));
    let old = match std::fs::metadata(&retired) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let new = std::fs::metadata(dir.join(name))?;
    if (old.dev(), old.ino()) != (new.dev(), new.ino()) {
        let file = OpenOptions::new().write(true).open(&retired)?;
        let bytes = wiped.end.min(old.len()).saturating_sub(wiped.start) as usize;
        file.write_all_at(&vec![0; bytes], wiped.start)?;
        sync(&file);
    }
    std::fs::remove_file(retired)?;
    sync_names(dir)
}

/// Overwrites a file that may hold keys, then removes it; one that is not there is fine. It has one name only.
pub(crate) fn wipe_if_there(path: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().write(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut zeros = io::repeat(0).take(file.metadata()?.len());
    io::copy(&mut zeros, &mut &file)?;
    sync(&file);
    std::fs::remove_file(path)
}

/// Removes a file; one that is not there is fine.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
