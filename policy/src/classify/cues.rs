//! How a page looks: cues that need no sentence to be read.

use crate::{PageView, sheet::Sheet};
use serde::Deserialize;

/// Rows that make a table of results.
const TABLE_ROWS_MIN: usize = 4;

/// Words of a card, at most.
const CARD_WORDS_MAX: usize = 90;

/// Width to height of a card (ID-1 is 1.586), with the margins of a photo.
const CARD_ASPECT: std::ops::RangeInclusive<f32> = 1.25..=1.95;

/// Units of laboratory values, in lower case.
const UNITS: &[&str] = &[
    "mg/dl",
    "g/dl",
    "mmol/l",
    "umol/l",
    "meq/l",
    "u/l",
    "iu/l",
    "ng/ml",
    "pg/ml",
    "ng/dl",
    "ug/dl",
    "mcg/dl",
    "miu/l",
    "uiu/ml",
    "miu/ml",
    "k/ul",
    "m/ul",
    "10*3/ul",
    "10*6/ul",
    "x10e3/ul",
    "x10e6/ul",
    "thou/ul",
    "cells/ul",
    "/ul",
    "fl",
    "pg",
    "mm/hr",
    "mosm/kg",
    "ml/min",
    "ml/min/1.73",
    "mg/l",
    "g/l",
    "nmol/l",
    "pmol/l",
    "%",
    "sec",
];

/// Words of a direction how to take a drug, in lower case.
const DIRECTIONS: &[&str] = &[
    "tablet", "tablets", "tab", "tabs", "capsule", "capsules", "cap", "caps", "sig", "refill", "refills",
    "dispense", "disp", "qty",
];

/// One cue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Cue {
    /// Rows that end in units or ranges.
    UnitsTable,
    /// The shape of a card and few words.
    Card,
    /// "Dear …".
    Letter,
    /// Amounts, quantities and refills.
    DrugDirections,
    /// Many short labels with little between them.
    Form,
}

impl Cue {
    /// How clear the cue is, 0..=1.
    pub(crate) fn strength(self, page: &PageView<'_>, sheet: &Sheet) -> f32 {
        match self {
            Self::UnitsTable => graded(rows_of_values(sheet), TABLE_ROWS_MIN),
            Self::Card => f32::from(u8::from(is_card(page))),
            Self::Letter => {
                let salutation = |segment: &crate::sheet::Segment| {
                    sheet.text[segment.span.clone()].trim_start().to_lowercase().starts_with("dear ")
                };
                f32::from(u8::from(sheet.segments.iter().any(salutation)))
            }
            Self::DrugDirections => {
                let mut seen: Vec<&str> = sheet.tokens.iter().map(|token| &*token.lower).collect();
                seen.retain(|token| DIRECTIONS.contains(token));
                seen.sort_unstable();
                seen.dedup();
                graded(seen.len(), 3)
            }
            Self::Form => graded(sheet.text.matches(':').count() * 20 / sheet.tokens.len().max(20), 3),
        }
    }
}

/// 0 for none, 1 from `enough` on.
fn graded(count: usize, enough: usize) -> f32 {
    (count as f32 / enough as f32).min(1.0)
}

/// Segments that are a unit, end in one, or are a range like `3.5 - 5.1`.
fn rows_of_values(sheet: &Sheet) -> usize {
    let value = |segment: &&crate::sheet::Segment| {
        let text = sheet.text[segment.span.clone()].to_lowercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        words.len() <= 8 && words.iter().any(|word| UNITS.contains(&word.trim_matches([',', '|', '(', ')'])))
    };
    sheet.segments.iter().filter(value).count()
}

fn is_card(page: &PageView<'_>) -> bool {
    let aspect = page.geometry.width_px as f32 / page.geometry.height_px.max(1) as f32;
    CARD_ASPECT.contains(&aspect) && page.words.words.len() <= CARD_WORDS_MAX
}
