//! A photograph of a card on a table: perspective of the hand, light from one side, grain.

use crate::canvas::Canvas;
use crate::degrade::between;
use crate::{Dice, files};

/// Size of the photo, px.
const WIDTH: usize = 1800;
const HEIGHT: usize = 1300;
/// How far the card is turned, radians.
const TURN: f32 = 0.035;
/// Corner radius of the card, px of the card.
const CORNER: f32 = 48.0;
const CARD_RGB: [f32; 3] = [232.0, 241.0, 248.0];
const INK_RGB: [f32; 3] = [24.0, 32.0, 60.0];

/// A colour JPEG of the card.
#[must_use]
pub(crate) fn of_card(card: &Canvas, dice: &mut Dice) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(WIDTH * HEIGHT * 3);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let light = 0.82 + 0.2 * (1.0 - x as f32 / WIDTH as f32) - 0.06 * (y as f32 / HEIGHT as f32);
            let grain = dice.bell() * 4.0;
            let color = on_card(card, x as f32, y as f32).unwrap_or_else(|| table(x as f32, y as f32));
            rgb.extend(color.map(|value| (value * light + grain).clamp(0.0, 255.0) as u8));
        }
    }
    files::jpeg_rgb(&rgb, WIDTH, HEIGHT, 88)
}

/// The card's colour at a place of the photo; none outside the card.
fn on_card(card: &Canvas, x: f32, y: f32) -> Option<[f32; 3]> {
    let (dx, dy) = (x - WIDTH as f32 / 2.0, y - HEIGHT as f32 / 2.0);
    // The far edge is a little shorter than the near one.
    let far = 1.0 + 0.03 * (dy / HEIGHT as f32);
    let u = (dx * TURN.cos() + dy * TURN.sin()) / far + card.width as f32 / 2.0;
    let v = (dy * TURN.cos() - dx * TURN.sin()) / far + card.height as f32 / 2.0;
    if !inside_rounded(u, v, card.width as f32, card.height as f32) {
        return None;
    }
    let paper = f32::from(between(card, u, v)) / 255.0;
    let band = v < card.height as f32 * 0.045;
    let ground = if band { [40.0, 104.0, 150.0] } else { CARD_RGB };
    Some(std::array::from_fn(|i| INK_RGB[i] + (ground[i] - INK_RGB[i]) * paper))
}

fn inside_rounded(u: f32, v: f32, width: f32, height: f32) -> bool {
    let beyond = |at: f32, size: f32| (CORNER - at).max(at - (size - CORNER)).max(0.0);
    let inside = (0.0..width).contains(&u) && (0.0..height).contains(&v);
    inside && beyond(u, width).hypot(beyond(v, height)) <= CORNER
}

/// Wood.
fn table(x: f32, y: f32) -> [f32; 3] {
    let vein = (y * 0.045 + (x * 0.004).sin() * 3.0).sin() * 9.0;
    [122.0 + vein, 88.0 + vein * 0.8, 60.0 + vein * 0.6]
}
