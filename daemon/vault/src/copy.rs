//! Copies of what lies on disk, as ciphertext: for backup and restore. No key is used here.

use crate::blob::BlobName;
use crate::digest::copy_and_hash;
use crate::durable::{TEMPORARY_PREFIX, make_dir, new_file, remove_if_there, sync, sync_names};
use crate::error::Context;
use crate::{Vault, VaultError};
use nix::fcntl::OFlag;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use types::{Digest, DocId};

impl Vault {
    /// Opens a sealed blob as it lies on disk; what is read is ciphertext.
    ///
    /// # Errors
    /// When there is no such blob, or the operating system refuses.
    pub fn open_ciphertext(&self, name: BlobName) -> Result<File, VaultError> {
        let path = self.blobs.path(name);
        match OpenOptions::new().read(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(VaultError::NoBlob { blob: name }),
            opened => opened.when("open", &path),
        }
    }
}

/// Where a sealed blob lies in the directory of a vault.
#[must_use]
pub fn sealed_path(vault_dir: &Path, name: BlobName) -> PathBuf {
    vault_dir.join(crate::vault::BLOBS_NAME).join(name.to_string())
}

/// Copies a sealed blob into the directory of a vault that nobody has open; durable but for the names of
/// its directories, see [`settle_sealed`]. Gives length and SHA-256 of what was copied.
///
/// # Errors
/// When the operating system refuses.
pub fn place_sealed(
    vault_dir: &Path,
    name: BlobName,
    from: &mut dyn Read,
) -> Result<(u64, Digest), VaultError> {
    let path = sealed_path(vault_dir, name);
    let dir = path.parent().expect("a blob lies in the directory of its document");
    make_dir(dir).when("make the directory", dir)?;
    let staged = dir.join(format!("{TEMPORARY_PREFIX}{}", name.file_name()));
    let mut copy = || -> io::Result<(u64, Digest)> {
        remove_if_there(&staged)?;
        let mut file = new_file(&staged)?;
        let copied = copy_and_hash(from, &mut file)?;
        sync(&file);
        fs::rename(&staged, &path)?;
        Ok(copied)
    };
    copy().when("copy a sealed blob to", &path)
}

/// Makes the names of all blobs of a document, and of its directory, durable.
///
/// # Errors
/// When the operating system refuses.
pub fn settle_sealed(vault_dir: &Path, doc: DocId) -> Result<(), VaultError> {
    let blobs = vault_dir.join(crate::vault::BLOBS_NAME);
    let dir = blobs.join(doc.to_string());
    sync_names(&dir).and_then(|()| sync_names(&blobs)).when("sync the directory", &dir)
}
