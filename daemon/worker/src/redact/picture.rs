//! Encodes a painted page and proves, by decoding it again with another codec, that its boxes are black.

use super::paint::Sheet;
use fax::{Color, VecWriter, encoder::Encoder};
use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};
use image::ImageFormat;
use jpeg_encoder::ColorType;
use types::{Reason, Rect};

/// A page's px inside the product.
pub(crate) struct Picture {
    pub(crate) form: Form,
    pub(crate) data: Vec<u8>,
}

/// Size and coding of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) columns: u32,
    pub(crate) rows: u32,
    pub(crate) coding: Coding,
}

/// How the px are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As they are, one bit each: only for the single px of a black page.
    Plain,
    /// CCITT Group 4.
    Group4,
    /// JPEG, 8 bits of gray.
    Jpeg,
}

impl Form {
    /// One black px over the whole page.
    pub(crate) const BLACK: Self = Self { columns: 1, rows: 1, coding: Coding::Plain };

    /// Entries of the image's dictionary beside its length.
    pub(crate) fn entries(&self) -> String {
        let Self { columns, rows, .. } = self;
        let (bits, filter) = match self.coding {
            Coding::Plain => (1, String::new()),
            Coding::Jpeg => (8, " /Filter /DCTDecode".to_owned()),
            Coding::Group4 => {
                let parameters = format!("/K -1 /Columns {columns} /Rows {rows}");
                (1, format!(" /Filter /CCITTFaxDecode /DecodeParms << {parameters} >>"))
            }
        };
        format!(
            "/Type /XObject /Subtype /Image /Width {columns} /Height {rows} /ColorSpace /DeviceGray \
             /BitsPerComponent {bits}{filter} "
        )
    }
}

impl Picture {
    /// A black page.
    pub(super) fn black() -> Self {
        Self { form: Form::BLACK, data: vec![0] }
    }
}

/// JPEG qualities, tried in turn until every box is black: edges of boxes inside a square of 8 px ring, by
/// up to 34 at 80, 19 at 86 and 13 at 90.
const QUALITIES: [u8; 4] = [80, 86, 92, 98];

/// Brightest px that a box may have after decoding; the reader of the product lets 24 pass.
const BLACK_MAX: u8 = 16;

/// The page as it will be stored.
pub(super) fn encode(sheet: &Sheet, boxes: &[Rect]) -> Result<Picture, Reason> {
    if sheet.geometry().bilevel { bilevel(sheet) } else { gray(sheet, boxes) }
}

fn gray(sheet: &Sheet, boxes: &[Rect]) -> Result<Picture, Reason> {
    let (columns, rows) = (sheet.geometry().width_px, sheet.geometry().height_px);
    for quality in QUALITIES {
        let data = jpeg(sheet, quality)?;
        if boxes.is_empty() || boxes_are_black(&data, columns, rows, boxes) {
            return Ok(Picture { form: Form { columns, rows, coding: Coding::Jpeg }, data });
        }
    }
    Err(Reason::RedactionStructure)
}

fn jpeg(sheet: &Sheet, quality: u8) -> Result<Vec<u8>, Reason> {
    let side = |px: u32| u16::try_from(px).map_err(|_| Reason::PageTooLarge);
    let (columns, rows) = (side(sheet.geometry().width_px)?, side(sheet.geometry().height_px)?);
    let mut data = Vec::with_capacity(sheet.px().len() / 8);
    let mut encoder = jpeg_encoder::Encoder::new(&mut data, quality);
    encoder.set_optimized_huffman_tables(true);
    encoder.encode(sheet.px(), columns, rows, ColorType::Luma).map_err(|_| Reason::RedactionStructure)?;
    Ok(data)
}

fn boxes_are_black(data: &[u8], columns: u32, rows: u32, boxes: &[Rect]) -> bool {
    let Ok(decoded) = image::load_from_memory_with_format(data, ImageFormat::Jpeg) else { return false };
    let page = decoded.into_luma8();
    let solid = |rect: &Rect| {
        let row = |y: u32| &page.as_raw()[(y * columns + rect.x0) as usize..(y * columns + rect.x1) as usize];
        (rect.y0..rect.y1).all(|y| row(y).iter().all(|&value| value <= BLACK_MAX))
    };
    page.dimensions() == (columns, rows) && boxes.iter().all(solid)
}

/// Group 4 loses nothing, so the decoded page must be the painted page.
fn bilevel(sheet: &Sheet) -> Result<Picture, Reason> {
    let (columns, rows) = (sheet.geometry().width_px, sheet.geometry().height_px);
    let data = group4(sheet);
    let same = decoded_group4(&data, columns, rows).is_some_and(|px| rows_agree(sheet, &px));
    let form = Form { columns, rows, coding: Coding::Group4 };
    if same { Ok(Picture { form, data }) } else { Err(Reason::RedactionStructure) }
}

fn group4(sheet: &Sheet) -> Vec<u8> {
    let columns = sheet.geometry().width_px;
    let mut encoder = Encoder::new(VecWriter::new());
    for row in sheet.rows() {
        let colors = (0..columns as usize)
            .map(|x| if row[x / 8] >> (7 - x % 8) & 1 == 1 { Color::White } else { Color::Black });
        // Writing to memory cannot fail.
        let Ok(()) = encoder.encode_line(colors, columns);
    }
    let Ok(writer) = encoder.finish();
    writer.finish()
}

/// The changes of colour of each row; `None` when there are not exactly `rows`.
fn decoded_group4(data: &[u8], columns: u32, rows: u32) -> Option<Vec<Vec<u32>>> {
    struct Rows(Vec<Vec<u32>>);
    impl Decoder for Rows {
        fn push_row(&mut self, changes: &[u32]) {
            self.0.push(changes.to_vec());
        }
    }
    let settings = DecodeSettings {
        columns,
        rows,
        end_of_block: true,
        end_of_line: false,
        rows_are_byte_aligned: false,
        encoding: EncodingMode::Group4,
        strict: true,
    };
    let mut decoded = Rows(Vec::with_capacity(rows as usize));
    hayro_ccitt::decode(data, &mut decoded, &mut DecoderContext::new(settings)).ok()?;
    (decoded.0.len() == rows as usize).then_some(decoded.0)
}

fn rows_agree(sheet: &Sheet, decoded: &[Vec<u32>]) -> bool {
    let columns = sheet.geometry().width_px;
    let agrees = |(row, changes): (&[u8], &Vec<u32>)| {
        let white = |x: u32| row[x as usize / 8] >> (7 - x % 8) & 1 == 1;
        let mut changes = changes.iter().peekable();
        let mut expected = true;
        (0..columns).all(|x| {
            if changes.next_if(|&&change| change == x).is_some() {
                expected = !expected;
            }
            white(x) == expected
        })
    };
    sheet.rows().zip(decoded).all(agrees)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::tests::geometry;

    /// Busy paper: every px differs from the next, which is what JPEG renders worst.
    fn noisy(width: u32, height: u32) -> Sheet {
        let px = (0..width * height).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8 | 0x80).collect();
        Sheet::new(geometry(width, height, 200, false), px).expect("as many px as its size says")
    }

    #[test]
    fn boxes_stay_black_through_jpeg_wherever_they_lie() {
        // B22, B24: what was painted is still black in the picture that is stored.
        for offset in 0..8 {
            let mut sheet = noisy(160, 120);
            let boxes = [Rect { x0: 16 + offset, y0: 21 + offset, x1: 90 + offset, y1: 40 }];
            sheet.blacken(boxes[0]);
            let Ok(Picture { data, .. }) = encode(&sheet, &boxes) else { panic!("not encoded") };
            assert!(boxes_are_black(&data, 160, 120, &boxes));
        }
    }

    #[test]
    fn group_4_gives_the_page_back_and_damage_is_seen() {
        for width in [1, 7, 8, 9, 1728, 2600] {
            let geometry = geometry(width, 40, 204, true);
            let bytes = wire::packed_bytes(&geometry) as u32;
            let px = (0..bytes).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let sheet = Sheet::new(geometry, px).expect("whole page");
            let Ok(Picture { mut data, .. }) = encode(&sheet, &[]) else { panic!("width {width}") };
            let middle = data.len() / 2;
            data[middle] ^= 0x55;
            let agrees = decoded_group4(&data, width, 40).is_some_and(|rows| rows_agree(&sheet, &rows));
            assert!(!agrees, "width {width}");
        }
    }
}
