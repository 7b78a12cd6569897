//! The other side of confinement: what a role is for, it can still do, on real documents.
#![allow(clippy::unwrap_used)]

use confinement::{
    launcher,
    trip::{Stopped, normalise, parse, read, redact, verify},
};
use corpus::Sample;
use types::Rect;
use wire::Fault;

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
