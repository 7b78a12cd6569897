//! The bytes of a sealed blob: header, key, nonces, and how many chunks a length makes.

use super::{Area, BlobName};
use crate::VaultError;
use crate::secret::{KEY_BYTES, Secret, random};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use types::{BlobId, DocId};
use zeroize::Zeroizing;

/// Plain bytes of a chunk: large enough that the tag costs nothing, small enough to hold in memory
/// for every blob that is open.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;
/// What authentication adds to each chunk.
pub(super) const TAG_BYTES: usize = MAX_TAG_LEN;
/// A full chunk on disk.
pub(crate) const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
/// Bytes before the first chunk.
pub(crate) const HEADER_BYTES: usize = NAMED_BYTES + COMMITMENT_BYTES;

const MAGIC: &[u8; 8] = b"LZBLOB\r\n";
const VERSION: u16 = 2;
const PREFIX_BYTES: usize = 7;
const BLOB_AT: usize = 32;
const PREFIX_AT: usize = 48;
/// The part of the header that key and commitment are derived from.
const NAMED_BYTES: usize = 56;
const COMMITMENT_BYTES: usize = 32;

pub(crate) type Header = [u8; HEADER_BYTES];

/// The key of one blob with the header that every chunk is bound to.
pub(crate) struct Cipher {
    header: Header,
    key: LessSafeKey,
}

impl Cipher {
    /// For a new blob.
    pub(super) fn new(blob: BlobName, area_seed: &Secret) -> Self {
        let named = named(blob, random());
        let (key, commitment) = derive(area_seed, &named);
        let mut header = [0; HEADER_BYTES];
        header[..NAMED_BYTES].copy_from_slice(&named);
        header[NAMED_BYTES..].copy_from_slice(&commitment);
        Self { header, key }
    }

    /// With a key that was agreed on in another way.
    pub(crate) fn of(header: Header, key: LessSafeKey) -> Self {
        Self { header, key }
    }

    /// For a blob whose header was read; refuses any header but the one that this blob must have.
    pub(super) fn from_header(
        blob: BlobName,
        area_seed: &Secret,
        header: Header,
    ) -> Result<Self, VaultError> {
        let prefix = header[PREFIX_AT..PREFIX_AT + PREFIX_BYTES].try_into().expect("7 bytes");
        let named = named(blob, prefix);
        if header[..NAMED_BYTES] != named {
            let fault = "its header is that of another blob, area, document or version";
            return Err(VaultError::Tampered { blob, fault });
        }
        let (key, commitment) = derive(area_seed, &named);
        if verify_slices_are_equal(&commitment, &header[NAMED_BYTES..]).is_err() {
            let fault = "it was sealed under another key, or its header was changed";
            return Err(VaultError::Tampered { blob, fault });
        }
        Ok(Self { header, key })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Seals a chunk and appends its tag.
    pub(crate) fn seal(&self, place: Place, chunk: &mut Vec<u8>) {
        self.key
            .seal_in_place_append_tag(self.nonce(place), Aad::from(&self.header), chunk)
            .expect("64 KiB are within what AES-GCM seals");
    }

    /// Opens a chunk with its tag in place; none when it is not the chunk of this place.
    pub(crate) fn open<'a>(&self, place: Place, sealed: &'a mut [u8]) -> Option<&'a mut [u8]> {
        self.key.open_in_place(self.nonce(place), Aad::from(&self.header), sealed).ok()
    }

    fn nonce(&self, place: Place) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[..PREFIX_BYTES].copy_from_slice(&self.header[PREFIX_AT..PREFIX_AT + PREFIX_BYTES]);
        nonce[PREFIX_BYTES..NONCE_LEN - 1].copy_from_slice(&place.number.to_be_bytes());
        nonce[NONCE_LEN - 1] = place.last.into();
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Where a chunk stands in its blob.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) number: u32,
    pub(crate) last: bool,
}

/// How long a blob is, told by the length of its file.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// Plain bytes.
    pub(super) bytes: u64,
    /// Chunks, at least one.
    chunks: u32,
}

impl Extent {
    /// None when no blob has a file of this length.
    pub(crate) fn of_file(file_bytes: u64) -> Option<Self> {
        let body = file_bytes.checked_sub(HEADER_BYTES as u64)?;
        let chunks = body.div_ceil(SEALED_CHUNK_BYTES as u64);
        let bytes = body.checked_sub(chunks * TAG_BYTES as u64)?;
        let chunks = u32::try_from(chunks).ok()?;
        // Only an empty blob has an empty chunk.
        let canonical = chunks == bytes.div_ceil(CHUNK_BYTES as u64).max(1) as u32;
        canonical.then_some(Self { bytes, chunks })
    }

    pub(super) fn last(self) -> Place {
        self.place(self.chunks - 1)
    }

    pub(crate) fn place(self, number: u32) -> Place {
        Place { number, last: number + 1 == self.chunks }
    }

    /// Sealed bytes of a chunk, and where they begin in the file.
    pub(crate) fn sealed(self, place: Place) -> (usize, u64) {
        let start = u64::from(place.number) * CHUNK_BYTES as u64;
        let plain = (self.bytes - start).min(CHUNK_BYTES as u64) as usize;
        (plain + TAG_BYTES, HEADER_BYTES as u64 + u64::from(place.number) * SEALED_CHUNK_BYTES as u64)
    }
}

/// Most bytes of a sample: header and first chunk.
pub(crate) const SAMPLE_BYTES_MAX: usize = HEADER_BYTES + SEALED_CHUNK_BYTES;

/// Does a seed fit the beginning of a blob, by its key commitment or by its first chunk? For trying
/// keys that must not fit: no part of what is opened is kept.
pub(crate) fn opens_first_chunk(doc: DocId, area: Area, area_seed: &Secret, start: &[u8]) -> bool {
    let Some((header, chunk)) = start.split_first_chunk::<HEADER_BYTES>() else { return false };
    let blob = BlobId::from_bytes(header[BLOB_AT..PREFIX_AT].try_into().expect("16 bytes"));
    let prefix = header[PREFIX_AT..PREFIX_AT + PREFIX_BYTES].try_into().expect("7 bytes");
    let (key, commitment) = derive(area_seed, &named(BlobName { doc, area, blob }, prefix));
    if verify_slices_are_equal(&commitment, &header[NAMED_BYTES..]).is_ok() {
        return true;
    }
    let cipher = Cipher { header: *header, key };
    [false, true].into_iter().any(|last| {
        let mut chunk = Zeroizing::new(chunk.to_vec());
        cipher.open(Place { number: 0, last }, &mut chunk).is_some()
    })
}

fn named(blob: BlobName, prefix: [u8; PREFIX_BYTES]) -> [u8; NAMED_BYTES] {
    let mut named = [0; NAMED_BYTES];
    named[..8].copy_from_slice(MAGIC);
    named[8..10].copy_from_slice(&VERSION.to_be_bytes());
    named[10] = blob.area.code();
    named[12..16].copy_from_slice(&(CHUNK_BYTES as u32).to_be_bytes());
    named[16..32].copy_from_slice(&blob.doc.to_bytes());
    named[BLOB_AT..PREFIX_AT].copy_from_slice(&blob.blob.to_bytes());
    named[PREFIX_AT..PREFIX_AT + PREFIX_BYTES].copy_from_slice(&prefix);
    named
}

fn derive(area_seed: &Secret, named: &[u8; NAMED_BYTES]) -> (LessSafeKey, [u8; COMMITMENT_BYTES]) {
    let mut both = Zeroizing::new([0; KEY_BYTES + COMMITMENT_BYTES]);
    area_seed.expand(&[b"blob", named], both.as_mut_slice());
    let (key, commitment) = both.split_at(KEY_BYTES);
    let key = UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes 32 bytes");
    (LessSafeKey::new(key), commitment.try_into().expect("32 bytes"))
}
