//! The tree against the published vectors of Certificate Transparency, and against the definition of
//! RFC 9162 §2.1.1 written down word by word.
#![allow(clippy::unwrap_used)]

use crate::merkle::{Frontier, is_consistent, is_included, leaf_hash, sha256};
use crate::paths::Paths;
use proptest::prelude::*;
use types::Digest;

/// The eight leaves of the reference implementation's tests, in hex.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

/// Roots of the trees of the first 0 to 8 of them.
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Proofs of leaf `.0` (from 0) in the tree of `.1` leaves.
const INCLUSIONS: [(usize, usize, &[&str]); 3] = [
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
];

/// Proofs that the tree of `.0` leaves is the beginning of that of `.1`.
const CONSISTENCIES: [(usize, usize, &[&str]); 4] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn digest(hex: &str) -> Digest {
    hex.parse().unwrap()
}

fn digests(hex: &[&str]) -> Vec<Digest> {
    hex.iter().map(|hex| digest(hex)).collect()
}

fn published(count: usize) -> Vec<Digest> {
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
    };
    LEAVES[..count].iter().map(|hex| leaf_hash(&bytes(hex))).collect()
}

/// MTH of RFC 9162 §2.1.1.
fn naive_root(leaves: &[Digest]) -> Digest {
    match leaves.len() {
        0 => sha256(&[]),
        1 => leaves[0],
        n => {
            let k = largest_power_below(n);
            sha256(&[&[1], &naive_root(&leaves[..k]).0, &naive_root(&leaves[k..]).0])
        }
    }
}

/// PATH of RFC 9162 §2.1.3.1.
fn naive_path(m: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = largest_power_below(leaves.len());
    let (mut path, other) = if m < k {
        (naive_path(m, &leaves[..k]), naive_root(&leaves[k..]))
    } else {
        (naive_path(m - k, &leaves[k..]), naive_root(&leaves[..k]))
    };
    path.push(other);
    path
}

/// SUBPROOF of RFC 9162 §2.1.4.1.
fn naive_subproof(m: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let k = largest_power_below(leaves.len());
    let (mut path, other) = if m <= k {
        (naive_subproof(m, &leaves[..k], whole), naive_root(&leaves[k..]))
    } else {
        (naive_subproof(m - k, &leaves[k..], false), naive_root(&leaves[..k]))
    };
    path.push(other);
    path
}

fn largest_power_below(n: usize) -> usize {
    (0..).map(|bit| 1 << bit).take_while(|power| *power < n).last().unwrap()
}

/// A walk over all leaves, with these wanted.
fn walked(leaves: &[Digest], wanted: &[usize], old: usize) -> Paths {
    let mut paths = Paths::over(leaves.len() as u64);
    paths.want_growth(old as u64, leaves.len() as u64);
    for (index, leaf) in leaves.iter().enumerate() {
        if wanted.contains(&index) {
            paths.want_next();
        }
        paths.push(*leaf);
    }
    paths
}

fn leaves(count: usize) -> Vec<Digest> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

#[test]
fn roots_are_the_published_ones() {
    let mut frontier = Frontier::default();
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!((frontier.size(), frontier.root()), (size as u64, digest(root)));
        assert_eq!(walked(&published(size), &[], 0).root(), digest(root));
        published(8).get(size).iter().for_each(|leaf| frontier.push(**leaf));
    }
}

#[test]
fn proofs_are_the_published_ones() {
    for (index, size, proof) in INCLUSIONS {
        let paths = walked(&published(size), &[index], 0);
        assert_eq!(paths.inclusion(index as u64), digests(proof), "leaf {index} of {size}");
    }
    for (old, new, proof) in CONSISTENCIES {
        assert_eq!(
            walked(&published(new), &[], old).growth(old as u64, new as u64),
            digests(proof),
            "{old} in {new}"
        );
    }
}

proptest! {
    #[test]
    fn root_and_proofs_are_those_of_the_definition(size in 1_usize..200, picks in any::<[prop::sample::Index; 2]>()) {
        let (leaves, index, old) = (leaves(size), picks[0].index(size), 1 + picks[1].index(size));
        let paths = walked(&leaves, &[index, size / 2, size - 1], old);
        let mut frontier = Frontier::default();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        let root = naive_root(&leaves);
        prop_assert_eq!((frontier.root(), paths.root()), (root, root));
        for index in [size / 2, size - 1] {
            prop_assert_eq!(&paths.inclusion(index as u64), &naive_path(index, &leaves));
        }
        let path = paths.inclusion(index as u64);
        prop_assert_eq!(&path, &naive_path(index, &leaves));
        prop_assert!(is_included(leaves[index], index as u64, size as u64, &path, root));
        let proof = paths.growth(old as u64, size as u64);
        prop_assert_eq!(&proof, &naive_subproof(old, &leaves, true));
        let (old, new) = ((old as u64, naive_root(&leaves[..old])), (size as u64, root));
        prop_assert!(is_consistent(old, new, &proof));
    }

    #[test]
    fn a_wrong_proof_is_refused(size in 2_usize..100, picks in any::<[prop::sample::Index; 3]>(), change in 0_u8..5) {
        let (leaves, index, old) = (leaves(size), picks[0].index(size), 1 + picks[1].index(size - 1));
        let (paths, root) = (walked(&leaves, &[index], old), naive_root(&leaves));
        let old = (old as u64, naive_root(&leaves[..old]));
        for (mut proof, consistency) in
            [(paths.inclusion(index as u64), false), (paths.growth(old.0, size as u64), true)]
        {
            let (mut at, mut root, mut old) = (index as u64, root, old);
            let place = picks[2].index(proof.len());
            match change {
                0 => proof[place].0[7] ^= 1,
                1 => { proof.remove(place); }
                2 => proof.insert(place, leaf_hash(b"strange")),
                3 => { root.0[31] ^= 0x80; old.1.0[0] ^= 1; }
                _ => { at = size as u64; old.0 = size as u64 + 1; }
            }
            let accepted = if consistency {
                is_consistent(old, (size as u64, root), &proof)
            } else {
                is_included(leaves[index], at, size as u64, &proof, root)
            };
            prop_assert!(!accepted);
        }
    }
}

#[test]
fn the_largest_tree_is_walked_without_overflow() {
    let proof = vec![leaf_hash(b"x"); crate::merkle::PROOF_HASHES_MAX];
    let root = leaf_hash(b"root");
    assert!(!is_included(root, u64::MAX - 1, u64::MAX, &proof, root));
    assert!(!is_consistent((u64::MAX - 1, root), (u64::MAX, root), &proof));
    assert!(!is_included(root, 0, 0, &[], root));
    assert!(is_included(root, 0, 1, &[], root));
}

#[test]
fn proofs_of_a_long_ledger_take_the_memory_of_their_hashes() {
    // 1.3 GB at 20 million records, when every leaf was kept.
    let leaves = leaves(100_000);
    let wanted: Vec<usize> = (0..20).map(|number| number * 4_999).collect();
    let paths = walked(&leaves, &wanted, 77_777);
    assert!(paths.held() <= 22 * 2 * 17, "{} hashes for 20 proofs", paths.held());
    let root = paths.root();
    for index in wanted {
        let (index, size) = (index as u64, leaves.len() as u64);
        assert!(is_included(leaves[index as usize], index, size, &paths.inclusion(index), root));
    }
}
