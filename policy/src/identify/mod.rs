//! Finds identifiers (B21) in what was read, and says which words to hide and why. It looks at
//! words and boxes only: it hides nothing itself and never sees a pixel.

mod address;
mod calendar;
mod check;
mod hits;
mod known;
mod labels;
mod names;
mod pattern;
mod residue;
mod rules;
mod values;

pub(crate) use residue::residue;
pub(crate) use rules::IdentifierRules;

use crate::{Identified, KnownValue, PageView, sheet::Sheet};
use hits::{Found, Values};
use known::Index;
use rules::{How, StaffNames};

/// Two looks at every page: what it shows by itself, then every value that is known by then.
pub(crate) fn identify(rules: &IdentifierRules, pages: &[PageView<'_>], known: &[KnownValue]) -> Identified {
    let sheets: Vec<Sheet> = pages.iter().map(|page| Sheet::new(page.words, Some(page.geometry))).collect();
    let mut found: Vec<Vec<Found>> = sheets.iter().map(|sheet| look(rules, sheet)).collect();
    if rules.staff_names == StaffNames::Show {
        found.iter_mut().for_each(|page| page.retain(|found| !found.staff));
    }
    let mut values = Values::default();
    for (sheet, found) in sheets.iter().zip(&found) {
        values.remember(sheet, found);
    }
    let values = values.list;
    if rules.detector(How::Known).is_some() {
        let index = Index::new(known.iter().chain(&values));
        for (sheet, found) in sheets.iter().zip(&mut found) {
            known::search(rules, sheet, &index, known::Reach::Wide, found);
        }
    }
    let pages = (pages.iter().zip(&sheets).zip(found))
        .map(|((page, sheet), found)| hits::hits(rules, page.words, sheet, found))
        .collect();
    Identified { pages, values }
}

/// Everything that one page shows by itself.
fn look(rules: &IdentifierRules, sheet: &Sheet) -> Vec<Found> {
    let labels = labels::locate(rules, sheet);
    let mut found = pattern::search(rules, sheet);
    found.extend(values::search(rules, sheet, &labels, &found));
    address::search(rules, sheet, &mut found);
    names::search(rules, sheet, &labels, &mut found);
    found
}
