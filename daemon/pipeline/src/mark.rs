//! A mark outside the ledger of how far the ledger once was: whoever puts an old ledger back is found out.
//!
//! File `ledger-mark` in the state directory: number of a record, keyed digest of the record, time. It is written
//! at start, daily and at an orderly stop, and compared at start. What it cannot see is a ledger that was put back
//! from a copy made after the mark.

use crate::{desk::Desk, durable};
use ::store::{Contract, StoreError};
use serde::{Deserialize, Serialize};
use std::{fs, io, path::Path, sync::PoisonError};
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

/// Was a mark ever written? Then the ledger had records.
pub(crate) fn was_written(state_dir: &Path) -> bool {
    state_dir.join(FILE_NAME).exists()
}

/// What to believe of the ledger at start.
pub(crate) fn trust(
    state_dir: &Path,
    store: &dyn Contract,
    vault: &Vault,
    index_was_set_aside: bool,
) -> Result<Trust, StoreError> {
    let trust = match check(state_dir, store, vault)? {
        // An index that has followed another ledger looks like a damaged one.
        Trust::Unmarked if index_was_set_aside => Trust::RolledBack,
        trust => trust,
    };
    if trust == Trust::RolledBack {
        tracing::error!(
            "the ledger is older than the mark beside it: an old copy was put back; nothing is swept"
        );
    }
    Ok(trust)
}

/// Compares the ledger with the mark. A mark that cannot be read is none: it was cut short when it was written.
fn check(state_dir: &Path, store: &dyn Contract, vault: &Vault) -> Result<Trust, StoreError> {
    let mark = fs::read(state_dir.join(FILE_NAME)).ok();
    let Some(mark) = mark.and_then(|bytes| serde_json::from_slice::<Mark>(&bytes).ok()) else {
        return Ok(Trust::Unmarked);
    };
    match digest_of(store, vault, mark.seq)? {
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
    let record = digest_of(&*desk.store, &desk.vault, seq).map_err(io::Error::other)?;
    let Some(record) = record else { return Ok(()) };
    durable::replace(&state_dir.join(FILE_NAME), &serde_json::to_vec(&Mark { seq, record, at })?)?;
    // While we run, nobody puts an old ledger in its place: what it holds now, it keeps.
    *desk.trust.lock().unwrap_or_else(PoisonError::into_inner) = Trust::Holds(at);
    Ok(())
}

fn digest_of(store: &dyn Contract, vault: &Vault, seq: u64) -> Result<Option<Digest>, StoreError> {
    if seq == 0 {
        return Ok(None);
    }
    let Some(record) = store.log(seq)?.next().transpose()? else { return Ok(None) };
    let bytes = serde_json::to_vec(&record).unwrap_or_default();
    Ok((record.seq == seq).then(|| vault.keyed_digest("ledger-mark", &[&bytes])))
}
