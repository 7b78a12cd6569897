//! TIFF to gray: one picture in every coding that faxes and scanners write.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::parse::made::{MadePage, jpeg, tiff};
use flate2::{Compression, write::ZlibEncoder};
use std::io::Write;

const WIDTH: u32 = 40;
const HEIGHT: u32 = 12;

/// The picture, a row to a number, most significant bit left, 1 is black.
const ROWS: [u64; 12] = [
    851356096739,
    121929232782,
    7519864576,
    326417513764,
    292057775392,
    660136683212,
    17725395074,
    883046954598,
    77347178505,
    627371558985,
    15039729153,
    851356096739,
];

/// The same in the codings of ITU-T T.4 and T.6, with 1 for white, as libtiff writes it.
const HUFFMAN: &str = "79e89e89e89c35a27a27a27a10351c0b02c0a03543e3a5087c7c7c3543b5087c731f7dd3efba7df74fbe3531d8e63b1cc76398e87dd3efba7df74fbee83587c718f8e31f1c63e3801f1f1d8f8f8ec7c7c763e3e38035281605814779e89e89e89c";
const GROUP_3: &str = "00179e89e89e89c004d689e89e89e840026a381605814004d50f8e9421f1f1f0013543b5087c730011f7dd3efba7df74fbe0026a63b1cc76398ec731d000bee9f7dd3efba7df740026b0f8e31f1c63e38c7c70011f1f1d8f8f8ec7c7c763e3e38009a940b02c0a3800bcf44f44f44e";
const GROUP_3_2D: &str = "001bcf44f44f44e0020824820920824820940066a381605814005287044742211439c704140066a876a10f8e6002608be5d17cbe5d17c104c2477800cd4c76398ec731d8e63a00106a08265f820997e08265fc0066b0f8e31f1c63e38c7c70013f040bc102f040bc0066a502c0b028e0020d0468411a104685";
const GROUP_3_FILLED: &str = "000179e89e89e89c000135a27a27a27a100001351c0b02c0a0013543e3a5087c7c7c00013543b5087c7300011f7dd3efba7df74fbe00013531d8e63b1cc76398e800017dd3efba7df74fbee800013587c718f8e31f1c63e380011f1f1d8f8f8ec7c7c763e3e38001352816058147000179e89e89e89c";
const GROUP_3_2D_FILLED: &str = "0001bcf44f44f44e000104124104904124104a00019a8e05816050014a1c111d088450e71c1050019aa1da843e3980013045f2e8be5f2e8be0826123bc00019a98ec731d8e63b1cc74000106a08265f820997e08265fc0019ac3e38c7c718f8e31f1c0013f040bc102f040bc00019a940b02c0a38001068234208d08234280";
const GROUP_4: &str = "2f178c45e31178c508248209208248209621210908487287044742211439c704178fe3608be5d17cbe5d17c104c2477a0c10d060868304341a86a08265f820997e08265fc24120850482141208504afc102f040bc102f430c46188c311c3411a10468411a140040040";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn expected() -> Vec<u8> {
    let row = |bits: u64| (0..WIDTH).map(move |x| if bits >> (WIDTH - 1 - x) & 1 == 1 { 0 } else { 255 });
    ROWS.into_iter().flat_map(row).collect()
}

/// The picture packed, 1 for black.
fn packed() -> Vec<u8> {
    ROWS.into_iter().flat_map(|row| row.to_be_bytes()[3..].to_vec()).collect()
}

fn inverted(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| !byte).collect()
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte.reverse_bits()).collect()
}

fn page(compression: u32, strip: Vec<u8>) -> MadePage {
    MadePage::new(WIDTH, HEIGHT, compression, strip)
}

fn check(name: &str, page: MadePage) {
    let gray = scan(tiff(&[page])).unwrap();
    assert_eq!((gray.width, gray.height), (WIDTH, HEIGHT), "{name}");
    assert!(gray.px == expected(), "{name}");
}

// A2: TIFF (G3/G4, multi-IFD, fax TIFF-F).
#[test]
fn every_fax_coding_gives_the_same_picture() {
    let fax = |compression: u32, hex: &str| page(compression, bytes(hex)).with(262, &[1]);
    check("Huffman", fax(2, HUFFMAN));
    check("Group 3", fax(3, GROUP_3));
    check("Group 3 two-dimensional", fax(3, GROUP_3_2D).with(292, &[1]));
    check("Group 3 with fill bits", fax(3, GROUP_3_FILLED).with(292, &[4]));
    check("Group 3 two-dimensional with fill bits", fax(3, GROUP_3_2D_FILLED).with(292, &[5]));
    check("Group 4", fax(4, GROUP_4));
    check("rows to a strip: all", fax(4, GROUP_4).with(278, &[u32::MAX]));
    for (compression, hex, options) in [(3, GROUP_3, 0), (3, GROUP_3_2D, 1), (4, GROUP_4, 0)] {
        let lsb =
            page(compression, reversed(&bytes(hex))).with(262, &[1]).with(266, &[2]).with(292, &[options]);
        check("least significant bit first", lsb);
    }
}

#[test]
fn every_general_coding_gives_the_same_picture() {
    let mut zipped = ZlibEncoder::new(Vec::new(), Compression::fast());
    zipped.write_all(&packed()).unwrap();
    let zipped = zipped.finish().unwrap();
    let lzw =
        weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&packed()).unwrap();
    let runs: Vec<u8> = packed().chunks(5).flat_map(|row| [[4].as_slice(), row].concat()).collect();
    check("uncompressed", page(1, packed()));
    check("0 is black", page(1, inverted(&packed())).with(262, &[1]));
    check("least significant bit first", page(1, reversed(&packed())).with(266, &[2]));
    check("LZW", page(5, lzw));
    check("Deflate", page(8, zipped.clone()));
    check("Deflate by its old number", page(32946, zipped));
    check("PackBits", page(32773, runs));
    check(
        "16 bits",
        page(1, expected().iter().flat_map(|px| [9, *px]).collect()).with(258, &[16]).with(262, &[1]),
    );
    let palette: Vec<u32> = [0, 65_535].repeat(3);
    let indices = inverted(&packed());
    check("palette", page(1, indices).with(262, &[3]).with(320, &palette));
}

#[test]
fn strips_tiles_and_planes_are_put_where_they_belong() {
    let mut strips = page(1, vec![]).with(278, &[5]);
    strips.strips = packed().chunks(25).map(<[u8]>::to_vec).collect();
    check("three strips", strips);
    let tile = |column: usize, row: usize| -> Vec<u8> {
        let byte = |y: usize, x: usize| if y < 12 && x < 5 { packed()[y * 5 + x] } else { 0 };
        (0..16).flat_map(|y| (0..2).map(move |x| byte(row * 16 + y, column * 2 + x))).collect()
    };
    let mut tiled = page(1, vec![]).with(322, &[16]).with(323, &[16]);
    tiled.strips = (0..3).map(|column| tile(column, 0)).collect();
    check("three tiles, under the tags of strips", tiled);
    let rgb = |px: u8| [px, px, px];
    let together: Vec<u8> = expected().into_iter().flat_map(rgb).collect();
    let color = |strip| page(1, strip).with(258, &[8]).with(262, &[2]).with(277, &[3]);
    check("colours together", color(together));
    let mut apart = color(vec![]).with(284, &[2]);
    apart.strips = vec![expected(); 3];
    check("colours in planes", apart);
}

#[test]
fn a_predictor_is_undone() {
    let rows = expected();
    let differences: Vec<u8> = rows
        .chunks(WIDTH as usize)
        .flat_map(|row| {
            (0..row.len())
                .map(|i| row[i].wrapping_sub(if i == 0 { 0 } else { row[i - 1] }))
                .collect::<Vec<_>>()
        })
        .collect();
    check("8 bits", page(1, differences).with(258, &[8]).with(262, &[1]).with(317, &[2]));
}

#[test]
fn a_jpeg_within_is_completed_by_its_tables() {
    let rows: Vec<u8> = (0..64 * 16).map(|i| (i % 64 * 3) as u8).collect();
    let whole = jpeg(64, 16, &rows);
    // The tables go into the directory, the rest stays in the strip, as libtiff does it.
    let frame = whole.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let tables = [&whole[..frame], &[0xFF, 0xD9]].concat();
    let strip = [[0xFF, 0xD8].as_slice(), &whole[frame..]].concat();
    let mut page = MadePage::new(64, 16, 7, strip).with(258, &[8]).with(262, &[1]);
    page.bytes.push((347, tables));
    let gray = scan(tiff(&[page])).unwrap();
    assert!(mean_difference(&gray.px, &rows) < 2.0);
}

#[test]
fn pages_are_had_one_by_one_and_fail_one_by_one() {
    let odd = page(1, packed()).with(259, &[50_000]);
    let source = open(tiff(&[page(1, packed()), odd, page(4, bytes(GROUP_4)).with(262, &[1])]));
    let limits = Limits::default();
    assert_eq!(source.pages(&limits), Ok(3));
    assert!(source.page(0, &limits).ok().unwrap().px.px == expected());
    assert_eq!(source.page(1, &limits).err(), Some(Reason::UnsupportedFormat));
    assert!(source.page(2, &limits).ok().unwrap().px.px == expected());
}

#[test]
fn resolution_comes_in_inches_and_centimetres() {
    let dpi = |page: MadePage| normalised(tiff(&[page]), Some(0)).ok().unwrap().geometry.dpi;
    let plain = || page(1, packed());
    assert_eq!(dpi(plain().with(282, &[204, 1]).with(283, &[196, 1])), 204);
    assert_eq!(dpi(plain().with(282, &[77, 1]).with(283, &[77, 1]).with(296, &[3])), 196);
    let sideways = plain().with(282, &[204, 1]).with(283, &[98, 1]).with(274, &[6]);
    let page = normalised(tiff(&[sideways]), Some(0)).ok().unwrap().geometry;
    assert_eq!((page.width_px, page.height_px, page.dpi), (25, 40, 204));
}

#[test]
fn a_fax_that_ends_early_is_no_whole_page() {
    let half = bytes(GROUP_4)[..40].to_vec();
    assert_eq!(scan(tiff(&[page(4, half)])).err(), Some(Reason::Malformed));
}
