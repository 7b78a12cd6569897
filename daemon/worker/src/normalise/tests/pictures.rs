//! PNG and JPEG to gray.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::parse::made::jpeg;
use png::{BitDepth, ColorType};

/// A PNG of 4×2 px as given.
fn png(color: ColorType, depth: BitDepth, palette: Option<&[u8]>, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 4, 2);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if let Some(palette) = palette {
        encoder.set_palette(palette);
    }
    let per_metre = 7874; // 200 dpi
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: png::Unit::Meter,
    }));
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    bytes
}

// A2: images.
#[test]
fn every_kind_of_png_becomes_gray_on_white() {
    let gray = |bytes| scan(bytes).unwrap().px;
    let one_bit = gray(png(ColorType::Grayscale, BitDepth::One, None, &[0b1010_0000, 0b0101_0000]));
    assert_eq!(one_bit, [255, 0, 255, 0, 0, 255, 0, 255]);
    let deep = gray(png(ColorType::Grayscale, BitDepth::Sixteen, None, &[200, 7].repeat(8)));
    assert_eq!(deep, [200; 8]);
    let palette = gray(png(
        ColorType::Indexed,
        BitDepth::Eight,
        Some(&[0, 0, 0, 255, 0, 0]),
        &[0, 1, 0, 1, 1, 0, 1, 0],
    ));
    assert_eq!(palette, [0, 77, 0, 77, 77, 0, 77, 0]);
    let red = gray(png(ColorType::Rgb, BitDepth::Eight, None, &[255, 0, 0].repeat(8)));
    assert_eq!(red, [77; 8]);
    let half_black = gray(png(ColorType::Rgba, BitDepth::Eight, None, &[0, 0, 0, 128].repeat(8)));
    assert_eq!(half_black, [127; 8]);
    let clear = gray(png(ColorType::GrayscaleAlpha, BitDepth::Eight, None, &[0, 0].repeat(8)));
    assert_eq!(clear, [255; 8]);
}

#[test]
fn a_png_keeps_its_resolution_and_its_two_values() {
    let page = normalised(png(ColorType::Grayscale, BitDepth::One, None, &[0, 0xF0]), None).unwrap();
    assert_eq!((page.geometry.dpi, page.geometry.bilevel), (200, true));
    assert_eq!(page.px.packed(), [0x00, 0xF0]);
    let gray = normalised(png(ColorType::Grayscale, BitDepth::Eight, None, &[254; 8]), None).unwrap();
    assert!(!gray.geometry.bilevel);
}

#[test]
fn a_png_cut_within_its_px_fails_alone() {
    let mut bytes = png(ColorType::Grayscale, BitDepth::Eight, None, &[9; 8]);
    let at = bytes.windows(4).position(|kind| kind == b"IDAT").unwrap();
    bytes[at + 6] ^= 0xFF;
    assert_eq!(scan(bytes).err(), Some(Reason::Malformed));
}

/// Left half dark, right half light, top edge black.
fn photo() -> Vec<u8> {
    (0..32 * 16)
        .map(|i| {
            if i < 32 * 4 {
                0
            } else if i % 32 < 16 {
                90
            } else {
                210
            }
        })
        .collect()
}

/// Puts an orientation into a JPEG, as cameras and scanners do.
fn with_exif(jpeg: Vec<u8>, orientation: u8) -> Vec<u8> {
    let mut exif =
        b"\xFF\xE1\x00\x22Exif\0\0MM\x00\x2A\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"
            .to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    [&jpeg[..2], &exif, &jpeg[2..]].concat()
}

// A12: Normalise orientation.
#[test]
fn a_jpeg_is_shown_as_its_exif_says() {
    let stored = scan(jpeg(32, 16, &photo())).unwrap();
    assert!(mean_difference(&stored.px, &photo()) < 4.0);
    for (orientation, is_mirrored, quarter_turns) in [
        (1, false, 0),
        (2, true, 0),
        (3, false, 2),
        (4, true, 2),
        (5, true, 3),
        (6, false, 1),
        (7, true, 1),
        (8, false, 3),
    ] {
        let shown = scan(with_exif(jpeg(32, 16, &photo()), orientation)).unwrap();
        let expected = Gray { px: stored.px.clone(), ..stored }
            .oriented(crate::parse::Orientation { is_mirrored, quarter_turns });
        assert_eq!(
            (shown.width, shown.height),
            (expected.width, expected.height),
            "orientation {orientation}"
        );
        assert!(shown.px == expected.px, "orientation {orientation}");
    }
    let turned = scan(with_exif(jpeg(32, 16, &photo()), 6)).unwrap();
    assert!(turned.px[15] < 30 && turned.px[0] > 60, "6: the top edge is shown on the right");
}

// B14: structure; whatever the bytes, the answer is a page or a reason.
#[test]
fn damaged_pictures_end_in_an_answer() {
    let mut random = 7_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let small = png(ColorType::Rgba, BitDepth::Eight, None, &[3; 32]);
    for document in [small, jpeg(32, 16, &photo())] {
        for _ in 0..300 {
            let mut damaged = document.clone();
            let at = next(damaged.len() - 9) + 8;
            damaged[at] = next(256) as u8;
            if let Ok(source) = Source::open(damaged) {
                drop(source.page(0, &Limits { page_px_max: 1 << 20, ..Limits::default() }));
            }
        }
    }
}
