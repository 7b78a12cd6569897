//! The escrow: every key that a vault needs, in one age file for recipients outside the appliance.
//!
//! ```text
//! magic 8 · made u64 · root key 32 · documents u64
//! n × { name length u8 · name · length u64 · bytes }     parts: `site`, `keystore`
//! ```
//! Integers are big-endian. `site` and `keystore` are the vault's files of these names, wrapped under a
//! root key that was made for this escrow alone: neither the root key in use nor the master key leaves the
//! machine. Keys that sign checkpoints are not in it: an identity in a safe must not be able to sign for the
//! appliance. Earlier versions wrote a part `signer` with the next one, which is not looked at.
//! Whoever opens it opens every document that had a key when it was made, also those that were
//! destroyed later: that is why copies of it are kept for a limited time.

use crate::durable::make_dir;
use crate::error::Context;
use crate::keystore::Keystore;
use crate::root::{self, Root};
use crate::secret::{KEY_BYTES, Secret};
use crate::signer::Signer;
use crate::site::{self, Site};
use crate::vault::{BLOBS_NAME, lock};
use crate::{Identity, MasterKey, Recipient, Vault, VaultError, age};
use std::collections::BTreeMap;
use std::path::Path;
use types::{Digest, DocId, UnixMillis};
use zeroize::Zeroizing;

/// The last byte is the version. What an older version wrote stays readable; a newer one is refused.
const MAGIC: &[u8; 8] = b"LZESCR\0\x01";
const HEAD_BYTES: usize = MAGIC.len() + 8 + KEY_BYTES + 8;
const SITE: &str = "site";
const KEYSTORE: &str = "keystore";
const DAMAGED: &str = "its parts are not as they were written";
/// Recipients; with fewer, one lost key would lose the backup.
pub const ESCROW_RECIPIENTS_MIN: usize = 2;

/// Keys, sealed to their recipients.
pub struct Escrow {
    /// The age file.
    pub file: Vec<u8>,
    /// The documents whose keys are in it, in order.
    pub documents: Vec<DocId>,
}

/// Keys out of an escrow, to make a new vault with.
pub struct OpenedEscrow {
    /// When it was made.
    pub made: UnixMillis,
    root: Root,
    parts: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

/// What [`OpenedEscrow::restore`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredKeys {
    /// Documents that have a key now, in order.
    pub documents: Vec<DocId>,
    /// Keys that were left out.
    pub dropped: u64,
}

impl Vault {
    /// Seals all keys to recipients outside. It is a disclosure: who may ask is for the caller to decide.
    ///
    /// # Errors
    /// When there are fewer than two different recipients, or the site's secrets cannot be read.
    pub fn escrow(&self, recipients: &[Recipient]) -> Result<Escrow, VaultError> {
        let different = recipients.iter().map(ToString::to_string).collect::<std::collections::BTreeSet<_>>();
        if different.len() < ESCROW_RECIPIENTS_MIN {
            return Err(VaultError::FewRecipients { found: different.len(), min: ESCROW_RECIPIENTS_MIN });
        }
        let root = Root::generate((self.clock)());
        let secrets = site::secrets(&self.dir, &self.top().root)?;
        let (keystore, documents) = self.keys.escrow(&root);
        let site = site::encode(&root, &secrets);
        let parts = [(SITE, site.as_slice()), (KEYSTORE, &keystore)];
        let mut plain = Zeroizing::new(Vec::with_capacity(
            HEAD_BYTES + parts.iter().map(|(name, part)| 9 + name.len() + part.len()).sum::<usize>(),
        ));
        plain.extend_from_slice(MAGIC);
        plain.extend_from_slice(&root.made.0.to_be_bytes());
        plain.extend_from_slice(root.secret().expose());
        plain.extend_from_slice(&(documents.len() as u64).to_be_bytes());
        for (name, part) in &parts {
            plain.push(u8::try_from(name.len()).expect("a name of a file"));
            plain.extend_from_slice(name.as_bytes());
            plain.extend_from_slice(&(part.len() as u64).to_be_bytes());
            plain.extend_from_slice(part);
        }
        Ok(Escrow { file: age::seal(recipients, &plain), documents })
    }
}

impl OpenedEscrow {
    /// Opens what [`Vault::escrow`] sealed.
    ///
    /// # Errors
    /// When the identity is not one of its recipients, it was changed, or a newer version wrote it.
    pub fn open(identity: &Identity, file: &[u8]) -> Result<Self, VaultError> {
        let plain = age::open(identity, file)?;
        parse(&plain)
    }

    /// The key that the site's signatures verify with.
    ///
    /// # Errors
    /// When the escrow is damaged.
    pub fn verifying_key(&self) -> Result<Digest, VaultError> {
        Ok(Digest(site::verifying_key(&self.secrets()?)))
    }

    fn secrets(&self) -> Result<[Secret; 3], VaultError> {
        site::decode(Path::new("escrow/site"), self.part(SITE)?, &self.root)
    }

    /// Makes a vault under a master key of its own, with a root key, checkpoint keys and a generation of its own,
    /// and only with the keys that `keep` wants. The directory is made when missing and must hold no vault.
    ///
    /// # Errors
    /// When there is a vault already, the escrow is damaged, or the operating system refuses.
    pub fn restore(
        &self,
        dir: &Path,
        master: &MasterKey,
        at: UnixMillis,
        keep: impl Fn(DocId) -> bool,
    ) -> Result<RestoredKeys, VaultError> {
        if Vault::exists(dir) {
            return Err(VaultError::NotEmpty { path: dir.to_owned() });
        }
        make_dir(dir).when("make the directory", dir)?;
        let _lock = lock(dir)?;
        let blobs = dir.join(BLOBS_NAME);
        make_dir(&blobs).when("make the directory", &blobs)?;
        let root = Root::generate(at);
        root::write(dir, &[&root], &[master])?;
        Site::restore(dir, &self.secrets()?, &root)?;
        Signer::create(dir, &root)?;
        Keystore::restore(dir, (self.part(KEYSTORE)?, &self.root), &root, at, keep)
    }

    fn part(&self, name: &'static str) -> Result<&[u8], VaultError> {
        let part = self.parts.get(name).map(|part| part.as_slice());
        part.ok_or(VaultError::NotEscrow { fault: "a part of it is missing" })
    }
}

fn parse(plain: &[u8]) -> Result<OpenedEscrow, VaultError> {
    let damaged = || VaultError::NotEscrow { fault: DAMAGED };
    if !plain.starts_with(MAGIC) {
        return Err(VaultError::NotEscrow {
            fault: "it was written by another version, or is no escrow of this product",
        });
    }
    let (head, mut rest) = plain.split_first_chunk::<HEAD_BYTES>().ok_or_else(damaged)?;
    let made = UnixMillis(u64::from_be_bytes(head[8..16].try_into().expect("8 bytes")));
    let mut key = Secret::blank();
    key.expose_mut().copy_from_slice(&head[16..16 + KEY_BYTES]);
    let mut parts = BTreeMap::new();
    while let Some((length, tail)) = rest.split_first() {
        let (name, tail) = tail.split_at_checked(usize::from(*length)).ok_or_else(damaged)?;
        let (bytes, tail) = tail.split_first_chunk::<8>().ok_or_else(damaged)?;
        let bytes = usize::try_from(u64::from_be_bytes(*bytes)).map_err(|_| damaged())?;
        let (part, tail) = tail.split_at_checked(bytes).ok_or_else(damaged)?;
        let name = std::str::from_utf8(name).map_err(|_| damaged())?;
        parts.insert(name.to_owned(), Zeroizing::new(part.to_vec()));
        rest = tail;
    }
    Ok(OpenedEscrow { made, root: Root::of(key, made), parts })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_holds_the_keys_of_documents_and_the_secrets_of_the_site_and_no_more() {
        let root = tempfile::tempdir().unwrap();
        let (dir, key) = (root.path().join("vault"), root.path().join("master.key"));
        MasterKey::generate_file(&key).unwrap();
        let master = MasterKey::from_file(&key).unwrap();
        Vault::create(&dir, &master, || UnixMillis(1)).unwrap();
        let vault = Vault::open(&dir, &master, || UnixMillis(1)).unwrap();
        let (one, other) = (Identity::generate(), Identity::generate());
        let escrow = vault.escrow(&[one.recipient(), other.recipient()]).unwrap();
        let opened = OpenedEscrow::open(&one, &escrow.file).unwrap();
        assert_eq!(opened.parts.keys().collect::<Vec<_>>(), [KEYSTORE, SITE]);
    }
}
