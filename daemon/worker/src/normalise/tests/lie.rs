//! How pages lie: turned, skewed, with px that are not square.

#![allow(clippy::unwrap_used)]

use super::super::{page::turned_about_middle, warp::warp};
use super::*;
use crate::parse::Orientation;
use types::Transform;

/// Places in the margins of the text page where a dot finds itself again.
const DOTS: [(f64, f64); 4] = [(75.0, 60.0), (1200.0, 70.0), (75.0, 1590.0), (1200.0, 1580.0)];

fn with_dots(mut page: Gray) -> Gray {
    for (x, y) in DOTS {
        fill(&mut page, (x as u32 - 3, y as u32 - 3), (6, 6), 0);
    }
    page
}

fn skewed(page: &Gray, degrees: f64) -> Gray {
    let size = (page.width, page.height);
    let straight = turned_about_middle(-degrees, (f64::from(size.0), f64::from(size.1)));
    warp(page, size, &straight, false, &Limits::default()).ok().unwrap()
}

fn turned(page: &Gray, quarter_turns: u8) -> Gray {
    let copy = Gray { px: page.px.clone(), ..*page };
    copy.oriented(Orientation { is_mirrored: false, quarter_turns })
}

// A12: Normalise orientation.
#[test]
fn a_page_on_any_side_comes_out_upright_px_by_px() {
    let page = text_page();
    for turns in 0..4 {
        let result = normalised_px(turned(&page, turns), (150.0, 150.0));
        assert!(!result.is_upright_unsure);
        assert_eq!(result.geometry.rotation_deg, u16::from((4 - turns) % 4) * 90);
        assert!(result.px.px == page.px, "turned by {turns} quarters");
    }
}

// A12: deskew. A29: each recorded with parameters.
#[test]
fn skew_is_found_and_every_place_leads_back_to_its_source() {
    let page = with_dots(text_page());
    for degrees in [-3.1, -0.83, 0.27, 1.4, 4.2] {
        for turns in [0, 1, 2, 3] {
            let source = turned(&skewed(&page, degrees), turns);
            let result = normalised_px(Gray { px: source.px.clone(), ..source }, (150.0, 150.0));
            let found = f64::from(result.geometry.skew_centideg) / 100.0;
            assert!((found - degrees).abs() <= 0.05, "{degrees} degrees: {found}");
            for dot in DOTS {
                let here = middle_of_ink(&result.px, dot, 20.0);
                let there = result.geometry.transform.apply(here.0, here.1);
                let seen = middle_of_ink(&source, there, 12.0);
                let off = (seen.0 - there.0).hypot(seen.1 - there.1);
                assert!(off < 0.3, "{degrees} degrees, {turns} quarters: {off} px off at {dot:?}");
            }
        }
    }
}

#[test]
fn a_straight_page_is_not_touched() {
    let page = text_page();
    let result = normalised_px(Gray { px: page.px.clone(), ..page }, (150.0, 150.0));
    assert_eq!(result.geometry.transform, Transform::IDENTITY);
    assert_eq!(
        (result.geometry.skew_centideg, result.geometry.rotation_deg, result.geometry.dpi),
        (0, 0, 150)
    );
    assert!(result.px.px == page.px);
    let hardly = normalised_px(skewed(&page, 0.05), (150.0, 150.0));
    assert_eq!(hardly.geometry.transform, Transform::IDENTITY, "not worth a resampling");
}

// A2: fax conversions. A29: deskew.
#[test]
fn a_standard_fax_gets_square_px_and_stays_bilevel() {
    let page = text_page();
    let halved: Vec<u8> = page.rows().step_by(2).flatten().copied().collect();
    let fax = Gray { width: page.width, height: page.height / 2, px: halved };
    let result = normalised_px(fax, (150.0, 75.0));
    let geometry = result.geometry;
    assert_eq!((geometry.width_px, geometry.height_px, geometry.dpi), (1275, 1650, 150));
    assert!(geometry.bilevel && result.px.is_bilevel() && !result.is_upright_unsure);
    assert_eq!(geometry.transform.apply(1275.0, 1650.0), (1275.0, 825.0));
    assert!(mean_difference(&result.px.px, &page.px) < 8.0, "strokes stay");
}

#[test]
fn a_turn_that_is_known_is_taken_as_given() {
    let page = text_page();
    let limits = Limits::default();
    let scan = Scan { px: turned(&page, 2), dpi: Dpi::Said(Some((150.0, 150.0))) };
    let result = normalise(scan, Some(1), &limits).ok().unwrap();
    assert_eq!((result.geometry.rotation_deg, result.is_upright_unsure), (90, false));
    assert!(result.px.px == turned(&page, 3).px);
}

#[test]
fn borders_streaks_rules_and_header_lines_do_not_mislead() {
    let mut page = skewed(&text_page(), 1.7);
    fill(&mut page, (0, 0), (30, 1650), 0);
    fill(&mut page, (0, 1630), (1275, 20), 0);
    fill(&mut page, (700, 0), (2, 1650), 0);
    (0..12).for_each(|word| fill(&mut page, (80 + word * 90, 20), (60, 14), 0));
    let result = normalised_px(page, (150.0, 150.0));
    assert!((result.geometry.skew_centideg - 170).abs() <= 6, "{}", result.geometry.skew_centideg);
    assert!(!result.is_upright_unsure && result.geometry.rotation_deg == 0);
}

#[test]
fn a_page_that_says_nothing_stays_as_it_came_and_says_so() {
    let mut page = Gray::white(1275, 1650, &Limits::default()).ok().unwrap();
    (0..3).for_each(|i| fill(&mut page, (200 + i * 40, 300), (20, 24), 0));
    let result = normalised_px(page, (150.0, 150.0));
    assert!(result.is_upright_unsure && !result.geometry.blank);
    assert_eq!(result.geometry.transform, Transform::IDENTITY);
}

#[test]
fn a_blank_page_is_blank_with_specks_and_streaks_but_not_with_a_digit() {
    let blank = || Gray::white(1275, 1650, &Limits::default()).ok().unwrap();
    let is_blank = |page: Gray| {
        let result = normalised_px(page, (150.0, 150.0));
        assert!(!result.geometry.blank || !result.is_upright_unsure);
        result.geometry.blank
    };
    assert!(is_blank(blank()));
    let mut specked = blank();
    (0..40).for_each(|i| fill(&mut specked, (31 * i, 40 * i), (1, 2), 0));
    assert!(is_blank(specked));
    let mut numbered = blank();
    stem(&mut numbered, 640, 1600, 16);
    stem(&mut numbered, 646, 1600, 16);
    assert!(!is_blank(numbered));
}

// B15: hard limits.
#[test]
fn a_page_that_grows_past_the_limits_fails() {
    let px = Gray { width: 20, height: 10, px: vec![9; 200] };
    let limits = Limits { side_px_max: 20, page_px_max: 390, ..Limits::default() };
    let result = normalise(Scan { px, dpi: Dpi::Said(Some((200.0, 100.0))) }, None, &limits);
    assert_eq!(result.err(), Some(Reason::PageTooLarge));
}

#[test]
fn a_resolution_that_cannot_be_is_estimated_from_the_page() {
    let dpi = |said: Option<(f64, f64)>| {
        let px = Gray::white(2550, 3300, &Limits::default()).ok().unwrap();
        normalise(Scan { px, dpi: Dpi::Said(said) }, None, &Limits::default()).ok().unwrap().geometry.dpi
    };
    assert_eq!(dpi(Some((300.0, 300.0))), 300);
    for wrong in [None, Some((1.0, 1.0)), Some((72.0, 72.0)), Some((300.0, 3000.0)), Some((f64::NAN, 1.0))] {
        assert_eq!(dpi(wrong), 292, "{wrong:?}");
    }
}
