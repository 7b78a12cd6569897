//! The other side of confinement: what a role is for, it can still do, on real documents.
#![allow(clippy::unwrap_used)]

use confinement::{
    launcher,
    trip::{Stopped, normalise, parse, read, read_within, redact, verify},
};
use corpus::Sample;
use types::Rect;
use wire::{Fault, OcrPage};

/// Pages taken of one document.
const PAGES_MAX: u32 = 2;

fn good() -> Vec<Sample> {
    let samples: Vec<_> =
        corpus::all().into_iter().filter(|sample| sample.expected.pages.is_some()).collect();
    assert!(samples.len() >= 6, "the corpus has lost its good documents");
    samples
}

#[test]
fn every_role_does_its_work_on_every_kind_of_document() {
    let launcher = launcher();
    let corner = [Rect { x0: 0, y0: 0, x1: 400, y1: 200 }];
    for Sample { name, bytes, .. } in good() {
        let parsed = parse(&launcher, &bytes).unwrap_or_else(|stopped| panic!("parse {name}: {stopped:?}"));
        let pages = normalise(&launcher, &bytes, parsed.pages.min(PAGES_MAX))
            .unwrap_or_else(|stopped| panic!("normalise {name}: {stopped:?}"));
        let words = read(&launcher, &pages).unwrap_or_else(|stopped| panic!("ocr {name}: {stopped:?}"));
        let product = redact(&launcher, &pages, &words, &corner)
            .unwrap_or_else(|stopped| panic!("redact {name}: {stopped:?}"));
        let (seen, sound) = verify(&launcher, &product, &pages, &corner)
            .unwrap_or_else(|stopped| panic!("verify {name}: {stopped:?}"));
        assert!(sound && seen.iter().all(|page| page.boxes_solid), "{name}");
    }
}

// Bad input has a reason code: a worker says so, and does not die of its own confinement.
#[test]
fn a_bad_document_is_never_mistaken_for_an_attack() {
    let launcher = launcher();
    let bad: Vec<Sample> =
        corpus::all().into_iter().filter(|sample| sample.expected.pages.is_none()).collect();
    assert!(!bad.is_empty(), "the corpus has lost its bad documents");
    for Sample { name, bytes, .. } in bad {
        let stopped = parse(&launcher, &bytes)
            .and_then(|parsed| normalise(&launcher, &bytes, parsed.pages.min(PAGES_MAX)).map(drop));
        assert_ne!(stopped, Err(Stopped::Fault(Fault::SandboxViolation)), "{name}");
    }
}

/// Address space around what a page of this size needs, so that memory runs out in different places: in
/// Tesseract's data, in Leptonica, in the recogniser, or just not.
const TOO_LITTLE_MIB: [u64; 8] = [64, 100, 110, 118, 124, 128, 132, 150];

// A page read with too little memory is not read: what was not seen cannot be redacted.
#[test]
fn a_lack_of_memory_inside_tesseract_never_costs_a_word_and_never_looks_like_an_attack() {
    let launcher = launcher();
    let letter = corpus::named("letter-referral.png").unwrap();
    let pages = normalise(&launcher, &letter.bytes, 1).map_err(|stopped| format!("{stopped:?}")).unwrap();
    let words = |read: &[OcrPage]| read.iter().map(|page| page.words.words.len()).sum::<usize>();
    let all = read(&launcher, &pages).map(|read| words(&read)).unwrap();
    let mut lacked = 0;
    for mib in TOO_LITTLE_MIB {
        match read_within(&launcher, mib << 20, &pages).map(|read| words(&read)) {
            Err(Stopped::Fault(Fault::Memory)) => lacked += 1,
            found => assert_eq!(found, Ok(all), "{mib} MiB"),
        }
    }
    assert!(lacked >= 2, "memory never ran out: adapt the sizes");
}
