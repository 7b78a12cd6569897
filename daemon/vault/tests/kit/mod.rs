//! A vault in a directory of its own on the real disk.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use types::{BlobId, DocId, UnixMillis};
use vault::{Area, BlobFacts, MasterKey, Vault, VaultError, Victim};

pub struct Site {
    root: TempDir,
}

impl Site {
    pub fn new() -> Self {
        let site = Self { root: tempfile::tempdir().unwrap() };
        MasterKey::generate_file(&site.key_file()).unwrap();
        Vault::create(&site.dir(), &site.master(), clock).unwrap();
        site
    }

    pub fn dir(&self) -> PathBuf {
        self.root.path().join("vault")
    }

    pub fn key_file(&self) -> PathBuf {
        self.root.path().join("master.key")
    }

    pub fn master(&self) -> MasterKey {
        MasterKey::from_file(&self.key_file()).unwrap()
    }

    pub fn try_open(&self) -> Result<Vault, VaultError> {
        Vault::open(&self.dir(), &self.master(), clock)
    }

    pub fn open(&self) -> Vault {
        self.try_open().unwrap()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub fn blob_file(&self, doc: DocId, area: Area, blob: BlobId) -> PathBuf {
        self.doc_dir(doc).join(format!("{area}-{blob}"))
    }

    pub fn doc_dir(&self, doc: DocId) -> PathBuf {
        self.dir().join("blobs").join(doc.to_string())
    }
}

/// A clock that stands still.
pub fn clock() -> UnixMillis {
    UnixMillis(1_795_502_192_007)
}

/// A whole document, to be destroyed.
pub fn whole(doc: DocId) -> Victim {
    Victim { doc, areas: None }
}

/// Some areas of a document, to be destroyed.
pub fn parts(doc: DocId, areas: &[Area]) -> Victim {
    Victim { doc, areas: Some(areas.to_vec()) }
}

pub fn doc(number: u128) -> DocId {
    DocId::from_bytes(number.to_be_bytes())
}

pub fn blob(number: u128) -> BlobId {
    BlobId::from_bytes(number.to_be_bytes())
}

/// Bytes that differ from place to place.
pub fn sample(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i * 31 + i / 253) as u8).collect()
}

pub fn put(vault: &Vault, doc: DocId, area: Area, blob: BlobId, plain: &[u8]) -> BlobFacts {
    let mut writer = vault.writer(doc, area, blob).unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

/// The whole blob, or the vault's reason why not.
pub fn get(vault: &Vault, doc: DocId, area: Area, blob: BlobId) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let mut reader = vault.reader(doc, area, blob).map_err(|error| error.to_string())?;
    reader.read_to_end(&mut plain).map_err(|error| error.to_string())?;
    assert_eq!(plain.len() as u64, reader.plain_bytes());
    Ok(plain)
}

/// Copies a directory with all it holds.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below a directory.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
