//! The Merkle tree over the records, as RFC 9162 §2.1 has it: leaf SHA-256(0x00 ‖ payload), node
//! SHA-256(0x01 ‖ left ‖ right), root of nothing SHA-256 of nothing.
//!
//! [`Frontier`] grows with the ledger and knows its root in the memory of a few hashes; [`Tree`] holds
//! every hash and makes proofs. It knows nothing of files, records or signatures.

use aws_lc_rs::digest::{Context, SHA256};
use types::Digest;

/// Hashes a proof may have: no tree has more than 2⁶⁴ leaves.
pub const PROOF_HASHES_MAX: usize = 64;

/// Hash of one record: the bytes of its JSON, exactly as they lie in the frame.
#[must_use]
pub fn leaf_hash(payload: &[u8]) -> Digest {
    sha256(&[&[0], payload])
}

pub(crate) fn node_hash(left: Digest, right: Digest) -> Digest {
    sha256(&[&[1], &left.0, &right.0])
}

/// SHA-256 of the parts, one behind the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    Digest(context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// The right edge of a growing tree: the roots of its complete subtrees, largest first.
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Digest>,
}

impl Frontier {
    /// Adds a leaf.
    pub fn push(&mut self, leaf: Digest) {
        let mut node = leaf;
        // Each one bit at the end of the size is a subtree as large as the one that just got complete.
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("one peak for each bit of the size");
            node = node_hash(left, node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// Leaves so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root over all leaves so far.
    #[must_use]
    pub fn root(&self) -> Digest {
        let over = |right: Option<Digest>, left: &Digest| Some(right.map_or(*left, |r| node_hash(*left, r)));
        self.peaks.iter().rev().fold(None, over).unwrap_or_else(|| sha256(&[]))
    }
}

/// A whole tree in memory: 64 bytes a leaf.
#[derive(Debug)]
pub struct Tree {
    /// Leaves, then pairs of them, and so on; a node without a right neighbour is not in the next level.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// The tree over these leaf hashes.
    #[must_use]
    pub fn new(leaves: Vec<Digest>) -> Self {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let (pairs, _) = level.as_chunks::<2>();
            let next = pairs.iter().map(|[left, right]| node_hash(*left, *right)).collect();
            levels.push(next);
        }
        Self { levels }
    }

    /// Leaves.
    #[must_use]
    pub fn size(&self) -> usize {
        self.levels[0].len()
    }

    /// Root over the first `size` leaves, which must be there.
    #[must_use]
    pub fn root_at(&self, size: usize) -> Digest {
        if size == 0 { sha256(&[]) } else { self.hash(0, size) }
    }

    /// Proof that leaf `index` (from 0) is in this tree: PATH of RFC 9162 §2.1.3.1. None beyond the end.
    #[must_use]
    pub fn inclusion(&self, index: usize) -> Option<Vec<Digest>> {
        if index >= self.size() {
            return None;
        }
        let (mut start, mut end, mut path) = (0, self.size(), Vec::new());
        while end - start > 1 {
            let middle = start + split(end - start);
            let other = if index < middle { (middle, end) } else { (start, middle) };
            path.push(self.hash(other.0, other.1));
            (start, end) = if index < middle { (start, middle) } else { (middle, end) };
        }
        path.reverse();
        Some(path)
    }

    /// Proof that the tree of the first `size` leaves became this one by adding leaves only: PROOF of
    /// RFC 9162 §2.1.4.1. Empty for nothing and for everything; none beyond the end.
    #[must_use]
    pub fn consistency(&self, size: usize) -> Option<Vec<Digest>> {
        if size > self.size() {
            return None;
        }
        if size == 0 || size == self.size() {
            return Some(Vec::new());
        }
        let (mut start, mut end, mut path) = (0, self.size(), Vec::new());
        while end != size {
            let middle = start + split(end - start);
            if size <= middle {
                path.push(self.hash(middle, end));
                end = middle;
            } else {
                path.push(self.hash(start, middle));
                start = middle;
            }
        }
        if start > 0 {
            path.push(self.hash(start, end));
        }
        path.reverse();
        Some(path)
    }

    /// Hash over the leaves from `start` to before `end`; `start` is a multiple of the largest power of
    /// two in the range, as everywhere in this tree.
    fn hash(&self, start: usize, end: usize) -> Digest {
        let count = end - start;
        if count.is_power_of_two() {
            let level = count.trailing_zeros();
            return self.levels[level as usize][start >> level];
        }
        let middle = start + split(count);
        node_hash(self.hash(start, middle), self.hash(middle, end))
    }
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: usize) -> usize {
    1 << (count - 1).ilog2()
}

/// Does the proof lead from leaf `index` of `size` to the root? RFC 9162 §2.1.3.2.
#[must_use]
pub fn is_included(leaf: Digest, index: u64, size: u64, proof: &[Digest], root: Digest) -> bool {
    if index >= size {
        return false;
    }
    let (mut first, mut last, mut hash) = (index, size - 1, leaf);
    for other in proof {
        if last == 0 {
            return false;
        }
        if first & 1 == 1 || first == last {
            hash = node_hash(*other, hash);
            while first & 1 == 0 && first != 0 {
                (first, last) = (first >> 1, last >> 1);
            }
        } else {
            hash = node_hash(hash, *other);
        }
        (first, last) = (first >> 1, last >> 1);
    }
    last == 0 && hash == root
}

/// Does the proof show that the tree of `old` leaves is the beginning of the one of `new`?
/// RFC 9162 §2.1.4.2.
#[must_use]
pub fn is_consistent(old: (u64, Digest), new: (u64, Digest), proof: &[Digest]) -> bool {
    if old.0 == new.0 {
        return proof.is_empty() && old.1 == new.1;
    }
    if old.0 > new.0 {
        return false;
    }
    if old.0 == 0 {
        return proof.is_empty() && old.1 == sha256(&[]);
    }
    let Some((first, rest)) = proof.split_first() else { return false };
    // A complete tree is its own beginning: its root is not repeated in the proof.
    let (seed, rest) = if old.0.is_power_of_two() { (old.1, proof) } else { (*first, rest) };
    let (mut a, mut b) = (old.0 - 1, new.0 - 1);
    while a & 1 == 1 {
        (a, b) = (a >> 1, b >> 1);
    }
    let (mut old_root, mut new_root) = (seed, seed);
    for other in rest {
        if b == 0 {
            return false;
        }
        if a & 1 == 1 || a == b {
            old_root = node_hash(*other, old_root);
            new_root = node_hash(*other, new_root);
            while a & 1 == 0 && a != 0 {
                (a, b) = (a >> 1, b >> 1);
            }
        } else {
            new_root = node_hash(new_root, *other);
        }
        (a, b) = (a >> 1, b >> 1);
    }
    b == 0 && old_root == old.1 && new_root == new.1
}
