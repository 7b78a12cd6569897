//! What the bytes are, by their own first bytes. Names and extensions are never seen here.

use types::Reason;

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// PDF, any version.
    Pdf,
    /// TIFF or BigTIFF, either byte order.
    Tiff,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
}

/// How far into the file a PDF header may stand: mail gateways and print spoolers put lines before it,
/// and every viewer accepts it there.
pub(super) const PDF_HEADER_WITHIN_BYTES: usize = 1024;

const PDF_HEADER: &[u8] = b"%PDF-";

/// Beginnings of archives and compressed files: ZIP (also DOCX), empty and spanned ZIP, 7z, RAR, gzip,
/// bzip2, xz, Zstandard, CAB.
const ARCHIVES: [&[u8]; 10] = [
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x07\x08",
    b"7z\xBC\xAF\x27\x1C",
    b"Rar!\x1A\x07",
    b"\x1F\x8B",
    b"BZh",
    b"\xFD7zXZ\x00",
    b"\x28\xB5\x2F\xFD",
    b"MSCF\x00\x00\x00\x00",
];

/// Where and what a tar file says of itself.
const TAR: (usize, &[u8]) = (257, b"ustar");

impl Format {
    /// The format of a document, or why it is none of ours. An archive that also holds a PDF header is
    /// an archive.
    pub(crate) fn of(document: &[u8]) -> Result<Self, Reason> {
        let starts = |magic: &[u8]| document.starts_with(magic);
        if document.is_empty() {
            return Err(Reason::Empty);
        }
        if ARCHIVES.into_iter().any(starts)
            || document.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1))
        {
            return Err(Reason::Archive);
        }
        if starts(b"\x89PNG\r\n\x1A\n") {
            Ok(Self::Png)
        } else if starts(b"\xFF\xD8\xFF") {
            Ok(Self::Jpeg)
        } else if [b"II\x2A\x00", b"MM\x00\x2A", b"II\x2B\x00", b"MM\x00\x2B"].into_iter().any(|m| starts(m))
        {
            Ok(Self::Tiff)
        } else if pdf_header_at(document).is_some() {
            Ok(Self::Pdf)
        } else {
            Err(Reason::UnsupportedFormat)
        }
    }
}

/// Where the PDF header stands, if it stands where it may.
pub(super) fn pdf_header_at(document: &[u8]) -> Option<usize> {
    let head = &document[..document.len().min(PDF_HEADER_WITHIN_BYTES)];
    head.windows(PDF_HEADER.len()).position(|window| window == PDF_HEADER)
}
