//! The secrets of a site: for keyed digests, for signatures, and to open what was taken in while the
//! appliance was sealed. They outlive every document.
//!
//! File `site`: magic 8 · id of the root key 16 · three wrapped keys of 60 bytes, in the order above.
//! File `intake.pub`: magic 8 · X25519 public key 32. It lies in clear: who has it can only add.

use crate::VaultError;
use crate::digest::digest_of;
use crate::durable::{finish_retirement, replace, replace_and_wipe};
use crate::error::Context;
use crate::intake::{self, IntakeKey};
use crate::root::Root;
use crate::secret::{KEY_ID_BYTES, Secret, WRAPPED_BYTES, Wrapped};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::ops::Range;
use std::path::Path;
use types::Digest;

const FILE_NAME: &str = "site";
const MAGIC: &[u8; 8] = b"LZSITE\0\x02";
const KEYS_AT: usize = MAGIC.len() + KEY_ID_BYTES;
/// What each wrapped key is bound to, in the order of the file.
const CONTEXTS: [&[u8]; 3] =
    [b"lazaret site digest key v2", b"lazaret site signing key v2", b"lazaret site intake key v2"];
const FILE_BYTES: usize = KEYS_AT + CONTEXTS.len() * WRAPPED_BYTES;
/// What is overwritten in a file that was replaced.
const WIPED: Range<u64> = KEYS_AT as u64..FILE_BYTES as u64;
const PURPOSE: &str = "site";

/// The site's secrets, ready for use.
pub(crate) struct Site {
    digest: hmac::Key,
    sign: Ed25519KeyPair,
    intake: Secret,
}

impl Site {
    /// Makes new secrets and writes them.
    pub(crate) fn create(dir: &Path, root: &Root) -> Result<(), VaultError> {
        Self::restore(dir, &[Secret::generate(), Secret::generate(), Secret::generate()], root)
    }

    /// Writes secrets that were made earlier.
    pub(crate) fn restore(dir: &Path, secrets: &[Secret; 3], root: &Root) -> Result<(), VaultError> {
        replace(dir, intake::PUBLIC_NAME, &IntakeKey::of(&secrets[2]).file())
            .when("write the public key in", dir)?;
        replace(dir, FILE_NAME, &encode(root, secrets)).when("write the site secrets in", dir)
    }

    /// Reads them, and ends a file that was being replaced.
    pub(crate) fn open(dir: &Path, root: &Root) -> Result<Self, VaultError> {
        let [digest, seed, intake] = secrets(dir, root)?;
        Ok(Self { digest: hmac::Key::new(HMAC_SHA256, digest.expose()), sign: pair(&seed), intake })
    }

    /// The private half of the intake key.
    pub(crate) fn intake(&self) -> &Secret {
        &self.intake
    }

    /// HMAC-SHA-256 over the purpose and the parts, each with its length before it, so that no two
    /// lists of parts look alike.
    pub(crate) fn digest(&self, purpose: &str, parts: &[&[u8]]) -> Digest {
        let mut context = hmac::Context::with_key(&self.digest);
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        digest_of(context.sign().as_ref())
    }

    /// Ed25519 signature.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.sign.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }

    /// The key that others verify with.
    pub(crate) fn verifying_key(&self) -> [u8; 32] {
        public(&self.sign)
    }
}

/// The key that others verify with, of secrets that are not in use here.
pub(crate) fn verifying_key(secrets: &[Secret; 3]) -> [u8; 32] {
    public(&pair(&secrets[1]))
}

fn pair(seed: &Secret) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("any 32 bytes are an Ed25519 seed")
}

fn public(pair: &Ed25519KeyPair) -> [u8; 32] {
    pair.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
}

/// Wraps the secrets under another root key; harmless when they are under that one already.
pub(crate) fn move_under(dir: &Path, from: &Root, to: &Root) -> Result<(), VaultError> {
    match secrets(dir, to) {
        Err(VaultError::ForeignRoot { .. }) => {
            let file = encode(to, &secrets(dir, from)?);
            replace_and_wipe(dir, FILE_NAME, &file, WIPED).when("write the site secrets in", dir)
        }
        done => done.map(drop),
    }
}

/// The secrets themselves: for digests, for signatures, for the intake.
pub(crate) fn secrets(dir: &Path, root: &Root) -> Result<[Secret; 3], VaultError> {
    finish_retirement(dir, FILE_NAME, WIPED).when("retire the old site secrets in", dir)?;
    let path = dir.join(FILE_NAME);
    let file = std::fs::read(&path).when("read the site secrets", &path)?;
    decode(&path, &file, root)
}

/// What the file's bytes say.
pub(crate) fn decode(path: &Path, file: &[u8], root: &Root) -> Result<[Secret; 3], VaultError> {
    let damaged =
        |offset: usize, fault| VaultError::Damaged { path: path.to_owned(), offset: offset as u64, fault };
    if !file.starts_with(MAGIC) {
        return Err(VaultError::version(path, file, MAGIC));
    }
    let file: &[u8; FILE_BYTES] =
        file.try_into().map_err(|_| damaged(file.len(), "expected exactly 204 bytes"))?;
    if file[MAGIC.len()..KEYS_AT] != root.id.0 {
        return Err(VaultError::ForeignRoot { path: path.to_owned() });
    }
    let above = root.wrapping(PURPOSE);
    let unwrap = |index: usize| {
        let at = KEYS_AT + index * WRAPPED_BYTES;
        let wrapped: &Wrapped = file[at..at + WRAPPED_BYTES].try_into().expect("60 of 204 bytes");
        let fault = "expected a key that opens under the root key";
        above.unwrap(wrapped, CONTEXTS[index]).ok_or_else(|| damaged(at, fault))
    };
    Ok([unwrap(0)?, unwrap(1)?, unwrap(2)?])
}

/// The file's bytes.
pub(crate) fn encode(root: &Root, secrets: &[Secret; 3]) -> Vec<u8> {
    let above = root.wrapping(PURPOSE);
    let mut file = [MAGIC.as_slice(), &root.id.0].concat();
    for (secret, context) in secrets.iter().zip(CONTEXTS) {
        file.extend_from_slice(&above.wrap(secret, context));
    }
    file
}

const _: () = assert!(FILE_BYTES == 204, "the format of the file");
