//! A page as text that rules can read: words in segments (pieces of a line without a column gap),
//! segments in columns, columns in one string whose every byte knows its word. It finds nothing and
//! decides nothing.

mod columns;
mod cover;
mod segment;

pub(crate) use segment::Segment;
use std::ops::Range;
use types::{PageGeometry, PageWords, Rect};

/// Between two columns of the text; no pattern matches it, so nothing is found across columns.
const COLUMN_BREAK: char = '\u{1}';

/// No word: the byte is a separator.
const NO_WORD: u32 = u32::MAX;

/// A run of characters of one word that punctuation does not part, trimmed to its letters and digits.
pub(crate) struct Token {
    /// Where in the text.
    pub(crate) span: Range<usize>,
    /// In which segment.
    pub(crate) segment: usize,
    /// Lower case, without a possessive `'s`.
    pub(crate) lower: String,
}

/// One page, readable. Holds PHI.
pub(crate) struct Sheet {
    /// All segments: spaces in a segment, a line feed between the segments of a column.
    pub(crate) text: String,
    /// The word of each byte of the text.
    owners: Vec<u32>,
    /// In the order of the text.
    pub(crate) tokens: Vec<Token>,
    /// In the order of the text.
    pub(crate) segments: Vec<Segment>,
    /// The box of each word of the page.
    rects: Vec<Rect>,
    /// Where in its segment each word of the page stands.
    seats: Vec<u32>,
    /// The page, where its size is known.
    size: Option<(u32, u32)>,
}

impl Sheet {
    /// Reads a page. Without a geometry, boxes are not kept inside the page.
    pub(crate) fn new(words: &PageWords, geometry: Option<&PageGeometry>) -> Self {
        let pieces = segment::cut(words);
        let links = columns::link(&pieces, words);
        let mut sheet = Self {
            text: String::new(),
            owners: Vec::new(),
            tokens: Vec::new(),
            segments: Vec::with_capacity(pieces.len()),
            rects: words.words.iter().map(|word| word.rect).collect(),
            seats: vec![0; words.words.len()],
            size: geometry.map(|page| (page.width_px, page.height_px)),
        };
        let order = columns::order(&links);
        let mut place = vec![0; pieces.len()];
        for (at, &(piece, _)) in order.iter().enumerate() {
            place[piece] = at;
        }
        for (piece, starts_column) in order {
            if !sheet.text.is_empty() {
                sheet.push(if starts_column { COLUMN_BREAK } else { '\n' }, NO_WORD);
            }
            let seat = |other: Option<usize>| other.map(|other| place[other]);
            let link = &links[piece];
            sheet.write(&pieces[piece], words, seat(link.right), seat(link.below), seat(link.above));
        }
        sheet
    }

    fn write(
        &mut self,
        piece: &segment::Piece,
        words: &PageWords,
        right: Option<usize>,
        below: Option<usize>,
        above: Option<usize>,
    ) {
        let (text_from, tokens_from) = (self.text.len(), self.tokens.len());
        for (nth, &word) in (0..).zip(&piece.words) {
            self.seats[word as usize] = nth;
            if nth > 0 {
                self.push(' ', NO_WORD);
            }
            let from = self.text.len();
            for c in words.words[word as usize].text.expose().chars() {
                self.push(plain(c), word);
            }
            self.tokenize(from);
        }
        let (upper, lower) = self.text[text_from..].chars().fold((0, 0), |(upper, lower), c| {
            (upper + usize::from(c.is_uppercase()), lower + usize::from(c.is_lowercase()))
        });
        self.segments.push(Segment {
            capitals: upper > 4 * lower,
            rect: piece.rect,
            words: piece.words.clone(),
            span: text_from..self.text.len(),
            tokens: tokens_from..self.tokens.len(),
            right,
            below,
            above,
        });
    }

    fn push(&mut self, c: char, word: u32) {
        self.text.push(c);
        self.owners.resize(self.text.len(), word);
    }

    fn tokenize(&mut self, from: usize) {
        let segment = self.segments.len();
        let mut spans = Vec::new();
        let mut at = from;
        for part in self.text[from..].split(parts_tokens) {
            split_at_points(part, at, &mut spans);
            // Every separator is one ASCII byte.
            at += part.len() + 1;
        }
        for span in spans {
            let lower = self.text[span.clone()].to_lowercase();
            let lower = lower.strip_suffix("'s").map_or(lower.clone(), str::to_owned);
            self.tokens.push(Token { span, segment, lower });
        }
    }

    /// The token as it was written.
    pub(crate) fn written(&self, token: usize) -> &str {
        &self.text[self.tokens[token].span.clone()]
    }

    /// What stands between a token and the next one; the rest of the text after the last.
    pub(crate) fn gap_after(&self, token: usize) -> &str {
        let to = self.tokens.get(token + 1).map_or(self.text.len(), |next| next.span.start);
        &self.text[self.tokens[token].span.end..to]
    }

    /// What stands between a token and the one before it; the start of the text before the first.
    pub(crate) fn gap_before(&self, token: usize) -> &str {
        let from = token.checked_sub(1).map_or(0, |before| self.tokens[before].span.end);
        &self.text[from..self.tokens[token].span.start]
    }

    /// The text from the first token to the last (exclusive), punctuation around it left out.
    pub(crate) fn span_of(&self, tokens: Range<usize>) -> Range<usize> {
        self.tokens[tokens.start].span.start..self.tokens[tokens.end - 1].span.end
    }

    /// The tokens that a piece of the text touches.
    pub(crate) fn tokens_in(&self, span: &Range<usize>) -> Range<usize> {
        let from = self.tokens.partition_point(|token| token.span.end <= span.start);
        let to = self.tokens.partition_point(|token| token.span.start < span.end);
        from..to.max(from)
    }
}

/// Splits where a reader took a space for a point (`at.23236`), but not in `3.5`, `D.O.B.` or `M.D.`.
fn split_at_points(part: &str, from: usize, spans: &mut Vec<Range<usize>>) {
    let mut start = 0;
    for (point, _) in part.match_indices('.') {
        let (left, right) = (&part[start..point], &part[point + 1..]);
        let run =
            |text: &mut dyn Iterator<Item = char>| text.take_while(|c| c.is_alphanumeric()).take(2).count();
        let words = run(&mut left.chars().rev()) == 2 && run(&mut right.chars()) == 2;
        let decimal = left.ends_with(|c: char| c.is_ascii_digit())
            && right.starts_with(|c: char| c.is_ascii_digit())
            && !left.contains(char::is_alphabetic);
        if words && !decimal {
            spans.extend(core(left, from + start));
            start = point + 1;
        }
    }
    spans.extend(core(&part[start..], from + start));
}

/// The part between its first and its last letter or digit.
fn core(text: &str, from: usize) -> Option<Range<usize>> {
    let start = text.find(char::is_alphanumeric)?;
    let length = text.trim_end_matches(|c: char| !c.is_alphanumeric()).len();
    Some(from + start..from + length)
}

/// Where one word holds two tokens: `MRN:12345678`, `(DOB`, `Name:____Smith`.
fn parts_tokens(c: char) -> bool {
    matches!(
        c,
        ':' | ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '=' | '#' | '_' | '"' | '<' | '>' | '*' | '~'
    )
}

/// Typographic characters as the ones on a keyboard, so that rules name each once.
fn plain(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '`' | '\u{b4}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        c if c.is_control() || c.is_whitespace() => ' ',
        c => c,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use types::{Confidence, Phi, Word};

    /// Width of a character and height of a line of a test page, in px; the next line starts 30 px below.
    const CHAR_PX: usize = 10;
    const LINE_PX: usize = 20;

    /// A page from plain lines: each character 10 px wide, so two columns are parted by spaces.
    pub(crate) fn page(text: &str) -> PageWords {
        let mut words = Vec::new();
        for (line, content) in text.lines().enumerate() {
            let mut at = 0;
            for word in content.split(' ') {
                if !word.is_empty() {
                    let (x0, y0) = ((at * CHAR_PX) as u32, (line * 30) as u32);
                    let rect = Rect {
                        x0,
                        y0,
                        x1: x0 + (word.chars().count() * CHAR_PX) as u32,
                        y1: y0 + LINE_PX as u32,
                    };
                    let line = line as u32;
                    words.push(Word {
                        text: Phi::new(word.into()),
                        rect,
                        confidence: Confidence::new(0.95),
                        line,
                        block: 0,
                    });
                }
                at += word.chars().count() + 1;
            }
        }
        PageWords { words }
    }

    #[test]
    fn columns_are_read_one_after_the_other() {
        let sheet = Sheet::new(
            &page("Name: Ann Lee          MRN: 123\nDOB: today             Sex: F\n\n\nThe end"),
            None,
        );
        assert_eq!(sheet.text, "Name: Ann Lee\nDOB: today\u{1}MRN: 123\nSex: F\u{1}The end");
        assert_eq!(sheet.segments[0].right, Some(2));
        assert_eq!(sheet.segments[2].below, Some(3));
    }

    #[test]
    fn glued_labels_and_values_are_two_tokens_of_one_word() {
        let sheet = Sheet::new(&page("(DOB:01/02/1950) Ann's"), None);
        let tokens: Vec<_> = sheet.tokens.iter().map(|token| token.lower.as_str()).collect();
        assert_eq!(tokens, ["dob", "01/02/1950", "ann"]);
        assert_eq!(sheet.words_in(&sheet.tokens[1].span), [0]);
    }

    #[test]
    fn a_point_in_the_place_of_a_space_parts_tokens() {
        let sheet = Sheet::new(&page("lives at.23236 Elm . D.O.B. 3.5 V1.42558"), None);
        let tokens: Vec<_> = (0..sheet.tokens.len()).map(|token| sheet.written(token)).collect();
        assert_eq!(tokens, ["lives", "at", "23236", "Elm", "D.O.B", "3.5", "V1", "42558"]);
        assert_eq!(sheet.text, "lives at.23236 Elm D.O.B. 3.5 V1.42558");
    }

    #[test]
    fn text_of_other_scripts_keeps_its_place() {
        let sheet = Sheet::new(&page("José:Núñez “quoted” 你好"), None);
        let tokens: Vec<_> = (0..sheet.tokens.len()).map(|token| sheet.written(token)).collect();
        assert_eq!(tokens, ["José", "Núñez", "quoted", "你好"]);
    }
}
