//! The sources: doors through which documents come, each with its own limits and expectations (A3).

use crate::{
    rule::{Location, Optional, number, required, word},
    sections::NAME,
};
use std::{path::PathBuf, str::FromStr};
use types::{DocClass, Label, Limits};

/// What to do with a PDF that carries active or hidden content. Whatever is chosen, only pictures of
/// its pages ever leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingAction {
    /// Note it and go on.
    Flatten,
    /// Stop in quarantine until a person releases the document.
    Hold,
    /// Refuse the document.
    Reject,
}

/// The word is none of the three.
#[derive(Debug, thiserror::Error)]
#[error("not an action; expected flatten, hold or reject")]
pub struct UnknownAction;

impl FromStr for FindingAction {
    type Err = UnknownAction;
    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        match text {
            "flatten" => Ok(Self::Flatten),
            "hold" => Ok(Self::Hold),
            "reject" => Ok(Self::Reject),
            _ => Err(UnknownAction),
        }
    }
}

const ACTION: &str = "\"flatten\", \"hold\" or \"reject\"";

section! { "What to do with active or hidden content of a PDF.", FindingRules {
    javascript: FindingAction = word(ACTION, "hold"),
        "The PDF carries JavaScript.";
    launch: FindingAction = word(ACTION, "hold"),
        "The PDF can start a program.";
    embedded_file: FindingAction = word(ACTION, "hold"),
        "The PDF carries files.";
}}

keys! { Limits, "Hard limits; one more than the value is refused." {
    file_bytes_max: u64 = number(Limits::default().file_bytes_max, 1 << 10..=4 << 30),
        "Size of a file, in bytes.";
    pages_max: u32 = number(Limits::default().pages_max, 1..=5_000),
        "Pages of a document.";
    side_px_max: u32 = number(Limits::default().side_px_max, 100..=65_535),
        "Longer side of a page, in pixels.";
    page_px_max: u64 = number(Limits::default().page_px_max, 10_000..=400_000_000),
        "Area of a page, in pixels.";
    objects_max: u32 = number(Limits::default().objects_max, 100..=10_000_000),
        "Objects of a PDF, or directories and tags of a TIFF.";
    decoded_bytes_max: u64 = number(Limits::default().decoded_bytes_max, 1 << 20..=4 << 30),
        "Bytes of all decoded streams of a PDF together.";
    page_words_max: u32 = number(Limits::default().page_words_max, 100..=1_000_000),
        "Words read on a page.";
    page_cpu_seconds_max: u32 = number(Limits::default().page_cpu_seconds_max, 1..=600),
        "Processor seconds for a page.";
    page_wall_ms_max: u64 = number(Limits::default().page_wall_ms_max, 1_000..=1_200_000),
        "Milliseconds by the clock for a page.";
    worker_memory_bytes_max: u64 = number(Limits::default().worker_memory_bytes_max, 512 << 20..=16 << 30),
        "Address space of a worker, in bytes.";
}}

section! { "A door through which documents come. Repeat the table for each.", Source {
    name: Label = required(NAME, "fax"),
        "Name of the source; policy refers to it.";
    folder: Option<PathBuf> = Optional(Location("/srv/lazaret/inbox/fax")),
        "Watched folder; without it the source takes documents over the network only.";
    scan_ms: u64 = number(15_000, 2_000..=60_000),
        "Milliseconds between two looks at the folder; file system events only shorten the wait.";
    settle_ms: u64 = number(10_000, 0..=120_000),
        "Milliseconds a file must stay unchanged before it is taken; scanners write page by page.";
    expected_class: Option<DocClass> = Optional(word("a document class, for example lab-result", "referral")),
        "Class that most documents of this source have.";
    fallback_dpi: Option<u32> = Optional(number(300, 50..=1_200)),
        "Resolution of images that do not say theirs.";
    retention: Option<Label> = Optional(word(NAME, "short")),
        "Retention rule of this source; the longest of all that apply wins.";
} tables {
    limits: Limits, "Hard limits.";
    findings: FindingRules, "Active and hidden content.";
}}
