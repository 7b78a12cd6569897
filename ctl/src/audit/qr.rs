//! A checkpoint as a QR code: a photo takes it away where no stick may be plugged in.

use crate::fail::{Exit, Failure, Outcome};
use qrcode::{Color, EcLevel, QrCode, render::unicode::Dense1x2};

/// Pixels of a module in the PNG: a phone reads it from the screen at this size.
const MODULE_PX: usize = 6;
/// White modules around the code, as its standard asks for.
const QUIET: usize = 4;

fn code(note: &str) -> Outcome<QrCode> {
    // The lowest correction: the code is read from a screen, not from a crumpled paper.
    QrCode::with_error_correction_level(note, EcLevel::L)
        .map_err(|error| Failure::new(Exit::Failure, format!("no QR code: {error}")))
}

/// Half blocks, two modules a character. On a terminal black on white, whatever its colours are.
pub(super) fn text(note: &str, coloured: bool) -> Outcome<String> {
    let drawn = code(note)?.render::<Dense1x2>().quiet_zone(true).build();
    let (on, off) = if coloured { ("\x1b[30;107m", "\x1b[0m") } else { ("", "") };
    Ok(drawn.lines().map(|line| format!("{on}{line}{off}\n")).collect())
}

/// A grey PNG.
pub(super) fn png(note: &str) -> Outcome<Vec<u8>> {
    let code = code(note)?;
    let side = (code.width() + 2 * QUIET) * MODULE_PX;
    let pixel = |x: usize, y: usize| {
        let module = |at: usize| (at / MODULE_PX).checked_sub(QUIET).filter(|at| *at < code.width());
        let dark = module(x).zip(module(y)).is_some_and(|place| code[place] == Color::Dark);
        if dark { 0 } else { u8::MAX }
    };
    let pixels: Vec<u8> = (0..side).flat_map(|y| (0..side).map(move |x| pixel(x, y))).collect();
    let failed = |error: png::EncodingError| Failure::new(Exit::Failure, format!("no PNG: {error}"));
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side as u32, side as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// As long as a note with a long site name.
    const NOTE: &str = "lazaret/general-hospital\n12\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

    fn read(side: usize, dark: impl FnMut(usize, usize) -> bool) -> String {
        let mut image = rqrr::PreparedImage::prepare_from_bitmap(side, side, dark);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    #[test]
    fn a_reader_reads_the_note_from_the_png() {
        let note = NOTE.repeat(7);
        let file = png(&note).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        let side = frame.width as usize;
        assert_eq!(read(side, |x, y| pixels[y * side + x] < 128), note);
    }

    #[test]
    fn a_reader_reads_the_note_from_the_terminal() {
        let note = NOTE.repeat(7);
        for coloured in [false, true] {
            let drawn = text(&note, coloured).unwrap();
            let rows: Vec<Vec<char>> = drawn
                .lines()
                .map(|line| {
                    line.trim_start_matches("\x1b[30;107m").trim_end_matches("\x1b[0m").chars().collect()
                })
                .collect();
            let (width, scale) = (rows[0].len(), 4);
            let is_dark = |x: usize, y: usize| {
                let half = rows.get(y / 2).map_or(' ', |row| row[x]);
                half == '█' || half == if y % 2 == 0 { '▀' } else { '▄' }
            };
            assert_eq!(read(width * scale, |x, y| is_dark(x / scale, y / scale)), note);
        }
    }
}
