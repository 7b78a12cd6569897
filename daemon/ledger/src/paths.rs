//! Proofs of a tree that is too large for memory: one walk over its leaves, which keeps no more hashes than
//! some proof names (RFC 9162 §2.1.3 and §2.1.4).
//!
//! A leaf is asked for when the walk comes to it, because only then it is known whether anybody wants it. What
//! lies left of it is complete by then; what lies right of it is kept when it gets complete.

use crate::merkle::{node_hash, sha256};
use std::collections::BTreeMap;
use types::Digest;

/// Leaves from the first to before the second number.
type Range = (u64, u64);

/// A walk over the first leaves of a tree, and the hashes that proofs need.
pub(crate) struct Paths {
    /// Leaves of the tree that is proven against.
    size: u64,
    /// Leaves so far.
    walked: u64,
    /// Complete subtrees that are not yet half of a larger one, largest first.
    peaks: Vec<(Range, Digest)>,
    /// Complete subtrees that some proof names; none until the walk has come to their end.
    kept: BTreeMap<Range, Option<Digest>>,
}

impl Paths {
    /// For proofs against the tree of the first `size` leaves.
    pub(crate) fn over(size: u64) -> Self {
        Self { size, walked: 0, peaks: Vec::new(), kept: BTreeMap::new() }
    }

    /// The leaf that comes next is to be proven.
    pub(crate) fn want_next(&mut self) {
        self.keep(&inclusion(self.walked, self.size));
    }

    /// That the tree of the first `old` leaves is the beginning of that of the first `new` is to be proven. Asked
    /// for before the walk.
    pub(crate) fn want_growth(&mut self, old: u64, new: u64) {
        self.keep(&consistency(old, new));
    }

    fn keep(&mut self, ranges: &[Range]) {
        for piece in ranges.iter().flat_map(|range| complete(*range)) {
            let there = self.peaks.iter().find(|(range, _)| *range == piece).map(|(_, hash)| *hash);
            self.kept.entry(piece).or_insert(there);
        }
    }

    /// Goes on to the next leaf.
    pub(crate) fn push(&mut self, leaf: Digest) {
        let mut node = ((self.walked, self.walked + 1), leaf);
        self.walked += 1;
        loop {
            let ((start, end), hash) = node;
            if let Some(kept) = self.kept.get_mut(&(start, end)) {
                *kept = Some(hash);
            }
            let Some((left, left_hash)) = self.peaks.pop_if(|((from, to), _)| *to - *from == end - start)
            else {
                break;
            };
            node = ((left.0, end), node_hash(left_hash, hash));
        }
        self.peaks.push(node);
    }

    /// Leaves so far.
    pub(crate) fn walked(&self) -> u64 {
        self.walked
    }

    /// Root over all leaves so far.
    pub(crate) fn root(&self) -> Digest {
        let hashes = self.peaks.iter().rev().map(|(_, hash)| *hash);
        hashes.reduce(|right, left| node_hash(left, right)).unwrap_or_else(|| sha256(&[]))
    }

    /// Proof that leaf `index` (from 0), which was wanted, is in the tree; after the walk.
    pub(crate) fn inclusion(&self, index: u64) -> Vec<Digest> {
        inclusion(index, self.size).into_iter().map(|range| self.hash(range)).collect()
    }

    /// Proof that one tree, as it was wanted, is the beginning of another; after the walk.
    pub(crate) fn growth(&self, old: u64, new: u64) -> Vec<Digest> {
        consistency(old, new).into_iter().map(|range| self.hash(range)).collect()
    }

    fn hash(&self, (start, end): Range) -> Digest {
        if (end - start).is_power_of_two() {
            return self
                .kept
                .get(&(start, end))
                .copied()
                .flatten()
                .expect("it was wanted, and the walk is over");
        }
        let middle = start + split(end - start);
        node_hash(self.hash((start, middle)), self.hash((middle, end)))
    }

    /// Hashes in memory.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.peaks.len() + self.kept.len()
    }
}

/// The nodes of PATH, in its order.
fn inclusion(index: u64, size: u64) -> Vec<Range> {
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        path.push(if index < middle { (middle, end) } else { (start, middle) });
        (start, end) = if index < middle { (start, middle) } else { (middle, end) };
    }
    path.reverse();
    path
}

/// The nodes of PROOF, in its order; nothing when nothing or everything is proven.
fn consistency(old: u64, size: u64) -> Vec<Range> {
    if old == 0 || old == size {
        return Vec::new();
    }
    let (mut start, mut end, mut path) = (0, size, Vec::new());
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

/// The complete subtrees of a range, first to last.
fn complete((start, end): Range) -> Vec<Range> {
    if (end - start).is_power_of_two() {
        return vec![(start, end)];
    }
    let middle = start + split(end - start);
    [vec![(start, middle)], complete((middle, end))].concat()
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}
