//! Who may open a file: a recipient is a public key, an identity the private one.

use super::{KEY_BYTES, Key, bech32};
use crate::VaultError;
use crate::digest::sha256;
use crate::error::Context;
use crate::secret::random;
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use nix::fcntl::OFlag;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use types::Digest;
use zeroize::Zeroizing;

const RECIPIENT_PREFIX: &str = "age";
const IDENTITY_PREFIX: &str = "age-secret-key-";
/// Largest identity file: comments and one line.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// A public key, written `age1…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient([u8; KEY_BYTES]);

impl Recipient {
    /// Names it in the ledger and in manifests: SHA-256 of its text.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        sha256(self.to_string().as_bytes())
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32::encode(RECIPIENT_PREFIX, &self.0))
    }
}

impl FromStr for Recipient {
    type Err = VaultError;

    fn from_str(text: &str) -> Result<Self, VaultError> {
        let bytes = bech32::decode(RECIPIENT_PREFIX, text);
        let bytes = bytes.and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok());
        // With a public key of small order everybody would know the shared secret.
        let sound = bytes.filter(|bytes| Identity::generate().agree(bytes).is_some());
        sound.map(Self).ok_or(VaultError::BadRecipient)
    }
}

/// A private key, written `AGE-SECRET-KEY-1…`. Wiped when dropped, and never printed by accident.
pub struct Identity {
    text: Zeroizing<String>,
    key: PrivateKey,
    recipient: Recipient,
}

impl Identity {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_bytes(&Zeroizing::new(random::<KEY_BYTES>()))
    }

    /// Reads the first identity of a file, as `age-keygen` and [`Self::file_text`] write it.
    ///
    /// # Errors
    /// When it cannot be read, or holds no identity for X25519.
    pub fn from_file(path: &Path) -> Result<Self, VaultError> {
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
        let file = file.when("open the escrow identity", path)?;
        let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX as usize));
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).when("read the escrow identity", path)?;
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        let bytes = line.and_then(|line| bech32::decode(IDENTITY_PREFIX, line));
        let bytes = bytes.and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok());
        let bytes = Zeroizing::new(bytes.ok_or_else(|| VaultError::BadIdentity { path: path.to_owned() })?);
        Ok(Self::from_bytes(&bytes))
    }

    /// The file that [`Self::from_file`] and `age` read.
    #[must_use]
    pub fn file_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("# public key: {}\n{}\n", self.recipient, self.text.as_str()))
    }

    /// Its public half.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        self.recipient
    }

    fn from_bytes(bytes: &Key) -> Self {
        let mut text = bech32::encode(IDENTITY_PREFIX, bytes.as_slice());
        text.make_ascii_uppercase();
        let key = PrivateKey::from_private_key(&X25519, bytes.as_slice()).expect("any 32 bytes are a key");
        let public = key.compute_public_key().expect("a private key has a public one");
        let recipient = Recipient(public.as_ref().try_into().expect("X25519 keys have 32 bytes"));
        Self { text, key, recipient }
    }

    /// What both ends of an exchange know; none for the few public keys that would give it away.
    pub(super) fn agree(&self, with: &[u8; KEY_BYTES]) -> Option<Key> {
        agreement::agree(&self.key, UnparsedPublicKey::new(&X25519, with), (), |shared| {
            let shared: [u8; KEY_BYTES] = shared.try_into().map_err(|_| ())?;
            if shared == [0; KEY_BYTES] { Err(()) } else { Ok(Zeroizing::new(shared)) }
        })
        .ok()
    }
}
