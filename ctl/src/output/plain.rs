//! Makes text from elsewhere safe to print: a file name must not move the cursor, recolour the screen or
//! write backwards.

/// Replaces every character that a terminal would obey, reorder or hide.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_plain(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// As [`plain`], but lines stay lines.
pub(crate) fn plain_lines(text: &str) -> String {
    text.chars().map(|c| if c == '\n' || is_plain(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

fn is_plain(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'                   // soft hyphen, Arabic mark, Mongolian vowel separator
            | '\u{200b}'..='\u{200f}'                            // zero width, left-to-right and right-to-left marks
            | '\u{2028}'..='\u{202e}'                            // line and paragraph separators, bidi embeddings
            | '\u{2060}'..='\u{206f}'                            // word joiner, bidi isolates, deprecated formats
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'               // variation selectors, byte order mark
            | '\u{fff9}'..='\u{fffb}'                            // interlinear annotation
            | '\u{e0000}'..='\u{e0fff}')) // tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_printed_can_steer_a_terminal() {
        let hostile = "a\u{1b}[2Jb\rc\u{9b}31md\u{202e}e\u{200b}f\u{2066}g\u{7f}h\ni\tj";
        let shown = plain(hostile);
        assert!(shown.chars().all(|c| c == '\u{fffd}' || c.is_ascii_graphic()), "{shown:?}");
        assert_eq!(plain("Müller, 李 2.pdf"), "Müller, 李 2.pdf");
        assert_eq!(plain_lines("a\nb\u{1b}"), "a\nb\u{fffd}");
    }
}
