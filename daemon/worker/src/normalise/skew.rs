//! By how much the lines of a page are off the horizontal: the slope at which the ink profile is
//! sharpest, since rows then are either all text or all gap.

use super::profile::Strips;

/// Largest skew looked for, degrees. Feeders and hands keep below; more is a photo.
const DEGREES_MAX: f64 = 5.0;
/// Steps of the search, degrees; each looks around the best of the one before.
const STEPS_DEGREES: [f64; 3] = [0.25, 0.05, 0.01];
/// How much sharper the best slope must be than the usual one; with less there are no lines to go by.
const SHARPNESS_RATIO_MIN: f64 = 1.2;

/// Narrower pages are as they are, inches: their ends are off by less than a cell of the map.
const WIDTH_INCHES_MIN: f64 = 2.5;

/// Degrees counter-clockwise, as one looks at the page; 0 when nothing tells. The resolutions are those
/// of the map.
pub(super) fn find(strips: &Strips, x_dpi: f64, y_dpi: f64) -> f64 {
    if (strips.count() as f64) < Strips::to_inch(x_dpi) * WIDTH_INCHES_MIN {
        return 0.0;
    }
    let aspect = y_dpi / x_dpi;
    let sharpness = |degrees: f64| sharpness(&strips.profile(0..strips.count(), slope(degrees, aspect)));
    let try_around = |middle: f64, reach: f64, step: f64| -> Vec<(f64, f64)> {
        let count = (reach / step).round() as i32;
        (-count..=count)
            .map(|i| middle + f64::from(i) * step)
            .map(|degrees| (degrees, sharpness(degrees)))
            .collect()
    };
    let tried = try_around(0.0, DEGREES_MAX, STEPS_DEGREES[0]);
    let usual = median(tried.iter().map(|(_, sharpness)| *sharpness).collect());
    let best = STEPS_DEGREES
        .windows(2)
        .fold(sharpest(&tried), |best, steps| sharpest(&try_around(best.0, steps[0], steps[1])));
    let is_clear = best.1 > usual * SHARPNESS_RATIO_MIN && best.0.abs() < DEGREES_MAX;
    if is_clear { best.0 } else { 0.0 }
}

/// How many rows a line with this skew falls from one cell to the next.
pub(super) fn slope(degrees: f64, aspect: f64) -> f64 {
    -degrees.to_radians().tan() * aspect
}

fn sharpest(tried: &[(f64, f64)]) -> (f64, f64) {
    // A sparse page is as sharp over a whole range of slopes: the straightest of them is meant.
    let by_sharpness =
        |a: &(f64, f64), b: &(f64, f64)| a.1.total_cmp(&b.1).then(b.0.abs().total_cmp(&a.0.abs()));
    tried.iter().copied().max_by(by_sharpness).unwrap_or((0.0, 0.0))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// How steep the profile is, from row to row.
fn sharpness(profile: &[u32]) -> f64 {
    profile.windows(2).map(|pair| f64::from(pair[0].abs_diff(pair[1])).powi(2)).sum()
}
