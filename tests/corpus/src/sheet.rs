//! Paper with a typewriter: places lines, paragraphs, columns and signatures on pages, in points, and
//! remembers every text that was marked as an identifier.
//!
//! Text between `«` and `»` identifies the patient: it is drawn like the rest and listed in
//! [`Sheet::removed`], because the redacted product must not show it.

use crate::canvas::{Canvas, Face, Type, stroke};

const POINTS_PER_INCH: f32 = 72.0;
/// White edge of the paper, pt.
const MARGIN: f32 = 60.0;
/// Distance of baselines, as a multiple of the type size.
const LEADING: f32 = 1.42;

/// Paper and type.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    /// Width and height, pt.
    pub(crate) paper: (f32, f32),
    /// px per inch across and down.
    pub(crate) dpi: (f32, f32),
    /// Face of the text.
    pub(crate) face: Face,
    /// Type size, pt.
    pub(crate) size: f32,
}

impl Style {
    /// US letter.
    #[must_use]
    pub(crate) fn letter(dpi: (f32, f32), face: Face, size: f32) -> Self {
        Self { paper: (612.0, 792.0), dpi, face, size }
    }

    /// US letter as fax machines scan it: 1728 px across, whatever the resolution down.
    #[must_use]
    pub(crate) fn fax(dpi: (f32, f32), face: Face, size: f32) -> Self {
        const FAX_WIDTH_PX: f32 = 1728.0;
        Self { paper: (FAX_WIDTH_PX * POINTS_PER_INCH / dpi.0, 792.0), dpi, face, size }
    }
}

/// Pages being written.
pub(crate) struct Sheet {
    style: Style,
    pages: Vec<Canvas>,
    /// Where the next baseline goes, pt from the top.
    y: f32,
    /// Identifiers written so far, in order.
    pub(crate) removed: Vec<String>,
}

impl Sheet {
    /// One empty page.
    #[must_use]
    pub(crate) fn new(style: Style) -> Self {
        let mut sheet = Self { style, pages: Vec::new(), y: 0.0, removed: Vec::new() };
        sheet.new_page();
        sheet
    }

    /// Turns to an empty page.
    pub(crate) fn new_page(&mut self) {
        let (width, height) = self.px(self.style.paper.0, self.style.paper.1);
        self.pages.push(Canvas::white(width.round() as usize, height.round() as usize));
        self.y = MARGIN.min(self.style.paper.1 / 7.0);
    }

    /// The pages.
    #[must_use]
    pub(crate) fn into_pages(self) -> Vec<Canvas> {
        self.pages
    }

    /// A heading in bold, half as large again.
    pub(crate) fn heading(&mut self, text: &str) {
        self.row(&[(self.left(), text)], self.style.face.bold(), 1.45);
    }

    /// A line in bold.
    pub(crate) fn title(&mut self, text: &str) {
        self.row(&[(self.left(), text)], self.style.face.bold(), 1.0);
    }

    /// A small line.
    pub(crate) fn small(&mut self, text: &str) {
        self.row(&[(self.left(), text)], self.style.face, 0.8);
    }

    /// One line.
    pub(crate) fn line(&mut self, text: &str) {
        self.row(&[(self.left(), text)], self.style.face, 1.0);
    }

    /// Columns on one line, each at a share (0..1) of the width between the margins.
    pub(crate) fn columns(&mut self, columns: &[(f32, &str)]) {
        let placed: Vec<_> = columns.iter().map(|(share, text)| (self.share(*share), *text)).collect();
        self.row(&placed, self.style.face, 1.0);
    }

    /// The same, in bold.
    pub(crate) fn column_heads(&mut self, columns: &[(f32, &str)]) {
        let placed: Vec<_> = columns.iter().map(|(share, text)| (self.share(*share), *text)).collect();
        self.row(&placed, self.style.face.bold(), 1.0);
    }

    /// A paragraph, broken into lines between the margins, and a gap.
    pub(crate) fn paragraph(&mut self, text: &str) {
        let plain = self.note_identifiers(text);
        let right = self.style.paper.0 - self.left();
        let room = self.px(right - self.left(), 0.0).0;
        let letters = self.letters(self.style.face, 1.0);
        let mut line = String::new();
        for word in plain.split(' ') {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if letters.advance(&longer) > room && !line.is_empty() {
                self.write(self.left(), &line, letters);
                self.feed(1.0);
                line = word.to_owned();
            } else {
                line = longer;
            }
        }
        self.write(self.left(), &line, letters);
        self.feed(1.6);
    }

    /// A ruled line across.
    pub(crate) fn rule(&mut self) {
        let (x0, y0) = self.px(self.left(), self.y - self.style.size * 0.5);
        let (x1, thick) = self.px(self.style.paper.0 - self.left(), 0.8);
        let top = y0 as i64;
        self.page().fill(x0 as i64, top, x1 as i64, top + (thick.round() as i64).max(1));
        self.feed(0.6);
    }

    /// Leaves some lines free.
    pub(crate) fn skip(&mut self, lines: f32) {
        self.feed(lines);
    }

    /// A box to tick, and its text.
    pub(crate) fn checkbox(&mut self, ticked: bool, text: &str) {
        let side = self.style.size * 0.8;
        let (x0, y1) = self.px(self.left(), self.y);
        let (width, height) = self.px(side, side);
        let (x1, y0) = (x0 + width, y1 - height);
        let thin = (self.px(0.5, 0.0).0, self.px(0.0, 0.4).1);
        stroke(self.page(), &[(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], thin);
        if ticked {
            stroke(self.page(), &[(x0, y0), (x1, y1)], thin);
            stroke(self.page(), &[(x1, y0), (x0, y1)], thin);
        }
        self.row(&[(self.left() + side * 1.8, text)], self.style.face, 1.0);
    }

    /// A scrawl, as a pen leaves it: nobody can read it and no machine should try.
    pub(crate) fn signature(&mut self, seed: f32) {
        let width = self.style.size * 11.0;
        let points: Vec<_> = (0..=160)
            .map(|i| {
                let t = i as f32 / 160.0;
                let swing = (t * 31.0 + seed).sin() * (1.1 - t) + (t * 13.0 + seed * 2.0).cos() * 0.4;
                self.px(self.left() + width * t, self.y + self.style.size * (0.2 - swing * 0.8))
            })
            .collect();
        let pen = (self.px(0.7, 0.0).0, self.px(0.0, 0.7).1);
        stroke(self.page(), &points, pen);
        self.feed(1.6);
    }

    fn row(&mut self, columns: &[(f32, &str)], face: Face, scale: f32) {
        let letters = self.letters(face, scale);
        for (x, text) in columns {
            let plain = self.note_identifiers(text);
            self.write(*x, &plain, letters);
        }
        self.feed(scale);
    }

    fn write(&mut self, x_pt: f32, text: &str, letters: Type) {
        let (x, y) = self.px(x_pt, self.y);
        letters.draw(self.page(), x, y, text);
    }

    /// Strips the marks and keeps what was between them.
    fn note_identifiers(&mut self, text: &str) -> String {
        let mut plain = String::new();
        for (i, part) in text.split(['«', '»']).enumerate() {
            plain.push_str(part);
            if i % 2 == 1 && !self.removed.iter().any(|known| known == part) {
                self.removed.push(part.to_owned());
            }
        }
        plain
    }

    fn letters(&self, face: Face, scale: f32) -> Type {
        let (em_x, em_y) = self.px(self.style.size * scale, self.style.size * scale);
        Type { face, em_x, em_y }
    }

    fn feed(&mut self, lines: f32) {
        self.y += self.style.size * LEADING * lines;
    }

    fn left(&self) -> f32 {
        MARGIN.min(self.style.paper.0 / 14.0)
    }

    fn share(&self, share: f32) -> f32 {
        self.left() + (self.style.paper.0 - 2.0 * self.left()) * share
    }

    fn px(&self, x_pt: f32, y_pt: f32) -> (f32, f32) {
        (x_pt * self.style.dpi.0 / POINTS_PER_INCH, y_pt * self.style.dpi.1 / POINTS_PER_INCH)
    }

    fn page(&mut self) -> &mut Canvas {
        self.pages.last_mut().expect("new() writes the first page")
    }
}
