//! Sealed artefacts between stations: their layout inside the blobs. All of it is PHI at rest under the
//! document's key.

use crate::{desk::Desk, refusal::Refusal};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{Read, Write};
use types::{BlobId, Confidence, Digest, DocId, IdKind, Label, PageGeometry, PageWords, Reason, Rect};
use vault::Area;

/// Largest artefact that is read into memory at once (index, words, map), bytes.
const ARTEFACT_BYTES_MAX: u64 = 256 << 20;

/// Index of the page rasters; page `i` lies in the blob [`page_blob`] unless it failed.
#[derive(Serialize, Deserialize)]
pub(crate) struct RasterIndex {
    pub(crate) pages: Vec<RasterPage>,
}

/// One normalised page.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RasterPage {
    pub(crate) geometry: PageGeometry,
    /// No worker could make it; it has no raster and becomes black.
    pub(crate) failed: Option<Reason>,
}

/// Words of all pages.
#[derive(Serialize, Deserialize)]
pub(crate) struct TextPages {
    pub(crate) pages: Vec<TextPage>,
}

/// Words of one page.
#[derive(Serialize, Deserialize)]
pub(crate) struct TextPage {
    pub(crate) geometry: PageGeometry,
    pub(crate) words: PageWords,
    /// No worker could read it.
    pub(crate) unread: Option<Reason>,
}

impl TextPage {
    /// Ink, but not a word: nothing is known of it, so nothing of it is shown.
    pub(crate) fn is_opaque(&self) -> bool {
        self.unread.is_some() || (!self.geometry.blank && self.words.words.is_empty())
    }
}

/// The redaction map (B22): what is hidden, where, by which rule; no clear text.
#[derive(Serialize, Deserialize)]
pub(crate) struct RedactionMap {
    pub(crate) pages: Vec<MapPage>,
}

/// One page of the map.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MapPage {
    pub(crate) black: bool,
    pub(crate) boxes: Vec<MapBox>,
}

/// One box of the map.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MapBox {
    #[serde(rename = "box")]
    pub(crate) rect: Rect,
    pub(crate) kind: IdKind,
    pub(crate) rule: Label,
    pub(crate) confidence: Confidence,
    /// Keyed digest of what it hides.
    pub(crate) digest: Digest,
}

/// The blob of page `page` (from 0) of a raster whose index is `index`: ids that follow it.
pub(crate) fn page_blob(index: BlobId, page: usize) -> BlobId {
    let number = u128::from_be_bytes(index.to_bytes()).wrapping_add(page as u128 + 1);
    BlobId::from_bytes(number.to_be_bytes())
}

/// Seals bytes; durable on return. Gives their SHA-256.
pub(crate) fn seal(
    desk: &Desk,
    doc: DocId,
    area: Area,
    blob: BlobId,
    bytes: &[u8],
) -> Result<Digest, Refusal> {
    let mut writer = desk.vault.writer(doc, area, blob)?;
    writer.write_all(bytes).map_err(disk)?;
    Ok(writer.finish()?.sha256)
}

/// Seals a value as JSON.
pub(crate) fn seal_json<T: Serialize>(
    desk: &Desk,
    doc: DocId,
    area: Area,
    blob: BlobId,
    value: &T,
) -> Result<(), Refusal> {
    let bytes = serde_json::to_vec(value).map_err(|_| Refusal::Because(Reason::StorageError))?;
    seal(desk, doc, area, blob, &bytes).map(|_| ())
}

/// Opens a whole blob.
pub(crate) fn open(desk: &Desk, doc: DocId, area: Area, blob: BlobId) -> Result<Vec<u8>, Refusal> {
    let reader = desk.vault.reader(doc, area, blob)?;
    let mut bytes = Vec::new();
    let read = reader.take(ARTEFACT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(disk)?;
    if read as u64 > ARTEFACT_BYTES_MAX { Err(Refusal::Because(Reason::StorageError)) } else { Ok(bytes) }
}

/// Opens a JSON value.
pub(crate) fn open_json<T: DeserializeOwned>(
    desk: &Desk,
    doc: DocId,
    area: Area,
    blob: Option<BlobId>,
) -> Result<T, Refusal> {
    let blob = blob.ok_or(Refusal::Because(Reason::StorageError))?;
    serde_json::from_slice(&open(desk, doc, area, blob)?).map_err(|_| Refusal::Because(Reason::StorageError))
}

/// SHA-256 of everything that a reader gives.
pub(crate) fn sha256_of(mut reader: impl Read) -> Result<Digest, Refusal> {
    let (_, sha256) = vault::sha256_of(&mut reader).map_err(disk)?;
    Ok(sha256)
}

/// Hands bytes on and fails at their end when their hash is not the expected one.
pub(crate) struct Verified<R> {
    from: R,
    sha256: vault::Sha256,
    expected: Digest,
    wrong: bool,
}

impl<R: Read> Verified<R> {
    /// Of these bytes.
    pub(crate) fn new(from: R, expected: Digest) -> Self {
        Self { from, sha256: vault::Sha256::new(), expected, wrong: false }
    }

    /// Whether they could not be read, or were not what was expected.
    pub(crate) fn is_wrong(&self) -> bool {
        self.wrong
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(out).inspect_err(|_| self.wrong = true)?;
        self.sha256.update(&out[..read]);
        if read == 0 && !out.is_empty() && self.sha256.clone().finish() != self.expected {
            self.wrong = true;
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        Ok(read)
    }
}

/// Removes a raster and its pages.
pub(crate) fn remove_raster(desk: &Desk, doc: DocId, index: BlobId, pages: u32) -> Result<(), Refusal> {
    for page in 0..pages as usize {
        desk.vault.remove(doc, Area::Normalised, page_blob(index, page))?;
    }
    Ok(desk.vault.remove(doc, Area::Normalised, index)?)
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A disk error in the middle of a blob: nothing was named yet, so nothing is lost.
pub(crate) fn disk(error: std::io::Error) -> Refusal {
    tracing::error!(kind = ?error.kind(), "disk");
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Refusal::NotNow(Reason::DiskFull)
        }
        _ => Refusal::Because(Reason::StorageError),
    }
}
