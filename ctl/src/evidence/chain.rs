//! What everything in a bundle rests on: the last of a chain of checkpoints, each of which grew out of the one
//! before and was signed by the key whose turn it was.

use super::{
    bundle::{CONSISTENCY, KEYS, NOTE_END},
    check::{finding, parse},
};
use crate::fail::Outcome;
use ledger::{Growth, Signed, VerifyingKey};

/// Checks the chain, and that the pinned key is in it; gives its end.
pub(super) fn end_of(notes: &[u8], growth: &[u8], pinned: Option<&VerifyingKey>) -> Outcome<Signed> {
    let text = std::str::from_utf8(notes).map_err(|_| finding(format!("{KEYS}: not text")))?;
    let notes = text.split(NOTE_END).map(Signed::parse).collect::<Result<Vec<_>, _>>();
    let notes = notes.map_err(|fault| finding(format!("{KEYS}: {fault}")))?;
    for pair in notes.windows(2) {
        let (before, after) = (&pair[0].checkpoint, &pair[1].checkpoint);
        if after.key != *before.next.as_ref().unwrap_or(&before.key) {
            return Err(finding(format!("{KEYS}: {} signed, but it was not its turn", after.key)));
        }
    }
    if let Some(pinned) = pinned
        && !notes.iter().any(|note| note.checkpoint.key == *pinned)
    {
        let message = "the pinned key never signed; the bundle is of another appliance, or forged";
        return Err(finding(format!("{KEYS}: {message}")));
    }
    // A key of today signs what it likes; that it signed what the keys before it had signed is shown here.
    let growth: Growth = parse(CONSISTENCY, growth)?;
    growth.check(&notes).map_err(|fault| finding(format!("{CONSISTENCY}: {fault}")))?;
    notes.into_iter().next_back().ok_or_else(|| finding(format!("{KEYS}: no checkpoint")))
}
