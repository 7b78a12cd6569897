//! Files to send: all different, most of them cheap.

use std::sync::atomic::{AtomicU32, Ordering};

/// Every so many files is a page that is read and waits for a reviewer.
const PAGE_EVERY: u32 = 7;
/// Every so many files is a prescription that is read, redacted and delivered.
const SLIP_EVERY: u32 = 23;
/// Side of the page, pixels.
const PAGE_PX: u32 = 120;

/// Makes files; no two alike, also from run to run.
pub struct Load {
    run: String,
    next: AtomicU32,
    cheap: bool,
}

impl Load {
    /// Mostly files that are refused from outside, some that are read, a few that are delivered.
    #[must_use]
    pub fn mixed(run: &str) -> Self {
        Self { run: run.to_owned(), next: AtomicU32::new(0), cheap: false }
    }

    /// Only files that are refused from outside.
    #[must_use]
    pub fn cheap(run: &str) -> Self {
        Self { run: run.to_owned(), next: AtomicU32::new(0), cheap: true }
    }

    /// The next file: name and bytes.
    #[must_use]
    pub fn next(&self) -> (String, Vec<u8>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let bytes = match number {
            _ if self.cheap => self.junk(number),
            _ if number % SLIP_EVERY == 5 => return (format!("{number}.png"), corpus::slip(number).bytes),
            _ if number % PAGE_EVERY == 3 => return (format!("{number}.png"), self.page(number)),
            _ => self.junk(number),
        };
        (format!("{number}.pdf"), bytes)
    }

    /// The next file: a page.
    #[must_use]
    pub fn next_page(&self) -> (String, Vec<u8>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (format!("{number}.png"), self.page(number))
    }

    /// A file that no station can read: it is received, sealed, and refused.
    fn junk(&self, number: u32) -> Vec<u8> {
        // Some longer than a sealed chunk, so that a torn write can lie in the middle.
        let filler = if number % 5 == 1 { 70_000 } else { 40 };
        let mut bytes = format!("no document, {} {number} ", self.run).into_bytes();
        bytes.resize(bytes.len() + filler, b'.');
        bytes
    }

    /// A white page: read in no time, and referred to a reviewer.
    fn page(&self, number: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, PAGE_PX, PAGE_PX);
        encoder.set_color(png::ColorType::Grayscale);
        let ppm = Some(png::PixelDimensions { xppu: 3937, yppu: 3937, unit: png::Unit::Meter });
        encoder.set_pixel_dims(ppm);
        encoder
            .add_text_chunk("Comment".into(), format!("{} {number}", self.run))
            .expect("an ASCII keyword and text");
        let mut writer = encoder.write_header().expect("a vector takes everything");
        writer.write_image_data(&[255; (PAGE_PX * PAGE_PX) as usize]).expect("as many pixels as announced");
        writer.finish().expect("a vector takes everything");
        bytes
    }
}
