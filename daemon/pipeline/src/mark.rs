//! A mark outside the ledger of how far the ledger once was: whoever puts an old ledger back is found out.
//!
//! File `ledger-mark` in the state directory: number of a record, keyed digest of the record, time. It is written
//! at start, daily and at an orderly stop, and compared at start. What it cannot see is a ledger that was put back
//! from a copy made after the mark.

use crate::desk::Desk;
use ledger::{Ledger, LedgerError};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    sync::PoisonError,
};
use types::{Digest, UnixMillis};
use vault::Vault;

const FILE_NAME: &str = "ledger-mark";

/// What the mark says of the ledger that lies there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// There is no mark yet.
    Unmarked,
    /// It holds everything that it held then.
    Holds(UnixMillis),
    /// It is an older one, or another.
    RolledBack,
}

#[derive(Serialize, Deserialize)]
struct Mark {
    seq: u64,
    record: Digest,
    at: UnixMillis,
}

/// Compares the ledger with the mark. A mark that cannot be read is none: it was cut short when it was written.
pub(crate) fn check(state_dir: &Path, ledger_dir: &Path, vault: &Vault) -> Result<Trust, LedgerError> {
    let mark = fs::read(state_dir.join(FILE_NAME)).ok();
    let Some(mark) = mark.and_then(|bytes| serde_json::from_slice::<Mark>(&bytes).ok()) else {
        return Ok(Trust::Unmarked);
    };
    match digest_of(ledger_dir, vault, mark.seq)? {
        Some(record) if record == mark.record => Ok(Trust::Holds(mark.at)),
        _ => Ok(Trust::RolledBack),
    }
}

/// Writes the mark anew. Where the ledger was found rolled back, the old mark stays for a person to see.
pub(crate) fn write(desk: &Desk) -> io::Result<()> {
    if desk.trust() == Trust::RolledBack {
        return Ok(());
    }
    let state_dir = &desk.settings.paths.state_dir;
    let (seq, at) = (desk.store.applied_seq(), desk.now());
    let ledger_dir = state_dir.join(crate::opening::LEDGER_DIR);
    let record = digest_of(&ledger_dir, &desk.vault, seq).map_err(io::Error::other)?;
    let Some(record) = record else { return Ok(()) };
    replace(&state_dir.join(FILE_NAME), &serde_json::to_vec(&Mark { seq, record, at })?)?;
    // While we run, nobody puts an old ledger in its place: what it holds now, it keeps.
    *desk.trust.lock().unwrap_or_else(PoisonError::into_inner) = Trust::Holds(at);
    Ok(())
}

fn digest_of(ledger_dir: &Path, vault: &Vault, seq: u64) -> Result<Option<Digest>, LedgerError> {
    if seq == 0 {
        return Ok(None);
    }
    let Some(record) = Ledger::read_from(ledger_dir, seq)?.next().transpose()? else { return Ok(None) };
    let bytes = serde_json::to_vec(&record).unwrap_or_default();
    Ok((record.seq == seq).then(|| vault.keyed_digest("ledger-mark", &[&bytes])))
}

/// Replaces a small file: after a crash there is the old one or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let staged = path.with_extension("part");
    let mut file = File::create(&staged)?;
    file.write_all(bytes)?;
    settle(&file);
    fs::rename(staged, path)?;
    settle(&File::open(path.parent().unwrap_or(Path::new(".")))?);
    Ok(())
}

/// Waits until a file or folder is on disk; a disk that does not confirm ends the process.
pub(crate) fn settle(file: &File) {
    if file.sync_all().is_err() {
        tracing::error!("the disk did not confirm a write in the state directory (fsync failed); stopping");
        std::process::abort();
    }
}
