//! The keys that sign checkpoints of the ledger: one in force, and the next one, which the one in force
//! announces in its last note. Rotation erases the key in force, so that whoever takes the machine later cannot sign for
//! the time before.
//!
//! File `signer`: magic 8 · id of the root key 16 · number of the key in force u64 · the two seeds, 60
//! bytes each, wrapped. When it is replaced, the seeds of the old file are overwritten before it is
//! unlinked.
//!
//! It does not know what a checkpoint is, nor when to rotate.

use crate::VaultError;
use crate::durable::{finish_retirement, replace_and_wipe, swap};
use crate::error::Context;
use crate::root::Root;
use crate::secret::{KEY_ID_BYTES, Secret, WRAPPED_BYTES, Wrapped};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::ops::Range;
use std::path::{Path, PathBuf};

const FILE_NAME: &str = "signer";
const MAGIC: &[u8; 8] = b"LZSIGN\0\x01";
const NUMBER_AT: usize = MAGIC.len() + KEY_ID_BYTES;
const SEEDS_AT: usize = NUMBER_AT + 8;
const FILE_BYTES: usize = SEEDS_AT + 2 * WRAPPED_BYTES;
/// What is overwritten in a file that was replaced.
const WIPED: Range<u64> = SEEDS_AT as u64..FILE_BYTES as u64;
const PURPOSE: &str = "checkpoint signer";
const CONTEXT: &[u8] = b"lazaret checkpoint key v1";

/// What may be known of the keys that sign checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointKeys {
    /// Number of the key in force, from 1; one more at each rotation.
    pub number: u64,
    /// The public key in force.
    pub current: [u8; 32],
    /// The public key that follows it.
    pub next: [u8; 32],
}

/// The keys, ready for use.
pub(crate) struct Signer {
    dir: PathBuf,
    number: u64,
    current: Secret,
    next: Secret,
}

impl Signer {
    /// Makes the first two keys and writes them.
    pub(crate) fn create(dir: &Path, root: &Root) -> Result<(), VaultError> {
        let (current, next) = (Secret::generate(), Secret::generate());
        Self { dir: dir.to_owned(), number: 1, current, next }.write(root)
    }

    /// Reads the keys, and ends a file that was being replaced.
    pub(crate) fn open(dir: &Path, root: &Root) -> Result<Self, VaultError> {
        finish_retirement(dir, FILE_NAME, WIPED).when("retire the old checkpoint keys in", dir)?;
        let path = dir.join(FILE_NAME);
        let damaged =
            |offset: usize, fault| VaultError::Damaged { path: path.clone(), offset: offset as u64, fault };
        let file = std::fs::read(&path).when("read the checkpoint keys", &path)?;
        if !file.starts_with(MAGIC) {
            return Err(VaultError::version(&path, &file, MAGIC));
        }
        let file: &[u8; FILE_BYTES] =
            file.as_slice().try_into().map_err(|_| damaged(file.len(), "expected exactly 152 bytes"))?;
        if file[MAGIC.len()..NUMBER_AT] != root.id.0 {
            return Err(VaultError::ForeignRoot { path });
        }
        let number = u64::from_be_bytes(file[NUMBER_AT..SEEDS_AT].try_into().expect("8 bytes"));
        let above = root.wrapping(PURPOSE);
        let unwrap = |index: usize| {
            let at = SEEDS_AT + index * WRAPPED_BYTES;
            let wrapped: &Wrapped = file[at..at + WRAPPED_BYTES].try_into().expect("60 of 152 bytes");
            let fault = "expected a key that opens under the root key";
            above.unwrap(wrapped, &context(number, index)).ok_or_else(|| damaged(at, fault))
        };
        Ok(Self { dir: dir.to_owned(), number, current: unwrap(0)?, next: unwrap(1)? })
    }

    /// Ed25519 signature with the key in force.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        pair(&self.current).sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }

    /// The public keys.
    pub(crate) fn keys(&self) -> CheckpointKeys {
        CheckpointKeys { number: self.number, current: public(&self.current), next: public(&self.next) }
    }

    /// Puts the next key in force and erases the one before it. After an error either nothing happened,
    /// or only the wiping is left, which the next rotation or start repeats.
    pub(crate) fn rotate(&mut self, root: &Root) -> Result<(), VaultError> {
        let successor = Self {
            dir: self.dir.clone(),
            number: self.number + 1,
            current: self.next.copy(),
            next: Secret::generate(),
        };
        successor.put(root)?;
        *self = successor;
        finish_retirement(&self.dir, FILE_NAME, WIPED).when("retire the old checkpoint keys in", &self.dir)
    }

    /// Replaces the file; nothing can fail once its name is replaced.
    fn put(&self, root: &Root) -> Result<(), VaultError> {
        swap(&self.dir, FILE_NAME, &self.encode(root), WIPED).when("write the checkpoint keys in", &self.dir)
    }

    fn write(&self, root: &Root) -> Result<(), VaultError> {
        let file = self.encode(root);
        replace_and_wipe(&self.dir, FILE_NAME, &file, WIPED).when("write the checkpoint keys in", &self.dir)
    }

    fn encode(&self, root: &Root) -> Vec<u8> {
        let above = root.wrapping(PURPOSE);
        [
            MAGIC.as_slice(),
            &root.id.0,
            &self.number.to_be_bytes(),
            &above.wrap(&self.current, &context(self.number, 0)),
            &above.wrap(&self.next, &context(self.number, 1)),
        ]
        .concat()
    }
}

/// Wraps the seeds under another root key; harmless when they are under that one already.
pub(crate) fn move_under(dir: &Path, from: &Root, to: &Root) -> Result<(), VaultError> {
    match Signer::open(dir, to) {
        Err(VaultError::ForeignRoot { .. }) => Signer::open(dir, from)?.write(to),
        done => done.map(drop),
    }
}

/// What a wrapped seed is bound to: the number of the key in force and its place in the file.
fn context(number: u64, index: usize) -> Vec<u8> {
    [CONTEXT, &number.to_be_bytes(), &[index as u8]].concat()
}

fn pair(seed: &Secret) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("any 32 bytes are an Ed25519 seed")
}

fn public(seed: &Secret) -> [u8; 32] {
    pair(seed).public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
}

const _: () = assert!(FILE_BYTES == 152, "the format of the file");
