//! That the ledgers of successive checkpoints grew out of one another: from each to the next a consistency proof
//! (RFC 9162 §2.1.4). Who follows a chain of keys needs it: a key of today signs what it likes, but nothing leads
//! to that from what the erased keys of earlier days have signed.
//!
//! The proofs are made in one walk that keeps no more than the hashes which some proof names.

use crate::checkpoint::Signed;
use crate::merkle::{Frontier, is_consistent, leaf_hash, node_hash};
use crate::proof::{ProofFault, decode, encode};
use crate::read::Frames;
use crate::{LedgerError, Mark};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
        let ranges: Vec<_> = marks.windows(2).map(|pair| consistency(pair[0].size, pair[1].size)).collect();
        let mut nodes = Nodes::wanted(ranges.iter().flatten());
        walk(dir, &marks, &mut nodes)?;
        let proofs =
            ranges.iter().map(|ranges| encode(ranges.iter().map(|range| nodes.hash(*range)).collect()));
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

/// Leaves from the first to before the second number; a node of some tree over the beginning of the ledger.
type Range = (u64, u64);

/// The nodes of PROOF(old, new), in its order; nothing when nothing or everything is proven.
fn consistency(old: u64, new: u64) -> Vec<Range> {
    if old == 0 || old == new {
        return Vec::new();
    }
    let (mut start, mut end, mut path) = (0, new, Vec::new());
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push((middle, end));
            end = middle;
        } else {
            path.push((start, middle));
            start = middle;
        }
    }
    if start > 0 {
        path.push((start, end));
    }
    path.reverse();
    path
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The complete subtrees of a range, first to last.
fn complete((start, end): Range) -> Vec<Range> {
    if (end - start).is_power_of_two() {
        return vec![(start, end)];
    }
    let middle = start + split(end - start);
    [complete((start, middle)), complete((middle, end))].concat()
}

/// Hashes of the complete subtrees that are wanted, as far as the walk has come.
struct Nodes {
    known: BTreeMap<Range, Option<Digest>>,
    /// Complete subtrees that are not yet half of a larger one, largest first.
    peaks: Vec<(Range, Digest)>,
}

impl Nodes {
    fn wanted<'a>(ranges: impl Iterator<Item = &'a Range>) -> Self {
        let known = ranges.flat_map(|range| complete(*range)).map(|range| (range, None)).collect();
        Self { known, peaks: Vec::new() }
    }

    fn push(&mut self, leaf: Digest) {
        let start = self.peaks.last().map_or(0, |((_, end), _)| *end);
        let (mut range, mut hash) = ((start, start + 1), leaf);
        self.note(range, hash);
        while let Some(((before, middle), left)) =
            self.peaks.pop_if(|((start, end), _)| *end - *start == range.1 - range.0)
        {
            debug_assert_eq!(middle, range.0, "neighbours");
            (range, hash) = ((before, range.1), node_hash(left, hash));
            self.note(range, hash);
        }
        self.peaks.push((range, hash));
    }

    fn note(&mut self, range: Range, hash: Digest) {
        if let Some(known) = self.known.get_mut(&range) {
            *known = Some(hash);
        }
    }

    fn hash(&self, range: Range) -> Digest {
        let parts = complete(range).into_iter().map(|part| self.known.get(&part).copied().flatten());
        let over = |right: Option<Digest>, left: Option<Digest>| {
            let left = left.expect("the walk reached the last checkpoint, so every wanted node is complete");
            Some(right.map_or(left, |right| node_hash(left, right)))
        };
        parts.rev().fold(None, over).expect("a range is not empty")
    }
}

/// Walks up to the last mark; at each, the ledger must be what was signed.
fn walk(dir: &Path, marks: &[Mark], nodes: &mut Nodes) -> Result<(), ProofFault> {
    let mut left = marks.iter().peekable();
    let mut frames = Frames::from(dir, 0).map_err(LedgerError::from)?;
    let mut frontier = Frontier::default();
    loop {
        while let Some(mark) = left.next_if(|mark| mark.size == frontier.size()) {
            if mark.root != frontier.root() {
                return Err(LedgerError::Rewritten { size: mark.size }.into());
            }
        }
        let Some(mark) = left.peek() else { return Ok(()) };
        let leaf = frames.next(|frame| Ok(leaf_hash(frame.payload))).map_err(LedgerError::from)?;
        let Some(leaf) = leaf else {
            return Err(LedgerError::RolledBack { found: frontier.size(), known: mark.size }.into());
        };
        frontier.push(leaf);
        nodes.push(leaf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::Tree;

    // RFC 9162 §2.1.4: the same hashes as from a tree that is held whole.
    #[test]
    fn every_pair_of_sizes_gets_the_proof_of_the_whole_tree() {
        const SIZE_MAX: u64 = 70;
        let leaves: Vec<Digest> = (0..SIZE_MAX).map(|number| leaf_hash(&number.to_be_bytes())).collect();
        for new in 1..=SIZE_MAX {
            let tree = Tree::new(leaves[..new as usize].to_vec());
            for old in 0..=new {
                let ranges = consistency(old, new);
                let mut nodes = Nodes::wanted(ranges.iter());
                leaves[..new as usize].iter().for_each(|leaf| nodes.push(*leaf));
                let proof: Vec<_> = ranges.iter().map(|range| nodes.hash(*range)).collect();
                assert_eq!(Some(proof), tree.consistency(old as usize), "{old} to {new}");
            }
        }
    }
}
