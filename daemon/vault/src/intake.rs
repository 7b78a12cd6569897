//! Files that are taken in while nobody has opened the vault: sealed to a public key, so that who
//! holds the machine cannot read them before the operator opens it.
//!
//! ```text
//! intake.pub   magic 8 · X25519 public key 32
//!
//! ID.lz        header 88: magic 8 · document 16 · ephemeral X25519 public key 32 · key commitment 32
//!              length of what follows u32 · metadata, sealed, with its tag 16
//!              n × chunk, as in a sealed blob
//! ```
//! The shared secret of the two X25519 keys goes through HKDF-SHA-256 with the first 56 bytes of the
//! header and the site's public key as info, and gives a key for the chunks, one for the metadata, and
//! the commitment. The header is associated data of everything that is sealed. The ephemeral private
//! key is wiped once the header is written: only the site's private key opens the file.

use crate::blob::{CHUNK_BYTES, Cipher, Extent, HEADER_BYTES, Header, Place, SEALED_CHUNK_BYTES};
use crate::durable::{TEMPORARY_PREFIX, new_file, remove_if_there, sync, sync_names};
use crate::error::Context;
use crate::secret::{KEY_BYTES, Secret, random};
use crate::{Sha256, VaultError};
use aws_lc_rs::aead::{Aad, MAX_TAG_LEN, NONCE_LEN, Nonce};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use types::{Digest, DocId};
use zeroize::Zeroizing;

/// Longest metadata: a sidecar of 16 KiB and a file name fit, even twice.
pub const INTAKE_METADATA_BYTES_MAX: usize = 48 * 1024;
/// Name of the file in the vault's directory.
pub(crate) const PUBLIC_NAME: &str = "intake.pub";

const PUBLIC_MAGIC: &[u8; 8] = b"LZTAKP\0\x01";
const MAGIC: &[u8; 8] = b"LZTAKE\0\x01";
const NAMED_BYTES: usize = 56;
const LENGTH_BYTES: usize = 4;

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
        let key =
            file.strip_prefix(PUBLIC_MAGIC).ok_or_else(|| VaultError::version(&path, &file, PUBLIC_MAGIC))?;
        let key = key.try_into().map_err(|_| VaultError::Damaged {
            path,
            offset: PUBLIC_MAGIC.len() as u64,
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
        [PUBLIC_MAGIC.as_slice(), &self.0].concat()
    }

    /// Starts to seal a file into `dir`, under a temporary name.
    ///
    /// # Errors
    /// When the metadata is longer than [`INTAKE_METADATA_BYTES_MAX`], or the disk is full.
    pub fn seal(&self, doc: DocId, metadata: &[u8], dir: &Path) -> Result<SealedWriter, VaultError> {
        let max = INTAKE_METADATA_BYTES_MAX;
        if metadata.len() > max {
            let (purpose, found) = ("intake", metadata.len());
            return Err(VaultError::FactsTooLong { purpose, found, max });
        }
        let ephemeral = Secret::generate();
        let mut named = [0; NAMED_BYTES];
        named[..8].copy_from_slice(MAGIC);
        named[8..24].copy_from_slice(&doc.to_bytes());
        named[24..].copy_from_slice(&Self::of(&ephemeral).0);
        let keys = Keys::agree(&ephemeral, self.0, &named, self)
            .ok_or_else(|| VaultError::IntakeUnusable { path: dir.to_owned() })?;
        let mut header: Header = [0; HEADER_BYTES];
        header[..NAMED_BYTES].copy_from_slice(&named);
        header[NAMED_BYTES..].copy_from_slice(&keys.commitment);
        let session: [u8; 4] = random();
        let staged = dir.join(format!("{TEMPORARY_PREFIX}{:08x}-{doc}", u32::from_be_bytes(session)));
        let file = new_file(&staged).when("make", &staged)?;
        let mut writer = SealedWriter {
            cipher: Cipher::of(header, keys.chunks.cipher()),
            file,
            target: dir.join(file_name(doc)),
            dir: dir.to_owned(),
            staged,
            chunk: Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_BYTES)),
            chunks: 0,
            file_bytes: 0,
            sha256: Sha256::new(),
            broken: None,
        };
        let sealed = keys.seal_metadata(&header, metadata);
        let length = u32::try_from(sealed.len()).expect("48 KiB and a tag").to_be_bytes();
        let begun = [header.as_slice(), &length, &sealed].concat();
        writer.put(&begun).when("write", &writer.staged)?;
        Ok(writer)
    }
}

/// Name of a file in the queue.
fn file_name(doc: DocId) -> String {
    format!("{doc}.lz")
}

/// What is known of a sealed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedFacts {
    /// Bytes of the file.
    pub file_bytes: u64,
    /// SHA-256 of the file, which is ciphertext.
    pub sha256: Digest,
}

/// A file that is being sealed; what is dropped before [`Self::finish`] leaves nothing behind.
#[must_use = "a file that is not finished does not exist"]
pub struct SealedWriter {
    cipher: Cipher,
    file: File,
    staged: PathBuf,
    target: PathBuf,
    dir: PathBuf,
    chunk: Zeroizing<Vec<u8>>,
    chunks: u32,
    file_bytes: u64,
    sha256: Sha256,
    broken: Option<io::ErrorKind>,
}

impl SealedWriter {
    /// Seals the end and gives the file its name; both durable on return. A file of this name, left by
    /// a crash, is replaced.
    ///
    /// # Errors
    /// When the disk is full, or an earlier write failed.
    pub fn finish(mut self) -> Result<SealedFacts, VaultError> {
        self.seal_chunk(true).when("write", &self.staged)?;
        sync(&self.file);
        std::fs::rename(&self.staged, &self.target).when("rename into place", &self.target)?;
        sync_names(&self.dir).when("sync the directory", &self.dir)?;
        Ok(SealedFacts { file_bytes: self.file_bytes, sha256: std::mem::take(&mut self.sha256).finish() })
    }

    fn seal_chunk(&mut self, last: bool) -> io::Result<()> {
        if let Some(kind) = self.broken {
            return Err(kind.into());
        }
        if self.chunks == u32::MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.cipher.seal(Place { number: self.chunks, last }, &mut self.chunk);
        let sealed =
            std::mem::replace(&mut self.chunk, Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_BYTES)));
        self.put(&sealed).inspect_err(|error| self.broken = Some(error.kind()))?;
        self.chunks += 1;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.sha256.update(bytes);
        self.file_bytes += bytes.len() as u64;
        Ok(())
    }
}

impl Write for SealedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits until more comes: only then it is known not to be the last.
        if self.chunk.len() == CHUNK_BYTES && !bytes.is_empty() {
            self.seal_chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Does nothing: the file is durable when it is finished.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SealedWriter {
    fn drop(&mut self) {
        // After `finish` the name is gone already. If removing fails, the next start does it.
        drop(remove_if_there(&self.staged));
    }
}

/// A sealed file, opened with the site's private key; every chunk is verified before a byte of it is
/// handed out. An error of a read has kind `InvalidData` when the file is not as it was sealed.
pub struct SealedReader {
    /// The document that it becomes.
    pub doc: DocId,
    /// What came with it.
    pub metadata: Zeroizing<Vec<u8>>,
    cipher: Cipher,
    file: File,
    extent: Extent,
    next: Option<Place>,
    chunk: Zeroizing<Vec<u8>>,
    /// What of `chunk` is plain and not yet handed out.
    rest: std::ops::Range<usize>,
}

impl SealedReader {
    pub(crate) fn open(private: &Secret, doc: DocId, dir: &Path) -> Result<Self, VaultError> {
        let path = dir.join(file_name(doc));
        let bad = || VaultError::IntakeUnusable { path: path.clone() };
        let mut file = File::open(&path).when("open", &path)?;
        let file_bytes = file.metadata().when("look at", &path)?.len();
        let (mut header, mut length) = ([0; HEADER_BYTES], [0; LENGTH_BYTES]);
        file.read_exact(&mut header).when("read", &path)?;
        file.read_exact(&mut length).when("read", &path)?;
        let named: &[u8; NAMED_BYTES] = header[..NAMED_BYTES].try_into().expect("56 of 88 bytes");
        if !named.starts_with(MAGIC) {
            return Err(VaultError::version(&path, &header, MAGIC));
        }
        if named[8..24] != doc.to_bytes() {
            return Err(bad());
        }
        let ephemeral = named[24..].try_into().expect("32 of 56 bytes");
        let keys = Keys::agree(private, ephemeral, named, &IntakeKey::of(private)).ok_or_else(bad)?;
        let sealed_bytes = u32::from_be_bytes(length) as usize;
        if header[NAMED_BYTES..] != keys.commitment || sealed_bytes > INTAKE_METADATA_BYTES_MAX + MAX_TAG_LEN
        {
            return Err(bad());
        }
        let mut sealed = Zeroizing::new(vec![0; sealed_bytes]);
        file.read_exact(&mut sealed).when("read", &path)?;
        let metadata = keys.open_metadata(&header, sealed).ok_or_else(bad)?;
        let before = (LENGTH_BYTES + sealed_bytes) as u64;
        let extent = file_bytes.checked_sub(before).and_then(Extent::of_file).ok_or_else(bad)?;
        let (cipher, next) = (Cipher::of(header, keys.chunks.cipher()), Some(extent.place(0)));
        let chunk = Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_BYTES));
        Ok(Self { doc, metadata, cipher, file, extent, next, chunk, rest: 0..0 })
    }
}

impl Read for SealedReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let (true, Some(place)) = (self.rest.is_empty(), self.next) {
            let (sealed, _) = self.extent.sealed(place);
            self.chunk.resize(sealed, 0);
            self.file.read_exact(&mut self.chunk)?;
            let plain = self.cipher.open(place, &mut self.chunk).map(|plain| plain.len());
            self.rest = 0..plain.ok_or(io::ErrorKind::InvalidData)?;
            self.next = (!place.last).then(|| self.extent.place(place.number + 1));
        }
        let taken = self.rest.len().min(out.len());
        out[..taken].copy_from_slice(&self.chunk[self.rest.start..self.rest.start + taken]);
        self.rest.start += taken;
        Ok(taken)
    }
}

/// What both sides derive of one file.
struct Keys {
    chunks: Secret,
    metadata: Secret,
    commitment: [u8; KEY_BYTES],
}

impl Keys {
    /// None when the public key of the other side is of small order: the secret would be known to all.
    fn agree(
        own: &Secret,
        other: [u8; KEY_BYTES],
        named: &[u8; NAMED_BYTES],
        site: &IntakeKey,
    ) -> Option<Self> {
        let other = UnparsedPublicKey::new(&X25519, other);
        let shared = agree(&private_key(own), other, (), |shared| {
            let mut secret = Secret::blank();
            secret.expose_mut().copy_from_slice(shared);
            Ok(secret)
        });
        let shared = shared.ok()?;
        let derive = |what: &[u8]| shared.derive(&[b"intake", what, named, &site.0]);
        Some(Self {
            chunks: derive(b"chunks"),
            metadata: derive(b"metadata"),
            commitment: *derive(b"commitment").expose(),
        })
    }

    fn seal_metadata(&self, header: &Header, metadata: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(metadata.len() + MAX_TAG_LEN);
        sealed.extend_from_slice(metadata);
        self.metadata
            .cipher()
            .seal_in_place_append_tag(nonce(), Aad::from(header), &mut sealed)
            .expect("48 KiB are within what AES-GCM seals");
        sealed
    }

    fn open_metadata(&self, header: &Header, mut sealed: Zeroizing<Vec<u8>>) -> Option<Zeroizing<Vec<u8>>> {
        let opened = self.metadata.cipher().open_in_place(nonce(), Aad::from(header), &mut sealed);
        let bytes = opened.ok()?.len();
        sealed.truncate(bytes);
        Some(sealed)
    }
}

/// The key seals one text only, so its nonce need not differ.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

fn private_key(private: &Secret) -> PrivateKey {
    PrivateKey::from_private_key(&X25519, private.expose()).expect("any 32 bytes are an X25519 key")
}
