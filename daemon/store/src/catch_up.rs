//! Follows the ledger from wherever the index is to its end.

use crate::{StoreError, draft::Draft, record, record::Tip, trees::Trees};
use ledger::Ledger;
use std::path::Path;

/// Records of one transaction while following: enough to make a document's dozen events one write, few
/// enough to hold in memory.
const RECORDS_PER_TRANSACTION: u64 = 1000;

/// Where following led.
pub(crate) struct CaughtUp {
    pub(crate) tip: Tip,
    /// Records applied.
    pub(crate) applied: u64,
    /// All of the ledger had to be applied, and there was something in it.
    pub(crate) from_nothing: bool,
}

/// Proves that the index has followed this ledger, then applies what it lacks.
pub(crate) fn catch_up(
    trees: &Trees,
    ledger_dir: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<CaughtUp, StoreError> {
    let start = trees.tip()?;
    let mut proven = Tip::START;
    let mut draft = Draft::new(trees, start)?;
    let (mut tip, mut pending, mut applied) = (start, 0, 0);
    for record in Ledger::read_from(ledger_dir, 1)? {
        let record = record?;
        if record.seq <= start.seq {
            proven = proven.after(&record, &record::encode(&record)?)?;
            continue;
        }
        if proven != start {
            break;
        }
        draft.add(&record)?;
        (pending, applied) = (pending + 1, applied + 1);
        if pending == RECORDS_PER_TRANSACTION {
            tip = draft.commit()?;
            draft = Draft::new(trees, tip)?;
            pending = 0;
            progress(tip.seq);
        }
    }
    if proven != start {
        return Err(StoreError::Diverged { seq: start.seq });
    }
    if pending > 0 {
        tip = draft.commit()?;
        progress(tip.seq);
    }
    Ok(CaughtUp { tip, applied, from_nothing: start == Tip::START && applied > 0 })
}
