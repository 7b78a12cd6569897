//! Kinds of identifiers: the eight of B21 and the rest of the HIPAA Safe Harbor list
//! (45 CFR 164.514(b)(2)) that the first detectors know.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a redacted span identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdKind {
    /// Name of the patient or of a relative.
    Name,
    /// Date of birth.
    BirthDate,
    /// Any other date.
    Date,
    /// Street, city or ZIP.
    Address,
    /// Member or plan number of a health insurer.
    MemberId,
    /// Medical record number.
    Mrn,
    /// Account or claim number.
    Account,
    /// NPI, DEA or licence number of a provider.
    ProviderId,
    /// Telephone or fax number.
    Phone,
    /// Social security number.
    Ssn,
    /// Electronic mail address.
    Email,
    /// Web address.
    Url,
    /// Ink that nothing could read and that is therefore hidden.
    Unread,
}

impl IdKind {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::BirthDate => "birth-date",
            Self::Date => "date",
            Self::Address => "address",
            Self::MemberId => "member-id",
            Self::Mrn => "mrn",
            Self::Account => "account",
            Self::ProviderId => "provider-id",
            Self::Phone => "phone",
            Self::Ssn => "ssn",
            Self::Email => "email",
            Self::Url => "url",
            Self::Unread => "unread",
        }
    }
}

impl fmt::Display for IdKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
