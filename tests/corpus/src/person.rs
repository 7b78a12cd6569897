//! Invented people. Telephone numbers are of the 555-01xx block kept for fiction, e-mail addresses of
//! example domains, the SSN is one that was voided after it had been printed on wallets, and the NPI and
//! MBI are the published specimens.

use crate::Dice;

const FIRST: [&str; 16] = [
    "Margaret", "Harold", "Dolores", "Walter", "Beatrice", "Raymond", "Lorraine", "Eugene", "Patricia",
    "Leonard", "Theresa", "Clarence", "Juanita", "Gerald", "Annette", "Vernon",
];
const LAST: [&str; 16] = [
    "Hutchinson",
    "Delgado",
    "Abernathy",
    "Kowalski",
    "Pemberton",
    "Vasquez",
    "Lindqvist",
    "Okafor",
    "Thornton",
    "Ramirez",
    "McAllister",
    "Novak",
    "Winslow",
    "Castellano",
    "Fitzgerald",
    "Holloway",
];
const STREET: [&str; 8] = [
    "Maple Avenue",
    "Orchard Lane",
    "Second Street",
    "Washington Boulevard",
    "Cedar Court",
    "Hillcrest Drive",
    "Mill Road",
    "Park Avenue",
];
const TOWN: [(&str, &str, &str); 6] = [
    ("Springfield", "IL", "62704"),
    ("Madison", "WI", "53711"),
    ("Portland", "OR", "97214"),
    ("Dayton", "OH", "45402"),
    ("Burlington", "VT", "05401"),
    ("Fresno", "CA", "93721"),
];
const MONTH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Specimen NPI whose check digit is right.
pub(crate) const NPI: &str = "1234567893";
/// Specimen Medicare beneficiary identifier.
pub(crate) const MBI: &str = "1EG4-TE5-MK73";
/// The voided SSN.
pub(crate) const SSN: &str = "078-05-1120";

/// One patient and the clinicians around.
pub(crate) struct Person {
    /// Given name.
    pub(crate) first: &'static str,
    /// Family name.
    pub(crate) last: &'static str,
    /// Born: year, month, day.
    pub(crate) born: (u32, u32, u32),
    /// Medical record number, eight digits.
    pub(crate) mrn: String,
    /// Member number of a health plan.
    pub(crate) member: String,
    /// Account number.
    pub(crate) account: String,
    /// `(503) 555-0142`.
    pub(crate) phone: String,
    /// Address of an example domain.
    pub(crate) email: String,
    /// House number and street.
    pub(crate) street: String,
    /// City, state, ZIP.
    pub(crate) town: (&'static str, &'static str, &'static str),
    /// A relative's full name.
    pub(crate) relative: String,
    /// The clinician who writes.
    pub(crate) writer: String,
    /// The clinician who is written to.
    pub(crate) reader: String,
    /// Day of the document: year, month, day.
    pub(crate) seen: (u32, u32, u32),
}

impl Person {
    /// Somebody new.
    #[must_use]
    pub(crate) fn invent(dice: &mut Dice) -> Self {
        let (first, last) = (dice.pick(&FIRST), dice.pick(&LAST));
        Self {
            first,
            last,
            born: (dice.between(1936, 1994), dice.between(1, 12), dice.between(1, 28)),
            mrn: format!("{:08}", dice.between(20_000_000, 79_999_999)),
            member: format!("UHP{}", dice.between(100_000_000, 999_999_999)),
            account: format!("{}-{}", dice.between(1_000_000, 9_999_999), dice.between(10, 99)),
            phone: format!("({}) 555-{:04}", dice.between(301, 719), dice.between(100, 199)),
            email: format!("{}.{}@mail.example.com", first.to_lowercase(), last.to_lowercase()),
            street: format!("{} {}", dice.between(112, 4890), dice.pick(&STREET)),
            town: TOWN[dice.below(TOWN.len() as u32) as usize],
            relative: format!("{} {last}", dice.pick(&FIRST)),
            writer: format!("{} {}", dice.pick(&FIRST), dice.pick(&LAST)),
            reader: format!("{} {}", dice.pick(&FIRST), dice.pick(&LAST)),
            seen: (2026, dice.between(1, 9), dice.between(3, 26)),
        }
    }

    /// Given and family name.
    #[must_use]
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// `03/09/1961`.
    #[must_use]
    pub(crate) fn birth_date(&self) -> String {
        slashed(self.born)
    }

    /// City, state and ZIP on one line.
    #[must_use]
    pub(crate) fn city_line(&self) -> String {
        format!("{}, {} {}", self.town.0, self.town.1, self.town.2)
    }

    /// The document's day and `later` days more (within its month), `07/14/2026`.
    #[must_use]
    pub(crate) fn day(&self, later: u32) -> String {
        slashed((self.seen.0, self.seen.1, (self.seen.2 + later).min(28)))
    }

    /// The document's day in words, `July 14, 2026`.
    #[must_use]
    pub(crate) fn day_in_words(&self) -> String {
        let (year, month, day) = self.seen;
        format!("{} {day}, {year}", MONTH[month as usize - 1])
    }
}

fn slashed((year, month, day): (u32, u32, u32)) -> String {
    format!("{month:02}/{day:02}/{year}")
}
