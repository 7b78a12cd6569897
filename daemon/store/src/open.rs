//! Opening: an index is used only when it is whole and has followed this very ledger; any other is set
//! aside and built anew.

use crate::{
    Store, StoreError,
    catch_up::{CaughtUp, catch_up},
    check, lease,
    trees::{Known, Trees},
};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Damaged indexes that are kept for whoever wants to know why; older ones are removed. They hold
/// nothing that the ledger does not.
const SET_ASIDE_MAX: usize = 2;

/// Openings in a row that may end with the process (a kill, a power cut, no memory) before the index is no longer
/// trusted: one that kills whoever opens it must not keep the daemon down.
const UNFINISHED_MAX: u64 = 2;

/// Room that opening an index may take: sled writes a snapshot and the end of its log anew. With less, a failure
/// says nothing of the index.
const ROOM_BYTES: usize = 16 << 20;

/// What opening took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The index was built anew from all of the ledger: it was missing, empty or damaged.
    pub rebuilt: bool,
    /// Records read from the ledger to get there.
    pub replayed: u64,
    /// Where the damaged index lies now.
    pub set_aside: Option<PathBuf>,
}

impl Store {
    /// Opens the index in `dir`, builds it if need be, and follows the ledger to its end.
    ///
    /// `probe` opens the index in a child process ([`Store::probe_open`]) and says whether that went well:
    /// sled may panic or eat all memory on a damaged index, and a child can do so harmlessly.
    ///
    /// # Errors
    /// [`StoreError::InUse`]; what the ledger says; an event of the ledger that cannot be.
    pub fn open(
        dir: &Path,
        ledger_dir: &Path,
        probe: impl Fn(&Path) -> bool,
    ) -> Result<(Self, Opened), StoreError> {
        Self::open_reporting(dir, ledger_dir, probe, |_| {})
    }

    /// [`Store::open`], which also tells the last record applied, from time to time.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub fn open_reporting(
        dir: &Path,
        ledger_dir: &Path,
        probe: impl Fn(&Path) -> bool,
        mut progress: impl FnMut(u64),
    ) -> Result<(Self, Opened), StoreError> {
        let lock = lock(dir)?;
        let attempt = Attempt::begin(dir)?;
        let unfinished = attempt.unfinished;
        let opened = Self::open_or_build(dir, ledger_dir, probe, &mut progress, unfinished, lock);
        attempt.end()?;
        match opened {
            Err(error) if error.is_cured_by_a_rebuild() && !has_room(dir)? => Err(full(dir)),
            opened => opened,
        }
    }

    fn open_or_build(
        dir: &Path,
        ledger_dir: &Path,
        probe: impl Fn(&Path) -> bool,
        progress: &mut dyn FnMut(u64),
        unfinished: u64,
        lock: File,
    ) -> Result<(Self, Opened), StoreError> {
        // Whatever lies there, also a file or a link in place of the folder.
        let existed = fs::symlink_metadata(dir).is_ok();
        if existed && unfinished < UNFINISHED_MAX && remove_half_written_snapshots(dir).is_ok() && probe(dir)
        {
            match follow(dir, ledger_dir, progress) {
                Ok(followed) => return Self::ready(followed, dir, ledger_dir, None, lock),
                Err(error) if error.is_cured_by_a_rebuild() => {}
                Err(error) => return Err(error),
            }
        }
        // A full disk fails every trial, and a new index would not fit either: a sound one stays where it is.
        if existed && !has_room(dir)? {
            return Err(full(dir));
        }
        let set_aside = if existed { Some(set_aside(dir)?) } else { None };
        let followed = follow(dir, ledger_dir, progress)?;
        Self::ready(followed, dir, ledger_dir, set_aside, lock)
    }

    fn ready(
        (trees, known, reached): Followed,
        dir: &Path,
        ledger_dir: &Path,
        set_aside: Option<PathBuf>,
        lock: File,
    ) -> Result<(Self, Opened), StoreError> {
        let rebuilt = reached.from_nothing || set_aside.is_some();
        let store = Self::new(trees, known, dir, ledger_dir, lock);
        if rebuilt {
            store.flush()?;
        }
        Ok((store, Opened { rebuilt, replayed: reached.applied, set_aside }))
    }

    /// Opens an index, reads all of it, and closes it. For the child process only: sled may panic here.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn probe_open(dir: &Path) -> Result<(), StoreError> {
        check::check(&Trees::open(dir)?)
    }
}

type Followed = (Trees, Known, CaughtUp);

fn follow(dir: &Path, ledger_dir: &Path, progress: &mut dyn FnMut(u64)) -> Result<Followed, StoreError> {
    let trees = Trees::open(dir)?;
    let mut known = trees.known()?;
    lease::clear(&trees)?;
    let reached = catch_up(&trees, &mut known, ledger_dir, progress)?;
    Ok((trees, known, reached))
}

/// A lock of our own beside the index: sled's would make a second daemon look like a damaged index.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = beside(dir, "lock");
    let held = types::hold(&path).map_err(|source| StoreError::Io { what: "lock", path, source })?;
    held.ok_or_else(|| StoreError::InUse { dir: dir.to_owned() })
}

/// An opening that was begun. The note of it stays behind when the process dies.
struct Attempt {
    note: PathBuf,
    /// Openings in a row before this one that did not end.
    unfinished: u64,
}

impl Attempt {
    fn begin(dir: &Path) -> Result<Self, StoreError> {
        let note = beside(dir, "opening");
        let unfinished = fs::read_to_string(&note).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        let failed = |source| StoreError::Io { what: "note the opening in", path: note.clone(), source };
        match fs::write(&note, format!("{}", unfinished + 1)) {
            // A full disk must not keep the daemon down; this opening is then not counted.
            Err(error) if is_full(&error) => {}
            written => written.map_err(failed)?,
        }
        Ok(Self { note, unfinished })
    }

    /// It went well, or ends with an error that says why it did not.
    fn end(self) -> Result<(), StoreError> {
        let failed = |source| StoreError::Io { what: "remove", path: self.note.clone(), source };
        match fs::remove_file(&self.note) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(failed),
        }
    }
}

/// Whether the disk would take what an opening writes. It is tried, because a quota is not in the figures of the
/// file system.
fn has_room(dir: &Path) -> Result<bool, StoreError> {
    let path = beside(dir, "room");
    let failed = |source| StoreError::Io { what: "try for room in", path: path.clone(), source };
    let tried = File::create(&path).and_then(|mut file| file.write_all(&vec![0; ROOM_BYTES]));
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    match tried {
        Err(error) if is_full(&error) => Ok(false),
        tried => tried.map(|()| true).map_err(failed),
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn full(dir: &Path) -> StoreError {
    StoreError::Full { dir: dir.to_owned(), bytes: ROOM_BYTES }
}

/// After a full disk sled leaves `snap.*.generating`, takes it for a snapshot, and never opens again.
fn remove_half_written_snapshots(dir: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Io { what: "clean", path: dir.to_owned(), source };
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Renames a damaged index to `NAME.bad.N` and removes those set aside long ago.
fn set_aside(dir: &Path) -> Result<PathBuf, StoreError> {
    let failed = |source| StoreError::Io { what: "set aside", path: dir.to_owned(), source };
    let mut earlier = earlier(dir).map_err(failed)?;
    let number = earlier.last().map_or(1, |(number, _)| number + 1);
    let target = beside(dir, &format!("bad.{number}"));
    fs::rename(dir, &target).map_err(failed)?;
    let outdated = (earlier.len() + 1).saturating_sub(SET_ASIDE_MAX);
    for (_, path) in earlier.drain(..outdated) {
        // One that cannot be removed is in nobody's way; the next time tries again.
        drop(fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)));
    }
    Ok(target)
}

/// The indexes set aside so far, oldest first.
fn earlier(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let prefix = beside(dir, "bad.").to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir(dir.parent().unwrap_or(Path::new(".")))? {
        let path = entry?.path();
        if let Some(number) = path.to_string_lossy().strip_prefix(&prefix).and_then(|rest| rest.parse().ok())
        {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

/// A sibling of the index: its name, a dot, `ending`.
fn beside(dir: &Path, ending: &str) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    dir.with_file_name(name)
}
