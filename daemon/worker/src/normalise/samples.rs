//! The samples of a TIFF row to gray: bit depths, predictor, colour spaces, separate planes.

use super::gray::{
    BLACK, BLUE_WEIGHT, GREEN_WEIGHT, RED_WEIGHT, WHITE, luminance, luminance_of_inks, over_white,
};
use crate::parse::{TiffPage, compression, photometric};
use std::borrow::Cow;
use types::Reason;

/// How the samples of a row become gray.
#[derive(Clone)]
pub(super) struct Reading {
    /// Samples of a px in one row.
    samples: usize,
    bits: usize,
    is_big_endian: bool,
    has_predictor: bool,
    has_planes: bool,
    meaning: Meaning,
}

#[derive(Clone)]
enum Meaning {
    Gray {
        is_zero_white: bool,
        alpha: Option<Alpha>,
    },
    Rgb {
        alpha: Option<Alpha>,
    },
    /// Gray of each index.
    Palette(Vec<u8>),
    Cmyk,
    /// One of the planes red, green and blue by its weight; the first replaces, the others add.
    Plane {
        weight: u32,
        is_first: bool,
    },
    /// A plane that is not seen.
    Unseen,
}

#[derive(Clone, Copy, PartialEq)]
enum Alpha {
    /// Colours are already multiplied by it.
    Associated,
    Unassociated,
}

impl Reading {
    /// Of a page, or why it cannot be read.
    pub(super) fn of(page: &TiffPage) -> Result<Self, Reason> {
        let is_jpeg = page.compression == compression::JPEG;
        let alpha = |colors: usize| match page.alpha.filter(|_| page.samples > colors)? {
            1 => Some(Alpha::Associated),
            _ => Some(Alpha::Unassociated),
        };
        let meaning = match (page.photometric, page.samples) {
            (photometric::RGB, 3..) => Meaning::Rgb { alpha: alpha(3) },
            (photometric::PALETTE, _) => Meaning::Palette(palette(page)?),
            (photometric::SEPARATED, 4..) => Meaning::Cmyk,
            // Uncompressed YCbCr comes in blocks of subsampled colours, which scanners do not write.
            (photometric::YCBCR, _) if !is_jpeg => return Err(Reason::UnsupportedFormat),
            // Lab colours begin with lightness, which is all that is wanted.
            (kind, _) => Meaning::Gray { is_zero_white: kind == photometric::WHITE_IS_ZERO, alpha: alpha(1) },
        };
        if page.are_planes_separate && (is_jpeg || matches!(meaning, Meaning::Cmyk)) {
            return Err(Reason::UnsupportedFormat);
        }
        Ok(Self {
            samples: if page.are_planes_separate { 1 } else { page.samples },
            bits: page.bits as usize,
            is_big_endian: page.file.is_big_endian(),
            has_predictor: page.has_predictor,
            has_planes: page.are_planes_separate,
            meaning,
        })
    }

    /// The reading of one plane; all planes are the same unless they are separate.
    pub(super) fn of_plane(&self, plane: usize) -> Cow<'_, Self> {
        if !self.has_planes {
            return Cow::Borrowed(self);
        }
        let meaning = match (&self.meaning, plane) {
            (Meaning::Rgb { .. }, 0..3) => {
                let weight = [RED_WEIGHT, GREEN_WEIGHT, BLUE_WEIGHT][plane];
                Meaning::Plane { weight, is_first: plane == 0 }
            }
            (Meaning::Gray { is_zero_white, .. }, 0) => {
                Meaning::Gray { is_zero_white: *is_zero_white, alpha: None }
            }
            (Meaning::Palette(grays), 0) => Meaning::Palette(grays.clone()),
            _ => Meaning::Unseen,
        };
        Cow::Owned(Self { meaning, ..self.clone() })
    }

    /// Bytes of a packed row of so many px.
    pub(super) fn row_bytes(&self, columns: u32) -> Result<usize, Reason> {
        let bits = u64::from(columns) * (self.samples * self.bits) as u64;
        usize::try_from(bits.div_ceil(8)).map_err(|_| Reason::PageTooLarge)
    }

    /// Writes the px of a packed row; the row is used up.
    pub(super) fn write(&self, packed: &mut [u8], target: &mut [u8]) {
        match (&self.meaning, self.bits) {
            (Meaning::Gray { is_zero_white, alpha: None }, 1) if self.samples == 1 => {
                expand_bits(packed, *is_zero_white, target);
            }
            _ => self.write_px(&self.eight_bit_samples(packed), target),
        }
    }

    fn write_px(&self, samples: &[u8], target: &mut [u8]) {
        for (gray, px) in target.iter_mut().zip(samples.chunks_exact(self.samples)) {
            *gray = match &self.meaning {
                Meaning::Gray { is_zero_white, alpha } => {
                    let value = if *is_zero_white { WHITE - px[0] } else { px[0] };
                    on_paper(value, *alpha, px.get(1))
                }
                Meaning::Rgb { alpha } => on_paper(luminance(px[0], px[1], px[2]), *alpha, px.get(3)),
                Meaning::Palette(grays) => grays.get(usize::from(px[0])).copied().unwrap_or(WHITE),
                Meaning::Cmyk => luminance_of_inks([px[0], px[1], px[2], px[3]]),
                Meaning::Plane { weight, is_first } => {
                    let share = ((weight * u32::from(px[0]) + 128) >> 8) as u8;
                    if *is_first { share } else { gray.saturating_add(share) }
                }
                Meaning::Unseen => *gray,
            };
        }
    }

    /// The samples of a row as 8-bit values; palette indices stay what they are.
    fn eight_bit_samples<'a>(&self, packed: &'a mut [u8]) -> Cow<'a, [u8]> {
        match self.bits {
            8 => {
                if self.has_predictor {
                    (self.samples..packed.len())
                        .for_each(|i| packed[i] = packed[i].wrapping_add(packed[i - self.samples]));
                }
                Cow::Borrowed(packed)
            }
            16 => {
                let value = |pair: &[u8]| match self.is_big_endian {
                    true => u16::from_be_bytes([pair[0], pair[1]]),
                    false => u16::from_le_bytes([pair[0], pair[1]]),
                };
                let mut wide: Vec<u16> = packed.chunks_exact(2).map(value).collect();
                if self.has_predictor {
                    (self.samples..wide.len())
                        .for_each(|i| wide[i] = wide[i].wrapping_add(wide[i - self.samples]));
                }
                wide.into_iter().map(|value| (value >> 8) as u8).collect()
            }
            bits => {
                let max = (1_u32 << bits) - 1;
                let is_index = matches!(self.meaning, Meaning::Palette(_));
                let eight_bit = |raw: u32| if is_index { raw.min(255) } else { raw * 255 / max };
                let count = packed.len() * 8 / bits;
                (0..count).map(|i| eight_bit(bits_at(packed, i * bits, bits)) as u8).collect()
            }
        }
    }
}

fn on_paper(value: u8, alpha: Option<Alpha>, opacity: Option<&u8>) -> u8 {
    match (alpha, opacity) {
        (Some(Alpha::Associated), Some(opacity)) => value.saturating_add(WHITE - opacity),
        (Some(Alpha::Unassociated), Some(opacity)) => over_white(value, *opacity),
        _ => value,
    }
}

fn expand_bits(packed: &[u8], is_zero_white: bool, target: &mut [u8]) {
    let flip = if is_zero_white { 0xFF } else { 0 };
    for (eight, byte) in target.chunks_mut(8).zip(packed) {
        let bits = byte ^ flip;
        eight
            .iter_mut()
            .enumerate()
            .for_each(|(i, px)| *px = if bits & 0x80 >> i != 0 { WHITE } else { BLACK });
    }
}

/// The `bits` (at most 16) bits from bit `at`.
fn bits_at(packed: &[u8], at: usize, bits: usize) -> u32 {
    let byte = |i: usize| u32::from(packed.get(at / 8 + i).copied().unwrap_or(0));
    let window = byte(0) << 16 | byte(1) << 8 | byte(2);
    window >> (24 - at % 8 - bits) & ((1 << bits) - 1)
}

/// Gray of each index. Values are 16 bits wide; some writers put 8-bit values there.
fn palette(page: &TiffPage) -> Result<Vec<u8>, Reason> {
    let colors = 1_usize << page.bits;
    if page.bits > 8 || page.color_map.len() < 3 * colors {
        return Err(Reason::Malformed);
    }
    let shift = if page.color_map.iter().any(|value| *value > 255) { 8 } else { 0 };
    let value = |plane: usize, i: usize| (page.color_map[plane * colors + i] >> shift).min(255) as u8;
    Ok((0..colors).map(|i| luminance(value(0, i), value(1, i), value(2, i))).collect())
}
