//! A page of the product as a viewer shows it, px for px.

use crate::ocr::Gray;
use crate::redact::layer::UNITS_A_POINT;
use hayro::{
    RenderCache, RenderSettings,
    hayro_interpret::{InterpreterSettings, util::TransformExt},
    hayro_syntax::{Pdf, page::Page},
    kurbo::Affine,
    render_into,
    vello_cpu::{
        Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit, color::palette::css::WHITE,
    },
};

/// Parts that a page is rendered in, one below the other: the renderer takes four bytes for each px of a
/// part, and decodes the whole picture for each.
const PARTS: u32 = 2;

/// Page `index` on exactly `width` times `height` px; `None` when there is no such page.
pub(crate) fn page(product: &Pdf, index: usize, width: u32, height: u32) -> Option<Gray> {
    let page = product.pages().get(index)?;
    let mut px = Vec::with_capacity(width as usize * height as usize);
    for top in (0..height).step_by(height.div_ceil(PARTS).max(1) as usize) {
        let rows = height.div_ceil(PARTS).min(height - top);
        render_rows(page, (width, height), top, rows, &mut px)?;
    }
    Gray::new(width as usize, height as usize, px)
}

/// Adds the px of `rows` rows from `top` on.
fn render_rows(
    page: &Page,
    (width, height): (u32, u32),
    top: u32,
    rows: u32,
    px: &mut Vec<u8>,
) -> Option<()> {
    let (columns, rows) = (u16::try_from(width).ok()?, u16::try_from(rows).ok()?);
    let (points_wide, points_high) = page.render_dimensions();
    let fit = Affine::scale_non_uniform(fit(width, points_wide), fit(height, points_high));
    let transform = Affine::translate((0.0, -f64::from(top))) * fit * page.initial_transform(true).to_kurbo();
    let mut context = RenderContext::new(columns, rows);
    let settings = (InterpreterSettings::default(), RenderSettings::default());
    render_into(page, &RenderCache::new(), &settings.0, &settings.1, &mut context, transform);
    context.flush();
    let mut pixmap = Pixmap::new(columns, rows);
    let rasterizer =
        RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..RasterizerSettings::default() };
    context.render_with(&mut pixmap, &mut Resources::default(), rasterizer);
    // The brightest channel: a colour that is not black must not pass for black.
    px.extend(pixmap.data().iter().map(|px| px.r.max(px.g).max(px.b)));
    Some(())
}

/// Px for each point of a side, more by a hair: the picture ends just short of the page's edges, and drawn
/// on less than its px it would be resampled.
fn fit(px: u32, points: f32) -> f64 {
    const HAIR_POINTS: f64 = 4.0 / UNITS_A_POINT as f64;
    let points = f64::from(points);
    f64::from(px) / points * (1.0 + HAIR_POINTS / points)
}
