//! The product as a reader outside sees it.

#![allow(clippy::unwrap_used)]

use super::*;
use std::{fs, process::Command};
use types::{Confidence, Phi, Transform};

/// A page of this size that was not turned.
pub(crate) fn geometry(width_px: u32, height_px: u32, dpi: u32, bilevel: bool) -> PageGeometry {
    let transform = Transform::IDENTITY;
    PageGeometry {
        width_px,
        height_px,
        dpi,
        rotation_deg: 0,
        skew_centideg: 0,
        transform,
        bilevel,
        blank: false,
    }
}

/// A word that may stay.
pub(crate) fn word(text: &str, rect: Rect, line: u32) -> Word {
    Word { text: Phi::new(text.to_owned()), rect, confidence: Confidence::new(0.9), line, block: 0 }
}

/// One page of a test document.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) geometry: PageGeometry,
    pub(crate) boxes: Vec<Rect>,
    pub(crate) words: Vec<Word>,
    pub(crate) black: bool,
}

impl Page {
    /// White px as they travel.
    pub(crate) fn paper(&self) -> Vec<u8> {
        vec![255; packed_bytes(&self.geometry) as usize]
    }
}

/// The product of these pages.
pub(crate) fn product(pages: &[(Page, Vec<u8>)]) -> Vec<u8> {
    let mut product = Product::new(pages.len());
    for (page, px) in pages {
        let leaf = if page.black {
            black_leaf(&page.geometry)
        } else {
            leaf(page.geometry, px.clone(), &page.boxes, &page.words).unwrap()
        };
        product.add(&leaf);
    }
    product.finish()
}

/// A letter of some lines with its name redacted: letter-size, 200 dpi.
pub(crate) fn letter(bilevel: bool) -> Page {
    let lines = [
        "Dear colleague, thank you for referring this patient to us.",
        "Hemoglobin was 9.2 g/dL (low) on admission; creatinine 1.2 mg/dL.",
        "We will see them again in 6 weeks & send a full report.",
    ];
    let mut words = Vec::new();
    for (line, text) in lines.iter().enumerate() {
        let (mut x0, y0) = (150, 400 + 50 * line as u32);
        for text in text.split(' ') {
            let x1 = x0 + 15 * text.len() as u32;
            words.push(word(text, Rect { x0, y0, x1, y1: y0 + 28 }, line as u32));
            x0 = x1 + 14;
        }
    }
    let boxes = vec![Rect { x0: 150, y0: 200, x1: 600, y1: 240 }];
    Page { geometry: geometry(1700, 2200, 200, bilevel), boxes, words, black: false }
}

/// Runs a poppler tool on the product and gives what it says.
fn poppler(tool: &str, arguments: &[&str], product: &[u8]) -> Vec<u8> {
    let path = std::env::temp_dir().join(format!(
        "lazaret-redact-{}-{tool}-{}.pdf",
        std::process::id(),
        product.len()
    ));
    fs::write(&path, product).unwrap();
    let output =
        Command::new(tool).args(arguments).arg(&path).arg("-").output().expect("poppler-utils is installed");
    fs::remove_file(&path).unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{tool}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

#[test]
fn pdftotext_gives_the_permitted_words_back_in_order() {
    // B20: the derivative is a PDF that others can search, with what may stay and nothing else.
    let page = letter(true);
    let product = product(&[(page.clone(), page.paper())]);
    let text = String::from_utf8(poppler("pdftotext", &[], &product)).unwrap();
    let read: Vec<&str> = text.split_whitespace().collect();
    let permitted: Vec<&str> = page.words.iter().map(|word| word.text.expose()).collect();
    assert_eq!(read, permitted);
}

#[test]
fn pages_have_their_exact_size_and_their_boxes_are_black_in_another_viewer() {
    // B24, B26: rendered by poppler at the page's resolution, px for px.
    let odd = Page { geometry: geometry(1003, 701, 204, false), ..letter(false) };
    let black = Page { black: true, ..letter(true) };
    let pages: Vec<_> = [letter(true), odd, black].map(|page| (page.clone(), page.paper())).into();
    let product = product(&pages);
    for (at, (page, _)) in pages.iter().enumerate() {
        let (number, dpi) = ((at + 1).to_string(), page.geometry.dpi.to_string());
        let path = ["-f", &number, "-l", &number, "-r", &dpi, "-gray", "-singlefile"];
        let pgm = poppler_image(&path, &product);
        let (width, height) = (page.geometry.width_px as usize, page.geometry.height_px as usize);
        let head = format!("P5\n{width} {height}\n255\n");
        assert!(pgm.starts_with(head.as_bytes()), "page {number}: {}", String::from_utf8_lossy(&pgm[..20]));
        let px = &pgm[head.len()..];
        let dark = |rect: &Rect| {
            (rect.y0..rect.y1).all(|y| (rect.x0..rect.x1).all(|x| px[y as usize * width + x as usize] <= 24))
        };
        assert!(page.boxes.iter().all(dark), "page {number}");
        assert!(px.iter().all(|&value| value <= 24) == page.black, "page {number}");
    }
}

/// `pdftoppm` writes to stdout when it is given no name.
fn poppler_image(arguments: &[&str], product: &[u8]) -> Vec<u8> {
    let path = std::env::temp_dir().join(format!(
        "lazaret-redact-{}-{}.pdf",
        std::process::id(),
        arguments.join("")
    ));
    fs::write(&path, product).unwrap();
    let output =
        Command::new("pdftoppm").args(arguments).arg(&path).output().expect("poppler-utils is installed");
    fs::remove_file(&path).unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

#[test]
fn the_product_names_nobody_and_no_time() {
    // B25: no author, software version, time, printer or history; one fixed producer.
    let page = letter(true);
    let product = product(&[(page.clone(), page.paper())]);
    let text = String::from_utf8_lossy(&product);
    for word in
        ["/Author", "/CreationDate", "/ModDate", "/Creator", "xmp:CreateDate", "/Prev", "/Annots", "/Names"]
    {
        assert!(!text.contains(word), "{word}");
    }
    assert_eq!(text.matches("startxref").count(), 1);
    assert_eq!(text.matches("Producer>Lazaret</").count(), 1);
}

#[test]
fn the_same_pages_give_the_same_bytes() {
    // B26: a canonical file; equal input, equal hash.
    let pages = [(letter(false), letter(false).paper())];
    assert!(product(&pages) == product(&pages));
}

#[test]
fn a_page_with_a_box_off_its_edge_fails_as_a_whole() {
    // B49: a failed step goes nowhere; a box is never skipped.
    for bilevel in [false, true] {
        let page = letter(bilevel);
        let flat = Rect { x0: 5, y0: 2, x1: 5, y1: 3 };
        for off in [Rect { x0: 0, y0: 0, x1: 1701, y1: 10 }, Rect { x0: 0, y0: 0, x1: 10, y1: 2201 }, flat] {
            let leaf = leaf(page.geometry, page.paper(), &[off], &[]);
            assert!(matches!(leaf, Err(Reason::RedactionStructure)), "{off:?}");
        }
        assert!(matches!(leaf(page.geometry, vec![0; 3], &[], &[]), Err(Reason::WorkerProtocol)));
    }
}
