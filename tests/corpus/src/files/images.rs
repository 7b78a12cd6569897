//! PNG and JPEG with their resolution.

use crate::canvas::Canvas;
use jpeg_encoder::{ColorType, Encoder, PixelDensity};

const METRES_PER_INCH: f32 = 0.0254;

/// 8-bit gray PNG with a pHYs chunk.
#[must_use]
pub(crate) fn png(page: &Canvas, dpi: f32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, page.width as u32, page.height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let per_metre = (dpi / METRES_PER_INCH).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: png::Unit::Meter,
    }));
    let mut writer = encoder.write_header().expect("writing to memory does not fail");
    writer.write_image_data(&page.px).expect("the canvas has width × height bytes");
    writer.finish().expect("writing to memory does not fail");
    bytes
}

/// Gray JPEG with its density.
#[must_use]
pub(crate) fn jpeg_gray(page: &Canvas, dpi: u16, quality: u8) -> Vec<u8> {
    jpeg(&page.px, page.width, page.height, ColorType::Luma, dpi, quality)
}

/// Colour JPEG as a telephone writes it.
#[must_use]
pub(crate) fn jpeg_rgb(rgb: &[u8], width: usize, height: usize, quality: u8) -> Vec<u8> {
    const TELEPHONE_DPI: u16 = 72;
    jpeg(rgb, width, height, ColorType::Rgb, TELEPHONE_DPI, quality)
}

fn jpeg(px: &[u8], width: usize, height: usize, color: ColorType, dpi: u16, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_density(PixelDensity::dpi(dpi));
    encoder.encode(px, width as u16, height as u16, color).expect("the raster has width × height px");
    bytes
}
