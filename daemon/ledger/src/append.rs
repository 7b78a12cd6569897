//! Appending: a batch is one write and one fdatasync.

use crate::error::Context;
use crate::format::{
    BATCH_BYTES_MAX, BATCH_RECORDS_MAX, FRAME_BYTES, HEADER_BYTES, Link, SEGMENT_BYTES_MAX, Turn, Version,
    encode_frame, encode_header,
};
use crate::mark::{Mark, Recall};
use crate::merkle::{Frontier, leaf_hash};
use crate::read::Frames;
use crate::reserve::{give_back, reserve};
use crate::segment::file_name;
use crate::{LedgerError, Place, Placed, PlacedRecords, Records};
use lifecycle::{Actor, Body, Record};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use types::{Digest, UnixMillis};

const LOCK_NAME: &str = "lock";
/// A segment that is not one yet.
const STAGED_NAME: &str = ".tmp-segment";

/// Records that are checked between two words of how far it is: a fraction of a second on any disk.
const TOLD_EVERY: u64 = 10_000;

/// A record before it has a number.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRecord {
    /// When.
    pub at: UnixMillis,
    /// On whose behalf.
    pub by: Actor,
    /// What.
    pub body: Body,
}

/// What was found at open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Records.
    pub records: u64,
    /// Bytes of a torn end that were cut: a batch that did not reach the disk whole, so was never
    /// acknowledged.
    pub cut_bytes: u64,
}

/// The ledger, open for appending in one process.
pub struct Ledger {
    pub(crate) dir: PathBuf,
    pub(crate) path: PathBuf,
    /// First record of the current segment.
    segment: u64,
    file: File,
    /// Length of the current segment, all of it acknowledged.
    pub(crate) bytes: u64,
    /// Version of the current segment.
    version: Version,
    link: Link,
    tree: Frontier,
    pub(crate) segment_bytes_max: u64,
    /// Held as long as the ledger is open; the kernel lets go of it when the process dies.
    _lock: File,
}

/// Where the next frame goes.
struct Here {
    path: PathBuf,
    /// First record of the segment.
    segment: u64,
    file: File,
    bytes: u64,
    version: Version,
}

impl Ledger {
    /// Opens the ledger, or begins one, after checking every frame of it. A torn end is cut.
    ///
    /// # Errors
    /// When another process has it open, or anything but a torn end is damaged.
    pub fn open(dir: &Path) -> Result<(Self, Recovery), LedgerError> {
        Self::open_against(dir, &[])
    }

    /// As [`Self::open`], but the ledger must hold what it is known to have held; otherwise nothing of
    /// it is changed.
    ///
    /// # Errors
    /// [`LedgerError::RolledBack`] and [`LedgerError::Rewritten`] too.
    pub fn open_against(dir: &Path, known: &[Mark]) -> Result<(Self, Recovery), LedgerError> {
        Self::open_telling(dir, known, |_| {})
    }

    /// [`Self::open_against`], which also tells how many records were checked, from time to time.
    ///
    /// # Errors
    /// Those of [`Self::open_against`].
    pub fn open_telling(
        dir: &Path,
        known: &[Mark],
        mut told: impl FnMut(u64),
    ) -> Result<(Self, Recovery), LedgerError> {
        make_dir(dir).when("make the directory", dir)?;
        let lock = lock(dir)?;
        let mut frames = Frames::from(dir, 0)?;
        let (mut tree, mut recall) = (Frontier::default(), Recall::of(known));
        recall.at(&tree, frames.link.prev)?;
        while let Some(leaf) = frames.next(|frame| Ok(leaf_hash(frame.payload)))? {
            tree.push(leaf);
            recall.at(&tree, frames.link.prev)?;
            if tree.size() % TOLD_EVERY == 0 {
                told(tree.size());
            }
        }
        recall.end(tree.size())?;
        let link = frames.link;
        let Some(walk) = frames.walk else {
            let (path, file) = begin_segment(dir, link, SEGMENT_BYTES_MAX)?;
            let (bytes, version) = (HEADER_BYTES as u64, Version::LATEST);
            let here = Here { path, segment: link.seq, file, bytes, version };
            let ledger = Self::with(dir, here, link, tree, lock);
            return Ok((ledger, Recovery { records: 0, cut_bytes: 0 }));
        };
        let path = walk.segment().path.clone();
        let segment = walk.segment().first;
        let file = OpenOptions::new().write(true).open(&path).when("open for appending", &path)?;
        let here = Here { path, segment, file, bytes: walk.offset, version: walk.version };
        let ledger = Self::with(dir, here, link, tree, lock);
        if frames.torn_bytes > 0 {
            ledger.cut();
        }
        reserve(&ledger.file, SEGMENT_BYTES_MAX).when("reserve space for", &ledger.path)?;
        Ok((ledger, Recovery { records: link.seq - 1, cut_bytes: frames.torn_bytes }))
    }

    fn with(dir: &Path, here: Here, link: Link, tree: Frontier, lock: File) -> Self {
        let (dir, Here { path, segment, file, bytes, version }) = (dir.to_owned(), here);
        let segment_bytes_max = SEGMENT_BYTES_MAX;
        Self { dir, path, segment, file, bytes, version, link, tree, segment_bytes_max, _lock: lock }
    }

    /// Numbers the records of a batch and appends them; all of them are durable on return. After an
    /// error none was recorded, and the ledger goes on. After a crash all of them are there, or none.
    ///
    /// # Errors
    /// When there is no space, or the batch is too long.
    pub fn append(&mut self, batch: Vec<NewRecord>) -> Result<Vec<Record>, LedgerError> {
        Ok(self.append_placed(batch)?.into_iter().map(|placed| placed.record).collect())
    }

    /// [`Ledger::append`], which also says where the records lie.
    ///
    /// # Errors
    /// Those of [`Ledger::append`].
    pub fn append_placed(&mut self, batch: Vec<NewRecord>) -> Result<Vec<Placed>, LedgerError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let count = batch.len();
        if count > BATCH_RECORDS_MAX {
            return Err(LedgerError::TooManyRecords { found: count, max: BATCH_RECORDS_MAX });
        }
        let (mut link, mut frames, mut placed) = (self.link, Vec::new(), Vec::with_capacity(batch.len()));
        let mut leaves = Vec::with_capacity(batch.len());
        for (index, NewRecord { at, by, body }) in batch.into_iter().enumerate() {
            let record = Record { seq: link.seq, at, by, body };
            let start = frames.len();
            // Within the batch, until it is known which segment takes it.
            let place = Place { segment: 0, offset: start as u64 };
            let turn = Turn { index: index as u32, more: index + 1 < count };
            link = encode_frame(link, turn, &record, &mut frames)?;
            leaves.push(leaf_hash(&frames[start + FRAME_BYTES..]));
            placed.push(Placed { record, place, hash: link.prev });
            if frames.len() > BATCH_BYTES_MAX {
                return Err(LedgerError::BatchTooLong { found: frames.len(), max: BATCH_BYTES_MAX });
            }
        }
        self.make_room(frames.len() as u64)?;
        for Placed { place, .. } in &mut placed {
            *place = Place { segment: self.segment, offset: self.bytes + place.offset };
        }
        self.write(&frames)?;
        self.link = link;
        leaves.into_iter().for_each(|leaf| self.tree.push(leaf));
        Ok(placed)
    }

    /// Number and hash of the last record; 0 and zeros when there is none.
    #[must_use]
    pub fn tip(&self) -> (u64, Digest) {
        (self.link.seq - 1, self.link.prev)
    }

    /// Merkle root over all records.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    /// What the ledger is now: what a checkpoint is signed over.
    #[must_use]
    pub fn mark(&self) -> Mark {
        let (size, tip) = self.tip();
        Mark { size, root: self.root(), tip }
    }

    /// Records from `seq` on to the end. Works beside a process that appends: a frame that is not
    /// whole yet is not seen.
    ///
    /// # Errors
    /// When the first segment that is needed cannot be read.
    pub fn read_from(dir: &Path, seq: u64) -> Result<Records, LedgerError> {
        Records::from(dir, seq)
    }

    /// [`Ledger::read_from`], with the place of each record.
    ///
    /// # Errors
    /// When the first segment that is needed cannot be read.
    pub fn read_placed(dir: &Path, seq: u64) -> Result<PlacedRecords, LedgerError> {
        PlacedRecords::from(dir, seq)
    }

    /// Begins a new segment when the current one would grow too long, or is of an older version.
    fn make_room(&mut self, more: u64) -> Result<(), LedgerError> {
        let fits = self.bytes == HEADER_BYTES as u64 || self.bytes + more <= self.segment_bytes_max;
        if fits && self.version == Version::LATEST {
            return Ok(());
        }
        give_back(&self.file, self.bytes).when("give back the rest of", &self.path)?;
        (self.path, self.file) = begin_segment(&self.dir, self.link, self.segment_bytes_max)?;
        self.segment = self.link.seq;
        self.bytes = HEADER_BYTES as u64;
        self.version = Version::LATEST;
        Ok(())
    }

    fn write(&mut self, frames: &[u8]) -> Result<(), LedgerError> {
        if let Err(error) = self.file.write_all_at(frames, self.bytes) {
            self.cut();
            return Err(error).when("append to", &self.path);
        }
        if self.file.sync_data().is_err() {
            abort("the disk did not confirm a write (fdatasync failed)");
        }
        self.bytes += frames.len() as u64;
        Ok(())
    }

    /// Cuts what lies beyond the last acknowledged record, durably: a frame of a refused batch must
    /// not show up after the next start. Reserved blocks go back too; the next segment has its own.
    fn cut(&self) {
        if self.file.set_len(self.bytes).and_then(|()| self.file.sync_all()).is_err() {
            abort("a refused batch could not be taken back");
        }
    }
}

/// Makes a segment that holds only its header; its bytes and its name are durable on return.
fn begin_segment(dir: &Path, first: Link, bytes_max: u64) -> Result<(PathBuf, File), LedgerError> {
    let path = dir.join(file_name(first.seq));
    let begin = || -> io::Result<File> {
        let names = File::open(dir)?;
        let staged = dir.join(STAGED_NAME);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
        file.write_all(&encode_header(first))?;
        reserve(&file, bytes_max)?;
        sync(&file);
        fs::rename(staged, &path)?;
        sync(&names);
        Ok(file)
    };
    let file = begin().when("begin", &path)?;
    Ok((path, file))
}

fn make_dir(dir: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {
            let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
            sync(&File::open(parent.unwrap_or(Path::new(".")))?);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn lock(dir: &Path) -> Result<File, LedgerError> {
    let path = dir.join(LOCK_NAME);
    types::hold(&path).when("lock", &path)?.ok_or(LedgerError::InUse { path })
}

fn sync(file: &File) {
    if file.sync_all().is_err() {
        abort("the disk did not confirm a write (fsync failed)");
    }
}

/// Gives up at once: a failed fsync is never tried again, because the kernel may have dropped the
/// bytes and would report success the second time.
pub(crate) fn abort(why: &'static str) -> ! {
    eprintln!("lazaret ledger: {why}; stopping so that nothing unsafe is acknowledged");
    std::process::abort();
}
