//! Products of our own writer pass; products that somebody touched do not.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::ocr::tests::engine;
use crate::redact::tests::{Page, letter, product};
use lopdf::{Document, Object, Stream, dictionary};

fn letters() -> Vec<(Page, Vec<u8>)> {
    let black = Page { black: true, ..letter(false) };
    [letter(true), letter(false), black].map(|page| (page.clone(), page.paper())).into()
}

fn open(product: &[u8], pages: u32) -> bool {
    Reader::open(&Arc::new(product.to_vec()), pages).is_some()
}

/// The product after `change`, written by another library.
fn touched(change: impl FnOnce(&mut Document)) -> Vec<u8> {
    let mut document = Document::load_mem(&product(&letters())).unwrap();
    change(&mut document);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

#[test]
fn our_product_is_sound_its_boxes_black_and_its_layer_whole() {
    // B22, B24, B26: boxes black, permitted words in the layer, nothing unknown in the file.
    let pages = letters();
    let product = Arc::new(product(&pages));
    let reader = Reader::open(&product, 3).unwrap();
    for (index, (page, _)) in pages.iter().enumerate() {
        let seen = reader.check(&mut engine(), index, &page.geometry, &page.boxes, page.black).unwrap();
        assert!(seen.boxes_solid && seen.black == page.black, "page {index}");
        let permitted: Vec<&str> =
            page.words.iter().filter(|_| !page.black).map(|word| word.text.expose()).collect();
        let layer: Vec<&str> = seen.layer.words.iter().map(|word| word.text.expose()).collect();
        assert!(layer == permitted, "page {index}");
        for (read, word) in seen.layer.words.iter().zip(&page.words) {
            let near = |a: u32, b: u32| a.abs_diff(b) <= 1;
            assert!(near(read.rect.x0, word.rect.x0) && near(read.rect.x1, word.rect.x1), "page {index}");
            assert!(near(read.rect.y1, word.rect.y1) && read.line == word.line, "page {index}");
        }
    }
}

#[test]
fn a_box_that_is_not_solid_is_seen() {
    // B24: a box that was never painted, and one that lies half beside the painted one.
    let page = letter(true);
    let product = Arc::new(product(&[(page.clone(), page.paper())]));
    let reader = Reader::open(&product, 1).unwrap();
    let shifted = Rect { x0: page.boxes[0].x0 + 1, x1: page.boxes[0].x1 + 1, ..page.boxes[0] };
    let beside = Rect { x0: 900, y0: 900, x1: 950, y1: 930 };
    for rect in [shifted, beside, Rect { x0: 0, y0: 0, x1: 5000, y1: 10 }] {
        let seen = reader.check(&mut engine(), 0, &page.geometry, &[rect], false).unwrap();
        assert!(!seen.boxes_solid, "{rect:?}");
    }
    let seen = reader.check(&mut engine(), 0, &page.geometry, &[], true).unwrap();
    assert!(!seen.black, "a page with paper on it is not black");
}

#[test]
fn a_page_of_another_size_is_not_checked() {
    let page = letter(true);
    let product = Arc::new(product(&[(page.clone(), page.paper())]));
    let reader = Reader::open(&product, 1).unwrap();
    let geometry = PageGeometry { width_px: 1701, ..page.geometry };
    assert!(reader.check(&mut engine(), 0, &geometry, &[], false).is_none());
    assert!(reader.check(&mut engine(), 1, &page.geometry, &[], false).is_none());
}

#[test]
fn the_structure_alone_sees_what_another_library_added() {
    // B25, B26: annotation, attachment, action, script, information, layer, lost object.
    assert!(structure::is_sound(&touched(|_| {}), 3), "another library's copy of a sound product is sound");
    type Addition = (&'static str, fn(&mut Document));
    let additions: [Addition; 7] = [
        ("annotation", |document| {
            let note = document.add_object(dictionary! { "Type" => "Annot", "Subtype" => "Text" });
            let page = document.page_iter().next().unwrap();
            document.get_dictionary_mut(page).unwrap().set("Annots", vec![Object::Reference(note)]);
        }),
        ("embedded file", |document| {
            let file = document
                .add_object(Stream::new(dictionary! { "Type" => "EmbeddedFile" }, b"secret".to_vec()));
            let names =
                dictionary! { "EmbeddedFiles" => dictionary! { "Names" => vec![Object::Reference(file)] } };
            document.catalog_mut().unwrap().set("Names", names);
        }),
        ("open action", |document| {
            let script = dictionary! { "S" => "JavaScript", "JS" => Object::string_literal("app.alert(1)") };
            document.catalog_mut().unwrap().set("OpenAction", script);
        }),
        ("information", |document| {
            let info = document.add_object(dictionary! { "Author" => Object::string_literal("somebody") });
            document.trailer.set("Info", info);
        }),
        ("layer", |document| document.catalog_mut().unwrap().set("OCProperties", dictionary! {})),
        ("form", |document| document.catalog_mut().unwrap().set("AcroForm", dictionary! {})),
        ("lost object", |document| {
            document.add_object(Object::string_literal("nobody leads here"));
        }),
    ];
    for (name, add) in additions {
        assert!(!structure::is_sound(&touched(add), 3), "{name}");
    }
    assert!(!structure::is_sound(&product(&letters()), 2), "another number of pages");
}

#[test]
fn not_one_byte_may_differ_from_our_form() {
    // B26: whatever the structure says, every byte outside pictures and words is ours.
    let sound = product(&letters());
    assert!(open(&sound, 3) && !open(&sound, 2) && !open(&[], 3) && !open(&[], 0));
    assert!(!open(&touched(|_| {}), 3), "another library's copy");
    assert!(!open(&[sound.as_slice(), b"hidden"].concat(), 3), "bytes behind the end");
    let text = String::from_utf8_lossy(&sound);
    let first = text.find("2 0 obj").unwrap();
    let between = [&sound[..first], b"%hidden\n", &sound[first..]].concat();
    assert!(!open(&between, 3), "bytes between objects");
    for cut in [0, 1, sound.len() / 2, sound.len() - 1] {
        assert!(!open(&sound[..cut], 3), "cut at {cut}");
    }
}

#[test]
fn a_second_revision_is_seen() {
    // B62: nothing is kept of incremental updates, and none may appear.
    let sound = product(&letters());
    let text = String::from_utf8_lossy(&sound).into_owned();
    let start = text.rfind("startxref\n").unwrap() + "startxref\n".len();
    let before = &text[start..][..text[start..].find('\n').unwrap()];
    let mut bytes = sound.clone();
    let object = bytes.len();
    bytes.extend_from_slice(b"15 0 obj\n(secret)\nendobj\n");
    let table = bytes.len();
    let update = format!(
        "xref\n15 1\n{object:010} 00000 n \ntrailer\n<< /Size 16 /Root 1 0 R /Prev {before} >>\nstartxref\n{table}\n%%EOF\n"
    );
    bytes.extend_from_slice(update.as_bytes());
    assert!(
        Document::load_mem(&bytes).is_ok_and(|document| document.revision_count() == 2),
        "the attack is a PDF"
    );
    assert!(!structure::is_sound(&bytes, 3) && !open(&bytes, 3));
}

#[test]
fn removed_words_are_nowhere_in_the_bytes() {
    // B20, B22, B25: neither as they are nor after unpacking every stream.
    let mut page = letter(true);
    page.words.iter_mut().for_each(|word| word.rect.y0 += 1);
    let removed = ["Hemoglobin", "creatinine"];
    let hide: Vec<Rect> = page
        .words
        .iter()
        .filter(|word| removed.contains(&word.text.expose()))
        .map(|word| word.rect)
        .collect();
    page.boxes.extend(hide);
    let product = product(&[(page.clone(), page.paper())]);
    let document = Document::load_mem(&product).unwrap();
    let unpacked = document.objects.values().filter_map(|object| {
        let stream = object.as_stream().ok()?;
        Some(stream.get_plain_content().unwrap_or_else(|_| stream.content.clone()))
    });
    for bytes in unpacked.chain([product.clone()]) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(removed.iter().all(|word| !text.contains(word)));
    }
    assert!(String::from_utf8_lossy(&product).contains("(admission; ) Tj"));
}

#[test]
fn a_layer_with_other_operators_is_no_layer() {
    let geometry = letter(true).geometry;
    let good = "BT\n3 Tr\n/Text 10.0000 Tf\n100.0000 Tz\n1 0 0 1 72.0000 72.0000 Tm\n(word ) Tj\nET\n";
    assert!(layer::words(good.as_bytes(), &geometry).is_some_and(|page| page.words.len() == 1));
    for (from, to) in
        [("3 Tr", "0 Tr"), ("word ", "w(d "), ("Tm", "Td"), ("ET\n", "ET\n/X Do\n"), ("72.0000 ", "7e2 ")]
    {
        assert!(layer::words(good.replace(from, to).as_bytes(), &geometry).is_none(), "{to}");
    }
}

#[test]
fn a_page_is_rendered_px_for_px() {
    // B24: what is checked is what a viewer shows: no px smeared, shifted or lost between the two halves.
    let geometry = PageGeometry { width_px: 1003, height_px: 701, dpi: 204, ..letter(true).geometry };
    let page = Page { geometry, boxes: Vec::new(), words: Vec::new(), black: false };
    let bytes = wire::packed_bytes(&geometry) as u32;
    let px: Vec<u8> = (0..bytes).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let shown = Pdf::new(product(&[(page, px.clone())])).ok().unwrap();
    let rendered = render::page(&shown, 0, 1003, 701).unwrap();
    assert!(Some(rendered) == Gray::from_wire(&geometry, px));
}
