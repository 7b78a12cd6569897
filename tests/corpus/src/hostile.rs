//! The samples that must be refused or held, each with the reason a person will see.

use crate::canvas::{Canvas, Face};
use crate::files::{self, Packing, Tiff, Trap};
use crate::letters;
use crate::t4::Scheme;
use crate::{Dice, Expected, Person, Sample, Sheet, Style};
use lifecycle::Status;
use types::Reason;

/// More pages than any source allows by default.
const FAR_TOO_MANY_PAGES: usize = 10_000;
/// Side of the image that the gigapixel TIFF claims, px.
const GIGAPIXEL_SIDE: u32 = 100_000;

struct Recipe {
    name: &'static str,
    reason: Reason,
    make: fn() -> Vec<u8>,
}

const RECIPES: [Recipe; 10] = [
    Recipe {
        name: "hostile-javascript.pdf",
        reason: Reason::PdfJavascript,
        make: || trapped(Trap::JavaScript),
    },
    Recipe { name: "hostile-launch.pdf", reason: Reason::PdfLaunch, make: || trapped(Trap::Launch) },
    Recipe {
        name: "hostile-embedded-file.pdf",
        reason: Reason::PdfEmbeddedFile,
        make: || trapped(Trap::EmbeddedFile),
    },
    Recipe { name: "hostile-encrypted.pdf", reason: Reason::Encrypted, make: || trapped(Trap::Password) },
    Recipe { name: "hostile-archive.pdf", reason: Reason::Archive, make: archive },
    Recipe { name: "hostile-empty.pdf", reason: Reason::Empty, make: Vec::new },
    Recipe { name: "hostile-truncated.tif", reason: Reason::Truncated, make: truncated },
    Recipe {
        name: "hostile-many-pages.pdf",
        reason: Reason::TooManyPages,
        make: || files::many_pages(FAR_TOO_MANY_PAGES),
    },
    Recipe { name: "hostile-gigapixel.tif", reason: Reason::PageTooLarge, make: gigapixel },
    Recipe { name: "hostile-text.tif", reason: Reason::UnsupportedFormat, make: text },
];

/// Names, in order.
pub(crate) fn names() -> Vec<&'static str> {
    RECIPES.iter().map(|recipe| recipe.name).collect()
}

/// Makes one.
pub(crate) fn make(name: &str) -> Option<Sample> {
    let recipe = RECIPES.iter().find(|recipe| recipe.name == name)?;
    let state = match recipe.reason.disposition() {
        types::Disposition::Wait => Status::Quarantined,
        types::Disposition::Reject | types::Disposition::Retry | types::Disposition::Review => {
            Status::Rejected
        }
    };
    let expected = Expected {
        states: vec![state],
        reason: Some(recipe.reason),
        class: None,
        pages: None,
        words: Vec::new(),
        removed: Vec::new(),
    };
    Some(Sample { name: recipe.name, bytes: (recipe.make)(), expected })
}

fn page() -> Canvas {
    let person = Person::invent(&mut Dice::seeded("hostile"));
    let mut sheet = Sheet::new(Style::letter((150.0, 150.0), Face::Sans, 11.0));
    (letters::COVER_SHEET.write)(&mut sheet, &person);
    sheet.into_pages().swap_remove(0)
}

fn trapped(trap: Trap) -> Vec<u8> {
    files::trapped(&[page()], 150.0, trap)
}

/// A ZIP with one stored, empty entry, whatever its name says.
fn archive() -> Vec<u8> {
    let name = b"invoice.exe";
    let facts = [&[0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &[0; 12], &[name.len() as u8, 0, 0, 0]].concat();
    let local = [b"PK\x03\x04", &facts[..], name].concat();
    let central = [b"PK\x01\x02", &[0x14, 0][..], &facts[..], &[0; 14], name].concat();
    let (size, offset) = ((central.len() as u32).to_le_bytes(), (local.len() as u32).to_le_bytes());
    let end = [b"PK\x05\x06", &[0, 0, 0, 0, 1, 0, 1, 0][..], &size, &offset, &[0, 0]].concat();
    [local, central, end].concat()
}

/// A fax whose sender hung up: the directory says more than there is.
fn truncated() -> Vec<u8> {
    let mut whole = fax().write(&[page(), page()]);
    // The first directory is whole, the second page's data ends in the middle.
    whole.truncate(whole.len() * 3 / 4);
    whole
}

/// A few bytes that claim ten thousand million px.
fn gigapixel() -> Vec<u8> {
    let mut small = fax().write(&[Canvas::white(64, 64)]);
    let (width, side) = (64_u32.to_le_bytes(), GIGAPIXEL_SIDE.to_le_bytes());
    for tag in [256_u16, 257] {
        let entry = [&tag.to_le_bytes()[..], &[4, 0, 1, 0, 0, 0], &width].concat();
        let at = small.windows(entry.len()).position(|bytes| bytes == entry).expect("write() puts both tags");
        small[at + 8..at + 12].copy_from_slice(&side);
    }
    small
}

fn text() -> Vec<u8> {
    b"This is not a picture. It only says so in its name.\n".repeat(20)
}

fn fax() -> Tiff {
    Tiff { packing: Packing::Fax(Scheme::G4), dpi: (204, 196), lsb_first: false, big_endian: false }
}
