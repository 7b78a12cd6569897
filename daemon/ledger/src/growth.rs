//! That the ledgers of successive checkpoints grew out of one another: from each to the next a consistency proof
//! (RFC 9162 §2.1.4). Who follows a chain of keys needs it: a key of today signs what it likes, but nothing leads
//! to that from what the erased keys of earlier days have signed.
//!
//! The proofs are made in one walk that keeps no more than the hashes which some proof names.

use crate::checkpoint::Signed;
use crate::merkle::{is_consistent, leaf_hash};
use crate::paths::Paths;
use crate::proof::{ProofFault, decode, encode, holds};
use crate::read::Frames;
use crate::{LedgerError, Mark};
use serde::{Deserialize, Serialize};
use std::path::Path;
use types::Digest;

const SCHEMA_VERSION: u32 = 1;

/// The file `consistency.json` of a bundle of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// 1.
    pub schema_version: u32,
    /// For each checkpoint but the last, the way to the next one; hashes in base64.
    pub proofs: Vec<Vec<String>>,
}

impl Growth {
    /// Makes the proofs for these checkpoints, which are in the order of signing.
    ///
    /// # Errors
    /// When the ledger is not what one of them was signed over.
    pub fn prove(dir: &Path, notes: &[Signed]) -> Result<Self, ProofFault> {
        let marks: Vec<Mark> = notes.iter().map(|note| note.checkpoint.mark).collect();
        if let Some(pair) = marks.windows(2).find(|pair| pair[0].size > pair[1].size) {
            return Err(ProofFault::Newer { since: pair[0].size, size: pair[1].size });
        }
        let mut paths = Paths::over(marks.last().map_or(0, |mark| mark.size));
        marks.windows(2).for_each(|pair| paths.want_growth(pair[0].size, pair[1].size));
        walk(dir, &marks, &mut paths)?;
        let proofs = marks.windows(2).map(|pair| encode(paths.growth(pair[0].size, pair[1].size)));
        Ok(Self { schema_version: SCHEMA_VERSION, proofs: proofs.collect() })
    }

    /// Checks that each checkpoint's ledger is the beginning of the next one's.
    ///
    /// # Errors
    /// Where it is not.
    pub fn check(&self, notes: &[Signed]) -> Result<(), ProofFault> {
        if self.schema_version != SCHEMA_VERSION || self.proofs.len() + 1 != notes.len() {
            return Err(ProofFault::Growth { notes: notes.len() });
        }
        for (pair, proof) in notes.windows(2).zip(&self.proofs) {
            let (old, new) = (pair[0].checkpoint.mark, pair[1].checkpoint.mark);
            let leads =
                |hashes: Vec<Digest>| is_consistent((old.size, old.root), (new.size, new.root), &hashes);
            if !decode(proof).is_some_and(leads) {
                return Err(ProofFault::Inconsistent { since: old.size, size: new.size });
            }
        }
        Ok(())
    }
}

/// Walks up to the last mark; at each, the ledger must be what was signed.
fn walk(dir: &Path, marks: &[Mark], paths: &mut Paths) -> Result<(), ProofFault> {
    let mut left = marks.iter().peekable();
    let mut frames = Frames::from(dir, 0).map_err(LedgerError::from)?;
    loop {
        while let Some(mark) = left.next_if(|mark| mark.size == paths.walked()) {
            holds(paths, *mark)?;
        }
        let Some(mark) = left.peek() else { return Ok(()) };
        let leaf = frames.next(|frame| Ok(leaf_hash(frame.payload))).map_err(LedgerError::from)?;
        let Some(leaf) = leaf else {
            return Err(LedgerError::RolledBack { found: paths.walked(), known: mark.size }.into());
        };
        paths.push(leaf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::Frontier;

    // RFC 9162 §2.1.4: one walk gives the proof of every pair.
    #[test]
    fn one_walk_proves_every_pair_of_sizes() {
        const SIZE_MAX: u64 = 70;
        let pairs = || (1..=SIZE_MAX).flat_map(|new| (0..=new).map(move |old| (old, new)));
        let mut paths = Paths::over(SIZE_MAX);
        pairs().for_each(|(old, new)| paths.want_growth(old, new));
        let (mut frontier, mut roots) = (Frontier::default(), vec![Frontier::default().root()]);
        for number in 0..SIZE_MAX {
            let leaf = leaf_hash(&number.to_be_bytes());
            paths.push(leaf);
            frontier.push(leaf);
            roots.push(frontier.root());
        }
        for (old, new) in pairs() {
            let (proof, root) = (paths.growth(old, new), |size: u64| (size, roots[size as usize]));
            assert!(is_consistent(root(old), root(new), &proof), "{old} to {new}");
            let other = (new, leaf_hash(b"another"));
            assert!(!is_consistent(root(old), other, &proof) || old == 0, "{old} to {new}");
        }
    }
}
