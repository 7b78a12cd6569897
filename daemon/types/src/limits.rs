//! Hard limits of one source (B15, B19): the caller sees them in `config`, the worker enforces them,
//! the daemon enforces them again on what the worker says.

use serde::{Deserialize, Serialize};

/// Every limit is inclusive: the value itself is allowed, one more is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// Size of the file, in bytes.
    pub file_bytes_max: u64,
    /// Pages of a document.
    pub pages_max: u32,
    /// Longer side of a page raster, in px.
    pub side_px_max: u32,
    /// Area of a page raster, in px.
    pub page_px_max: u64,
    /// Objects of a PDF, or image file directories and tags of a TIFF.
    pub objects_max: u32,
    /// Bytes of all decoded streams of a PDF together.
    pub decoded_bytes_max: u64,
    /// Words that OCR may return for a page.
    pub page_words_max: u32,
    /// Processor seconds a worker may use for each page it handles.
    pub page_cpu_seconds_max: u32,
    /// Wall-clock ms a worker may take for each page it handles.
    pub page_wall_ms_max: u64,
    /// Address space of a worker, in bytes.
    pub worker_memory_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes_max: 256 << 20,
            pages_max: 500,
            side_px_max: 20_000,
            page_px_max: 64_000_000,
            objects_max: 200_000,
            decoded_bytes_max: 512 << 20,
            page_words_max: 100_000,
            page_cpu_seconds_max: 30,
            page_wall_ms_max: 60_000,
            worker_memory_bytes_max: 2 << 30,
        }
    }
}
