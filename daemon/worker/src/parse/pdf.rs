//! A PDF: its pages and findings, refused when it breaks a limit or cannot be read whole.
//!
//! Two readers must agree that it is a PDF: lopdf, which shows every object, and hayro, which will
//! render the pages and therefore has the last word on how many there are. Streams are unpacked here
//! only to count bytes; nothing is rendered.

use super::{
    Jpeg, check_raster_size,
    findings::{self, EMPTY_PASSWORD, Findings, INCREMENTAL_UPDATE, TRAILING_DATA},
    format::pdf_header_at,
};
use flate2::read::ZlibDecoder;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use lopdf::{DecompressError, Dictionary, Document, Error, LoadOptions, Object, Stream, xref::XrefEntry};
use std::{collections::BTreeSet, io::Read, sync::Arc};
use types::{Limits, Reason};

/// Largest object or cross-reference stream once unpacked: 200,000 cross-references are 2 MB, and
/// writers pack some hundred objects into a stream.
const OBJECT_STREAM_BYTES_MAX: usize = 16 << 20;

/// Unpacked bytes looked at in one go.
const COUNTING_BUFFER_BYTES: usize = 64 << 10;

/// Pages of the PDF; adds what else it carries to `findings`.
pub(super) fn examine(
    document: Arc<Vec<u8>>,
    limits: &Limits,
    findings: &mut Findings,
) -> Result<u32, Reason> {
    let header_at = pdf_header_at(&document).ok_or(Reason::UnsupportedFormat)?;
    let end = End::of(&document)?;
    if header_at > 0 || end == End::FollowedByData {
        findings.insert(TRAILING_DATA);
    }
    let pdf = load(&document)?;
    check_objects(&pdf, &document[header_at..], limits)?;
    check_page_tree(&pdf, limits)?;
    check_streams(&pdf, limits)?;
    findings::collect(&pdf, limits.objects_max, findings)?;
    if pdf.was_encrypted() {
        findings.insert(EMPTY_PASSWORD);
    }
    if pdf.revision_count() > 1 {
        findings.insert(INCREMENTAL_UPDATE);
    }
    drop(pdf);
    rendered_pages(document, limits)
}

/// Where the structure ends.
#[derive(PartialEq, Eq)]
enum End {
    AtEnd,
    FollowedByData,
}

impl End {
    /// A PDF ends with `%%EOF`, or at least with the pointer that comes before it. Objects behind the
    /// last of these are a revision that was cut off.
    fn of(document: &[u8]) -> Result<Self, Reason> {
        let after = |mark: &[u8]| last(document, mark).map(|at| &document[at + mark.len()..]);
        let tail = match (after(b"%%EOF"), after(b"startxref")) {
            (Some(tail), _) => tail,
            (None, Some(tail)) => tail.trim_ascii_start().trim_start_digits(),
            (None, None) => return Err(Reason::Truncated),
        };
        if last(tail, b" obj").is_some() {
            return Err(Reason::Truncated);
        }
        let is_filler = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
        Ok(if tail.iter().all(is_filler) { Self::AtEnd } else { Self::FollowedByData })
    }
}

trait TrimDigits {
    fn trim_start_digits(&self) -> &Self;
}

impl TrimDigits for [u8] {
    fn trim_start_digits(&self) -> &Self {
        let digits = self.iter().take_while(|byte| byte.is_ascii_digit()).count();
        &self[digits..]
    }
}

fn last(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).rposition(|window| window == mark)
}

fn load(document: &[u8]) -> Result<Document, Reason> {
    let options =
        LoadOptions { max_decompressed_size: Some(OBJECT_STREAM_BYTES_MAX), ..LoadOptions::default() };
    let pdf = Document::load_mem_with_options(document, options).map_err(|error| match error {
        Error::Decompress(DecompressError::MemoryLimitExceeded { .. }) => Reason::DecodedTooLarge,
        Error::InvalidPassword | Error::Decryption(_) | Error::UnsupportedSecurityHandler(_) => {
            Reason::Encrypted
        }
        _ => Reason::Malformed,
    })?;
    // A file whose password is not empty loads without an error and without its objects.
    if pdf.is_encrypted() { Err(Reason::Encrypted) } else { Ok(pdf) }
}

/// Counts the objects. One that stands where the cross-references say, but that could not be read, would
/// keep what it carries out of sight; references to nothing are harmless and common.
fn check_objects(pdf: &Document, body: &[u8], limits: &Limits) -> Result<(), Reason> {
    let entries = &pdf.reference_table.entries;
    if pdf.objects.len().max(entries.len()) as u64 > u64::from(limits.objects_max) {
        return Err(Reason::TooManyObjects);
    }
    let stands_at = |id: u32, generation: u16, offset: u32| {
        let head = format!("{id} {generation} obj");
        body.get(offset as usize..).is_some_and(|rest| rest.trim_ascii_start().starts_with(head.as_bytes()))
    };
    let is_unread = |(id, entry): (&u32, &XrefEntry)| match entry {
        XrefEntry::Normal { offset, generation } => {
            !pdf.objects.contains_key(&(*id, *generation)) && stands_at(*id, *generation, *offset)
        }
        _ => false,
    };
    let unread = entries.iter().filter(|(id, entry)| is_unread((id, entry))).count();
    // What describes an encryption is taken out once it was used.
    if unread > usize::from(pdf.was_encrypted()) { Err(Reason::Malformed) } else { Ok(()) }
}

/// Walks the page tree: every kid must be there, or a page would be missing in silence.
fn check_page_tree(pdf: &Document, limits: &Limits) -> Result<(), Reason> {
    let root = pdf.catalog().and_then(|catalog| catalog.get_deref(b"Pages", pdf)).and_then(Object::as_dict);
    let mut open = vec![root.map_err(|_| Reason::Malformed)?];
    let (mut seen, mut pages) = (BTreeSet::new(), 0);
    while let Some(node) = open.pop() {
        let Ok(kids) = node.get_deref(b"Kids", pdf).and_then(Object::as_array) else {
            pages += 1;
            if pages > limits.pages_max {
                return Err(Reason::TooManyPages);
            }
            continue;
        };
        for kid in kids.iter().filter(|kid| !matches!(kid, Object::Null)) {
            let (id, kid) = pdf.dereference(kid).map_err(|_| Reason::Truncated)?;
            if id.is_none_or(|id| seen.insert(id)) {
                open.push(kid.as_dict().map_err(|_| Reason::Truncated)?);
            }
        }
    }
    Ok(())
}

/// Counts what all streams unpack to and looks at the sizes of images, without keeping a byte.
fn check_streams(pdf: &Document, limits: &Limits) -> Result<(), Reason> {
    let mut bytes_left = limits.decoded_bytes_max;
    for stream in pdf.objects.values().filter_map(|object| object.as_stream().ok()) {
        if is_image(&stream.dict, pdf) {
            check_image(stream, pdf, limits)?;
        }
        let bytes = unpacked_bytes(stream, bytes_left);
        bytes_left = bytes_left.checked_sub(bytes).ok_or(Reason::DecodedTooLarge)?;
    }
    Ok(())
}

fn is_image(dictionary: &Dictionary, pdf: &Document) -> bool {
    dictionary.get_deref(b"Subtype", pdf).and_then(Object::as_name).is_ok_and(|kind| kind == b"Image")
}

/// The size that the dictionary gives, and the one that a JPEG has in itself: decoders believe the latter.
fn check_image(stream: &Stream, pdf: &Document, limits: &Limits) -> Result<(), Reason> {
    let side = |key: &[u8]| {
        let value = stream.dict.get_deref(key, pdf).and_then(Object::as_i64).unwrap_or(1);
        u64::try_from(value.max(1)).unwrap_or(1)
    };
    check_raster_size(side(b"Width"), side(b"Height"), limits)?;
    if stream.filters().is_ok_and(|filters| filters == [b"DCTDecode"])
        && Jpeg::read(&stream.content, limits).is_err_and(|reason| reason == Reason::PageTooLarge)
    {
        return Err(Reason::PageTooLarge);
    }
    Ok(())
}

/// What the stream unpacks to; one more than `most` stands for "more". Damaged streams count as far as
/// they go: whether they matter shows when a page is rendered.
fn unpacked_bytes(stream: &Stream, most: u64) -> u64 {
    match stream.filters().unwrap_or_default().as_slice() {
        [b"FlateDecode" | b"Fl"] => inflated_bytes(&stream.content, most),
        filters if filters.iter().any(|filter| UNPACKED_BY_LOPDF.contains(filter)) => {
            let cap = usize::try_from(most).unwrap_or(usize::MAX);
            match stream.decompressed_content_with_limit(cap) {
                Ok(bytes) => bytes.len() as u64,
                Err(Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => most + 1,
                Err(Error::Decompress(DecompressError::TooManyFilters { .. })) => most + 1,
                Err(_) => stream.content.len() as u64,
            }
        }
        _ => stream.content.len() as u64,
    }
}

const UNPACKED_BY_LOPDF: [&[u8]; 3] = [b"FlateDecode", b"LZWDecode", b"RunLengthDecode"];

fn inflated_bytes(packed: &[u8], most: u64) -> u64 {
    let mut unpacked = ZlibDecoder::new(packed).take(most + 1);
    let mut buffer = vec![0; COUNTING_BUFFER_BYTES];
    let mut total = 0;
    while let Ok(bytes @ 1..) = unpacked.read(&mut buffer) {
        total += bytes as u64;
    }
    total
}

/// Pages as the renderer finds them.
fn rendered_pages(document: Arc<Vec<u8>>, limits: &Limits) -> Result<u32, Reason> {
    let pdf = Pdf::new(document).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => Reason::Encrypted,
        _ => Reason::Malformed,
    })?;
    match pdf.pages().len() as u64 {
        0 => Err(Reason::NoPages),
        pages if pages > u64::from(limits.pages_max) => Err(Reason::TooManyPages),
        pages => u32::try_from(pages).map_err(|_| Reason::TooManyPages),
    }
}
