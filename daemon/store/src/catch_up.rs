//! Follows the ledger from wherever the index is to its end.

use crate::{
    StoreError,
    draft::Draft,
    tip::Tip,
    trees::{Known, Trees},
};
use ledger::{Ledger, LedgerError, Placed};
use std::{path::Path, sync::mpsc, thread};

/// Records of one transaction while following: enough to make a document's dozen events one write, few
/// enough to hold in memory.
const RECORDS_PER_TRANSACTION: usize = 4096;
/// Records that the reading thread hands over at once.
const RECORDS_PER_HAND: usize = 256;
/// Hands that wait for the folding thread.
const HANDS_MAX: usize = 8;

/// Where following led.
pub(crate) struct CaughtUp {
    /// Records applied.
    pub(crate) applied: u64,
    /// All of the ledger had to be applied, and there was something in it.
    pub(crate) from_nothing: bool,
}

/// Proves that the index has followed this ledger, then applies what it lacks.
///
/// The proof is one comparison: the ledger's hash of a record covers all records before it. That the ledger itself
/// holds together is checked when it is opened, and each night.
pub(crate) fn catch_up(
    trees: &Trees,
    known: &mut Known,
    ledger_dir: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<CaughtUp, StoreError> {
    let start = known.tip;
    let mut records = Ledger::read_placed(ledger_dir, start.seq)?;
    if start != Tip::START {
        let last = records.next().transpose()?;
        if last.is_none_or(|last| (last.record.seq, last.hash) != (start.seq, start.digest)) {
            return Err(StoreError::Diverged { seq: start.seq });
        }
    }
    let mut applied = 0;
    thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel(HANDS_MAX);
        // Checking and parsing take as long as folding and writing: each gets a thread.
        scope.spawn(move || hand_over(records, &send));
        let (mut draft, mut pending) = (Draft::new(trees, known)?, 0);
        for hand in receive {
            for placed in hand? {
                draft.add(&placed)?;
                (pending, applied) = (pending + 1, applied + 1);
            }
            if pending >= RECORDS_PER_TRANSACTION {
                draft.commit()?;
                progress(known.tip.seq);
                (draft, pending) = (Draft::new(trees, known)?, 0);
            }
        }
        if pending > 0 {
            draft.commit()?;
            progress(known.tip.seq);
        }
        Ok(CaughtUp { applied, from_nothing: start == Tip::START && applied > 0 })
    })
}

type Hand = Result<Vec<Placed>, LedgerError>;

/// Ends with the ledger, with its first damage, or when nobody listens any more.
fn hand_over(records: impl Iterator<Item = Result<Placed, LedgerError>>, send: &mpsc::SyncSender<Hand>) {
    let mut hand = Vec::with_capacity(RECORDS_PER_HAND);
    for record in records {
        match record {
            Ok(placed) => hand.push(placed),
            Err(error) => {
                drop(send.send(Err(error)));
                return;
            }
        }
        if hand.len() == RECORDS_PER_HAND && send.send(Ok(std::mem::take(&mut hand))).is_err() {
            return;
        }
    }
    drop(send.send(Ok(hand)));
}
