//! One page of a PDF to gray: the px of the scan it consists of, or a rendering.

use super::{
    gray::{Gray, luminance},
    lone_image::{Page, watch},
};
use hayro::{
    RenderCache, RenderSettings,
    hayro_interpret::{InterpreterSettings, InterpreterWarning, util::TransformExt},
    hayro_syntax::{self, Pdf},
    kurbo::Affine,
    render_into,
    vello_cpu::{
        Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit, color::palette::css::WHITE,
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use types::{Limits, Reason};

/// Resolution of renderings: what Tesseract reads best and what fax and scan targets store.
const RENDER_DPI: f64 = 300.0;
/// Resolution below which a page too large for the limits is not rendered: small print would be there
/// for eyes, but not for OCR.
const RENDER_DPI_MIN: f64 = 100.0;
/// Resolutions at which a page made of several images is rendered as they are.
const NATIVE_DPI: std::ops::RangeInclusive<f64> = 150.0..=600.0;
const POINTS_PER_INCH: f64 = 72.0;
/// The renderer counts px of a side in 16 bits.
const RENDER_SIDE_PX_MAX: f64 = 65_535.0;

/// Page `index`: its px as it is shown, and their resolution.
pub(super) fn page(pdf: &Pdf, index: u32, limits: &Limits) -> Result<(Gray, Origin), Reason> {
    let page = pdf.pages().get(index as usize).ok_or(Reason::NoPages)?;
    match watch(page, limits)? {
        Page::Image { px, dpi } => Ok((px, Origin::Image(dpi))),
        Page::Images { dpi } if NATIVE_DPI.contains(&dpi) => render(page, dpi, limits),
        Page::Images { .. } | Page::Other => render(page, RENDER_DPI, limits),
    }
}

/// Where the px of a page come from.
pub(super) enum Origin {
    /// Stored px, and the resolution that the page gives them.
    Image((f64, f64)),
    /// A rendering at this resolution.
    Rendering(f64),
}

fn render(page: &hayro_syntax::page::Page, dpi: f64, limits: &Limits) -> Result<(Gray, Origin), Reason> {
    let (width, height) = page.render_dimensions();
    let (width, height) = (f64::from(width), f64::from(height));
    let dpi = affordable_dpi(width, height, dpi, limits)?;
    let scale = dpi / POINTS_PER_INCH;
    let side = |points: f64| (points * scale).round().max(1.0) as u32;
    let mut gray = Gray::white(side(width), side(height), limits)?;
    let sides = u16::try_from(gray.width).ok().zip(u16::try_from(gray.height).ok());
    let (width, height) = sides.ok_or(Reason::PageTooLarge)?;
    let mut context = RenderContext::new(width, height);
    let transform = Affine::scale(scale) * page.initial_transform(true).to_kurbo();
    // Scans placed at a lower resolution are interpolated, not blown up into squares.
    let settings = RenderSettings { force_image_interpolation: true, ..RenderSettings::default() };
    let is_missing_something = Arc::new(AtomicBool::new(false));
    let interpreter = settings_that_note_losses(&is_missing_something);
    render_into(page, &RenderCache::new(), &interpreter, &settings, &mut context, transform);
    context.flush();
    if is_missing_something.load(Ordering::Relaxed) {
        return Err(Reason::Malformed);
    }
    let mut pixmap = Pixmap::new(width, height);
    let rasterizer =
        RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..RasterizerSettings::default() };
    context.render_with(&mut pixmap, &mut Resources::default(), rasterizer);
    for (px, rgba) in gray.px.iter_mut().zip(pixmap.data()) {
        *px = luminance(rgba.r, rgba.g, rgba.b);
    }
    Ok((gray, Origin::Rendering(dpi)))
}

/// A picture or font that cannot be read would leave a hole that nobody sees: the page fails instead.
fn settings_that_note_losses(is_missing_something: &Arc<AtomicBool>) -> InterpreterSettings {
    let flag = Arc::clone(is_missing_something);
    let note = move |warning| {
        let is_loss =
            matches!(warning, InterpreterWarning::ImageDecodeFailure | InterpreterWarning::UnsupportedFont);
        flag.fetch_or(is_loss, Ordering::Relaxed);
    };
    InterpreterSettings { warning_sink: Arc::new(note), ..InterpreterSettings::default() }
}

/// The wanted resolution, or the highest that keeps the page within the limits.
fn affordable_dpi(width: f64, height: f64, wanted: f64, limits: &Limits) -> Result<f64, Reason> {
    let side_max = f64::from(limits.side_px_max).min(RENDER_SIDE_PX_MAX) - 1.0;
    let by_side = side_max * POINTS_PER_INCH / width.max(height);
    let by_area = (limits.page_px_max as f64 * 0.99 / (width * height)).sqrt() * POINTS_PER_INCH;
    let dpi = wanted.min(by_side).min(by_area).floor();
    if dpi < RENDER_DPI_MIN { Err(Reason::PageTooLarge) } else { Ok(dpi) }
}
