//! What a run has fetched so far, so that the next one goes on if it breaks off. It is not signed and counts for
//! nothing but that: whoever reads it reads the blobs too.

use super::{
    folder::{Folder, Hashes, LINE_BYTES_MAX, list_line, parse_line},
    medium::open_with,
};
use crate::fail::{Failure, Outcome};
use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::PathBuf,
};
use types::Digest;

/// Largest list that is gone on with: 7 million blobs.
const LIST_BYTES_MAX: u64 = 1 << 30;

/// The list, open to be continued.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    /// What an earlier run has fetched.
    pub(super) found: Hashes,
}

impl Partial {
    /// Reads the list as far as it is whole: its end may never have reached the medium.
    pub(super) fn open(folder: &Folder) -> Outcome<Self> {
        let path = folder.partial_list();
        let file = open_with(File::options().read(true).append(true).create(true), &path)?;
        let mut reader = BufReader::new(&file).take(LIST_BYTES_MAX);
        let (mut found, mut line) = (Hashes::new(), Vec::new());
        loop {
            line.clear();
            let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
            let read = read.map_err(|error| Failure::file(&path, &error))?;
            let parsed = std::str::from_utf8(&line).ok().and_then(parse_line);
            match parsed {
                Some((hash, name)) => drop(found.insert(name.to_owned(), hash)),
                None if read == 0 => break,
                // A power cut leaves zeros or half a line; what follows begins on a line of its own.
                None => {}
            }
        }
        let mut partial = Self { path, file, found };
        partial.write("\n")?;
        Ok(partial)
    }

    /// Adds a blob that lies there whole.
    pub(super) fn add(&mut self, path: &str, sha256: &Digest) -> Outcome {
        self.write(&list_line(path, sha256))
    }

    fn write(&mut self, text: &str) -> Outcome {
        self.file.write_all(text.as_bytes()).map_err(|error| Failure::file(&self.path, &error))
    }
}
