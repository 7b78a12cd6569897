//! The taxonomy: eleven classes (requirements A7, A35, and A4/B2 for prescription and note).

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What kind of document this is. No class exists without a route, an owner and an SLA (A36).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocClass {
    /// A letter that hands a patient to another clinician.
    Referral,
    /// Measured values of a laboratory.
    LabResult,
    /// A radiologist's or sonographer's reading.
    ImagingReport,
    /// The summary of a hospital stay.
    DischargeSummary,
    /// A request to a payer before a service.
    PriorAuthorization,
    /// A bill to a payer (CMS-1500, UB-04, EOB).
    Claim,
    /// A photo or scan of a member card.
    InsuranceCard,
    /// Consent or authorization signed by a patient.
    ConsentForm,
    /// An order for medication.
    Prescription,
    /// A progress, operative or consultation note.
    ClinicalNote,
    /// Everything else; it always goes to a person.
    Miscellaneous,
}

impl DocClass {
    /// Every class, in the order of the taxonomy.
    pub const ALL: [DocClass; 11] = [
        Self::Referral,
        Self::LabResult,
        Self::ImagingReport,
        Self::DischargeSummary,
        Self::PriorAuthorization,
        Self::Claim,
        Self::InsuranceCard,
        Self::ConsentForm,
        Self::Prescription,
        Self::ClinicalNote,
        Self::Miscellaneous,
    ];

    /// The stable name used in files, on the wire and on screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Referral => "referral",
            Self::LabResult => "lab-result",
            Self::ImagingReport => "imaging-report",
            Self::DischargeSummary => "discharge-summary",
            Self::PriorAuthorization => "prior-authorization",
            Self::Claim => "claim",
            Self::InsuranceCard => "insurance-card",
            Self::ConsentForm => "consent-form",
            Self::Prescription => "prescription",
            Self::ClinicalNote => "clinical-note",
            Self::Miscellaneous => "miscellaneous",
        }
    }
}

impl fmt::Display for DocClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no class of the taxonomy. The text itself is not repeated: it may be PHI.
#[derive(Debug, thiserror::Error)]
#[error(
    "not a document class; expected one of referral, lab-result, imaging-report, discharge-summary, prior-authorization, claim, insurance-card, consent-form, prescription, clinical-note, miscellaneous"
)]
pub struct UnknownClass;

impl FromStr for DocClass {
    type Err = UnknownClass;
    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        Self::ALL.into_iter().find(|class| class.name() == text).ok_or(UnknownClass)
    }
}
