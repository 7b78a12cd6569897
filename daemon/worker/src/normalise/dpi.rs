//! The resolution of a page: what the file says, unless that cannot be.

use super::gray::Gray;
use std::ops::RangeInclusive;

/// Resolutions that scanners and faxes have.
const PLAUSIBLE_DPI: RangeInclusive<f64> = 50.0..=1200.0;
/// Longest page, inches: A2. Pictures saved without a resolution say 72 or 96 dpi, which makes a letter
/// of them that is 3 feet long.
const LONG_SIDE_INCHES_MAX: f64 = 24.0;
/// Vertical by horizontal resolution: the coarsest fax has 0.48.
const PLAUSIBLE_ASPECT: RangeInclusive<f64> = 0.4..=2.5;
/// Long side of a page whose file says nothing usable, inches: between letter and A4.
const LONG_SIDE_INCHES: f64 = 11.3;
/// Bounds of the estimate.
const ESTIMATED_DPI: RangeInclusive<f64> = 72.0..=600.0;
/// Columns of a Group 3 fax, their resolution, and the rows up to which it is in standard resolution.
const FAX_COLUMNS: u32 = 1728;
const FAX_X_DPI: f64 = 204.0;
const FAX_FINE_Y_DPI: f64 = 196.0;
const FAX_STANDARD_Y_DPI: f64 = 98.0;
const FAX_STANDARD_ROWS_MAX: u32 = 1400;
/// Difference of the two resolutions, as a share, up to which px count as square.
const SQUARE_TOLERANCE: f64 = 0.005;

/// Horizontal and vertical resolution of a page, from what its file says.
pub(super) fn settle(page: &Gray, said: Option<(f64, f64)>, is_bilevel: bool) -> (f64, f64) {
    match said.filter(|dpi| is_plausible(page, *dpi)) {
        Some((x, y)) if (x / y - 1.0).abs() <= SQUARE_TOLERANCE => (x, x),
        Some(dpi) => dpi,
        None if is_bilevel && page.width == FAX_COLUMNS => {
            let is_standard = page.height <= FAX_STANDARD_ROWS_MAX;
            (FAX_X_DPI, if is_standard { FAX_STANDARD_Y_DPI } else { FAX_FINE_Y_DPI })
        }
        None => {
            let long_side = f64::from(page.width.max(page.height));
            let dpi =
                (long_side / LONG_SIDE_INCHES).clamp(*ESTIMATED_DPI.start(), *ESTIMATED_DPI.end()).round();
            (dpi, dpi)
        }
    }
}

fn is_plausible(page: &Gray, (x, y): (f64, f64)) -> bool {
    let long_side = (f64::from(page.width) / x).max(f64::from(page.height) / y);
    PLAUSIBLE_DPI.contains(&x)
        && PLAUSIBLE_DPI.contains(&y)
        && PLAUSIBLE_ASPECT.contains(&(y / x))
        && long_side <= LONG_SIDE_INCHES_MAX
}
