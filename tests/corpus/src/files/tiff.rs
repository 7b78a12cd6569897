//! TIFF: fax pages and JPEG strips by hand, because no Rust encoder writes them; LZW, PackBits and
//! Deflate by the `tiff` crate.

use crate::canvas::Canvas;
use crate::files::jpeg_gray;
use crate::t4::{self, Scheme};
use tiff::encoder::{Compression, Rational, TiffEncoder, colortype};
use tiff::tags::ResolutionUnit;

/// A TIFF to be written.
#[derive(Clone, Copy)]
pub(crate) struct Tiff {
    /// What is in the strips.
    pub(crate) packing: Packing,
    /// px per inch across and down.
    pub(crate) dpi: (u32, u32),
    /// Least significant bit first (FillOrder 2), as many fax modems deliver.
    pub(crate) lsb_first: bool,
    /// `MM` instead of `II`.
    pub(crate) big_endian: bool,
}

/// What is in the strips.
#[derive(Clone, Copy)]
pub(crate) enum Packing {
    /// Fax codes; one strip a page.
    Fax(Scheme),
    /// A JPEG stream; one strip a page.
    Jpeg,
    /// Nothing packed: one bit a px, white is zero.
    Bits,
}

/// TIFF types.
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;

struct Entry {
    tag: u16,
    kind: u16,
    value: u32,
}

impl Tiff {
    /// Writes pages, one directory each.
    #[must_use]
    pub(crate) fn write(self, pages: &[Canvas]) -> Vec<u8> {
        let mut out = if self.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        self.short(&mut out, 42);
        let mut link = out.len();
        self.long(&mut out, 0);
        for (number, page) in pages.iter().enumerate() {
            let entries = self.page(&mut out, page, number, pages.len());
            let here = out.len() as u32;
            self.patch(&mut out, link, here);
            self.short(&mut out, entries.len() as u16);
            for entry in entries {
                self.entry(&mut out, &entry);
            }
            link = out.len();
            self.long(&mut out, 0);
        }
        out
    }

    /// Writes a page's strip and rationals, and says what its directory holds (sorted by tag).
    fn page(self, out: &mut Vec<u8>, page: &Canvas, number: usize, of: usize) -> Vec<Entry> {
        let strip = self.strip(page);
        let strip_at = even(out);
        let strip_bytes = strip.len() as u32;
        out.extend(strip);
        let (x_at, y_at) = (self.rational(out, self.dpi.0), self.rational(out, self.dpi.1));
        even(out);
        let (compression, bits, photometric) = match self.packing {
            Packing::Bits => (1, 1, 0),
            Packing::Fax(Scheme::G3OneD | Scheme::G3TwoD { .. }) => (3, 1, 0),
            Packing::Fax(Scheme::G4) => (4, 1, 0),
            Packing::Jpeg => (7, 8, 1),
        };
        let mut entries = vec![
            long(254, 2),
            long(256, page.width as u32),
            long(257, page.height as u32),
            short(258, bits),
            short(259, compression),
            short(262, photometric),
            short(266, if self.lsb_first { 2 } else { 1 }),
            long(273, strip_at),
            short(277, 1),
            // "The whole page", the way fax software says it.
            long(278, if compression == 4 { u32::MAX } else { page.height as u32 }),
            long(279, strip_bytes),
            Entry { tag: 282, kind: RATIONAL, value: x_at },
            Entry { tag: 283, kind: RATIONAL, value: y_at },
        ];
        if compression == 3 {
            let two_d = matches!(self.packing, Packing::Fax(Scheme::G3TwoD { .. }));
            entries.push(long(292, u32::from(two_d)));
        }
        entries.push(short(296, 2));
        // PageNumber is two shorts: this page and how many there are.
        entries.push(long(297, self.two_shorts(number as u16, of as u16)));
        entries
    }

    fn strip(self, page: &Canvas) -> Vec<u8> {
        let mut strip = match self.packing {
            Packing::Fax(scheme) => t4::encode(page, scheme),
            Packing::Jpeg => return jpeg_gray(page, self.dpi.0 as u16, 80),
            Packing::Bits => bits(page),
        };
        if self.lsb_first {
            t4::reverse_bits(&mut strip);
        }
        strip
    }

    fn entry(self, out: &mut Vec<u8>, entry: &Entry) {
        self.short(out, entry.tag);
        // PageNumber is the one tag of two values here.
        let pair = entry.tag == 297;
        self.short(out, if pair { SHORT } else { entry.kind });
        self.long(out, if pair { 2 } else { 1 });
        if entry.kind == SHORT {
            self.short(out, entry.value as u16);
            self.short(out, 0);
        } else {
            self.long(out, entry.value);
        }
    }

    fn two_shorts(self, first: u16, second: u16) -> u32 {
        let (first, second) = (u32::from(first), u32::from(second));
        if self.big_endian { first << 16 | second } else { second << 16 | first }
    }

    fn rational(self, out: &mut Vec<u8>, value: u32) -> u32 {
        let at = even(out);
        self.long(out, value);
        self.long(out, 1);
        at
    }

    fn short(self, out: &mut Vec<u8>, value: u16) {
        out.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn long(self, out: &mut Vec<u8>, value: u32) {
        out.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn patch(self, out: &mut [u8], at: usize, value: u32) {
        let bytes = if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        out[at..at + 4].copy_from_slice(&bytes);
    }
}

fn short(tag: u16, value: u16) -> Entry {
    Entry { tag, kind: SHORT, value: u32::from(value) }
}

fn long(tag: u16, value: u32) -> Entry {
    Entry { tag, kind: LONG, value }
}

/// Offsets must be even.
fn even(out: &mut Vec<u8>) -> u32 {
    if !out.len().is_multiple_of(2) {
        out.push(0);
    }
    out.len() as u32
}

fn bits(page: &Canvas) -> Vec<u8> {
    let mut out = Vec::new();
    for y in 0..page.height {
        for byte in 0..page.width.div_ceil(8) {
            let bit = |i: usize| byte * 8 + i < page.width && page.is_black(byte * 8 + i, y);
            out.push((0..8).fold(0, |value, i| value << 1 | u8::from(bit(i))));
        }
    }
    out
}

/// Gray pages packed by the `tiff` crate.
#[must_use]
pub(crate) fn packed(pages: &[Canvas], dpi: u32, compression: Compression) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let mut encoder =
        TiffEncoder::new(&mut file).expect("writing to memory does not fail").with_compression(compression);
    for page in pages {
        let mut image = encoder
            .new_image::<colortype::Gray8>(page.width as u32, page.height as u32)
            .expect("writing to memory does not fail");
        image.resolution(ResolutionUnit::Inch, Rational { n: dpi, d: 1 });
        image.write_data(&page.px).expect("the canvas has width × height bytes");
    }
    file.into_inner()
}
