//! Structure: findings by kind, limits at their edge, files that end too soon.

#![allow(clippy::unwrap_used)]

use super::{
    findings::*,
    made::{MadePage, jpeg, pdf, png, tiff},
    structure,
};
use flate2::{Compression, write::ZlibEncoder};
use lopdf::{
    Document, EncryptionState, EncryptionVersion, Object, Permissions, Stream, StringFormat, dictionary,
};
use std::{io::Write, sync::Arc, time::Instant};
use types::{Limits, Reason};

fn parse(document: Vec<u8>) -> Result<(u32, Vec<String>), Reason> {
    structure(Arc::new(document), &Limits::default()).map(|parsed| (parsed.pages, parsed.findings))
}

fn refusal(document: Vec<u8>) -> Option<Reason> {
    parse(document).err()
}

fn pdf_with(object: Object) -> Vec<u8> {
    pdf(1, b"", |document| {
        document.add_object(object);
    })
}

fn small_tiff() -> Vec<u8> {
    tiff(&[MadePage::new(16, 2, 1, vec![0xAA; 4]), MadePage::new(16, 2, 1, vec![0x55; 4])])
}

// A2: Accept PDF, images, multipage scans, fax conversions.
#[test]
fn what_offices_send_is_accepted_by_its_content() {
    assert_eq!(parse(pdf(3, b"", |_| {})), Ok((3, vec![])));
    assert_eq!(parse(small_tiff()), Ok((2, vec![])));
    assert_eq!(parse(png(2, 2, Some(&[0, 255, 255, 0]))), Ok((1, vec![])));
    assert_eq!(parse(jpeg(8, 8, &[128; 64])), Ok((1, vec![])));
}

// B14: reject mismatches at once. B19: `.pdf` containing ZIP data.
#[test]
fn what_is_no_document_is_refused_with_the_right_word() {
    let zip_with_pdf_inside = [b"PK\x03\x04........".as_slice(), &pdf(1, b"", |_| {})].concat();
    assert_eq!(refusal(zip_with_pdf_inside), Some(Reason::Archive));
    assert_eq!(refusal(b"\x1F\x8B\x08rest".to_vec()), Some(Reason::Archive));
    assert_eq!(refusal(Vec::new()), Some(Reason::Empty));
    assert_eq!(refusal(b"MZ a program".to_vec()), Some(Reason::UnsupportedFormat));
    assert_eq!(refusal(b"%PDF-1.4\nnothing\nstartxref\n0\n%%EOF".to_vec()), Some(Reason::Malformed));
    let header_too_late = [vec![b' '; 1024], pdf(1, b"", |_| {})].concat();
    assert_eq!(refusal(header_too_late), Some(Reason::UnsupportedFormat));
}

// B16: 10,000 tiny pages; reject on page-count before rendering.
#[test]
fn ten_thousand_pages_are_refused_at_once() {
    let document = pdf(10_000, b"", |_| {});
    let start = Instant::now();
    assert_eq!(refusal(document), Some(Reason::TooManyPages));
    assert!(start.elapsed().as_secs() < 5, "took {:?}", start.elapsed());
    let faxes: Vec<MadePage> = (0..501).map(|_| MadePage::new(8, 1, 1, vec![0])).collect();
    assert_eq!(refusal(tiff(&faxes)), Some(Reason::TooManyPages));
    assert_eq!(parse(tiff(&faxes[..500])).map(|(pages, _)| pages), Ok(500));
}

// B15: hard limits. B19: gigapixel TIFF (check before full decode).
#[test]
fn a_page_of_a_gigapixel_is_refused_by_its_header() {
    let too_large = Some(Reason::PageTooLarge);
    assert_eq!(refusal(tiff(&[MadePage::new(40_000, 40_000, 4, vec![0; 8])])), too_large);
    assert_eq!(refusal(png(40_000, 40_000, None)), too_large);
    let mut huge = jpeg(8, 8, &[128; 64]);
    let frame = huge.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    huge[frame + 5..frame + 9].copy_from_slice(&[0xFD, 0xE8, 0xFD, 0xE8]);
    assert_eq!(refusal(huge.clone()), too_large);
    let image = |filter: Option<&str>, side: u32, data: Vec<u8>| {
        let mut dictionary = dictionary! { "Subtype" => "Image", "Width" => side, "Height" => side };
        if let Some(filter) = filter {
            dictionary.set("Filter", filter);
        }
        pdf_with(Stream::new(dictionary, data).into())
    };
    assert_eq!(refusal(image(None, 40_000, vec![])), too_large);
    assert_eq!(refusal(image(Some("DCTDecode"), 8, huge)), too_large, "the picture's own size counts");
    assert_eq!(parse(image(None, 2_000, vec![])).map(|(pages, _)| pages), Ok(1));
}

#[test]
fn limits_are_inclusive() {
    let exact = Limits { side_px_max: 16, page_px_max: 32, pages_max: 2, ..Limits::default() };
    let parse = |limits: &Limits| structure(Arc::new(small_tiff()), limits).map(|parsed| parsed.pages);
    assert_eq!(parse(&exact), Ok(2));
    assert_eq!(parse(&Limits { side_px_max: 15, ..exact }), Err(Reason::PageTooLarge));
    assert_eq!(parse(&Limits { page_px_max: 31, ..exact }), Err(Reason::PageTooLarge));
    assert_eq!(parse(&Limits { pages_max: 1, ..exact }), Err(Reason::TooManyPages));
    assert_eq!(parse(&Limits { objects_max: 17, ..exact }), Err(Reason::TooManyObjects));
}

// B15: hard limits; a small file that unpacks to gigabytes.
#[test]
fn a_decompression_bomb_is_counted_not_unpacked() {
    let mut zipped = ZlibEncoder::new(Vec::new(), Compression::fast());
    (0..600).for_each(|_| zipped.write_all(&[0; 1 << 20]).unwrap());
    let bomb = Stream::new(dictionary! { "Filter" => "FlateDecode" }, zipped.finish().unwrap());
    let document = pdf_with(bomb.into());
    assert!(document.len() < 8 << 20);
    assert_eq!(refusal(document), Some(Reason::DecodedTooLarge));
}

// B18: JavaScript, launch actions, embedded files, incremental updates; findings recorded by kind.
#[test]
fn what_a_pdf_carries_is_named() {
    let with = |object: Object| parse(pdf_with(object)).unwrap().1;
    let action = |kind: &str| Object::from(dictionary! { "Type" => "Action", "S" => kind });
    assert_eq!(with(action("JavaScript")), [JAVASCRIPT]);
    assert_eq!(with(action("Launch")), [LAUNCH]);
    assert_eq!(with(action("URI")), [EXTERNAL_LINK]);
    assert_eq!(with(action("SubmitForm")), [SUBMIT_FORM]);
    assert_eq!(with(action("GoTo")), [""; 0]);
    assert_eq!(
        with(dictionary! { "AA" => dictionary! { "O" => action("GoTo") } }.into()),
        [AUTOMATIC_ACTION]
    );
    assert_eq!(with(dictionary! { "Subtype" => "FileAttachment" }.into()), [EMBEDDED_FILE]);
    assert_eq!(with(dictionary! { "Subtype" => "RichMedia" }.into()), [RICH_MEDIA]);
    assert_eq!(with(dictionary! { "XFA" => 1 }.into()), [XFA]);
    assert_eq!(with(dictionary! { "OCProperties" => 1 }.into()), [OPTIONAL_CONTENT]);
    let nested = dictionary! { "A" => vec![vec![Object::from(dictionary! { "JS" => Object::string_literal("x") })].into()] };
    assert_eq!(with(nested.into()), [JAVASCRIPT]);
    assert_eq!(with(dictionary! { "Type" => "StructElem", "S" => "Sound" }.into()), [""; 0]);
}

#[test]
fn an_opening_action_that_only_shows_a_page_is_none() {
    let opening = |action: Object| {
        let document = pdf(1, b"", |document| document.catalog_mut().unwrap().set("OpenAction", action));
        parse(document).unwrap().1
    };
    assert_eq!(opening(vec![0.into(), "Fit".into()].into()), [""; 0]);
    assert_eq!(opening(dictionary! { "S" => "GoTo" }.into()), [""; 0]);
    assert_eq!(opening(dictionary! { "S" => "Named" }.into()), [AUTOMATIC_ACTION]);
}

#[test]
fn bytes_outside_of_the_structure_are_found() {
    let behind = |document: Vec<u8>| parse([document, b"and more".to_vec()].concat()).unwrap().1;
    assert_eq!(behind(pdf(1, b"", |_| {})), [TRAILING_DATA]);
    assert_eq!(behind(png(1, 1, Some(&[0]))), [TRAILING_DATA]);
    assert_eq!(behind(jpeg(8, 8, &[128; 64])), [TRAILING_DATA]);
    let before = [b"@PJL ENTER LANGUAGE=PDF\r\n".to_vec(), pdf(1, b"", |_| {})].concat();
    assert_eq!(parse(before).unwrap(), (1, vec![TRAILING_DATA.to_owned()]));
    let padded = [pdf(1, b"", |_| {}), vec![0; 512]].concat();
    assert_eq!(parse(padded).unwrap().1, [""; 0], "fax servers pad to whole blocks");
}

// B18: incremental updates.
#[test]
fn a_second_revision_is_found() {
    let first = pdf(1, b"", |_| {});
    let mut update =
        lopdf::IncrementalDocument::create_from(first.clone(), Document::load_mem(&first).unwrap());
    update.new_document.add_object(dictionary! { "A" => 1 });
    let mut bytes = Vec::new();
    update.save_to(&mut bytes).unwrap();
    assert_eq!(parse(bytes).unwrap().1, [INCREMENTAL_UPDATE]);
}

// B60: PDF signature, attachments, active content, limits; a password is none of ours to guess.
#[test]
fn a_password_is_a_refusal_and_an_empty_one_a_finding() {
    let encrypted = |user_password: &str| {
        pdf(1, b"", |document| {
            let id = Object::String(vec![7; 16], StringFormat::Hexadecimal);
            document.trailer.set("ID", vec![id.clone(), id]);
            let version = EncryptionVersion::V2 {
                document: &*document,
                owner_password: "owner",
                user_password,
                key_length: 128,
                permissions: Permissions::all(),
            };
            let state = EncryptionState::try_from(version).unwrap();
            document.encrypt(&state).unwrap();
        })
    };
    assert_eq!(refusal(encrypted("secret")), Some(Reason::Encrypted));
    assert_eq!(parse(encrypted("")).unwrap().1, [EMPTY_PASSWORD]);
}

// B19: corrupted transfer.
#[test]
fn a_file_cut_anywhere_is_never_taken_for_whole() {
    let whole = [pdf(2, b"0 0 m", |_| {}), small_tiff(), png(2, 2, Some(&[0; 4])), jpeg(8, 8, &[128; 64])];
    for document in whole {
        assert!(parse(document.clone()).is_ok());
        for length in (16..document.len() - 9).step_by(7) {
            let refused = refusal(document[..length].to_vec());
            assert_eq!(refused, Some(Reason::Truncated), "{length} of {} bytes", document.len());
        }
    }
}

#[test]
fn a_page_missing_from_the_tree_is_no_shorter_document() {
    let document = pdf(3, b"", |document| {
        let (first_page, _) = document.get_pages().pop_first().map(|(_, id)| id).unwrap();
        document.objects.remove(&(first_page, 0));
    });
    assert_eq!(refusal(document), Some(Reason::Truncated));
    assert_eq!(refusal(pdf(0, b"", |_| {})), Some(Reason::NoPages));
}

#[test]
fn loops_and_deep_nests_end() {
    let mut looped = tiff(&[MadePage::new(8, 1, 1, vec![0])]);
    let first = u32::from_le_bytes(looped[4..8].try_into().unwrap());
    let end = looped.len();
    looped[end - 4..].copy_from_slice(&first.to_le_bytes());
    assert_eq!(refusal(looped), Some(Reason::Malformed));
    let own_kid = pdf(1, b"", |document| {
        let root = document.catalog().unwrap().get(b"Pages").unwrap().as_reference().unwrap();
        document.get_dictionary_mut(root).unwrap().set("Kids", vec![root.into()]);
    });
    assert!(parse(own_kid).is_err());
    let nest =
        [b"%PDF-1.4\n1 0 obj ".to_vec(), vec![b'['; 500_000], b"\nstartxref\n9\n%%EOF".to_vec()].concat();
    assert!(parse(nest).is_err());
}

// B14: magic bytes and structure; whatever the bytes, the answer is a result or a reason.
#[test]
fn damaged_bytes_end_in_an_answer() {
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for document in
        [pdf(2, b"0 0 m", |_| {}), small_tiff(), png(4, 4, Some(&[9; 16])), jpeg(8, 8, &[128; 64])]
    {
        for _ in 0..400 {
            let mut damaged = document.clone();
            for _ in 0..=next(6) {
                let at = next(damaged.len());
                damaged[at] = next(256) as u8;
            }
            drop(parse(damaged));
        }
    }
}
