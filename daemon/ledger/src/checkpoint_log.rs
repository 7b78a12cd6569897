//! `checkpoints.log`: every checkpoint ever signed, one behind the other, each followed by the line `%%`.
//!
//! It lies beside the segments, is only appended to, and is readable without a daemon. A note that a
//! power cut left unfinished at the end is cut; it was shown to nobody.

use crate::LedgerError;
use crate::append::abort;
use crate::checkpoint::{NOTE_BYTES_MAX, NoteFault, Signed};
use crate::error::Context;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Name of the file, in the folder of the segments.
pub const CHECKPOINT_LOG: &str = "checkpoints.log";
/// What stands behind each note: no line of a note is so.
const END_LINE: &str = "%%\n";
const ENTRY_BYTES_MAX: usize = NOTE_BYTES_MAX + END_LINE.len();
/// Enough to hold the last whole note and an unfinished one, wherever it begins.
const TAIL_BYTES: u64 = 4 * ENTRY_BYTES_MAX as u64;

/// The log, open for appending. Only who holds the ledger's lock opens it.
pub struct CheckpointLog {
    path: PathBuf,
    file: File,
    bytes: u64,
    last: Option<Signed>,
}

impl CheckpointLog {
    /// Opens the log, or begins one; an unfinished end is cut.
    ///
    /// # Errors
    /// When its last note is damaged, or the disk refuses.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        let path = dir.join(CHECKPOINT_LOG);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).when("open", &path)?;
        let Tail { last, whole_bytes, bytes } = tail(&path, &file)?;
        if whole_bytes < bytes {
            file.set_len(whole_bytes).when("cut the unfinished end of", &path)?;
        }
        let names = File::open(dir).when("open", dir)?;
        if file.sync_all().and_then(|()| names.sync_all()).is_err() {
            abort("the disk did not confirm a write (fsync failed)");
        }
        Ok(Self { path, file, bytes: whole_bytes, last })
    }

    /// The last checkpoint of a log, without changing it; none when there is no log or no note in it.
    ///
    /// # Errors
    /// When its last note is damaged, or the file cannot be read.
    pub fn last_of(dir: &Path) -> Result<Option<Signed>, LedgerError> {
        let path = dir.join(CHECKPOINT_LOG);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => tail(&path, &file.when("open", &path)?).map(|tail| tail.last),
        }
    }

    /// The first checkpoint of a log, and the last one of each key up to `end`, which is the last: enough to
    /// follow the chain of keys from the first to the one that signed `end`. What was signed later is left
    /// out: a daemon signs while others read. None when `end` is not in the log.
    ///
    /// # Errors
    /// When a note is damaged, or the file cannot be read.
    pub fn turns_of(dir: &Path, end: &Signed) -> Result<Option<Vec<Signed>>, LedgerError> {
        let path = dir.join(CHECKPOINT_LOG);
        let mut turns: Vec<Signed> = Vec::new();
        let Some(mut entries) = Entries::of(dir).when("open", &path)? else { return Ok(None) };
        while let Some(entry) = entries.next().when("read", &path)? {
            let Some(note) = entry.note(&path)? else { break };
            let (is_first, is_end) = (turns.len() < 2, note == *end);
            match turns.last_mut().filter(|last| !is_first && last.checkpoint.key == note.checkpoint.key) {
                Some(last) => *last = note,
                None => turns.push(note),
            }
            if is_end {
                return Ok(Some(turns));
            }
        }
        Ok(None)
    }

    /// The last checkpoints of a log, at most so many, the oldest first.
    ///
    /// # Errors
    /// When one of them is damaged, or the file cannot be read.
    pub fn recent(dir: &Path, notes_max: usize) -> Result<Vec<Signed>, LedgerError> {
        let path = dir.join(CHECKPOINT_LOG);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            file => file.when("open", &path)?,
        };
        let bytes = file.metadata().when("look at", &path)?.len();
        let start = bytes.saturating_sub((notes_max * ENTRY_BYTES_MAX) as u64);
        let mut entries = Entries::from(file, start, bytes).when("read", &path)?;
        if start > 0 {
            // Somewhere in a note.
            entries.next().when("read", &path)?;
        }
        let mut notes = Vec::new();
        while let Some(entry) = entries.next().when("read", &path)? {
            notes.extend(entry.note(&path)?);
        }
        notes.drain(..notes.len().saturating_sub(notes_max));
        Ok(notes)
    }

    /// The first checkpoint of a log; none when there is no log or no note in it.
    ///
    /// # Errors
    /// When it is damaged, or the file cannot be read.
    pub fn first_of(dir: &Path) -> Result<Option<Signed>, LedgerError> {
        let path = dir.join(CHECKPOINT_LOG);
        let Some(mut entries) = Entries::of(dir).when("open", &path)? else { return Ok(None) };
        let Some(entry) = entries.next().when("read", &path)? else { return Ok(None) };
        entry.note(&path)
    }

    /// Bytes of the file, all of them acknowledged.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The last checkpoint.
    #[must_use]
    pub fn last(&self) -> Option<&Signed> {
        self.last.as_ref()
    }

    /// Appends a checkpoint; durable on return. After an error the log is as before.
    ///
    /// # Errors
    /// When the disk is full or refuses.
    pub fn append(&mut self, signed: Signed) -> Result<(), LedgerError> {
        let entry = [signed.note(), END_LINE].concat();
        if let Err(error) = self.file.write_all_at(entry.as_bytes(), self.bytes) {
            if self.file.set_len(self.bytes).and_then(|()| self.file.sync_all()).is_err() {
                abort("an unfinished checkpoint could not be taken back");
            }
            return Err(error).when("append to", &self.path);
        }
        if self.file.sync_data().is_err() {
            abort("the disk did not confirm a write (fdatasync failed)");
        }
        self.bytes += entry.len() as u64;
        self.last = Some(signed);
        Ok(())
    }
}

struct Tail {
    last: Option<Signed>,
    /// Up to the end of the last whole note.
    whole_bytes: u64,
    bytes: u64,
}

fn tail(path: &Path, file: &File) -> Result<Tail, LedgerError> {
    let bytes = file.metadata().when("look at", path)?.len();
    let start = bytes.saturating_sub(TAIL_BYTES);
    let mut entries = Entries::from(file, start, bytes).when("read", path)?;
    let mut tail = Tail { last: None, whole_bytes: 0, bytes };
    if start > 0 {
        // A long log is entered somewhere in a note.
        let entry = entries.next().when("read", path)?;
        if !entry.is_some_and(|entry| entry.is_ended) {
            let fault = NoteFault::Line { line: 12, expected: "the line %% behind a note" };
            return Err(LedgerError::BadCheckpoint { path: path.to_owned(), offset: start, fault });
        }
        tail.whole_bytes = entries.offset;
    }
    while let Some(entry) = entries.next().when("read", path)? {
        let Some(signed) = entry.note(path)? else { break };
        (tail.last, tail.whole_bytes) = (Some(signed), entries.offset);
    }
    Ok(tail)
}

/// Notes of a log, front to back.
pub(crate) struct Entries<R> {
    reader: BufReader<R>,
    pub(crate) offset: u64,
    bytes: u64,
}

/// A piece of the log that ends with the end line, with the file, or where no note can be as long.
pub(crate) struct Entry {
    pub(crate) offset: u64,
    note: Vec<u8>,
    is_ended: bool,
    is_last: bool,
}

impl Entries<File> {
    /// From the beginning of the log in this folder; none when there is no log.
    pub(crate) fn of(dir: &Path) -> io::Result<Option<Self>> {
        match File::open(dir.join(CHECKPOINT_LOG)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(file) => {
                let bytes = file.metadata()?.len();
                Self::from(file, 0, bytes).map(Some)
            }
        }
    }
}

impl<R: Read + Seek> Entries<R> {
    fn from(file: R, offset: u64, bytes: u64) -> io::Result<Self> {
        let mut reader = BufReader::new(file);
        reader.seek(SeekFrom::Start(offset))?;
        Ok(Self { reader, offset, bytes })
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<Entry>> {
        let (offset, mut note, mut is_ended) = (self.offset, Vec::new(), false);
        // What was appended since we began belongs to the next reader.
        let left = (self.bytes - offset).min(ENTRY_BYTES_MAX as u64);
        let mut reader = (&mut self.reader).take(left);
        while !is_ended {
            let line = reader.read_until(b'\n', &mut note)?;
            is_ended = note.ends_with(END_LINE.as_bytes()) && line == END_LINE.len();
            if line == 0 {
                break;
            }
        }
        self.offset += note.len() as u64;
        if note.is_empty() {
            return Ok(None);
        }
        if is_ended {
            note.truncate(note.len() - END_LINE.len());
        }
        Ok(Some(Entry { offset, note, is_ended, is_last: self.offset == self.bytes }))
    }
}

impl Entry {
    /// [`Self::read`], with the place of what is wrong.
    fn note(&self, path: &Path) -> Result<Option<Signed>, LedgerError> {
        let place = |fault| LedgerError::BadCheckpoint { path: path.to_owned(), offset: self.offset, fault };
        self.read().map_err(place)
    }

    /// The note; none when it is the end of the log and was never written whole: it lacks its end line,
    /// or has zero bytes, which no note has (space that was given to the file and never filled).
    pub(crate) fn read(&self) -> Result<Option<Signed>, NoteFault> {
        if self.is_last && (!self.is_ended || self.note.contains(&0)) {
            return Ok(None);
        }
        if !self.is_ended {
            return Err(NoteFault::TooLong(self.note.len()));
        }
        let note = std::str::from_utf8(&self.note).map_err(|_| NoteFault::NotText)?;
        Signed::parse(note).map(Some)
    }
}
