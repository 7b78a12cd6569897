//! Gray pixels, and ink put on them: glyphs, lines, pen strokes. Knows no document and no file format.

use ab_glyph_rasterizer::{Point, Rasterizer, point};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::prelude::{FontRef, LocationRef, Size};
use skrifa::{GlyphId, MetadataProvider as _};

/// A type face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// DejaVu Sans.
    Sans,
    /// DejaVu Sans Bold.
    SansBold,
    /// DejaVu Serif.
    Serif,
    /// DejaVu Serif Bold.
    SerifBold,
    /// DejaVu Sans Mono.
    Mono,
}

impl Face {
    /// The heavier face of the same family.
    #[must_use]
    pub(crate) fn bold(self) -> Self {
        match self {
            Self::Sans | Self::SansBold | Self::Mono => Self::SansBold,
            Self::Serif | Self::SerifBold => Self::SerifBold,
        }
    }

    fn font(self) -> FontRef<'static> {
        let bytes: &'static [u8] = match self {
            Self::Sans => include_bytes!("../fonts/DejaVuSans.ttf"),
            Self::SansBold => include_bytes!("../fonts/DejaVuSans-Bold.ttf"),
            Self::Serif => include_bytes!("../fonts/DejaVuSerif.ttf"),
            Self::SerifBold => include_bytes!("../fonts/DejaVuSerif-Bold.ttf"),
            Self::Mono => include_bytes!("../fonts/DejaVuSansMono.ttf"),
        };
        FontRef::new(bytes).expect("the font is compiled in")
    }
}

/// A gray raster, 255 white.
#[derive(Clone)]
pub(crate) struct Canvas {
    /// Width, px.
    pub(crate) width: usize,
    /// Height, px.
    pub(crate) height: usize,
    /// Rows from the top, one byte a px.
    pub(crate) px: Vec<u8>,
}

impl Canvas {
    /// White paper.
    #[must_use]
    pub(crate) fn white(width: usize, height: usize) -> Self {
        Self { width, height, px: vec![255; width * height] }
    }

    /// The value at a place; white outside.
    #[must_use]
    pub(crate) fn at(&self, x: i64, y: i64) -> u8 {
        self.index(x, y).map_or(255, |i| self.px[i])
    }

    /// Adds ink: `cover` is the share of the px it covers, 0..1.
    pub(crate) fn ink(&mut self, x: i64, y: i64, cover: f32) {
        if let Some(i) = self.index(x, y) {
            self.px[i] = (f32::from(self.px[i]) * (1.0 - cover.clamp(0.0, 1.0))).round() as u8;
        }
    }

    /// Fills a box with black.
    pub(crate) fn fill(&mut self, x0: i64, y0: i64, x1: i64, y1: i64) {
        for y in y0..y1 {
            for x in x0..x1 {
                self.ink(x, y, 1.0);
            }
        }
    }

    /// Is the px ink, at the middle threshold?
    #[must_use]
    pub(crate) fn is_black(&self, x: usize, y: usize) -> bool {
        self.px[y * self.width + x] < 128
    }

    fn index(&self, x: i64, y: i64) -> Option<usize> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        (x < self.width && y < self.height).then(|| y * self.width + x)
    }
}

/// A face at a size: px per em, across and down (they differ on fax paper).
#[derive(Clone, Copy)]
pub(crate) struct Type {
    /// The face.
    pub(crate) face: Face,
    /// Em width, px.
    pub(crate) em_x: f32,
    /// Em height, px.
    pub(crate) em_y: f32,
}

impl Type {
    /// How far the pen moves over a text, px.
    #[must_use]
    pub(crate) fn advance(self, text: &str) -> f32 {
        let font = self.face.font();
        glyphs(&font, text).map(|(_, advance)| advance * self.em_x).sum()
    }

    /// Draws a text with its baseline at `y`.
    pub(crate) fn draw(self, canvas: &mut Canvas, x: f32, y: f32, text: &str) {
        let font = self.face.font();
        let mut pen_x = x;
        for (id, advance) in glyphs(&font, text) {
            self.draw_glyph(canvas, &font, id, (pen_x, y));
            pen_x += advance * self.em_x;
        }
    }

    fn draw_glyph(self, canvas: &mut Canvas, font: &FontRef<'_>, id: GlyphId, (x, y): (f32, f32)) {
        let Some(outline) = font.outline_glyphs().get(id) else { return };
        // Room around the origin for every glyph of these faces: an em and a half to each side.
        let (left, up) = ((self.em_x * 1.5).ceil(), (self.em_y * 1.5).ceil());
        let origin = point(left + x.fract(), up + y.fract());
        let raster = Rasterizer::new(left as usize * 3, up as usize * 2);
        let mut pen = Pen { raster, origin, em: (self.em_x, self.em_y), start: origin, at: origin };
        let unscaled = DrawSettings::unhinted(Size::new(1.0), LocationRef::default());
        outline.draw(unscaled, &mut pen).expect("the font is whole");
        let (dx, dy) = (x.trunc() as i64 - left as i64, y.trunc() as i64 - up as i64);
        pen.raster
            .for_each_pixel_2d(|px, py, cover| canvas.ink(dx + i64::from(px), dy + i64::from(py), cover));
    }
}

/// Glyphs of a text, and how far each moves the pen, in em.
fn glyphs<'a>(font: &'a FontRef<'_>, text: &'a str) -> impl Iterator<Item = (GlyphId, f32)> + 'a {
    let (map, metrics) = (font.charmap(), font.glyph_metrics(Size::new(1.0), LocationRef::default()));
    text.chars().map(move |c| {
        let id = map.map(c).unwrap_or_default();
        (id, metrics.advance_width(id).unwrap_or_default())
    })
}

/// Turns an outline in em into covered px.
struct Pen {
    raster: Rasterizer,
    origin: Point,
    em: (f32, f32),
    start: Point,
    at: Point,
}

impl Pen {
    fn place(&self, x: f32, y: f32) -> Point {
        point(self.origin.x + x * self.em.0, self.origin.y - y * self.em.1)
    }
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.start = self.place(x, y);
        self.at = self.start;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.raster.draw_line(self.at, to);
        self.at = to;
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let (bend, to) = (self.place(cx, cy), self.place(x, y));
        self.raster.draw_quad(self.at, bend, to);
        self.at = to;
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        let (a, b, to) = (self.place(ax, ay), self.place(bx, by), self.place(x, y));
        self.raster.draw_cubic(self.at, a, b, to);
        self.at = to;
    }

    fn close(&mut self) {
        self.raster.draw_line(self.at, self.start);
        self.at = self.start;
    }
}

/// A pen stroke along points, px; `radius` is half its width.
pub(crate) fn stroke(canvas: &mut Canvas, points: &[(f32, f32)], radius: (f32, f32)) {
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let steps = ((x1 - x0).abs().max((y1 - y0).abs()) * 2.0) as u32 + 1;
        for step in 0..=steps {
            let t = step as f32 / steps as f32;
            blot(canvas, x0 + (x1 - x0) * t, y0 + (y1 - y0) * t, radius);
        }
    }
}

fn blot(canvas: &mut Canvas, x: f32, y: f32, (rx, ry): (f32, f32)) {
    for py in (y - ry).floor() as i64..=(y + ry).ceil() as i64 {
        for px in (x - rx).floor() as i64..=(x + rx).ceil() as i64 {
            let (dx, dy) = ((px as f32 - x) / rx, (py as f32 - y) / ry);
            if dx * dx + dy * dy <= 1.0 {
                canvas.ink(px, py, 0.9);
            }
        }
    }
}
