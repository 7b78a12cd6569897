//! From the px of a source page to the normalised page: one measurement, one warp, one transform.

use super::{
    dpi,
    gray::Gray,
    ink::Ink,
    upright::{self, Bearing},
    warp::warp,
};
use crate::parse::check_raster_size;
use types::{Limits, PageGeometry, Reason, Transform};

/// A page as its source shows it.
pub(super) struct Scan {
    /// Its px.
    pub(super) px: Gray,
    /// Their resolution, if known.
    pub(super) dpi: Dpi,
}

/// What is known of a resolution.
pub(super) enum Dpi {
    /// The source says this, or nothing.
    Said(Option<(f64, f64)>),
    /// It was rendered so.
    Exact(f64),
}

/// A page as all later stations see it.
pub(super) struct Normalised {
    pub(super) geometry: PageGeometry,
    pub(super) px: Gray,
    pub(super) is_upright_unsure: bool,
}

/// Skew not worth a resampling, degrees: a line of 8 inches is off by one px at 70 dpi.
const SKEW_DEGREES_MIN: f64 = 0.1;

/// Makes the page upright, straight and square; `turn` fixes the clockwise quarter turns.
pub(super) fn normalise(scan: Scan, turn: Option<u8>, limits: &Limits) -> Result<Normalised, Reason> {
    let is_bilevel = scan.px.is_bilevel();
    let (x_dpi, y_dpi) = match scan.dpi {
        Dpi::Said(said) => dpi::settle(&scan.px, said, is_bilevel),
        Dpi::Exact(dpi) => (dpi, dpi),
    };
    let ink = Ink::of(&scan.px, x_dpi, y_dpi);
    let is_blank = ink.is_blank();
    let bearing = if is_blank {
        Bearing { quarter_turns: turn.unwrap_or(0), skew_degrees: 0.0, is_unsure: false }
    } else {
        upright::find(&ink.without_long_runs(), turn)
    };
    let skew_degrees = if bearing.skew_degrees.abs() < SKEW_DEGREES_MIN { 0.0 } else { bearing.skew_degrees };
    let plan = Plan::new(&scan.px, (x_dpi, y_dpi), bearing.quarter_turns, skew_degrees);
    check_raster_size(plan.width.into(), plan.height.into(), limits)?;
    let px = match plan.is_identity() {
        true => scan.px,
        false => warp(&scan.px, (plan.width, plan.height), &plan.to_source, is_bilevel, limits)?,
    };
    let geometry = PageGeometry {
        width_px: plan.width,
        height_px: plan.height,
        dpi: x_dpi.max(y_dpi).round() as u32,
        rotation_deg: u16::from(bearing.quarter_turns) * 90,
        skew_centideg: (skew_degrees * 100.0).round() as i32,
        transform: plan.to_source,
        bilevel: is_bilevel,
        blank: is_blank,
    };
    Ok(Normalised { geometry, px, is_upright_unsure: bearing.is_unsure })
}

/// Size of the normalised page and the way back to the source.
struct Plan {
    width: u32,
    height: u32,
    to_source: Transform,
}

impl Plan {
    fn new(source: &Gray, (x_dpi, y_dpi): (f64, f64), quarter_turns: u8, skew_degrees: f64) -> Self {
        let dpi = x_dpi.max(y_dpi);
        let stretched = |px: u32, its_dpi: f64| (f64::from(px) * dpi / its_dpi).round().max(1.0);
        let (square_width, square_height) = (stretched(source.width, x_dpi), stretched(source.height, y_dpi));
        let (width, height) = if quarter_turns % 2 == 1 {
            (square_height, square_width)
        } else {
            (square_width, square_height)
        };
        let unsquared =
            scaling(f64::from(source.width) / square_width, f64::from(source.height) / square_height);
        let to_source = turned_about_middle(skew_degrees, (width, height))
            .then(undo_quarter_turns(quarter_turns, square_width, square_height))
            .then(unsquared);
        Self { width: width as u32, height: height as u32, to_source }
    }

    fn is_identity(&self) -> bool {
        self.to_source == Transform::IDENTITY
    }
}

/// Turns a page of this size counter-clockwise about its middle, as one looks at it; exactly nothing for
/// no turn.
pub(super) fn turned_about_middle(degrees: f64, (width, height): (f64, f64)) -> Transform {
    if degrees == 0.0 {
        return Transform::IDENTITY;
    }
    let (x, y) = (width / 2.0, height / 2.0);
    let (sin, cos) = degrees.to_radians().sin_cos();
    Transform([cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y, 0.0, 0.0, 1.0])
}

/// From the upright page back to the page of this size before it was turned clockwise.
fn undo_quarter_turns(quarter_turns: u8, width: f64, height: f64) -> Transform {
    Transform(match quarter_turns {
        1 => [0.0, 1.0, 0.0, -1.0, 0.0, height, 0.0, 0.0, 1.0],
        2 => [-1.0, 0.0, width, 0.0, -1.0, height, 0.0, 0.0, 1.0],
        3 => [0.0, -1.0, width, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        _ => return Transform::IDENTITY,
    })
}

fn scaling(x: f64, y: f64) -> Transform {
    Transform([x, 0.0, 0.0, 0.0, y, 0.0, 0.0, 0.0, 1.0])
}
