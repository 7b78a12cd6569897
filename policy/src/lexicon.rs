//! Names and ordinary English words with a rank each, answered by binary search in the shipped
//! texts (see `lexicon/README.md` for where they come from). Nothing is loaded or allocated.

use std::cmp::Ordering;

/// Lines of a word and one digit, sorted by word.
struct Table(&'static str);

static GIVEN: Table = Table(include_str!("../lexicon/given-names.txt"));
static SURNAMES: Table = Table(include_str!("../lexicon/surnames.txt"));
static WORDS: Table = Table(include_str!("../lexicon/words.txt"));

/// Everyday words that are written with a capital, so that the list of lower-case words lacks them.
const CALENDAR: [&str; 17] = [
    "january",
    "february",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// How common a given name is: 0 unknown, 1 rare, 6 borne by more than 1 in 400.
pub(crate) fn given(name: &str) -> u8 {
    GIVEN.rank(name)
}

/// How common a surname is, on the scale of [`given`].
pub(crate) fn surname(name: &str) -> u8 {
    SURNAMES.rank(name)
}

/// How ordinary an English word is: 0 is no word of the list, 3 an uncommon word, 1 an everyday one.
pub(crate) fn ordinary(word: &str) -> u8 {
    if CALENDAR.contains(&word) { 1 } else { WORDS.rank(word) }
}

impl Table {
    /// The rank of a lower-case word; 0 when it is not in the table.
    fn rank(&self, word: &str) -> u8 {
        let bytes = self.0.as_bytes();
        let (mut low, mut high) = (0, bytes.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let start = bytes[..middle].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
            let end = bytes[middle..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |at| middle + at);
            let Some((&rank, entry)) = bytes[start..end].split_last() else { return 0 };
            match entry.cmp(word.as_bytes()) {
                Ordering::Equal => return rank.wrapping_sub(b'0'),
                Ordering::Less => low = end + 1,
                Ordering::Greater => high = start,
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found_again_and_nothing_else() {
        for table in [&GIVEN, &SURNAMES, &WORDS] {
            assert!(table.0.ends_with('\n'));
            for line in table.0.lines() {
                let (word, rank) = line.split_at(line.len() - 1);
                assert_eq!(table.rank(word).to_string(), rank, "{word}");
            }
        }
        for absent in ["", "zzzzzz", "a1", "lopéz", "maria "] {
            assert_eq!((given(absent), surname(absent)), (0, 0), "{absent}");
        }
    }

    #[test]
    fn ranks_tell_common_from_rare() {
        assert!(given("maria") > given("abby") && surname("smith") == 6 && ordinary("the") == 1);
    }
}
