//! Which side of a page is up, and by how much its lines are off.
//!
//! Lines of text follow each other in a rhythm of a sixth of an inch or so, which the columns of a page
//! do not have: that tells a page on its side. Small letters have more ink above their bodies (b d f h
//! k l t, capitals, dots) than below (g j p q y): that tells a page on its head. Where either says too
//! little, the page is said to be unsure and words will have to decide.

use super::{ink::Ink, profile::Strips, skew};
use std::ops::RangeInclusive;

/// How a page lies.
pub(super) struct Bearing {
    /// Clockwise quarter turns that bring it upright.
    pub(super) quarter_turns: u8,
    /// Counter-clockwise skew that is left then, in degrees.
    pub(super) skew_degrees: f64,
    /// Another side could be up.
    pub(super) is_unsure: bool,
}

/// How much stronger the rhythm along one axis must be than along the other.
const RHYTHM_RATIO_MIN: f64 = 2.0;
/// Lines that lean one way, more than lines that lean the other, in standard deviations of a coin.
const LEAN_SIGMAS_MIN: f64 = 4.0;
/// Waves shorter than a few times this are not lines but the letters of a typewriter, inches.
const LETTER_WAVE_INCHES: f64 = 0.03;
/// Waves longer than a few times this are not lines but paragraphs and columns, inches.
const PARAGRAPH_WAVE_INCHES: f64 = 0.15;
/// Width of the bands that lines are looked for in, inches: lines hardly bend within.
const BAND_INCHES: f64 = 0.75;
/// Heights of a line with ascenders and descenders, inches: 5 to 24 points.
const LINE_INCHES: RangeInclusive<f64> = 0.05..=0.34;
/// Ink of a row, as a share of the fullest row of the line, with which it belongs to the letters' bodies.
const BODY_SHARE: f64 = 0.5;
/// Ink of a row, as a share of the fullest row of the band, with which it belongs to a line at all.
const LINE_SHARE: f64 = 0.04;
/// A line leans when the ink above and below its bodies differs by this share of the bodies' ink.
const LEAN_SHARE: f64 = 0.04;

/// How the page lies; with `turn`, that turn is taken as given.
pub(super) fn find(ink: &Ink, turn: Option<u8>) -> Bearing {
    if let Some(quarter_turns) = turn {
        let side = if quarter_turns % 2 == 0 { Side::of(ink) } else { Side::of(&ink.turned()) };
        return Bearing { quarter_turns, skew_degrees: side.skew_degrees, is_unsure: false };
    }
    let (level, sideways) = (Side::of(ink), Side::of(&ink.turned()));
    let rhythms = (level.rhythm(), sideways.rhythm());
    let is_level = rhythms.0 >= rhythms.1;
    let (side, ratio) =
        if is_level { (level, rhythms.0 / rhythms.1) } else { (sideways, rhythms.1 / rhythms.0) };
    let lean = side.lean();
    // NaN, from a page without any ink, is no rhythm either.
    let has_axis = ratio >= RHYTHM_RATIO_MIN;
    let has_lean = lean.abs() >= LEAN_SIGMAS_MIN;
    let quarter_turns = match (is_level, lean < 0.0) {
        // In doubt, the page stays as it came.
        (true, _) if !has_lean => 0,
        (false, _) if !has_axis => 0,
        (true, false) => 0,
        (false, false) => 1,
        (true, true) => 2,
        (false, true) => 3,
    };
    Bearing { quarter_turns, skew_degrees: side.skew_degrees, is_unsure: !(has_axis && has_lean) }
}

/// A page looked at from one side.
struct Side {
    strips: Strips,
    skew_degrees: f64,
    /// The skew on the map, rows a cell.
    slope: f64,
    x_dpi: f64,
    y_dpi: f64,
}

impl Side {
    fn of(ink: &Ink) -> Self {
        let strips = Strips::of(ink);
        let skew_degrees = skew::find(&strips, ink.x_dpi, ink.y_dpi);
        let slope = skew::slope(skew_degrees, ink.y_dpi / ink.x_dpi);
        Self { strips, skew_degrees, slope, x_dpi: ink.x_dpi, y_dpi: ink.y_dpi }
    }

    /// How much of the page's ink comes in waves as long as lines of text are apart.
    fn rhythm(&self) -> f64 {
        let profile = self.strips.profile(0..self.strips.count(), self.slope);
        let profile: Vec<f64> = profile.into_iter().map(f64::from).collect();
        let fine = smooth(&profile, LETTER_WAVE_INCHES * self.y_dpi);
        let coarse = smooth(&profile, PARAGRAPH_WAVE_INCHES * self.y_dpi);
        let waves: f64 = fine.iter().zip(&coarse).map(|(fine, coarse)| (fine - coarse).powi(2)).sum();
        let all: f64 = coarse.iter().map(|coarse| coarse.powi(2)).sum();
        if all > 0.0 { waves / all } else { 0.0 }
    }

    /// Lines with more ink above their bodies than below, less those the other way round, in standard
    /// deviations of chance.
    fn lean(&self) -> f64 {
        let count = self.strips.count();
        let band = ((Strips::to_inch(self.x_dpi) * BAND_INCHES).round() as usize).max(1);
        let (mut up, mut down) = (0_u32, 0_u32);
        for start in (0..count).step_by(band) {
            let profile = self.strips.profile(start..(start + band).min(count), self.slope);
            for lean in lines(&profile).filter_map(|line| lean_of(line, self.y_dpi)) {
                up += u32::from(lean > LEAN_SHARE);
                down += u32::from(lean < -LEAN_SHARE);
            }
        }
        (f64::from(up) - f64::from(down)) / f64::from(up + down).sqrt().max(1.0)
    }
}

/// The stretches of a band's profile that have ink.
fn lines(profile: &[u32]) -> impl Iterator<Item = &[u32]> {
    let least = (f64::from(profile.iter().copied().max().unwrap_or(0)) * LINE_SHARE) as u32;
    profile.split(move |sum| *sum <= least).filter(|line| !line.is_empty())
}

/// Ink above the bodies of a line, less the ink below, as a share of the bodies' ink.
fn lean_of(line: &[u32], y_dpi: f64) -> Option<f64> {
    if !LINE_INCHES.contains(&(line.len() as f64 / y_dpi)) {
        return None;
    }
    let full = f64::from(line.iter().copied().max()?) * BODY_SHARE;
    let is_body = |sum: &u32| f64::from(*sum) >= full;
    let (top, bottom) = (line.iter().position(is_body)?, line.iter().rposition(is_body)?);
    let ink = |rows: &[u32]| rows.iter().map(|sum| f64::from(*sum)).sum::<f64>();
    Some((ink(&line[..top]) - ink(&line[bottom + 1..])) / ink(&line[top..=bottom]))
}

/// Takes out waves that are short for `sigma` rows: three running means come close to a Gaussian.
fn smooth(profile: &[f64], sigma: f64) -> Vec<f64> {
    let reach = (sigma.round() as usize).max(1);
    (0..3).fold(profile.to_vec(), |rows, _| running_means(&rows, reach))
}

fn running_means(rows: &[f64], reach: usize) -> Vec<f64> {
    let mut total = 0.0;
    let sums: Vec<f64> = std::iter::once(0.0)
        .chain(rows.iter().map(|row| {
            total += row;
            total
        }))
        .collect();
    let mean = |i: usize| {
        let (from, to) = (i.saturating_sub(reach), (i + reach + 1).min(rows.len()));
        (sums[to] - sums[from]) / (to - from) as f64
    };
    (0..rows.len()).map(mean).collect()
}
