//! Private files and folders: nobody else may read them, and none is ever half written.

use crate::fail::{Failure, Outcome};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Makes a folder and what is missing above it, mode 0700.
pub(crate) fn folder(path: &Path) -> Outcome {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| Failure::file(path, &error))
}

/// Writes a new file; an existing one is an error.
pub(crate) fn new_file(path: &Path, bytes: &[u8], mode: u32) -> Outcome {
    write(path, bytes, mode).map_err(|error| Failure::file(path, &error))
}

/// Writes a file that replaces an earlier one whole or not at all.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Outcome {
    let next = path.with_extension("next");
    let replaced = match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => write(&next, bytes, mode).and_then(|()| fs::rename(&next, path)).and_then(|()| settle(path)),
    };
    replaced.map_err(|error| Failure::file(path, &error))
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The new name must survive a power cut as well.
fn settle(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
