//! PDF pages to gray: scans taken out px by px, everything else rendered.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::parse::{Orientation, made::pdf};
use lopdf::{Document, Object, Stream, dictionary};

const WIDTH: u32 = 340;
const HEIGHT: u32 = 440;

/// A picture whose four corners differ.
fn picture() -> Gray {
    let px = (0..WIDTH * HEIGHT).map(|i| ((i % WIDTH) / 2 + (i / WIDTH) / 6) as u8).collect();
    Gray { width: WIDTH, height: HEIGHT, px }
}

/// Adds the picture as an image and gives it to all pages under the name `I`.
fn add_picture(document: &mut Document, rotate: i64) {
    let dictionary = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => WIDTH, "Height" => HEIGHT,
        "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
    };
    let image = document.add_object(Stream::new(dictionary, picture().px));
    add_resource(document, "XObject", dictionary! { "I" => image }.into());
    for page in document.get_pages().into_values() {
        document.get_dictionary_mut(page).unwrap().set("Rotate", rotate);
    }
}

fn add_resource(document: &mut Document, kind: &str, value: Object) {
    for page in document.get_pages().into_values() {
        document.get_dictionary_mut(page).unwrap().set("Resources", dictionary! { kind => value.clone() });
    }
}

const WHOLE_PAGE: &[u8] = b"q 612 0 0 792 0 0 cm /I Do Q";

// A2: Accept PDF, images, multipage scans.
#[test]
fn a_scanned_page_is_its_image_px_by_px_however_it_is_shown() {
    for (rotate, quarter_turns) in [(0, 0), (90, 1), (180, 2), (270, 3)] {
        let document = pdf(1, WHOLE_PAGE, |document| add_picture(document, rotate));
        let expected = picture().oriented(Orientation { is_mirrored: false, quarter_turns });
        let page = open(document).page(0, &Limits::default()).ok().unwrap();
        assert_eq!((page.px.width, page.px.height), (expected.width, expected.height));
        assert!(page.px.px == expected.px, "rotated by {rotate}");
        assert!(
            matches!(page.dpi, Dpi::Said(Some((x, y))) if (x - 40.0).abs() < 0.1 && (y - 40.0).abs() < 0.1)
        );
    }
}

#[test]
fn an_image_drawn_upside_down_is_taken_as_it_is_seen() {
    for (matrix, is_mirrored, quarter_turns) in [
        ("-612 0 0 -792 612 792", false, 2),
        ("-612 0 0 792 612 0", true, 0),
        ("612 0 0 -792 0 792", true, 2),
    ] {
        let content = format!("q {matrix} cm /I Do Q");
        let shown = scan(pdf(1, content.as_bytes(), |document| add_picture(document, 0))).unwrap();
        assert!(shown.px == picture().oriented(Orientation { is_mirrored, quarter_turns }).px, "{matrix}");
    }
}

#[test]
fn an_image_with_something_on_it_is_rendered_with_it() {
    let stamped = [WHOLE_PAGE, b" 0 g 100 100 200 200 re f"].concat();
    let page = scan(pdf(1, &stamped, |document| add_picture(document, 0))).unwrap();
    assert_eq!((page.width, page.height), (2550, 3300));
    let at = |x: u32, y: u32| page.px[(y * page.width + x) as usize];
    assert_eq!(at(800, 2500), 0, "the stamp");
    let (x, y) = (2000, 600);
    let expected = picture().px[(y * HEIGHT / 3300 * WIDTH + x * WIDTH / 2550) as usize];
    assert!(at(x, y).abs_diff(expected) <= 2, "the scan under it");
    let invisible = [WHOLE_PAGE, b" BT 3 Tr /F 12 Tf (read) Tj ET"].concat();
    let searchable = scan(pdf(1, &invisible, |document| add_picture(document, 0))).unwrap();
    assert_eq!(searchable.width, WIDTH, "a text layer that nobody sees does not count");
}

#[test]
fn a_drawn_page_is_rendered_where_it_says() {
    let content = b"0 g 72 720 36 36 re f 504 36 36 36 re f";
    let page = scan(pdf(1, content, |_| {})).unwrap();
    assert_eq!((page.width, page.height), (2550, 3300));
    assert_eq!(middle_of_ink(&page, (375.0, 225.0), 120.0), (375.0, 225.0));
    assert_eq!(middle_of_ink(&page, (2175.0, 3075.0), 120.0), (2175.0, 3075.0));
}

#[test]
fn the_size_of_a_rendering_is_rounded_not_cut() {
    let page = scan(pdf(1, b"", |document| {
        for page in document.get_pages().into_values() {
            let a4 = vec![0.into(), 0.into(), Object::Real(595.276), Object::Real(841.89)];
            document.get_dictionary_mut(page).unwrap().set("MediaBox", a4);
        }
    }));
    assert_eq!(page.map(|page| (page.width, page.height)), Ok((2480, 3508)));
}

// B15: hard limits.
#[test]
fn a_page_larger_than_the_limits_is_rendered_coarser_or_fails() {
    let document = pdf(1, b"0 g 0 0 9 9 re f", |_| {});
    let coarser = Limits { page_px_max: 4_000_000, ..Limits::default() };
    let page = open(document.clone()).page(0, &coarser).ok().unwrap();
    assert!(page.px.px.len() <= 4_000_000 && matches!(page.dpi, Dpi::Exact(dpi) if dpi > 200.0));
    let tiny = Limits { page_px_max: 10_000, ..Limits::default() };
    assert_eq!(open(document).page(0, &tiny).err(), Some(Reason::PageTooLarge));
}

#[test]
fn a_picture_that_cannot_be_read_fails_its_page_and_is_no_blank_one() {
    let broken = pdf(2, WHOLE_PAGE, |document| {
        let dictionary = dictionary! {
            "Subtype" => "Image", "Width" => WIDTH, "Height" => HEIGHT, "Filter" => "DCTDecode",
            "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
        };
        let image = document.add_object(Stream::new(dictionary, b"no picture".to_vec()));
        add_resource(document, "XObject", dictionary! { "I" => image }.into());
    });
    assert_eq!(scan(broken).err(), Some(Reason::Malformed));
}

// B18: flatten to raster early.
#[test]
fn the_values_of_a_form_are_seen() {
    let page = scan(pdf(1, b"", |document| {
        let bbox = || vec![0.into(), 0.into(), 72.into(), 72.into()];
        let look = dictionary! { "Type" => "XObject", "Subtype" => "Form", "BBox" => bbox() };
        let look = document.add_object(Stream::new(look, b"0 g 0 0 72 72 re f".to_vec()));
        let field = dictionary! {
            "Type" => "Annot", "Subtype" => "Widget", "FT" => "Tx", "F" => 4,
            "Rect" => vec![144.into(), 144.into(), 216.into(), 216.into()],
            "AP" => dictionary! { "N" => look },
        };
        let field = document.add_object(field);
        for page in document.get_pages().into_values() {
            document.get_dictionary_mut(page).unwrap().set("Annots", vec![field.into()]);
        }
    }));
    assert_eq!(middle_of_ink(&page.unwrap(), (750.0, 2550.0), 300.0), (750.0, 2550.0));
}
