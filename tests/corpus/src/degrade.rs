//! What scanners, fax machines and cameras do to paper. Every step is seeded by the caller's dice.

use crate::Dice;
use crate::canvas::{Canvas, Face, Type, stroke};

/// Turns the page by a small angle, clockwise, about its centre. px need not be square.
#[must_use]
pub(crate) fn skewed(page: &Canvas, degrees: f32, dpi: (f32, f32)) -> Canvas {
    let slope = degrees.to_radians().tan();
    let (across, down) = (slope * dpi.1 / dpi.0, slope * dpi.0 / dpi.1);
    let (cx, cy) = (page.width as f32 / 2.0, page.height as f32 / 2.0);
    let mut out = Canvas::white(page.width, page.height);
    for y in 0..page.height {
        for x in 0..page.width {
            let (dx, dy) = (x as f32 - cx, y as f32 - cy);
            out.px[y * page.width + x] = between(page, x as f32 + dy * down, y as f32 - dx * across);
        }
    }
    out
}

/// The value at a place between px, bilinear.
#[must_use]
pub(crate) fn between(page: &Canvas, x: f32, y: f32) -> u8 {
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let at = |dx: i64, dy: i64| f32::from(page.at(left as i64 + dx, top as i64 + dy));
    let upper = at(0, 0) * (1.0 - fx) + at(1, 0) * fx;
    let lower = at(0, 1) * (1.0 - fx) + at(1, 1) * fx;
    (upper * (1.0 - fy) + lower * fy) as u8
}

/// Upside down.
pub(crate) fn turn_half(page: &mut Canvas) {
    page.px.reverse();
}

/// A soft lens: each px becomes a mean of its neighbours, weighted to the middle.
pub(crate) fn blur(page: &mut Canvas) {
    let sharp = page.clone();
    for y in 0..page.height {
        for x in 0..page.width {
            let at = |dx: i64, dy: i64| u32::from(sharp.at(x as i64 + dx, y as i64 + dy));
            let sides = at(-1, 0) + at(1, 0) + at(0, -1) + at(0, 1);
            page.px[y * page.width + x] = ((at(0, 0) * 4 + sides) / 8) as u8;
        }
    }
}

/// Grain of the sensor: `amount` gray levels of deviation.
pub(crate) fn grain(page: &mut Canvas, dice: &mut Dice, amount: f32) {
    for value in &mut page.px {
        *value = (f32::from(*value) + dice.bell() * amount).clamp(0.0, 255.0) as u8;
    }
}

/// Paper that is not quite white, ink not quite black, and a shadow towards the right edge.
pub(crate) fn uneven_light(page: &mut Canvas, shadow: f32) {
    for (i, value) in page.px.iter_mut().enumerate() {
        let across = (i % page.width) as f32 / page.width as f32;
        let light = 246.0 - shadow * across * across;
        *value = (38.0 + (light - 38.0) * f32::from(*value) / 255.0) as u8;
    }
}

/// Dirt on the glass and noise on the line: `count` dots of one to three px.
pub(crate) fn specks(page: &mut Canvas, dice: &mut Dice, count: u32) {
    for _ in 0..count {
        let (x, y) = (i64::from(dice.below(page.width as u32)), i64::from(dice.below(page.height as u32)));
        page.fill(x, y, x + i64::from(dice.between(1, 3)), y + i64::from(dice.between(1, 2)));
    }
}

/// Black and white only.
pub(crate) fn threshold(page: &mut Canvas) {
    for value in &mut page.px {
        *value = if *value < 128 { 0 } else { 255 };
    }
}

/// The line that a fax machine prints over the page it sends.
pub(crate) fn fax_header(page: &mut Canvas, dpi: (f32, f32), text: &str) {
    let points = |pt: f32| (pt * dpi.0 / 72.0, pt * dpi.1 / 72.0);
    let (em_x, em_y) = points(9.0);
    let (x, y) = points(18.0);
    Type { face: Face::Mono, em_x, em_y }.draw(page, x, y, text);
}

/// A fold: a thin broken line across the page.
pub(crate) fn fold(page: &mut Canvas, dice: &mut Dice, y: f32) {
    let mut x = 0.0;
    while x < page.width as f32 {
        let length = dice.between(4, 40) as f32;
        stroke(page, &[(x, y), (x + length, y + dice.unit())], (0.6, 0.6));
        x += length + dice.between(6, 60) as f32;
    }
}
