//! The samples are what they claim to be, and the same every time.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn every_run_makes_the_same_bytes_and_the_same_truth() {
    for (first, second) in all().into_iter().zip(all()) {
        assert!(first.bytes == second.bytes, "{}", first.name);
        assert_eq!(first.expected, second.expected, "{}", first.name);
    }
}

#[test]
fn every_class_and_every_hostile_reason_has_a_sample() {
    let samples = all();
    for class in DocClass::ALL {
        assert!(
            samples.iter().any(|sample| sample.expected.class == Some(class)),
            "no sample of class {class}"
        );
    }
    let reasons: Vec<_> = samples.iter().filter_map(|sample| sample.expected.reason).collect();
    assert_eq!(reasons.len(), 10);
}

#[test]
fn a_good_sample_has_identifiers_to_remove_and_words_to_keep() {
    for sample in all().into_iter().filter(|sample| sample.expected.reason.is_none()) {
        let Expected { removed, words, pages, .. } = &sample.expected;
        assert!(!removed.is_empty() && words.len() > 2 && pages.is_some(), "{}", sample.name);
        for word in words {
            assert!(!removed.iter().any(|value| value.contains(word)), "{}: {word}", sample.name);
        }
    }
}

#[test]
fn slips_differ_by_number() {
    assert!(slip(1).bytes != slip(2).bytes);
    assert!(slip(1).expected.removed != slip(2).expected.removed);
}

// A2: "PDF, TIFF (G3/G4, multi-IFD), JPEG, PNG".
#[test]
fn tiff_samples_have_the_pages_they_claim_and_non_square_fax_pixels() {
    let fax = named("fax-lab-result.tif").unwrap();
    let mut decoder = tiff::decoder::Decoder::new(std::io::Cursor::new(&fax.bytes)).unwrap();
    let dpi = |decoder: &mut tiff::decoder::Decoder<_>, tag| match decoder.get_tag(tag).unwrap() {
        tiff::decoder::ifd::Value::Rational(n, d) => n / d,
        _ => 0,
    };
    assert_eq!(dpi(&mut decoder, tiff::tags::Tag::XResolution), 204);
    assert_eq!(dpi(&mut decoder, tiff::tags::Tag::YResolution), 98);
    assert!(decoder.more_images());
    decoder.next_image().unwrap();
    assert!(!decoder.more_images());
}

#[test]
fn pictures_open_in_a_decoder_that_is_not_ours() {
    for name in ["letter-referral.png", "upside-down-imaging-report.png", "photo-insurance-card.jpg"] {
        let sample = named(name).unwrap();
        assert!(image::load_from_memory(&sample.bytes).unwrap().width() > 1000, "{name}");
    }
}

#[test]
fn pdf_samples_open_and_the_locked_one_does_not_without_its_password() {
    for name in ["scan-discharge-summary.pdf", "hostile-javascript.pdf", "hostile-many-pages.pdf"] {
        let pages = lopdf::Document::load_mem(&named(name).unwrap().bytes).unwrap().get_pages().len();
        assert!([1, 2, 10_000].contains(&pages), "{name}: {pages}");
    }
    let locked = lopdf::Document::load_mem(&named("hostile-encrypted.pdf").unwrap().bytes);
    assert!(locked.is_err() || locked.unwrap().is_encrypted());
}
