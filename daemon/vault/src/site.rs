//! The two secrets of a site: one for keyed digests, one for signatures. They outlive every document.
//!
//! File `site`: magic, id of the master key, two wrapped keys.

use crate::digest::digest_of;
use crate::durable::replace;
use crate::error::Context;
use crate::master::KEY_ID_BYTES;
use crate::secret::{Secret, WRAPPED_BYTES, Wrapped};
use crate::{MasterKey, VaultError};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::path::Path;
use types::Digest;

const FILE_NAME: &str = "site";
const MAGIC: &[u8; 8] = b"LZSITE\0\x01";
const FILE_BYTES: usize = MAGIC.len() + KEY_ID_BYTES + 2 * WRAPPED_BYTES;
const DIGEST_CONTEXT: &[u8] = b"lazaret site digest key v1";
const SIGN_CONTEXT: &[u8] = b"lazaret site signing key v1";

/// The site's secrets, ready for use.
pub(crate) struct Site {
    digest: hmac::Key,
    sign: Ed25519KeyPair,
}

impl Site {
    /// Makes new secrets and writes them.
    pub(crate) fn create(dir: &Path, master: &MasterKey) -> Result<(), VaultError> {
        let above = master.for_site();
        let file = [
            MAGIC.as_slice(),
            &master.id(),
            &above.wrap(&Secret::generate(), DIGEST_CONTEXT),
            &above.wrap(&Secret::generate(), SIGN_CONTEXT),
        ]
        .concat();
        replace(dir, FILE_NAME, &file).when("write the site secrets in", dir)
    }

    /// Reads them.
    pub(crate) fn open(dir: &Path, master: &MasterKey) -> Result<Self, VaultError> {
        let path = dir.join(FILE_NAME);
        let damaged =
            |offset: usize, fault| VaultError::Damaged { path: path.clone(), offset: offset as u64, fault };
        let file = std::fs::read(&path).when("read the site secrets", &path)?;
        let file: &[u8; FILE_BYTES] =
            file.as_slice().try_into().map_err(|_| damaged(0, "expected exactly 144 bytes"))?;
        let (magic, rest) = file.split_at(MAGIC.len());
        let (id, keys) = rest.split_at(KEY_ID_BYTES);
        if magic != MAGIC {
            return Err(damaged(0, "expected the magic bytes of site secrets, version 1"));
        }
        if id != master.id() {
            return Err(VaultError::WrongMasterKey { path });
        }
        let above = master.for_site();
        let unwrap = |index: usize, context: &[u8]| {
            let offset = index * WRAPPED_BYTES;
            let wrapped: &Wrapped = keys[offset..offset + WRAPPED_BYTES].try_into().expect("60 of 120 bytes");
            above.unwrap(wrapped, context).ok_or_else(|| {
                damaged(MAGIC.len() + KEY_ID_BYTES + offset, "expected a key that opens under the master key")
            })
        };
        let seed = unwrap(1, SIGN_CONTEXT)?;
        Ok(Self {
            digest: hmac::Key::new(HMAC_SHA256, unwrap(0, DIGEST_CONTEXT)?.expose()),
            sign: Ed25519KeyPair::from_seed_unchecked(seed.expose())
                .expect("any 32 bytes are an Ed25519 seed"),
        })
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
        self.sign.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }
}
