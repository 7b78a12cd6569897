//! Where a record lies, and reading it there: for views that keep places instead of records.

use crate::format::{FRAME_BYTES, check_frame, decode_frame, frame_bytes};
use crate::segment::{Segment, file_name};
use crate::{Fault, LedgerError};
use lifecycle::Record;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use types::Digest;

/// Segments that a [`Lookup`] keeps open; the one not used for longest is closed for another.
const SEGMENTS_OPEN_MAX: usize = 64;
/// Read at once: most frames are shorter, so most records cost one system call.
const READ_BYTES: usize = 1 << 10;

/// Where a record lies. Segments only grow, so a place holds for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// First record of its segment.
    pub segment: u64,
    /// Where its frame begins, in bytes from the start of the segment.
    pub offset: u64,
}

/// A record with its place, and its hash: the one that the next frame carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The record.
    pub record: Record,
    /// Where it lies.
    pub place: Place,
    /// Names this record and all before it.
    pub hash: Digest,
}

/// Reads single records, beside a process that appends. Cheap to share between threads.
pub struct Lookup {
    dir: PathBuf,
    /// The one used last is at the end.
    open: Mutex<Vec<(u64, Arc<File>)>>,
}

impl Lookup {
    /// Over the ledger in `dir`; nothing is opened yet.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), open: Mutex::default() }
    }

    /// Reads record `seq` at its place. Its checksum and its number are checked; the chain is not, because
    /// that takes the records before it.
    ///
    /// # Errors
    /// When the place holds no such record, or one that was changed.
    pub fn read(&self, place: Place, seq: u64) -> Result<Record, LedgerError> {
        let segment = Segment { path: self.dir.join(file_name(place.segment)), first: place.segment };
        let damage = |fault| segment.damage(place.offset, fault);
        let file = self.segment(&segment).map_err(|error| damage(Fault::Unreadable(error)))?;
        let frame = read_frame(&file, place.offset, seq).map_err(damage)?;
        check_frame(&frame, seq).map_err(damage)?;
        let frame = decode_frame(&frame);
        if frame.seq != seq {
            return Err(damage(Fault::Sequence { expected: seq, found: frame.seq }).into());
        }
        Ok(frame.record().map_err(damage)?)
    }

    fn segment(&self, segment: &Segment) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match open.iter().position(|(first, _)| *first == segment.first) {
            Some(at) => open.remove(at).1,
            None => Arc::new(File::open(&segment.path)?),
        };
        if open.len() == SEGMENTS_OPEN_MAX {
            open.remove(0);
        }
        open.push((segment.first, file.clone()));
        Ok(file)
    }
}

fn read_frame(file: &File, offset: u64, seq: u64) -> Result<Vec<u8>, Fault> {
    let mut frame = vec![0; READ_BYTES];
    let read = read_up_to(file, &mut frame, offset).map_err(Fault::Unreadable)?;
    let missing = |found: usize, wanted: usize| Fault::CutShort { seq, missing: (wanted - found) as u64 };
    let head = frame[..read].first_chunk::<FRAME_BYTES>().ok_or(missing(read.min(FRAME_BYTES), FRAME_BYTES));
    let length = frame_bytes(head?, seq)?;
    frame.truncate(read.min(length));
    if read < length {
        frame.resize(length, 0);
        let more = read_up_to(file, &mut frame[read..], offset + read as u64).map_err(Fault::Unreadable)?;
        if read + more < length {
            return Err(missing(read + more, length));
        }
    }
    Ok(frame)
}

/// Fills the buffer as far as the file goes.
fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Ledger, NewRecord, hash_at};
    use lifecycle::{Actor, Body, SystemEvent};
    use std::fs::OpenOptions;
    use types::UnixMillis;

    /// A ledger of several segments, and where its records lie.
    fn filled(dir: &Path) -> Vec<Placed> {
        let (mut ledger, _) = Ledger::open(dir).unwrap();
        ledger.segment_bytes_max = 2_000;
        let mut placed = Vec::new();
        for number in 1_u64..=40 {
            // One is longer than what is read at once.
            let build = "x".repeat(if number == 17 { 3 * READ_BYTES } else { 40 });
            let body = Body::System(SystemEvent::Started {
                build,
                landlock_abi: 1,
                degraded: false,
                clear_swap: false,
            });
            let new = NewRecord { at: UnixMillis(number), by: Actor::Daemon, body };
            placed.extend(ledger.append_placed(vec![new.clone(), new]).unwrap());
        }
        placed
    }

    #[test]
    fn every_record_is_found_at_the_place_that_appending_and_reading_give() {
        let dir = tempfile::tempdir().unwrap();
        let written = filled(dir.path());
        let read: Vec<Placed> = Ledger::read_placed(dir.path(), 1).unwrap().map(Result::unwrap).collect();
        assert_eq!(read, written);
        assert!(written.last().unwrap().place.segment > 1, "several segments");
        let lookup = Lookup::new(dir.path());
        for placed in &written {
            assert_eq!(lookup.read(placed.place, placed.record.seq).unwrap(), placed.record);
            assert_eq!(hash_at(dir.path(), placed.record.seq).unwrap(), Some(placed.hash));
        }
        assert!(lookup.open.lock().unwrap().len() <= SEGMENTS_OPEN_MAX);
        assert_eq!(hash_at(dir.path(), 81).unwrap(), None);
    }

    #[test]
    fn a_place_that_holds_something_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let written = filled(dir.path());
        let lookup = Lookup::new(dir.path());
        let first = &written[0];
        assert!(lookup.read(first.place, 2).is_err(), "another number");
        let beside = Place { offset: first.place.offset + 1, ..first.place };
        assert!(lookup.read(beside, 1).is_err(), "not the beginning of a frame");
        let beyond = Place { offset: 1 << 40, ..first.place };
        assert!(lookup.read(beyond, 1).is_err(), "behind the end");
        let nowhere = Place { segment: 7_777, ..first.place };
        assert!(lookup.read(nowhere, 7_777).is_err(), "no such segment");
        let path = dir.path().join(file_name(1));
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.write_at(b"y", first.place.offset + FRAME_BYTES as u64 + 60).unwrap();
        let error = lookup.read(first.place, 1).unwrap_err().to_string();
        assert!(error.contains("checksum"), "{error}");
    }
}
