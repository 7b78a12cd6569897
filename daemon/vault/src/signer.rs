//! The keys that sign checkpoints of the ledger: one in force, and the next one, which the one in force
//! announces in its last note. Rotation erases the key in force, so that whoever takes the machine later cannot sign for
//! the time before.
//!
//! File `signer`: magic, number of the key in force, the two seeds, each wrapped. Rotation, in the order
//! that makes a crash at any point harmless:
//! 1. a new file with the next key in force and a fresh one behind it, synced;
//! 2. a second name, `signer.retired`, for the old file;
//! 3. the new file takes the place of the old one, synced;
//! 4. the seeds are overwritten in the old file, synced, and it is removed.
//!
//! It does not know what a checkpoint is, nor when to rotate.

use crate::durable::{stage, sync, sync_names};
use crate::error::Context;
use crate::secret::{Secret, WRAPPED_BYTES, Wrapped};
use crate::{MasterKey, VaultError};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

const FILE_NAME: &str = "signer";
const RETIRED_NAME: &str = "signer.retired";
const MAGIC: &[u8; 8] = b"LZSIGN\0\x01";
const NUMBER: Range<usize> = MAGIC.len()..MAGIC.len() + 8;
/// Where the seeds lie: wiped when the file is retired.
const SEEDS: Range<usize> = NUMBER.end..NUMBER.end + 2 * WRAPPED_BYTES;
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
    above: Secret,
    number: u64,
    current: Secret,
    next: Secret,
}

/// The key that wraps the seeds.
fn above(master: &MasterKey) -> Secret {
    master.for_site().derive(&[b"checkpoint signer"])
}

impl Signer {
    /// Makes the first two keys and writes them.
    pub(crate) fn create(dir: &Path, master: &MasterKey) -> Result<(), VaultError> {
        Self {
            dir: dir.to_owned(),
            above: above(master),
            number: 1,
            current: Secret::generate(),
            next: Secret::generate(),
        }
        .write()
    }

    /// Reads the keys, and finishes what a crash interrupted.
    pub(crate) fn open(dir: &Path, master: &MasterKey) -> Result<Self, VaultError> {
        finish_retirement(dir).when("retire the old checkpoint keys in", dir)?;
        let (path, above) = (dir.join(FILE_NAME), above(master));
        let damaged =
            |offset: usize, fault| VaultError::Damaged { path: path.clone(), offset: offset as u64, fault };
        let file = fs::read(&path).when("read the checkpoint keys", &path)?;
        let file: &[u8; SEEDS.end] =
            file.as_slice().try_into().map_err(|_| damaged(0, "expected exactly 136 bytes"))?;
        if !file.starts_with(MAGIC) {
            return Err(damaged(0, "expected the magic bytes of checkpoint keys, version 1"));
        }
        let number = u64::from_be_bytes(file[NUMBER].try_into().expect("8 bytes"));
        let unwrap = |index: usize| {
            let offset = SEEDS.start + index * WRAPPED_BYTES;
            let wrapped: &Wrapped = file[offset..offset + WRAPPED_BYTES].try_into().expect("60 bytes");
            above
                .unwrap(wrapped, &context(number, index))
                .ok_or_else(|| damaged(offset, "expected a key that opens under the key above it"))
        };
        let (current, next) = (unwrap(0)?, unwrap(1)?);
        Ok(Self { dir: dir.to_owned(), above, number, current, next })
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
    pub(crate) fn rotate(&mut self) -> Result<(), VaultError> {
        let successor = Self {
            dir: self.dir.clone(),
            above: self.above.clone(),
            number: self.number + 1,
            current: self.next.clone(),
            next: Secret::generate(),
        };
        successor.write()?;
        *self = successor;
        finish_retirement(&self.dir).when("retire the old checkpoint keys in", &self.dir)
    }

    /// Replaces the file; the old one, if any, keeps the name `signer.retired`.
    fn write(&self) -> Result<(), VaultError> {
        let bytes = [
            MAGIC.as_slice(),
            &self.number.to_be_bytes(),
            &self.above.wrap(&self.current, &context(self.number, 0)),
            &self.above.wrap(&self.next, &context(self.number, 1)),
        ]
        .concat();
        let put = || -> io::Result<()> {
            let names = File::open(&self.dir)?;
            let staged = stage(&self.dir, FILE_NAME, &bytes)?;
            finish_retirement(&self.dir)?;
            let current = self.dir.join(FILE_NAME);
            if current.exists() {
                fs::hard_link(&current, self.dir.join(RETIRED_NAME))?;
            }
            fs::rename(staged, current)?;
            sync(&names);
            Ok(())
        };
        put().when("write the checkpoint keys in", &self.dir)
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

/// Wipes the seeds of a replaced file, then removes it. A second name of the *current* file (the crash
/// came before the replacement) is only removed.
fn finish_retirement(dir: &Path) -> io::Result<()> {
    let (retired, current) = (dir.join(RETIRED_NAME), dir.join(FILE_NAME));
    let old = match fs::metadata(&retired) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let new = fs::metadata(current)?;
    if (old.dev(), old.ino()) != (new.dev(), new.ino()) {
        let file = OpenOptions::new().write(true).open(&retired)?;
        file.write_all_at(&[0; SEEDS.end - SEEDS.start], SEEDS.start as u64)?;
        sync(&file);
    }
    fs::remove_file(retired)?;
    sync_names(dir)
}
