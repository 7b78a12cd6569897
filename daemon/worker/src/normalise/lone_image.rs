//! Looks at what a PDF page draws, without drawing it: most pages that arrive are one scanned image,
//! whose own px are better, and cheaper, than a rendering of them.

use super::gray::{Gray, luminance, over_white};
use crate::parse::{Orientation, check_raster_size};
use hayro::{
    hayro_interpret::{
        BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageData, ImageDrawProps,
        InterpreterCache, InterpreterSettings, LumaData, Paint, SoftMask, font::GlyphRun, interpret_page,
        util::TransformExt,
    },
    hayro_syntax,
    kurbo::{Affine, BezPath, Rect, Shape},
};
use types::{Limits, Reason};

/// What a page consists of.
pub(super) enum Page {
    /// One image fills it: its px as the page shows them, and their resolution.
    Image { px: Gray, dpi: (f64, f64) },
    /// Nothing but images, none of which fills it; the finest resolution among them.
    Images { dpi: f64 },
    /// Anything else.
    Other,
}

/// Share of the page that an image must cover to be the page, and share of the image that must be on
/// the page: scanners round the page to whole points, and leave a hair of white.
const COVERED_MIN: f64 = 0.95;
const SHOWN_MIN: f64 = 0.98;
/// How far a corner may be off the grid, in px of the image, before it counts as turned.
const TILT_PX_MAX: f64 = 0.5;
const POINTS_PER_INCH: f64 = 72.0;

/// What this page consists of.
pub(super) fn watch(page: &hayro_syntax::page::Page, limits: &Limits) -> Result<Page, Reason> {
    let (width, height) = page.render_dimensions();
    let paper = Rect::new(0.0, 0.0, width.into(), height.into());
    let to_paper = page.initial_transform(true).to_kurbo();
    let settings = InterpreterSettings::default();
    let cache = InterpreterCache::new();
    let mut context = Context::new(to_paper, paper, &cache, page.xref(), settings);
    let mut watcher = Watcher {
        paper,
        limits,
        clips: Vec::new(),
        image: None,
        finest_dpi: 0.0,
        seen: Seen::Nothing,
        refused: None,
    };
    interpret_page(page, &mut context, &mut watcher);
    if let Some(reason) = watcher.refused {
        return Err(reason);
    }
    Ok(match (watcher.seen, watcher.image) {
        (Seen::OneImage, Some((px, dpi))) => Page::Image { px, dpi },
        (Seen::OneImage | Seen::Images, _) => Page::Images { dpi: watcher.finest_dpi },
        _ => Page::Other,
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Nothing,
    OneImage,
    Images,
    Other,
}

struct Watcher<'l> {
    /// The page, in points.
    paper: Rect,
    limits: &'l Limits,
    clips: Vec<Option<Rect>>,
    image: Option<(Gray, (f64, f64))>,
    finest_dpi: f64,
    seen: Seen,
    refused: Option<Reason>,
}

impl Watcher<'_> {
    fn see_image(&mut self, image: &Image, transform: Affine) {
        let size = (image.width(), image.height());
        let place = transform.transform_rect_bbox(Rect::new(0.0, 0.0, size.0.into(), size.1.into()));
        if place.intersect(self.paper).is_zero_area() {
            return;
        }
        if let Err(reason) = check_raster_size(size.0.into(), size.1.into(), self.limits) {
            self.refused = Some(reason);
        }
        let dpi = resolution(transform);
        self.finest_dpi = self.finest_dpi.max(dpi.0).max(dpi.1);
        self.image = None;
        match self.seen {
            Seen::Nothing if self.refused.is_none() => {
                self.seen = Seen::OneImage;
                if let Some(orientation) = upright(transform, size).filter(|_| self.fills_page(place)) {
                    let is_sideways = orientation.quarter_turns % 2 == 1;
                    let dpi = if is_sideways { (dpi.1, dpi.0) } else { dpi };
                    self.image = decode(image).map(|px| (px.oriented(orientation), dpi));
                }
            }
            Seen::Other => {}
            _ => self.seen = Seen::Images,
        }
    }

    /// The image is the page: it covers it, and nothing much of it is cut off.
    fn fills_page(&self, place: Rect) -> bool {
        let is_seen_whole = |clip: &Option<Rect>| {
            clip.is_some_and(|clip| clip.intersect(place).area() >= SHOWN_MIN * place.area())
        };
        let on_paper = place.intersect(self.paper).area();
        on_paper >= COVERED_MIN * self.paper.area()
            && on_paper >= SHOWN_MIN * place.area()
            && self.clips.iter().all(is_seen_whole)
    }

    /// Something is painted over, under or beside; what cannot be seen does not count.
    fn see_paint(&mut self, bounds: Rect, paint: &Paint, mode: &DrawMode) {
        let is_seen = !matches!(mode, DrawMode::Invisible) && bounds.overlaps(self.paper);
        let is_bare_paper = self.seen == Seen::Nothing
            && matches!(paint, Paint::Color(color) if color.to_rgba().to_rgba8() == [255; 4]);
        if is_seen && !is_bare_paper {
            self.seen = Seen::Other;
        }
    }
}

impl<'a> Device<'a> for Watcher<'_> {
    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        if props.soft_mask.is_some() || props.blend_mode != BlendMode::Normal {
            self.seen = Seen::Other;
        }
        self.see_image(&image, props.transform);
    }

    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        self.see_paint(props.transform.transform_rect_bbox(path.bounding_box()), &props.paint, mode);
    }

    fn draw_glyph_run(&mut self, _run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        self.see_paint(self.paper, &props.paint, mode);
    }

    fn push_transparency_group(&mut self, opacity: f32, mask: Option<SoftMask<'a>>, blend_mode: BlendMode) {
        if opacity < 1.0 || mask.is_some() || blend_mode != BlendMode::Normal {
            self.seen = Seen::Other;
        }
    }

    fn push_clip_path(&mut self, clip: &ClipPath) {
        let bounds = clip.path.bounding_box();
        // A path that fills its own bounding box is a rectangle; other shapes are too much to look into.
        let is_rectangle = clip.path.area().abs() >= SHOWN_MIN * bounds.area();
        self.clips.push(is_rectangle.then_some(bounds));
    }

    fn push_clip_rect(&mut self, rect: &Rect) {
        self.clips.push(Some(*rect));
    }

    fn pop_clip(&mut self) {
        self.clips.pop();
    }

    fn pop_transparency_group(&mut self) {}
}

/// Px to the inch along the two sides of an image.
fn resolution(transform: Affine) -> (f64, f64) {
    let [a, b, c, d, ..] = transform.as_coeffs();
    (POINTS_PER_INCH / a.hypot(b), POINTS_PER_INCH / c.hypot(d))
}

/// How the page shows the px of an image, if it keeps their grid.
fn upright(transform: Affine, (width, height): (u32, u32)) -> Option<Orientation> {
    let [a, b, c, d, ..] = transform.as_coeffs();
    let (along, down) = (a.hypot(b), c.hypot(d));
    let (width, height) = (f64::from(width), f64::from(height));
    // What is off the grid at the far end of a side, in px.
    let tilt = |off: f64, px: f64, scale: f64| off.abs() * px <= TILT_PX_MAX * scale;
    let is_level = tilt(b, width, along) && tilt(c, height, down);
    let is_sideways = tilt(a, width, along) && tilt(d, height, down);
    let (is_mirrored, quarter_turns) = match (is_level, is_sideways) {
        (true, false) => match (a > 0.0, d > 0.0) {
            (true, true) => (false, 0),
            (false, false) => (false, 2),
            (false, true) => (true, 0),
            (true, false) => (true, 2),
        },
        (false, true) => match (b > 0.0, c > 0.0) {
            (true, false) => (false, 1),
            (false, true) => (false, 3),
            (false, false) => (true, 1),
            (true, true) => (true, 3),
        },
        _ => return None,
    };
    Some(Orientation { is_mirrored, quarter_turns })
}

/// The px of an image on white paper; none when they cannot be had one by one.
fn decode(image: &Image) -> Option<Gray> {
    let mut px = None;
    match image {
        Image::Raster(raster) => raster.with_rgba(|image, alpha| px = on_white(image, alpha), None),
        Image::Stencil(stencil) => stencil.with_stencil(
            |shape, paint| {
                let Paint::Color(color) = paint else { return };
                let [red, green, blue, opacity] = color.to_rgba().to_rgba8();
                if opacity == u8::MAX {
                    let ink = luminance(red, green, blue);
                    px = Some(to_gray(shape, |shape| over_white(ink, shape)));
                }
            },
            None,
        ),
    }
    px
}

fn on_white(image: ImageData, alpha: Option<LumaData>) -> Option<Gray> {
    let mut gray = match image {
        ImageData::Luma(luma) => to_gray(luma, |px| px),
        ImageData::Rgb(rgb) => Gray {
            width: rgb.width,
            height: rgb.height,
            px: rgb.data.chunks_exact(3).map(|px| luminance(px[0], px[1], px[2])).collect(),
        },
    };
    if let Some(alpha) = alpha {
        if (alpha.width, alpha.height) != (gray.width, gray.height) {
            return None;
        }
        gray.px.iter_mut().zip(&alpha.data).for_each(|(px, opacity)| *px = over_white(*px, *opacity));
    }
    Some(gray)
}

fn to_gray(luma: LumaData, value: impl Fn(u8) -> u8) -> Gray {
    let mut px = luma.data;
    px.iter_mut().for_each(|px| *px = value(*px));
    Gray { width: luma.width, height: luma.height, px }
}
