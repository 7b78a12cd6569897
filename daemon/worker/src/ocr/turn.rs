//! Which side of a page is up: the fullest part of it is read in all four turns.
//!
//! It turns no page; the daemon has it normalised again with the turn that reads best.

use super::raster::Gray;
use super::tesseract::{Layout, RawWord, Tesseract, TesseractError};

/// Side of the part that is tried, inches: some ten lines of print.
const WINDOW_INCHES: u32 = 3;
/// A turn must read so many times better than none to be believed.
const MARGIN: f32 = 1.5;
/// Words below this are as good as noise, percent.
const PLAUSIBLE_PERCENT: f32 = 60.0;
/// Letters in plausible words that a page must show before its turn is believed.
const LETTERS_MIN: f32 = 12.0;
/// Share of a page's words that is plausible when it is upright.
const UPRIGHT_SHARE: f32 = 0.6;

/// The clockwise turn (0, 90, 180, 270 degrees) in which the page reads best; `words` were read at 0.
pub(super) fn best_turn(
    tesseract: &mut Tesseract,
    page: &Gray,
    dpi: u32,
    words: &[RawWord],
) -> Result<u16, TesseractError> {
    if reads_well(words) {
        return Ok(0);
    }
    let mut window = fullest_window(page, (dpi * WINDOW_INCHES) as usize);
    let mut legible = [0.0; 4];
    for score in &mut legible {
        *score = legibility(&tesseract.read(&window, dpi, Layout::Block)?);
        window = window.turned();
    }
    let best = (1..4).max_by(|&a, &b| legible[a].total_cmp(&legible[b])).unwrap_or(0);
    let believed = legible[best] > legible[0] * MARGIN && legible[best] >= LETTERS_MIN;
    Ok(if believed { best as u16 * 90 } else { 0 })
}

fn reads_well(words: &[RawWord]) -> bool {
    let plausible = words.iter().filter(|word| plausible(word)).count();
    legibility(words) >= 4.0 * LETTERS_MIN && plausible as f32 >= UPRIGHT_SHARE * words.len() as f32
}

/// A word of letters that runs across the page. Tesseract also reads lines that run down it, and those
/// mean that the page lies on its side.
fn plausible(word: &RawWord) -> bool {
    let [left, top, right, bottom] = word.edges;
    let letters = word.text.chars().filter(|letter| letter.is_alphanumeric()).count();
    word.percent >= PLAUSIBLE_PERCENT
        && letters >= 3
        && right.saturating_sub(left) > bottom.saturating_sub(top)
}

/// Letters of plausible words, weighed by confidence.
fn legibility(words: &[RawWord]) -> f32 {
    let weigh = |word: &RawWord| word.text.chars().count() as f32 * word.percent / 100.0;
    words.iter().filter(|word| plausible(word)).map(weigh).sum()
}

/// The square of this side with the most changes between ink and paper.
fn fullest_window(page: &Gray, side: usize) -> Gray {
    let step = (side / 2).max(1);
    let corners = |length: usize| (0..=length.saturating_sub(side) / step).map(move |index| index * step);
    let parts = corners(page.height()).flat_map(|top| corners(page.width()).map(move |left| (left, top)));
    parts
        .filter_map(|(left, top)| page.cut(left, top, side, side))
        .max_by_key(changes)
        .unwrap_or_else(|| page.clone())
}

/// Changes along every fourth row: print has many, in whichever way it runs.
fn changes(part: &Gray) -> usize {
    const EVERY: usize = 4;
    let dark = |value: u8| value < 128;
    let along = |y: usize| part.row(y).windows(2).filter(|pair| dark(pair[0]) != dark(pair[1])).count();
    (0..part.height()).step_by(EVERY).map(along).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_lies_where_the_ink_is() {
        let ink = |x: usize, y: usize| x > 300 && y > 400 && x % 6 < 2 && y % 20 < 12;
        let px = (0..600 * 800).map(|at| if ink(at % 600, at / 600) { 0 } else { 255 }).collect();
        let page = Gray::new(600, 800, px).expect("as many px as its size says");
        let window = fullest_window(&page, 200);
        assert!(changes(&window) > 1500, "{}", changes(&window));
        assert_eq!((window.width(), window.height()), (200, 200));
    }

    #[test]
    fn noise_is_not_upright_print() {
        let word = |text: &str, percent| RawWord {
            text: text.to_owned(),
            edges: [0, 0, 60, 20],
            percent,
            starts_line: false,
            starts_block: false,
        };
        assert!(!reads_well(&[]));
        assert!(!reads_well(&(0..50).map(|_| word("Ipd", 30.0)).collect::<Vec<_>>()));
        assert!(reads_well(&(0..50).map(|_| word("patient", 93.0)).collect::<Vec<_>>()));
    }
}
