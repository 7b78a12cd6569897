//! Writes the product: a PDF 1.7 of our own, in the shape of PDF/A-2b, out of pictures and words.
//!
//! One revision, no date, no document information, no compressed text: a reader of the file sees every
//! object. The same pages give the same bytes. Nothing of the original can be in it, because nothing of
//! the original is here.

use super::layer::Units;
use super::picture::Picture;
use std::fmt::Write as _;

/// First bytes of the file; the second line tells transfer programs that it is binary.
pub(crate) const HEADER: &[u8] = b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n";

/// What the metadata stream holds, whole.
pub(crate) const XMP: &str = concat!(
    "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n",
    "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n",
    "<rdf:Description rdf:about=\"\" xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\" ",
    "xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\">\n",
    "<pdf:Producer>Lazaret</pdf:Producer>",
    "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>\n",
    "</rdf:Description></rdf:RDF></x:xmpmeta>\n",
    "<?xpacket end=\"r\"?>\n"
);

/// Objects that every product begins with.
const CATALOG: usize = 1;
const PAGES: usize = 2;
const METADATA: usize = 3;
const PROFILE: usize = 4;
const FONT: usize = 5;
const OBJECTS_BEFORE_PAGES: usize = 5;
/// Each page adds itself, its picture and its content, in this order.
const OBJECTS_A_PAGE: usize = 3;

/// How many objects a product of so many pages has.
pub(crate) fn objects(pages: usize) -> usize {
    OBJECTS_BEFORE_PAGES + pages * OBJECTS_A_PAGE
}

/// One finished page: its size, its px and the operators of its text.
pub(super) struct Leaf {
    pub(super) width: Units,
    pub(super) height: Units,
    pub(super) picture: Picture,
    pub(super) text: String,
}

/// The file as it grows.
pub(crate) struct Product {
    bytes: Vec<u8>,
    offsets: Vec<usize>,
}

impl Product {
    /// A file that will have so many pages: everything before the first of them.
    pub(crate) fn new(pages: usize) -> Self {
        let mut product = Self { bytes: HEADER.to_vec(), offsets: Vec::new() };
        product.object(&format!(
            "<< /Type /Catalog /Pages {PAGES} 0 R /Metadata {METADATA} 0 R /OutputIntents [<< /Type /OutputIntent \
             /S /GTS_PDFA1 /OutputConditionIdentifier (gray) /Info (gray, gamma 2.2) /DestOutputProfile {PROFILE} 0 R >>] >>"
        ));
        let kids: String = (0..pages).map(|page| format!("{} 0 R ", objects(page) + 1)).collect();
        product.object(&format!("<< /Type /Pages /Count {pages} /Kids [{kids}] >>"));
        product.stream("/Type /Metadata /Subtype /XML ", XMP.as_bytes());
        product.stream("/N 1 ", &gray_profile());
        product.object("<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>");
        product
    }

    /// The bytes written so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each object so far begins; the first has the number 1.
    pub(crate) fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// The next page.
    pub(super) fn add(&mut self, leaf: &Leaf) {
        let Leaf { width, height, picture, text } = leaf;
        self.object(&page(self.offsets.len() + 1, width, height));
        self.stream(&picture.form.entries(), &picture.data);
        self.stream(CONTENT_ENTRIES, (content_head(width, height) + text).as_bytes());
    }

    fn object(&mut self, body: &str) {
        let object = object(self.begin(), body);
        self.bytes.extend_from_slice(object.as_bytes());
    }

    fn stream(&mut self, entries: &str, data: &[u8]) {
        let head = stream_head(self.begin(), entries, data.len());
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(data);
        self.bytes.extend_from_slice(STREAM_END);
    }

    fn begin(&mut self) -> usize {
        self.offsets.push(self.bytes.len());
        self.offsets.len()
    }

    /// The whole file.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let end = tail(&self.bytes, &self.offsets);
        self.bytes.extend_from_slice(end.as_bytes());
        self.bytes
    }
}

/// An object that is no stream.
pub(crate) fn object(number: usize, body: &str) -> String {
    format!("{number} 0 obj\n{body}\nendobj\n")
}

/// The page whose object has this number; its picture and content follow it.
pub(crate) fn page(number: usize, width: &Units, height: &Units) -> String {
    let (picture, content) = (number + 1, number + 2);
    format!(
        "<< /Type /Page /Parent {PAGES} 0 R /MediaBox [0 0 {width} {height}] /Resources << /XObject << /Picture \
         {picture} 0 R >> /Font << /Text {FONT} 0 R >> >> /Contents {content} 0 R >>"
    )
}

/// Entries of a content stream beside its length.
pub(crate) const CONTENT_ENTRIES: &str = "";

/// The operators that show the picture over the whole page; those of the text follow.
///
/// The picture ends one unit before each edge: some viewers give a picture that ends exactly on a px the
/// next px too, and then every px of it is smeared.
pub(crate) fn content_head(width: &Units, height: &Units) -> String {
    let within = |side: &Units| Units(side.0.saturating_sub(2));
    let (width, height, edge) = (within(width), within(height), Units(1));
    format!("q\n{width} 0 0 {height} {edge} {edge} cm\n/Picture Do\nQ\n")
}

/// What precedes the data of a stream.
pub(crate) fn stream_head(number: usize, entries: &str, length: usize) -> String {
    format!("{number} 0 obj\n<< {entries}/Length {length} >>\nstream\n")
}

/// What follows the data of every stream.
pub(crate) const STREAM_END: &[u8] = b"\nendstream\nendobj\n";

/// Cross-reference table and trailer of a body whose objects 1.. begin at these offsets.
pub(crate) fn tail(body: &[u8], offsets: &[usize]) -> String {
    let size = offsets.len() + 1;
    let mut tail = format!("xref\n0 {size}\n0000000000 65535 f \n");
    // Writing to memory cannot fail.
    offsets.iter().for_each(|offset| {
        let _written = writeln!(tail, "{offset:010} 00000 n ");
    });
    let id = fingerprint(body);
    let start = body.len();
    tail + &format!(
        "trailer\n<< /Size {size} /Root {CATALOG} 0 R /ID [<{id}> <{id}>] >>\nstartxref\n{start}\n%%EOF\n"
    )
}

/// The file identifier that PDF/A asks for: equal bytes have an equal one (FNV-1a, twice 64 bits). It
/// identifies and proves nothing; the ledger holds the SHA-256.
fn fingerprint(body: &[u8]) -> String {
    const PRIME: u64 = 0x0100_0000_01b3;
    let hash =
        |basis: u64| body.iter().fold(basis, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    let first = hash(0xcbf2_9ce4_8422_2325);
    format!("{first:016x}{:016x}", hash(first))
}

/// Gamma of the gray px, as an ICC `u8Fixed8Number`: 2.2.
const GAMMA: u16 = 0x0233;

/// The smallest ICC profile (version 2.1) that says what a gray px means: PDF/A asks for one.
pub(crate) fn gray_profile() -> Vec<u8> {
    const HEADER_BYTES: usize = 128;
    const TAG_BYTES: usize = 12;
    let tags: [(&[u8; 4], Vec<u8>); 4] = [
        (b"desc", description("gray gamma 2.2")),
        (b"cprt", [b"text\0\0\0\0".as_slice(), b"public domain\0"].concat()),
        (b"wtpt", [b"XYZ \0\0\0\0".as_slice(), &D50].concat()),
        (b"kTRC", [b"curv\0\0\0\0\0\0\0\x01".as_slice(), &GAMMA.to_be_bytes()].concat()),
    ];
    let mut table = (tags.len() as u32).to_be_bytes().to_vec();
    let mut data: Vec<u8> = Vec::new();
    for (name, value) in tags {
        let offset = HEADER_BYTES + 4 + 4 * TAG_BYTES + data.len();
        table.extend_from_slice(name);
        table.extend_from_slice(&(offset as u32).to_be_bytes());
        table.extend_from_slice(&(value.len() as u32).to_be_bytes());
        data.extend_from_slice(&value);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    let size = (HEADER_BYTES + table.len() + data.len()) as u32;
    let mut profile = vec![0; HEADER_BYTES];
    profile[0..4].copy_from_slice(&size.to_be_bytes());
    profile[8..12].copy_from_slice(&[2, 0x10, 0, 0]);
    profile[12..24].copy_from_slice(b"mntrGRAYXYZ ");
    profile[24..30].copy_from_slice(&[0x07, 0xD0, 0, 1, 0, 1]);
    profile[36..40].copy_from_slice(b"acsp");
    profile[68..80].copy_from_slice(&D50);
    [profile, table, data].concat()
}

/// The white of the profile connection space, as three `s15Fixed16Number`.
const D50: [u8; 12] = [0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D];

/// An ICC `textDescriptionType` with the ASCII text only.
fn description(text: &str) -> Vec<u8> {
    const EMPTY_UNICODE_AND_SCRIPT_BYTES: usize = 78;
    let length = (text.len() as u32 + 1).to_be_bytes();
    [b"desc\0\0\0\0".as_slice(), &length, text.as_bytes(), &[0; EMPTY_UNICODE_AND_SCRIPT_BYTES + 1]].concat()
}
