//! What the sample documents say: one letter per document class, written for an invented patient.
//!
//! The text is ours; no real document was copied. A letter names the words that must survive reading
//! and redaction; its identifiers are those between `«` and `»`.

mod clinic;
mod orders;
mod payer;
mod results;

pub(crate) use clinic::{CLINICAL_NOTE, DISCHARGE_SUMMARY, REFERRAL};
pub(crate) use orders::{CONSENT_FORM, COVER_SHEET, PRESCRIPTION};
pub(crate) use payer::{CLAIM, INSURANCE_CARD, PRIOR_AUTHORIZATION};
pub(crate) use results::{IMAGING_REPORT, LAB_RESULT};

use crate::{Person, Sheet};
use types::DocClass;

/// A kind of letter.
pub(crate) struct Letter {
    /// Its class.
    pub(crate) class: DocClass,
    /// Writes it.
    pub(crate) write: fn(&mut Sheet, &Person),
    /// Words that must be read and may stay.
    pub(crate) words: &'static [&'static str],
}

fn letterhead(sheet: &mut Sheet, house: &str, department: &str) {
    sheet.heading(house);
    sheet.small(department);
    sheet.rule();
    sheet.skip(0.5);
}
