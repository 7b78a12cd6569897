//! The public key that files are sealed to while nobody has opened the vault.
//!
//! File `intake.pub`: magic 8 · X25519 public key 32. It lies in clear: who has it can only add.

use crate::VaultError;
use crate::error::Context;
use crate::secret::{KEY_BYTES, Secret};
use aws_lc_rs::agreement::{PrivateKey, X25519};
use std::path::Path;

/// Name of the file in the vault's directory.
pub(crate) const PUBLIC_NAME: &str = "intake.pub";
const MAGIC: &[u8; 8] = b"LZTAKE\0\x01";

/// The public half of the site's intake key.
#[derive(Clone, Copy)]
pub struct IntakeKey([u8; KEY_BYTES]);

impl IntakeKey {
    /// Reads it from a vault's directory; needs no key.
    ///
    /// # Errors
    /// When there is none, or the file is damaged.
    pub fn read(vault_dir: &Path) -> Result<Self, VaultError> {
        let path = vault_dir.join(PUBLIC_NAME);
        let file = std::fs::read(&path).when("read the public intake key", &path)?;
        let key = file.strip_prefix(MAGIC).ok_or_else(|| VaultError::version(&path, &file, MAGIC))?;
        let key = key.try_into().map_err(|_| VaultError::Damaged {
            path,
            offset: MAGIC.len() as u64,
            fault: "expected a public key of 32 bytes",
        })?;
        Ok(Self(key))
    }

    /// The public half of a private key.
    pub(crate) fn of(private: &Secret) -> Self {
        let public = private_key(private).compute_public_key().expect("any 32 bytes are an X25519 key");
        Self(public.as_ref().try_into().expect("an X25519 public key has 32 bytes"))
    }

    /// The file's bytes.
    pub(crate) fn file(&self) -> Vec<u8> {
        [MAGIC.as_slice(), &self.0].concat()
    }
}

fn private_key(private: &Secret) -> PrivateKey {
    PrivateKey::from_private_key(&X25519, private.expose()).expect("any 32 bytes are an X25519 key")
}
