//! The product byte by byte: it must be exactly of the form that our writer gives, so that nothing can
//! lie between objects, behind the end or under a name that no viewer shows.
//!
//! It reads no picture and judges no word.

use crate::redact::{
    layer::{UNITS_A_POINT, Units},
    pdf::{self, Product},
    picture::{Coding, Form},
};

/// One page as it stands in the file.
pub(super) struct FoundPage<'a> {
    pub(super) width: Units,
    pub(super) height: Units,
    /// Operators of its text layer.
    pub(super) text: &'a [u8],
}

/// The pages of a product that is byte for byte of our form; `None` for every other file.
pub(super) fn pages(product: &[u8], count: u32) -> Option<Vec<FoundPage<'_>>> {
    let written = Product::new(count as usize);
    let mut rest = Rest { all: product, at: 0 };
    rest.skip(written.bytes())?;
    let mut offsets = written.offsets().to_vec();
    let mut pages = Vec::new();
    for _ in 0..count {
        pages.push(rest.page(&mut offsets)?);
    }
    let body = &product[..rest.at];
    rest.skip(pdf::tail(body, &offsets).as_bytes())?;
    (rest.at == product.len()).then_some(pages)
}

/// What is not yet accounted for.
struct Rest<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    fn page(&mut self, offsets: &mut Vec<usize>) -> Option<FoundPage<'a>> {
        let number = offsets.len() + 1;
        offsets.push(self.at);
        let (width, height) = self.media_box()?;
        self.skip(pdf::object(number, &pdf::page(number, &width, &height)).as_bytes())?;

        offsets.push(self.at);
        let (form, length) = self.picture()?;
        self.stream(number + 1, &form.entries(), length)?;

        offsets.push(self.at);
        let length = self.number_after(b"/Length ")?;
        let content = self.stream(number + 2, pdf::CONTENT_ENTRIES, length)?;
        let text = content.strip_prefix(pdf::content_head(&width, &height).as_bytes())?;
        Some(FoundPage { width, height, text })
    }

    /// Goes past exactly these bytes.
    fn skip(&mut self, bytes: &[u8]) -> Option<()> {
        self.all[self.at..].starts_with(bytes).then(|| self.at += bytes.len())
    }

    /// Goes past a stream with this head and gives its data.
    fn stream(&mut self, number: usize, entries: &str, length: usize) -> Option<&'a [u8]> {
        self.skip(pdf::stream_head(number, entries, length).as_bytes())?;
        let data = self.all[self.at..].get(..length)?;
        self.at += length;
        self.skip(pdf::STREAM_END)?;
        Some(data)
    }

    fn media_box(&self) -> Option<(Units, Units)> {
        let text = std::str::from_utf8(after(self.head(), b"/MediaBox [0 0 ")?).ok()?;
        let (numbers, _) = text.split_once(']')?;
        let (width, height) = numbers.split_once(' ')?;
        Some((units(width)?, units(height)?))
    }

    /// Form and length of the picture that comes next.
    fn picture(&self) -> Option<(Form, usize)> {
        let number = |name| u32::try_from(self.number_after(name)?).ok();
        let coding = match self.head() {
            head if after(head, b"/DCTDecode").is_some() => Coding::Jpeg,
            head if after(head, b"/CCITTFaxDecode").is_some() => Coding::Group4,
            _ => Coding::Plain,
        };
        let form = Form { columns: number(b"/Width ")?, rows: number(b"/Height ")?, coding };
        let known = coding != Coding::Plain || form == Form::BLACK;
        known.then_some((form, self.number_after(b"/Length ")?))
    }

    fn number_after(&self, name: &[u8]) -> Option<usize> {
        let digits = after(self.head(), name)?;
        let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
        std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
    }

    /// The dictionary that comes next: up to the line that ends its object or begins its data.
    fn head(&self) -> &'a [u8] {
        /// Longer than any dictionary that the writer makes.
        const HEAD_BYTES_MAX: usize = 512;
        let near = &self.all[self.at..][..HEAD_BYTES_MAX.min(self.all.len() - self.at)];
        let end = near.windows(4).position(|bytes| bytes == b" >>\n").unwrap_or(near.len());
        &near[..end]
    }
}

/// What follows the first occurrence of `name`.
fn after<'a>(bytes: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = bytes.windows(name.len()).position(|here| here == name)?;
    Some(&bytes[at + name.len()..])
}

/// The units that [`Units`] writes so.
pub(super) fn units(text: &str) -> Option<Units> {
    let (whole, part) = text.split_once('.')?;
    let part = (part.len() == 4).then_some(part)?;
    let value: u64 =
        whole.parse::<u64>().ok()?.checked_mul(UNITS_A_POINT)?.checked_add(part.parse().ok()?)?;
    Some(Units(value))
}
