//! Pages set in type by the tests themselves, read by the real engine.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::verify::render;
use hayro::hayro_syntax::Pdf;
use lopdf::{Document, Object, Stream, dictionary};
use std::path::PathBuf;
use types::{Rect, Transform};

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

/// The engine with Debian's data.
pub(crate) fn engine() -> Engine {
    Engine::prepare(&PathBuf::from("/usr/share/tesseract-ocr/5/tessdata"))
        .expect("tesseract-ocr-eng is installed")
}

const LINES: [&str; 8] = [
    "Riverside Medical Center, Department of Cardiology",
    "Patient: Margaret Whitfield   Date of birth: 03/14/1957",
    "Dear colleague, thank you for referring this patient to our clinic.",
    "She has had chest pain on exertion for about six weeks now.",
    "Hemoglobin 9.2 g/dL, creatinine 1.2 mg/dL, potassium 4.1 mmol/L.",
    "The stress test was positive and angiography is planned for Monday.",
    "Please continue lisinopril 20 mg once daily and aspirin 81 mg.",
    "With kind regards, your cardiology team",
];

/// The lines as printed on letter paper, 11 points, at this resolution.
pub(crate) fn typed(lines: &[&str], dpi: u32) -> Gray {
    let mut document = Document::with_version("1.7");
    let pages = document.new_object_id();
    let font = document
        .add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" });
    let shown: String = lines.iter().map(|line| format!("({line}) Tj T*\n")).collect();
    let text = format!("BT /F 11 Tf 16 TL 72 650 Td {shown} ET");
    let content = document.add_object(Stream::new(dictionary! {}, text.into_bytes()));
    let page = document.add_object(dictionary! {
        "Type" => "Page", "Parent" => pages, "MediaBox" => vec![0.into(), 0.into(), 612.into(), 792.into()],
        "Contents" => content, "Resources" => dictionary! { "Font" => dictionary! { "F" => font } },
    });
    let tree = dictionary! { "Type" => "Pages", "Count" => 1, "Kids" => vec![Object::Reference(page)] };
    document.objects.insert(pages, tree.into());
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    render::page(&Pdf::new(bytes).ok().unwrap(), 0, 612 * dpi / 72, 792 * dpi / 72).unwrap()
}

/// Black and white, with a speck of two px in every square of 24.
fn faxed(mut page: Gray) -> Gray {
    let width = page.width();
    for (at, value) in page.px_mut().iter_mut().enumerate() {
        let (x, y) = (at % width, at / width);
        let speck = x % 24 < 2 && y % 24 == 11;
        *value = if *value < 128 || speck { 0 } else { 255 };
    }
    page
}

/// Share of the printed words that were read.
fn recall(read: &PageWords) -> f64 {
    let mut left: Vec<&str> = read.words.iter().map(|word| word.text.expose()).collect();
    let printed: Vec<&str> = LINES.iter().flat_map(|line| line.split_whitespace()).collect();
    let hit = printed
        .iter()
        .filter(|word| left.iter().position(|read| read == *word).map(|at| left.swap_remove(at)).is_some());
    hit.count() as f64 / printed.len() as f64
}

fn read(page: Gray, dpi: u32, bilevel: bool, orient: bool) -> OcrPage {
    let geometry = geometry(page.width() as u32, page.height() as u32, dpi, bilevel);
    engine().read(page, &geometry, orient).unwrap()
}

#[test]
fn print_is_read_in_order_with_boxes_and_confidence() {
    // A5: line order and confidence are kept; every word has its box.
    let page = read(typed(&LINES, 300), 300, false, true);
    assert!(recall(&page.words) >= 0.95, "{}", recall(&page.words));
    assert_eq!(page.best_turn_deg, 0);
    let words = &page.words.words;
    assert!(words.windows(2).all(|pair| pair[0].line <= pair[1].line));
    let birth = words.iter().find(|word| word.text.expose() == "03/14/1957").unwrap();
    assert!(birth.confidence.get() > 0.7 && birth.rect.width() > 150 && birth.rect.height() < 60);
    // The second line stands 666 points above the lower edge less 32 for two lines.
    let baseline = (792 - 650 + 16) * 300 / 72;
    assert!((birth.rect.y1 as i32 - baseline).abs() < 12, "{}", birth.rect.y1);
}

#[test]
fn a_speckled_fax_and_a_coarse_scan_are_read() {
    // A4, A29: fax and low resolution.
    let fax = read(faxed(typed(&LINES, 204)), 204, true, false);
    assert!(recall(&fax.words) >= 0.9, "fax {}", recall(&fax.words));
    let coarse = read(typed(&LINES, 100), 100, false, false);
    assert!(recall(&coarse.words) >= 0.9, "coarse {}", recall(&coarse.words));
    let widest = coarse.words.words.iter().map(|word| word.rect.x1).max().unwrap();
    assert!((400..850).contains(&widest), "boxes are in px of the page: {widest}");
}

#[test]
fn a_turned_page_says_which_turn_reads_best() {
    let upside_down = typed(&LINES, 200).turned().turned();
    assert_eq!(read(upside_down, 200, false, true).best_turn_deg, 180);
    let sideways = typed(&LINES, 200).turned();
    assert_eq!(read(sideways, 200, false, true).best_turn_deg, 270);
}

#[test]
fn paper_without_ink_has_no_words_and_no_turn() {
    let blank = Gray::new(800, 1000, vec![250; 800_000]).unwrap();
    let page = read(blank, 100, false, true);
    assert!(page.words.words.is_empty() && page.best_turn_deg == 0);
    let dot = Gray::new(1, 1, vec![0]).unwrap();
    assert!(read(dot, 300, true, true).words.words.is_empty());
}

#[test]
fn a_quick_reading_finds_the_same_words() {
    let page = typed(&LINES, 300);
    let geometry = geometry(page.width() as u32, page.height() as u32, 300, false);
    let quick = engine().reread(page, &geometry).unwrap();
    assert!(recall(&quick) >= 0.95, "{}", recall(&quick));
    let birth = quick.words.iter().find(|word| word.text.expose() == "03/14/1957").unwrap();
    assert!(birth.rect.is_inside(geometry.width_px, geometry.height_px) && birth.rect.width() > 150);
    assert!(!birth.rect.overlaps(Rect { x0: 0, y0: 0, x1: 300, y1: 3300 }));
}
