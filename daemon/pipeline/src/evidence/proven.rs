//! What the ledger proves of the documents of a bundle, all of it against one checkpoint.

use super::choose::Chosen;
use crate::view::{Code, Refused};
use ledger::{CheckpointLog, Growth, Leaf, Proof, ProofFault, Signed};
use lifecycle::SystemEvent;
use std::{collections::BTreeSet, path::Path};
use types::DocId;

pub(super) struct Proven {
    /// One for each document.
    pub(super) proofs: Vec<Proof>,
    /// The record that names the site's key.
    pub(super) site_key: Leaf,
    /// From the first checkpoint to that of the proofs.
    pub(super) turns: Vec<Signed>,
    pub(super) growth: Growth,
    /// Records that the checkpoint covers.
    pub(super) size: u64,
}

/// Walks the ledger twice: for the records, and from each turn of the keys to the next.
pub(super) fn prove(ledger_dir: &Path, documents: &Chosen) -> Result<Proven, Refused> {
    let ids: BTreeSet<DocId> = documents.keys().copied().collect();
    let is_key = |event: &SystemEvent| matches!(event, SystemEvent::SiteKey { .. });
    let (proofs, site_key) = ledger::prove_many(ledger_dir, &ids, is_key).map_err(no)?;
    let proven: BTreeSet<DocId> = proofs.iter().map(|proof| proof.document).collect();
    // Nothing is said of a document whose records are not shown.
    if let Some(missing) = ids.difference(&proven).next() {
        return Err(no(ProofFault::NoRecord(*missing)));
    }
    let (Some(first), Some(site_key)) = (proofs.first(), site_key) else {
        return Err(no(ProofFault::NoCheckpoint));
    };
    let end = Signed::parse(&first.checkpoint).map_err(|fault| no(fault.into()))?;
    let turns = CheckpointLog::turns_of(ledger_dir, &end).map_err(|error| no(error.into()))?;
    let turns = turns.ok_or_else(|| no(ProofFault::NoCheckpoint))?;
    let growth = Growth::prove(ledger_dir, &turns).map_err(no)?;
    Ok(Proven { proofs, site_key, turns, growth, size: end.checkpoint.mark.size })
}

fn no(fault: ProofFault) -> Refused {
    if let ProofFault::NoCheckpoint | ProofFault::NoRecord(_) = fault {
        return Refused::new(Code::Temporary, fault.to_string());
    }
    tracing::error!(error = %fault, "evidence cannot be made");
    Refused::new(Code::Internal, fault.to_string())
}
