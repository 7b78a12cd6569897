//! The master key: 32 bytes that the appliance is given at start and never writes.

use crate::VaultError;
use crate::durable::{sync, sync_names};
use crate::error::Context;
use crate::secret::{KEY_BYTES, KeyId, Secret};
use nix::fcntl::OFlag;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Rights that a key file must not give. Reading by the group stays possible: systemd hands a
/// credential to its service by an access control list, which shows up as the group's right.
const FORBIDDEN_MODE: u32 = 0o037;

/// The key above all others. Wiped when dropped, and never printed.
pub struct MasterKey(Secret);

impl MasterKey {
    /// Makes a new key file, readable by its owner only.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub fn generate_file(path: &Path) -> Result<(), VaultError> {
        let mut open = OpenOptions::new();
        let mut file =
            open.write(true).create_new(true).mode(0o400).open(path).when("make the key file", path)?;
        file.write_all(Secret::generate().expose()).when("write the key file", path)?;
        sync(&file);
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_names(dir).when("sync the folder of the key file", dir)
    }

    /// Reads a key file or a systemd credential.
    ///
    /// # Errors
    /// When it is missing, no regular file, open to others, or not 32 bytes long.
    pub fn from_file(path: &Path) -> Result<Self, VaultError> {
        let bad = |fault| VaultError::BadMasterKey { path: path.to_owned(), fault };
        let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
        let mut file =
            OpenOptions::new().read(true).custom_flags(flags).open(path).when("open the master key", path)?;
        let facts = file.metadata().when("look at the master key", path)?;
        if !facts.is_file() {
            return Err(bad("expected a regular file"));
        }
        if facts.mode() & FORBIDDEN_MODE != 0 {
            return Err(bad("others may read or write it; expected mode 0400 (chmod 0400)"));
        }
        if facts.len() != KEY_BYTES as u64 {
            return Err(bad("expected exactly 32 bytes"));
        }
        let mut key = Secret::blank();
        file.read_exact(key.expose_mut()).when("read the master key", path)?;
        Ok(Self(key))
    }

    /// The key that wraps root keys.
    pub(crate) fn for_root(&self) -> Secret {
        self.0.derive(&[b"root"])
    }

    /// A master key that an operator sent; none when it has not exactly 32 bytes. The caller wipes them.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; KEY_BYTES] = bytes.try_into().ok()?;
        let mut key = Secret::blank();
        key.expose_mut().copy_from_slice(bytes);
        Some(Self(key))
    }

    pub(crate) fn of(key: Secret) -> Self {
        Self(key)
    }

    /// Names this key in the headers of files made with it.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.0.id()
    }

    /// A second one with the same bytes.
    pub(crate) fn copy(&self) -> Self {
        Self(self.0.copy())
    }

    /// The key itself, to be tried on a sample.
    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }
}
