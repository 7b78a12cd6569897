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
use hits::Found;
use known::Index;
use rules::{How, StaffNames};

/// Most values remembered of one document; a packet of 500 pages has fewer.
const VALUES_MAX: usize = 20_000;

/// Two looks at every page: what it shows by itself, then every value that is known by then.
pub(crate) fn identify(rules: &IdentifierRules, pages: &[PageView<'_>], known: &[KnownValue]) -> Identified {
    let sheets: Vec<Sheet> = pages.iter().map(|page| Sheet::new(page.words, Some(page.geometry))).collect();
    let mut found: Vec<Vec<Found>> = sheets.iter().map(|sheet| look(rules, sheet)).collect();
    if rules.staff_names == StaffNames::Show {
        found.iter_mut().for_each(|page| page.retain(|found| !found.staff));
    }
    let mut values = known.to_vec();
    for (sheet, found) in sheets.iter().zip(&found) {
        hits::values_into(sheet, found, &mut values);
    }
    values.truncate(VALUES_MAX);
    if rules.detector(How::Known).is_some() {
        let index = Index::new(&values);
        for (sheet, found) in sheets.iter().zip(&mut found) {
            known::search(rules, sheet, &index, known::Reach::Wide, found);
        }
    }
    let pages = (pages.iter().zip(&sheets).zip(found))
        .map(|((page, sheet), found)| hits::hits(rules, page.words, sheet, found))
        .collect();
    Identified { pages, values: values.split_off(known.len().min(values.len())) }
}

/// Everything that one page shows by itself.
fn look(rules: &IdentifierRules, sheet: &Sheet) -> Vec<Found> {
    let mut found = Vec::new();
    pattern::search(rules, sheet, &mut found);
    let labels = labels::locate(rules, sheet);
    values::search(rules, sheet, &labels, &mut found);
    address::search(rules, sheet, &mut found);
    names::search(rules, sheet, &labels, &mut found);
    found
}
