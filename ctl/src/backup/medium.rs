//! Reading and writing a medium that may have been prepared by somebody else, and that may lose its power: no link
//! and no device is followed, and a file is there whole or not at all.

use crate::fail::{Exit, Failure, Outcome};
use crate::setup::files;
use nix::{errno::Errno, fcntl::OFlag};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use types::Digest;
use vault::Sha256;

/// Start of the name of a file that is not whole yet.
pub(super) const TEMPORARY_PREFIX: &str = ".tmp-";
/// Read at once.
pub(super) const PIECE_BYTES: usize = 256 << 10;
/// Largest card, manifest or signature: a manifest has some 70 bytes for each segment of 64 MiB.
const SMALL_BYTES_MAX: u64 = 16 << 20;

/// Writes a file whole or not at all, durably, and reads it again.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Outcome {
    let mut staged = Staged::new(path)?;
    staged.push(bytes)?;
    staged.place()?;
    settle(path)
}

/// A file that gets its name when it is whole.
pub(super) struct Staged {
    temp: PathBuf,
    path: PathBuf,
    file: File,
    sha256: Sha256,
    is_placed: bool,
    pub(super) bytes: u64,
}

impl Staged {
    /// Begins it, in the folder where it will lie; that is made when missing.
    pub(super) fn new(path: &Path) -> Outcome<Self> {
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Failure::new(Exit::Usage, "expected a path with a folder and a name").about(path));
        };
        if !dir.exists() {
            files::folder(dir)?;
        }
        let temp = dir.join(format!("{TEMPORARY_PREFIX}{}", name.to_string_lossy()));
        remove(&temp)?;
        let file = File::options().write(true).create_new(true).open(&temp);
        let file = file.map_err(|error| Failure::file(&temp, &error))?;
        Ok(Self { temp, path: path.to_owned(), file, sha256: Sha256::new(), is_placed: false, bytes: 0 })
    }

    /// Appends.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Outcome {
        self.file.write_all(bytes).map_err(|error| Failure::file(&self.temp, &error))?;
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Makes it durable, reads it again, compares, and gives it its name. The name is durable after
    /// [`settle`].
    pub(super) fn place(mut self) -> Outcome<Digest> {
        self.file.sync_all().map_err(|error| Failure::file(&self.temp, &error))?;
        let written = std::mem::replace(&mut self.sha256, Sha256::new()).finish();
        let (_, read) = hash(&self.temp, u64::MAX)?;
        if read != written {
            let message = "it does not read back as it was written; check the medium";
            return Err(Failure::new(Exit::Findings, message).about(&self.path));
        }
        fs::rename(&self.temp, &self.path).map_err(|error| Failure::file(&self.path, &error))?;
        self.is_placed = true;
        Ok(written)
    }
}

/// What is not whole when the connection breaks is of no use, and may be keys.
impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_placed {
            drop(fs::remove_file(&self.temp));
        }
    }
}

/// Makes the name of a file durable, and that of its folder.
pub(super) fn settle(path: &Path) -> Outcome {
    let sync = |dir: &Path| {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| Failure::file(dir, &error))
    };
    path.ancestors().skip(1).take(2).filter(|dir| !dir.as_os_str().is_empty()).try_for_each(sync)
}

/// Opens a file of the medium to read it.
pub(super) fn open(path: &Path) -> Outcome<File> {
    open_with(File::options().read(true), path)
}

/// Opens a file of the medium. Whoever prepared the medium may have put a link or a device in its place, and we
/// are often root: neither is followed nor waited for.
pub(super) fn open_with(options: &mut OpenOptions, path: &Path) -> Outcome<File> {
    let told = |error: io::Error| Failure::file(path, &error);
    let irregular = || {
        let message = "expected a regular file, found a link or something else; no backup holds such: find out who \
                       wrote to the medium";
        Failure::new(Exit::Findings, message).about(path)
    };
    let file = match options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path) {
        Err(error) if error.raw_os_error() == Some(Errno::ELOOP as i32) => return Err(irregular()),
        opened => opened.map_err(told)?,
    };
    if file.metadata().map_err(told)?.is_file() { Ok(file) } else { Err(irregular()) }
}

/// A small file of the medium, whole.
pub(super) fn read(path: &Path) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = open(path)?.take(SMALL_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::file(path, &error))?;
    if bytes.len() as u64 > SMALL_BYTES_MAX {
        let message =
            format!("expected at most {SMALL_BYTES_MAX} bytes, found more; a backup holds no such file");
        return Err(Failure::new(Exit::Findings, message).about(path));
    }
    Ok(bytes)
}

/// Length and SHA-256 of at most so many first bytes of a file.
pub(super) fn hash(path: &Path, bytes_max: u64) -> Outcome<(u64, Digest)> {
    let told = |error: io::Error| Failure::file(path, &error);
    vault::sha256_of(&mut open(path)?.take(bytes_max)).map_err(told)
}

/// Removes a file; one that is not there is fine.
pub(super) fn remove(path: &Path) -> Outcome {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::file(path, &error)),
        _ => Ok(()),
    }
}

/// Names in a folder, in order; none when there is no folder.
pub(super) fn names(dir: &Path) -> Outcome<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Failure::file(dir, &error))?,
    };
    let name = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = entries
        .map(name)
        .collect::<io::Result<Vec<_>>>()
        .map_err(|error| Failure::file(dir, &error))?
        .into_iter()
        .flatten()
        .collect();
    names.sort();
    Ok(names)
}
