//! Folding of what OCR confuses, and distance between short texts. Knows no document and no rule.

/// The digit that a reader may have taken this character for; real digits map to themselves.
pub(crate) fn as_digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        'O' | 'o' | 'Q' => Some('0'),
        'I' | 'l' | '|' | 'i' => Some('1'),
        'Z' | 'z' => Some('2'),
        'S' | 's' => Some('5'),
        'B' => Some('8'),
        _ => None,
    }
}

/// The letters of a word in lower case, with digits read as the letters they resemble.
pub(crate) fn letters(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '0' => Some('o'),
            '1' | '|' => Some('l'),
            '5' => Some('s'),
            '8' => Some('b'),
            c if c.is_alphabetic() => c.to_lowercase().next(),
            _ => None,
        })
        .collect()
}

/// The key under which two readings of one value meet: letters and digits only, upper case, and the
/// confusable ones made equal.
pub(crate) fn squeeze(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .map(|c| match c.to_ascii_uppercase() {
            'O' | 'Q' => '0',
            'I' | 'L' => '1',
            'Z' => '2',
            'S' => '5',
            'B' => '8',
            other => other,
        })
        .collect()
}

/// How many real digits a text has.
pub(crate) fn digits(text: &str) -> usize {
    text.chars().filter(char::is_ascii_digit).count()
}

/// Are two words equal but for one inserted, lost or changed character?
pub(crate) fn within_one(a: &str, b: &str) -> bool {
    let (a, b) = if a.len() <= b.len() { (a.as_bytes(), b.as_bytes()) } else { (b.as_bytes(), a.as_bytes()) };
    if b.len() - a.len() > 1 {
        return false;
    }
    let Some(first) = (0..a.len()).find(|&i| a[i] != b[i]) else { return true };
    let kept = if a.len() == b.len() { &a[first + 1..] } else { &a[first..] };
    kept == &b[first + 1..]
}

/// Longest text that [`within`] compares, in bytes: a bound on its quadratic work.
const COMPARED_BYTES_MAX: usize = 64;

/// Is the edit distance of two short texts at most `most`?
pub(crate) fn within(a: &str, b: &str, most: usize) -> bool {
    if a == b {
        return true;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > most || a.len().max(b.len()) > COMPARED_BYTES_MAX {
        return false;
    }
    // One edit takes at most one letter out of a word and puts one in: most pairs end here.
    if (letter_set(a) ^ letter_set(b)).count_ones() as usize > 2 * most {
        return false;
    }
    let mut row: [usize; COMPARED_BYTES_MAX + 1] = std::array::from_fn(|at| at);
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()] <= most
}

fn letter_set(text: &[u8]) -> u64 {
    text.iter().fold(0, |set, byte| set | 1 << (byte & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusable_readings_of_one_value_meet() {
        assert_eq!(squeeze("BCX-1O2S"), squeeze("bcx 1025"));
        assert_eq!(letters("J0hn5on"), "johnson");
        assert_eq!(digits("12-AB-3"), 3);
    }

    #[test]
    fn distance_counts_one_change_loss_or_insertion() {
        for (a, b, near) in [
            ("wagner", "wagner", true),
            ("wagner", "wagmer", true),
            ("wagner", "wagne", true),
            ("wagner", "wwagner", true),
            ("wagner", "wgaenr", false),
            ("", "a", true),
            ("", "ab", false),
        ] {
            assert_eq!(within_one(a, b), near, "{a} {b}");
            assert_eq!(within(a, b, 1), near, "{a} {b}");
        }
        assert!(within("laboratoryreport", "1aboratoyreport", 2));
    }
}
