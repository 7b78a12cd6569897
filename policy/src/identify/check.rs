//! Check digits and ranges of numbers that identify people: what tells them from other numbers.

use super::calendar::Trust;
use crate::fold;

/// A NANP number: ten digits, or eleven that start with 1. Invented numbers break the rules of area
/// and exchange so often that those only lower the trust.
pub(crate) fn phone(text: &str) -> Trust {
    let text = text.split(['x', 'X', 'e', 'E']).next().unwrap_or(text);
    let Some(read) = read_digits(text) else { return Trust::No };
    let national = match (read.len(), read.strip_prefix('1')) {
        (7 | 10, _) => &*read,
        (11, Some(rest)) => rest,
        _ => return Trust::No,
    };
    let starts_well = |part: &str| !part.starts_with(['0', '1']);
    let good = starts_well(national) && (national.len() == 7 || starts_well(&national[3..]));
    if good { Trust::Sure } else { Trust::Likely }
}

/// A social security number; numbers never issued (000, 666, 9xx, 00, 0000) are only likely.
pub(crate) fn ssn(text: &str) -> Trust {
    let Some(read) = read_digits(text) else { return Trust::No };
    if read.len() != 9 {
        return Trust::No;
    }
    let (area, group, serial) = (&read[..3], &read[3..5], &read[5..]);
    let issued =
        area != "000" && area != "666" && !area.starts_with('9') && group != "00" && serial != "0000";
    if issued { Trust::Sure } else { Trust::Likely }
}

/// A National Provider Identifier: ten digits, Luhn over 80840 and them.
pub(crate) fn npi(text: &str) -> Trust {
    match read_digits(text) {
        Some(read) if read.len() == 10 && luhn(&format!("80840{read}")) => Trust::Sure,
        _ => Trust::No,
    }
}

/// A DEA registration: two letters and seven digits, the last a check digit.
pub(crate) fn dea(text: &str) -> Trust {
    let digits: Vec<u32> = text.chars().skip(2).filter_map(|c| c.to_digit(10)).collect();
    let [a, b, c, d, e, f, check] = digits[..] else { return Trust::No };
    if (a + c + e + 2 * (b + d + f)) % 10 == check { Trust::Sure } else { Trust::No }
}

/// A Medicare Beneficiary Identifier: eleven places, letters without S L O I B Z.
pub(crate) fn mbi(text: &str) -> Trust {
    let places: Vec<char> = text.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    if places.len() != 11 {
        return Trust::No;
    }
    let letter = |c: char| c.is_ascii_uppercase() && !"SLOIBZ".contains(c);
    let digit = |c: char| c.is_ascii_digit();
    let good = |(at, &c): (usize, &char)| match at {
        0 => ('1'..='9').contains(&c),
        1 | 4 | 7 | 8 => letter(c),
        2 | 5 => letter(c) || digit(c),
        _ => digit(c),
    };
    if places.iter().enumerate().all(good) { Trust::Sure } else { Trust::No }
}

/// A number that nothing names but that is too long for a measurement: seven digits or more, and
/// neither a range of years nor of small numbers.
pub(crate) fn long_number(text: &str) -> Trust {
    let parts: Vec<&str> = text.split(['-', '.', '/', ' ']).collect();
    let year = |part: &&str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    let digits = fold::digits(text);
    let least = if parts.len() > 1 { 8 } else { 7 };
    if digits < least || parts.iter().all(year) { Trust::No } else { Trust::Sure }
}

/// The digits of a text, confusable letters read as digits; nothing when fewer than two thirds are.
fn read_digits(text: &str) -> Option<String> {
    let read: String = text.chars().filter_map(fold::as_digit).collect();
    (3 * fold::digits(text) >= 2 * read.len()).then_some(read)
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .chars()
        .rev()
        .filter_map(|c| c.to_digit(10))
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => digit,
            (_, double) => double / 10 + double % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Trust::{Likely, No, Sure};

    #[test]
    fn provider_identifiers_need_their_check_digit() {
        for (text, expected) in [("1234567893", Sure), ("1234567894", No), ("123456789", No)] {
            assert_eq!(npi(text), expected, "{text}");
        }
        for (text, expected) in [("AB1234563", Sure), ("AB1234564", No), ("AB123", No)] {
            assert_eq!(dea(text), expected, "{text}");
        }
    }

    #[test]
    fn member_identifiers_of_medicare_have_fixed_places() {
        for (text, expected) in
            [("1EG4-TE5-MK73", Sure), ("1EG4TE5MK73", Sure), ("1SG4TE5MK73", No), ("0EG4TE5MK73", No)]
        {
            assert_eq!(mbi(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_never_issued_are_only_likely() {
        for (text, expected) in
            [("219-09-9999", Sure), ("000-12-3456", Likely), ("9l2-12-3456", Likely), ("12-3456", No)]
        {
            assert_eq!(ssn(text), expected, "{text}");
        }
        for (text, expected) in [
            ("(312) 555-0188", Sure),
            ("+1 312.555.0188 ext. 12", Sure),
            ("(112) 555-0188", Likely),
            ("3I2-555-O188", Sure),
            ("12-3456", No),
        ] {
            assert_eq!(phone(text), expected, "{text}");
        }
    }

    #[test]
    fn measurements_are_no_long_numbers() {
        for (text, expected) in
            [("1234567", Sure), ("123456", No), ("2019-2024", No), ("1234567-89", Sure), ("150-400", No)]
        {
            assert_eq!(long_number(text), expected, "{text}");
        }
    }
}
