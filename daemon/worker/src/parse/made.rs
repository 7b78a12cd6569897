//! Documents made for the tests of this role and of `normalise`, small and byte by byte.

#![allow(clippy::unwrap_used)]

use lopdf::{Document, Object, Stream, dictionary};

/// A TIFF in little-endian order: each page is its tags (16 and 32-bit numbers by size, several as an
/// array of 32-bit numbers) and its strips.
pub(crate) struct MadePage {
    pub(crate) tags: Vec<(u16, Vec<u32>)>,
    pub(crate) strips: Vec<Vec<u8>>,
    /// Tags whose values are bytes.
    pub(crate) bytes: Vec<(u16, Vec<u8>)>,
}

impl MadePage {
    /// A page of one strip with the tags that every page has.
    pub(crate) fn new(width: u32, height: u32, compression: u32, strip: Vec<u8>) -> Self {
        let tags = vec![
            (256, vec![width]),
            (257, vec![height]),
            (258, vec![1]),
            (259, vec![compression]),
            (262, vec![0]),
            (278, vec![height]),
        ];
        Self { tags, strips: vec![strip], bytes: Vec::new() }
    }

    /// With a tag more, or another value for it.
    pub(crate) fn with(mut self, tag: u16, values: &[u32]) -> Self {
        self.tags.retain(|(known, _)| *known != tag);
        self.tags.push((tag, values.to_vec()));
        self
    }
}

/// The file of these pages.
pub(crate) fn tiff(pages: &[MadePage]) -> Vec<u8> {
    let mut file = b"II\x2A\x00\x00\x00\x00\x00".to_vec();
    let mut pointer = 4;
    for page in pages {
        let offsets: Vec<u32> = page.strips.iter().map(|strip| append(&mut file, strip)).collect();
        let counts = page.strips.iter().map(|strip| strip.len() as u32).collect();
        let mut tags = page.tags.clone();
        tags.extend([(273, offsets), (279, counts)]);
        tags.sort();
        let mut entries: Vec<[u8; 12]> =
            tags.iter().map(|(tag, values)| entry(&mut file, *tag, values)).collect();
        entries.extend(page.bytes.iter().map(|(tag, bytes)| {
            let at = append(&mut file, bytes);
            field(*tag, 7, bytes.len() as u32, at.to_le_bytes())
        }));
        let at = append(&mut file, &(entries.len() as u16).to_le_bytes());
        file[pointer..pointer + 4].copy_from_slice(&at.to_le_bytes());
        entries.iter().for_each(|entry| file.extend(entry));
        pointer = file.len();
        file.extend([0; 4]);
    }
    file
}

fn entry(file: &mut Vec<u8>, tag: u16, values: &[u32]) -> [u8; 12] {
    // Resolutions are rationals, given here as numerator and denominator.
    let (kind, count) = if matches!(tag, 282 | 283) { (5, 1) } else { (4, values.len() as u32) };
    match values {
        [value] => field(tag, kind, count, value.to_le_bytes()),
        _ => {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let at = append(file, &bytes);
            field(tag, kind, count, at.to_le_bytes())
        }
    }
}

fn field(tag: u16, kind: u16, count: u32, value: [u8; 4]) -> [u8; 12] {
    let head = [tag.to_le_bytes(), kind.to_le_bytes()].concat();
    [head, count.to_le_bytes().to_vec(), value.to_vec()].concat().try_into().unwrap()
}

fn append(file: &mut Vec<u8>, bytes: &[u8]) -> u32 {
    let at = file.len() as u32;
    file.extend(bytes);
    at
}

/// A PDF whose pages all have the content; `adorn` may add to the document and its catalog.
pub(crate) fn pdf(pages: usize, content: &[u8], adorn: impl FnOnce(&mut Document)) -> Vec<u8> {
    let mut document = Document::with_version("1.5");
    let root = document.new_object_id();
    let content = document.add_object(Stream::new(dictionary! {}, content.to_vec()));
    let page = dictionary! {
        "Type" => "Page", "Parent" => root, "Contents" => content,
        "MediaBox" => vec![0.into(), 0.into(), 612.into(), 792.into()],
    };
    let kids: Vec<Object> = (0..pages).map(|_| document.add_object(page.clone()).into()).collect();
    let count = kids.len() as u32;
    document.objects.insert(root, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count }.into());
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => root });
    document.trailer.set("Root", catalog);
    adorn(&mut document);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

/// A gray PNG of this size; `data` may be a lie.
pub(crate) fn png(width: u32, height: u32, rows: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (real_width, real_height) = if rows.is_some() { (width, height) } else { (1, 1) };
    let mut encoder = png::Encoder::new(&mut bytes, real_width, real_height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(rows.unwrap_or(&[0])).unwrap();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    bytes
}

/// A gray JPEG of these rows.
pub(crate) fn jpeg(width: u16, height: u16, rows: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, 95)
        .encode(rows, width, height, jpeg_encoder::ColorType::Luma)
        .unwrap();
    bytes
}
