//! A page as 8-bit gray px, 0 black to 255 white. The only picture this role ever holds.

use crate::parse::{Orientation, check_raster_size};
use types::{Limits, Reason};

/// Gray px, row by row.
pub(super) struct Gray {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) px: Vec<u8>,
}

pub(super) const BLACK: u8 = 0;
pub(super) const WHITE: u8 = 255;

impl Gray {
    /// A white page; refused before it is allocated when it breaks a limit.
    pub(super) fn white(width: u32, height: u32, limits: &Limits) -> Result<Self, Reason> {
        check_raster_size(width.into(), height.into(), limits)?;
        Ok(Self { width, height, px: vec![WHITE; width as usize * height as usize] })
    }

    /// Rows from top to bottom.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = &[u8]> + DoubleEndedIterator {
        self.px.chunks_exact(self.width as usize)
    }

    /// Row `y`.
    pub(super) fn row_mut(&mut self, y: u32) -> &mut [u8] {
        let width = self.width as usize;
        &mut self.px[y as usize * width..][..width]
    }

    /// Every px is black or white.
    pub(super) fn is_bilevel(&self) -> bool {
        self.px.iter().all(|px| matches!(*px, BLACK | WHITE))
    }

    /// One bit a px (1 is white), most significant first, rows padded to bytes: the wire's layout.
    pub(super) fn packed(&self) -> Vec<u8> {
        let pack = |eight: &[u8]| eight.iter().enumerate().fold(0, |byte, (i, px)| byte | (px & 0x80) >> i);
        self.rows().flat_map(|row| row.chunks(8).map(pack)).collect()
    }

    /// As the orientation says it is to be shown.
    pub(super) fn oriented(mut self, orientation: Orientation) -> Self {
        if orientation.is_mirrored {
            self.px.chunks_exact_mut(self.width as usize).for_each(<[u8]>::reverse);
        }
        match orientation.quarter_turns {
            0 => self,
            2 => {
                self.px.reverse();
                self
            }
            turns => self.turned_sideways(turns == 1),
        }
    }

    /// Turned by 90 degrees, clockwise or not.
    fn turned_sideways(self, clockwise: bool) -> Self {
        let (width, height) = (self.width as usize, self.height as usize);
        let mut px = vec![WHITE; width * height];
        for (y, row) in self.rows().enumerate() {
            let column = if clockwise { height - 1 - y } else { y };
            for (x, value) in row.iter().enumerate() {
                let row = if clockwise { x } else { width - 1 - x };
                px[row * height + column] = *value;
            }
        }
        Self { width: self.height, height: self.width, px }
    }
}

/// Luminance of a colour (ITU-R BT.601, in 1/256).
pub(super) fn luminance(red: u8, green: u8, blue: u8) -> u8 {
    let sum = RED_WEIGHT * u32::from(red) + GREEN_WEIGHT * u32::from(green) + BLUE_WEIGHT * u32::from(blue);
    ((sum + 128) >> 8) as u8
}

pub(super) const RED_WEIGHT: u32 = 77;
pub(super) const GREEN_WEIGHT: u32 = 150;
pub(super) const BLUE_WEIGHT: u32 = 29;

/// Luminance of cyan, magenta, yellow and black ink on white paper, 255 being full ink.
pub(super) fn luminance_of_inks([cyan, magenta, yellow, black]: [u8; 4]) -> u8 {
    let light = |ink: u8| (u32::from(WHITE - ink) * u32::from(WHITE - black) / 255) as u8;
    luminance(light(cyan), light(magenta), light(yellow))
}

/// A colour of this opacity on white paper.
pub(super) fn over_white(gray: u8, opacity: u8) -> u8 {
    let (gray, opacity) = (u32::from(gray), u32::from(opacity));
    ((gray * opacity + 255 * (255 - opacity) + 127) / 255) as u8
}
