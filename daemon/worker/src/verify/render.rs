//! A page of the product as a viewer shows it, px for px.

use crate::ocr::Gray;
use hayro::{
    RenderCache, RenderSettings,
    hayro_interpret::{InterpreterSettings, util::TransformExt},
    hayro_syntax::Pdf,
    kurbo::Affine,
    render_into,
    vello_cpu::{
        Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit, color::palette::css::WHITE,
    },
};

/// Page `index` on exactly `width` times `height` px; `None` when there is no such page.
pub(crate) fn page(product: &Pdf, index: usize, width: u32, height: u32) -> Option<Gray> {
    let page = product.pages().get(index)?;
    let (columns, rows) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
    let (points_wide, points_high) = page.render_dimensions();
    let fit = Affine::scale_non_uniform(
        f64::from(width) / f64::from(points_wide),
        f64::from(height) / f64::from(points_high),
    );
    let transform = fit * page.initial_transform(true).to_kurbo();
    let mut context = RenderContext::new(columns, rows);
    let settings = (InterpreterSettings::default(), RenderSettings::default());
    render_into(page, &RenderCache::new(), &settings.0, &settings.1, &mut context, transform);
    context.flush();
    let mut pixmap = Pixmap::new(columns, rows);
    let rasterizer =
        RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..RasterizerSettings::default() };
    context.render_with(&mut pixmap, &mut Resources::default(), rasterizer);
    // The brightest channel: a colour that is not black must not pass for black.
    let px = pixmap.data().iter().map(|px| px.r.max(px.g).max(px.b)).collect();
    Gray::new(width as usize, height as usize, px)
}
