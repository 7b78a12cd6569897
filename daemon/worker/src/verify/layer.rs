//! The words of a text layer, read back from its operators.

use super::form::units;
use crate::redact::layer::{LETTER_WIDTH_THOUSANDTHS, UNITS_A_POINT, letter};
use types::{Confidence, PageGeometry, PageWords, Phi, Rect, Word};

/// The words of a page, in px of its geometry; `None` when any byte of the layer is not of our form.
pub(super) fn words(text: &[u8], geometry: &PageGeometry) -> Option<PageWords> {
    if text.is_empty() {
        return Some(PageWords::default());
    }
    let text = std::str::from_utf8(text).ok()?.strip_prefix("BT\n3 Tr\n")?.strip_suffix("ET\n")?;
    let mut lines = text.lines();
    let mut words: Vec<Word> = Vec::new();
    let mut last_baseline = None;
    while let Some(font) = lines.next() {
        let shown = Shown::read(font, lines.next()?, lines.next()?, lines.next()?)?;
        let line =
            words.last().map_or(0, |word| word.line + u32::from(last_baseline != Some(shown.baseline)));
        last_baseline = Some(shown.baseline);
        let rect = shown.rect(geometry)?;
        let confidence = Confidence::new(1.0);
        words.push(Word { text: Phi::new(shown.text), rect, confidence, line, block: 0 });
    }
    Some(PageWords { words })
}

/// One word as it is shown; lengths in ten-thousandths of a point.
struct Shown {
    size: u64,
    /// Ten-thousandths of a percent.
    stretch: u64,
    left: u64,
    baseline: u64,
    text: String,
}

impl Shown {
    fn read(font: &str, stretch: &str, place: &str, show: &str) -> Option<Self> {
        let size = units(font.strip_prefix("/Text ")?.strip_suffix(" Tf")?)?.0;
        let stretch = units(stretch.strip_suffix(" Tz")?)?.0;
        let (left, baseline) = place.strip_prefix("1 0 0 1 ")?.strip_suffix(" Tm")?.split_once(' ')?;
        let text = unescape(show.strip_prefix('(')?.strip_suffix(" ) Tj")?)?;
        Some(Self { size, stretch, left: units(left)?.0, baseline: units(baseline)?.0, text })
    }

    /// Where it stands, to the px: lengths were rounded down by less than one unit.
    fn rect(&self, geometry: &PageGeometry) -> Option<Rect> {
        let px = |units: u64| {
            let px = (u128::from(units) * u128::from(geometry.dpi)).div_ceil(72 * u128::from(UNITS_A_POINT));
            u32::try_from(px).ok()
        };
        let letters = self.text.chars().count() as u128;
        let natural = u128::from(self.size) * u128::from(LETTER_WIDTH_THOUSANDTHS) / 1000 * letters;
        let width =
            u64::try_from(natural * u128::from(self.stretch) / u128::from(100 * UNITS_A_POINT)).ok()?;
        let y1 = geometry.height_px.checked_sub(px(self.baseline)?)?;
        let rect = Rect {
            x0: px(self.left)?,
            y0: y1.saturating_sub(px(self.size)?),
            x1: px(self.left.checked_add(width)?)?.min(geometry.width_px),
            y1,
        };
        rect.is_inside(geometry.width_px, geometry.height_px).then_some(rect)
    }
}

/// The letters of a literal string as our writer escapes it.
fn unescape(text: &str) -> Option<String> {
    let mut letters = String::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let code = match byte {
            b'\\' => match bytes.next()? {
                plain @ (b'(' | b')' | b'\\') => plain,
                high @ b'0'..=b'3' => {
                    let mut digit = || bytes.next().filter(|digit| (b'0'..=b'7').contains(digit));
                    (high - b'0') << 6 | (digit()? - b'0') << 3 | (digit()? - b'0')
                }
                _ => return None,
            },
            b'(' | b')' => return None,
            plain @ b'!'..=b'~' => plain,
            _ => return None,
        };
        letters.push(letter(code)?);
    }
    (!letters.is_empty()).then_some(letters)
}
