//! Real calendar dates, tolerant of what a reader does to digits and month names.

use crate::fold;

/// How much a piece of text is what its pattern says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    /// It passes the check of its kind.
    Sure,
    /// It has the shape and could be a misread one.
    Likely,
    /// It is something else.
    No,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Shortest month name that may be misread by a letter: "may" and "mar" are too close to other words.
const MISREAD_MONTH_LETTERS_MIN: usize = 5;

/// The parts of a date as written; a part that the form lacks is `None`.
pub(crate) struct Parts<'a> {
    pub(crate) year: Option<&'a str>,
    pub(crate) month: Option<&'a str>,
    pub(crate) month_name: Option<&'a str>,
    pub(crate) day: Option<&'a str>,
}

/// Is it a date? A misread one with a four-digit year is `Likely`: nothing else is written like that.
pub(crate) fn trust(parts: &Parts<'_>) -> Trust {
    let named = match parts.month_name {
        Some(name) => match month(name) {
            Some(month) => Some(month),
            None => return Trust::No,
        },
        None => None,
    };
    let numbers = [parts.year, parts.month, parts.day];
    if numbers.iter().flatten().any(|part| number(part).is_none()) {
        return Trust::No;
    }
    let year = parts.year.map(|year| (year.len(), number(year).unwrap_or(0)));
    let (first, second) = (parts.month.and_then(number), parts.day.and_then(number));
    let real = match (named, first, second) {
        (Some(month), _, Some(day)) => day_exists(year, month, day),
        (Some(_), _, None) => true,
        // US order, or the day first where the US order cannot be meant.
        (None, Some(a), Some(b)) => day_exists(year, a, b) || day_exists(year, b, a),
        _ => false,
    };
    match (real && year.is_none_or(plausible), year) {
        (true, _) => Trust::Sure,
        (false, Some((4, year))) if named.is_some() || plausible((4, year)) => Trust::Likely,
        _ => Trust::No,
    }
}

/// The month that a word names, in full or shortened to three letters or more.
pub(crate) fn month(word: &str) -> Option<u32> {
    let word = fold::letters(word);
    let position = |matches: &dyn Fn(&str) -> bool| MONTHS.iter().position(|name| matches(name));
    let exact = position(&|name| word.len() >= 3 && name.starts_with(&*word)).or(match &*word {
        "sept" => Some(8),
        _ => None,
    });
    let misread = || {
        (word.len() >= MISREAD_MONTH_LETTERS_MIN)
            .then(|| position(&|name| fold::within_one(name, &word)))
            .flatten()
    };
    exact.or_else(misread).map(|at| at as u32 + 1)
}

/// The number a reader saw, confusable letters read as digits, if at least half are digits.
fn number(text: &str) -> Option<u32> {
    let read: Option<String> = text.chars().map(fold::as_digit).collect();
    if 2 * fold::digits(text) < text.chars().count() { None } else { read?.parse().ok() }
}

fn plausible((places, year): (usize, u32)) -> bool {
    places == 2 || (1850..=2150).contains(&year)
}

fn day_exists(year: Option<(usize, u32)>, month: u32, day: u32) -> bool {
    let leap = match year {
        Some((4, year)) => year % 4 == 0 && (year % 100 != 0 || year % 400 == 0),
        Some((_, year)) => year % 4 == 0,
        None => true,
    };
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(month: &str, day: &str, year: &str) -> Trust {
        trust(&Parts { year: Some(year), month: Some(month), month_name: None, day: Some(day) })
    }

    #[test]
    fn only_days_of_the_calendar_are_sure() {
        for (month, day, year, expected) in [
            ("02", "29", "2024", Trust::Sure),
            ("02", "29", "2023", Trust::Likely),
            ("13", "01", "2024", Trust::Sure),
            ("13", "32", "2024", Trust::Likely),
            ("02", "30", "24", Trust::No),
            ("O1", "l2", "195O", Trust::Sure),
            ("IO", "lI", "SOSO", Trust::No),
            ("01", "02", "9999", Trust::No),
        ] {
            assert_eq!(numeric(month, day, year), expected, "{month}/{day}/{year}");
        }
    }

    #[test]
    fn months_are_known_in_full_shortened_and_misread() {
        for (word, expected) in [
            ("January", Some(1)),
            ("JAN", Some(1)),
            ("Sept", Some(9)),
            ("Septenber", Some(9)),
            ("0ctober", Some(10)),
            ("May", Some(5)),
            ("Mary", None),
            ("ja", None),
            ("mg", None),
        ] {
            assert_eq!(month(word), expected, "{word}");
        }
    }
}
