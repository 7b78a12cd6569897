//! The Merkle tree over the records, as RFC 9162 §2.1 has it: leaf SHA-256(0x00 ‖ payload), node
//! SHA-256(0x01 ‖ left ‖ right), root of nothing SHA-256 of nothing.
//!
//! [`Frontier`] grows with the ledger and knows its root in the memory of a few hashes; proofs are made in
//! `paths.rs` and checked here. It knows nothing of files, records or signatures.

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
