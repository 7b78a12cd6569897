//! Tesseract's C interface, held by one owner: gray px in, words out.
//!
//! The only unsafe code of the worker. It hands Tesseract nothing but raw px (Leptonica parses no
//! container here) and trusts nothing that it says beyond what C demands: text is copied, boxes are
//! plain numbers for [`super::words`] to check.

#![allow(unsafe_code)]

use super::raster::Gray;
use leptess::capi;
use std::{
    ffi::{CStr, CString, c_int},
    os::unix::ffi::OsStrExt,
    path::Path,
    ptr::{self, NonNull},
};

/// How Tesseract cuts an image into lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Columns, blocks and lines are found, also lines that run down the page (PSM 3).
    Page,
    /// One block of lines that run across (PSM 6).
    Block,
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TesseractError {
    /// The data folder's path cannot be given to C.
    #[error("tessdata: the path holds a zero byte")]
    Path,
    /// No engine.
    #[error("tessdata: expected eng.traineddata for the LSTM engine; install tesseract-ocr-eng")]
    Init,
    /// A setting is unknown to this build of Tesseract.
    #[error("this Tesseract does not know the setting {0}")]
    Setting(&'static str),
    /// The px do not fit Tesseract's integers.
    #[error("page of {width} x {height} px is too large to read")]
    Size {
        /// Width, px.
        width: usize,
        /// Height, px.
        height: usize,
    },
    /// Recognition failed.
    #[error("recognition failed")]
    Recognise,
}

/// A word as Tesseract tells it, in px of the image it was given. Holds PHI: no `Debug`.
pub(crate) struct RawWord {
    pub(crate) text: String,
    /// Left, top, right, bottom; the last two exclusive. Not yet checked.
    pub(crate) edges: [i32; 4],
    /// 0..=100.
    pub(crate) percent: f32,
    pub(crate) starts_line: bool,
    pub(crate) starts_block: bool,
}

/// Words that one reading may give; a page with more is noise.
const WORDS_MAX: usize = 100_000;

/// Settings beyond the defaults, each with its reason.
const SETTINGS: &[(&str, &CStr, &CStr)] = &[
    // Reading every line twice, once inverted, costs time and finds nothing on pages of dark ink.
    ("tessedit_do_invert", c"tessedit_do_invert", c"0"),
];

/// One Tesseract with its data loaded.
pub(crate) struct Tesseract {
    handle: NonNull<capi::TessBaseAPI>,
}

impl Tesseract {
    /// Loads `eng.traineddata` of this folder, LSTM only. The only file access of this type's life.
    pub(crate) fn load(tessdata: &Path) -> Result<Self, TesseractError> {
        let folder = CString::new(tessdata.as_os_str().as_bytes()).map_err(|_| TesseractError::Path)?;
        // SAFETY: takes nothing; the handle is owned by the `Self` made of it and deleted once, in `drop`.
        let handle = NonNull::new(unsafe { capi::TessBaseAPICreate() }).ok_or(TesseractError::Init)?;
        let this = Self { handle };
        let lstm = capi::TessOcrEngineMode_OEM_LSTM_ONLY;
        // SAFETY: the handle is live; both strings end in zero and outlive the call, which copies them.
        let failed =
            unsafe { capi::TessBaseAPIInit2(this.handle.as_ptr(), folder.as_ptr(), c"eng".as_ptr(), lstm) };
        if failed != 0 {
            return Err(TesseractError::Init);
        }
        for (name, key, value) in SETTINGS {
            // SAFETY: the handle is live; both strings end in zero and outlive the call, which copies them.
            let known =
                unsafe { capi::TessBaseAPISetVariable(this.handle.as_ptr(), key.as_ptr(), value.as_ptr()) };
            if known == 0 {
                return Err(TesseractError::Setting(name));
            }
        }
        Ok(this)
    }

    /// Reads the words of an image of this resolution.
    pub(crate) fn read(
        &mut self,
        image: &Gray,
        dpi: u32,
        layout: Layout,
    ) -> Result<Vec<RawWord>, TesseractError> {
        self.show(image, dpi, layout)?;
        // SAFETY: the handle is live and holds an image; a null monitor is allowed.
        let failed = unsafe { capi::TessBaseAPIRecognize(self.handle.as_ptr(), ptr::null_mut()) };
        let words = if failed == 0 { Ok(self.words()) } else { Err(TesseractError::Recognise) };
        // SAFETY: the handle is live; no iterator of this reading is left. Frees the image and the results.
        unsafe { capi::TessBaseAPIClear(self.handle.as_ptr()) };
        words
    }

    /// Gives Tesseract a copy of the px.
    fn show(&mut self, image: &Gray, dpi: u32, layout: Layout) -> Result<(), TesseractError> {
        let (width, height) = (image.width(), image.height());
        let size = || TesseractError::Size { width, height };
        let columns = c_int::try_from(width).map_err(|_| size())?;
        let rows = c_int::try_from(height).map_err(|_| size())?;
        let dpi = c_int::try_from(dpi).map_err(|_| size())?;
        let mode = match layout {
            Layout::Page => capi::TessPageSegMode_PSM_AUTO,
            Layout::Block => capi::TessPageSegMode_PSM_SINGLE_BLOCK,
        };
        let handle = self.handle.as_ptr();
        // SAFETY: the handle is live; `px` holds exactly width * height bytes (kept by `Gray`), one a px and
        // `width` a line as told, and Tesseract copies them before it returns.
        unsafe {
            capi::TessBaseAPISetPageSegMode(handle, mode);
            capi::TessBaseAPISetImage(handle, image.px().as_ptr(), columns, rows, 1, columns);
            capi::TessBaseAPISetSourceResolution(handle, dpi);
        }
        Ok(())
    }

    fn words(&mut self) -> Vec<RawWord> {
        // SAFETY: the handle is live and recognised; null means that there is no text.
        let found = NonNull::new(unsafe { capi::TessBaseAPIGetIterator(self.handle.as_ptr()) });
        found.map(|handle| Cursor { handle, _reading: self }.collect()).unwrap_or_default()
    }
}

impl Drop for Tesseract {
    fn drop(&mut self) {
        // SAFETY: the handle came from Create, is deleted only here and not used afterwards.
        unsafe { capi::TessBaseAPIDelete(self.handle.as_ptr()) };
    }
}

/// Walks the words of one reading; borrows its Tesseract, whose results it points into.
struct Cursor<'a> {
    handle: NonNull<capi::TessResultIterator>,
    _reading: &'a mut Tesseract,
}

impl Cursor<'_> {
    fn collect(self) -> Vec<RawWord> {
        let mut words = Vec::new();
        while words.len() < WORDS_MAX {
            words.extend(self.word());
            // SAFETY: the iterator is live and its reading is borrowed, so neither was cleared.
            if unsafe {
                capi::TessResultIteratorNext(self.handle.as_ptr(), capi::TessPageIteratorLevel_RIL_WORD)
            } == 0
            {
                break;
            }
        }
        words
    }

    /// The word under the cursor, if it has text and a box.
    fn word(&self) -> Option<RawWord> {
        let (handle, level) = (self.handle.as_ptr(), capi::TessPageIteratorLevel_RIL_WORD);
        let mut edges = [0; 4];
        let [left, top, right, bottom] = &mut edges;
        // SAFETY: the iterator is live and its reading is borrowed. Its page iterator is the same object,
        // not a new one. The four numbers are ours for the call.
        let (placed, percent, starts_line, starts_block) = unsafe {
            let page = capi::TessResultIteratorGetPageIteratorConst(handle);
            let starts = |level| capi::TessPageIteratorIsAtBeginningOf(page, level) != 0;
            (
                capi::TessPageIteratorBoundingBox(page, level, left, top, right, bottom) != 0,
                capi::TessResultIteratorConfidence(handle, level),
                starts(capi::TessPageIteratorLevel_RIL_TEXTLINE),
                starts(capi::TessPageIteratorLevel_RIL_BLOCK),
            )
        };
        let text = self.text().filter(|_| placed)?;
        Some(RawWord { text, edges, percent, starts_line, starts_block })
    }

    fn text(&self) -> Option<String> {
        // SAFETY: the iterator is live; the answer is null or a string of its own that ends in zero, which
        // is copied once and then given back to the deleter that belongs to it.
        unsafe {
            let text = capi::TessResultIteratorGetUTF8Text(
                self.handle.as_ptr(),
                capi::TessPageIteratorLevel_RIL_WORD,
            );
            if text.is_null() {
                return None;
            }
            let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
            capi::TessDeleteText(text);
            Some(copy)
        }
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        // SAFETY: the iterator came from GetIterator and is deleted only here, before its reading is cleared.
        unsafe { capi::TessResultIteratorDelete(self.handle.as_ptr()) };
    }
}
