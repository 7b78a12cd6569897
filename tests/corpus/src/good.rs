//! The samples that the appliance must read, redact and send to their owners.

use crate::canvas::{Canvas, Face};
use crate::degrade;
use crate::files::{self, Image, Packing, Tiff};
use crate::letters::{self, Letter};
use crate::t4::Scheme;
use crate::{Dice, Expected, Person, Sample, Sheet, Style, photo};
use lifecycle::Status;
use tiff::encoder::Compression;

/// Standard and fine resolution of fax (T.4), px per inch.
const FAX_STANDARD: (f32, f32) = (204.0, 98.0);
const FAX_FINE: (f32, f32) = (204.0, 196.0);

struct Recipe {
    name: &'static str,
    letter: Letter,
    style: fn() -> Style,
    finish: fn(&mut Vec<Canvas>, &mut Dice) -> Vec<u8>,
}

fn recipes() -> Vec<Recipe> {
    vec![
        Recipe {
            name: "letter-referral.png",
            letter: letters::REFERRAL,
            style: || Style::letter((300.0, 300.0), Face::Sans, 10.5),
            finish: |pages, dice| {
                degrade::uneven_light(&mut pages[0], 12.0);
                degrade::grain(&mut pages[0], dice, 3.0);
                files::png(&pages[0], 300.0)
            },
        },
        Recipe {
            name: "fax-lab-result.tif",
            letter: letters::LAB_RESULT,
            style: || Style::fax(FAX_STANDARD, Face::Sans, 12.5),
            finish: |pages, dice| fax(pages, dice, FAX_STANDARD, 0.25, msb(Scheme::G4)),
        },
        Recipe {
            name: "fax-note-g3.tif",
            letter: letters::CLINICAL_NOTE,
            style: || Style::fax(FAX_FINE, Face::Serif, 11.5),
            finish: |pages, dice| fax(pages, dice, FAX_FINE, -0.4, msb(Scheme::G3OneD)),
        },
        Recipe {
            name: "fax-referral-g3-2d.tif",
            letter: letters::REFERRAL,
            style: || Style::fax(FAX_FINE, Face::Sans, 10.5),
            finish: |pages, dice| fax(pages, dice, FAX_FINE, 0.6, msb(Scheme::G3TwoD { k: 4 })),
        },
        Recipe {
            name: "fax-prescription-lsb.tif",
            letter: letters::PRESCRIPTION,
            style: || Style::fax(FAX_FINE, Face::Sans, 12.0),
            finish: |pages, dice| {
                fax(pages, dice, FAX_FINE, 0.2, Tiff { lsb_first: true, ..msb(Scheme::G4) })
            },
        },
        Recipe {
            name: "scan-prior-authorization.pdf",
            letter: letters::PRIOR_AUTHORIZATION,
            style: || Style::letter((200.0, 200.0), Face::Serif, 11.0),
            finish: |pages, dice| {
                // Duplex scanners deliver the empty back too.
                pages.push(Canvas::white(pages[0].width, pages[0].height));
                for page in pages.iter_mut() {
                    *page = degrade::skewed(page, 0.8, (200.0, 200.0));
                    degrade::uneven_light(page, 30.0);
                    degrade::grain(page, dice, 4.0);
                }
                files::scanned(pages, 200.0, Image::Jpeg { quality: 78 })
            },
        },
        Recipe {
            name: "scan-discharge-summary.pdf",
            letter: letters::DISCHARGE_SUMMARY,
            style: || Style::letter((300.0, 300.0), Face::Serif, 11.0),
            finish: |pages, dice| {
                for page in pages.iter_mut() {
                    *page = degrade::skewed(page, -0.5, (300.0, 300.0));
                    degrade::specks(page, dice, 300);
                    degrade::threshold(page);
                }
                files::scanned(pages, 300.0, Image::Group4)
            },
        },
        Recipe {
            name: "photo-insurance-card.jpg",
            letter: letters::INSURANCE_CARD,
            // 3.375 × 2.125 inches.
            style: || Style { paper: (243.0, 153.0), dpi: (440.0, 440.0), face: Face::Sans, size: 8.0 },
            finish: |pages, dice| photo::of_card(&pages[0], dice),
        },
        Recipe {
            name: "upside-down-imaging-report.png",
            letter: letters::IMAGING_REPORT,
            style: || Style::letter((200.0, 200.0), Face::Sans, 11.0),
            finish: |pages, dice| {
                degrade::turn_half(&mut pages[0]);
                degrade::grain(&mut pages[0], dice, 3.0);
                files::png(&pages[0], 200.0)
            },
        },
        Recipe {
            name: "scan-claim-lzw.tif",
            letter: letters::CLAIM,
            style: || Style::letter((200.0, 200.0), Face::Sans, 10.0),
            finish: |pages, _| files::packed(pages, 200, Compression::Lzw),
        },
        Recipe {
            name: "scan-consent-packbits.tif",
            letter: letters::CONSENT_FORM,
            style: || Style::letter((200.0, 200.0), Face::Serif, 11.5),
            finish: |pages, dice| {
                *pages = vec![degrade::skewed(&pages[0], 1.2, (200.0, 200.0))];
                let fold = pages[0].height as f32 * 0.52;
                degrade::fold(&mut pages[0], dice, fold);
                degrade::blur(&mut pages[0]);
                files::packed(pages, 200, Compression::Packbits)
            },
        },
        Recipe {
            name: "scan-visitors-deflate.tif",
            letter: letters::COVER_SHEET,
            style: || Style::letter((150.0, 150.0), Face::Sans, 12.0),
            finish: |pages, _| {
                files::packed(pages, 150, Compression::Deflate(tiff::encoder::DeflateLevel::Balanced))
            },
        },
        Recipe {
            name: "scan-prescription-jpeg.tif",
            letter: letters::PRESCRIPTION,
            style: || Style::letter((200.0, 200.0), Face::Serif, 12.0),
            finish: |pages, _| {
                Tiff { packing: Packing::Jpeg, dpi: (200, 200), lsb_first: false, big_endian: true }
                    .write(pages)
            },
        },
        Recipe {
            name: "scan-note-bits-lsb.tif",
            letter: letters::CLINICAL_NOTE,
            style: || Style::letter((200.0, 200.0), Face::Sans, 11.0),
            finish: |pages, _| {
                Tiff { packing: Packing::Bits, dpi: (200, 200), lsb_first: true, big_endian: false }
                    .write(pages)
            },
        },
    ]
}

/// Names, in order.
pub(crate) fn names() -> Vec<&'static str> {
    recipes().iter().map(|recipe| recipe.name).collect()
}

/// Makes one.
pub(crate) fn make(name: &str) -> Option<Sample> {
    recipes().into_iter().find(|recipe| recipe.name == name).map(|recipe| follow(&recipe, name))
}

/// A prescription for another person at each number.
pub(crate) fn slip(number: u32) -> Sample {
    let recipe = Recipe {
        name: "slip.png",
        letter: letters::PRESCRIPTION,
        style: || Style::letter((150.0, 150.0), Face::Sans, 12.0),
        finish: |pages, _| files::png(&pages[0], 150.0),
    };
    follow(&recipe, &format!("slip {number}"))
}

fn follow(recipe: &Recipe, seed: &str) -> Sample {
    let mut dice = Dice::seeded(seed);
    let person = Person::invent(&mut dice);
    let mut sheet = Sheet::new((recipe.style)());
    (recipe.letter.write)(&mut sheet, &person);
    let removed = std::mem::take(&mut sheet.removed);
    let mut pages = sheet.into_pages();
    let bytes = (recipe.finish)(&mut pages, &mut dice);
    let expected = Expected {
        // A class that a person must decide, or a reading that is not sure enough, goes to review.
        states: vec![Status::Delivered, Status::Review],
        reason: None,
        class: Some(recipe.letter.class),
        pages: Some(pages.len() as u32),
        words: recipe.letter.words.to_vec(),
        removed,
    };
    Sample { name: recipe.name, bytes, expected }
}

fn msb(scheme: Scheme) -> Tiff {
    // The resolution is filled in by `fax`.
    Tiff { packing: Packing::Fax(scheme), dpi: (0, 0), lsb_first: false, big_endian: false }
}

/// Sends pages by fax: a header line, a crooked feed, noise on the line, black and white only.
fn fax(pages: &mut [Canvas], dice: &mut Dice, dpi: (f32, f32), skew: f32, file: Tiff) -> Vec<u8> {
    let of = pages.len();
    for (number, page) in pages.iter_mut().enumerate() {
        *page = degrade::skewed(page, skew, dpi);
        degrade::grain(page, dice, 14.0);
        degrade::specks(page, dice, 60);
        let header = format!("FROM CEDAR VALLEY CLINIC    FAX 555 0142    PAGE {} OF {of}", number + 1);
        degrade::fax_header(page, dpi, &header);
        degrade::threshold(page);
    }
    Tiff { dpi: (dpi.0 as u32, dpi.1 as u32), ..file }.write(pages)
}
