//! What the frames say. Messages that hold words have no `Debug`.

use crate::FrameError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use types::{Limits, PageGeometry, PageWords, Reason, Rect, Word};

/// What a worker was started for. One document, one role, then exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Tries one forbidden thing and must die of it.
    Probe,
    /// Sees the original; returns structure.
    Parse,
    /// Sees the original; returns page rasters.
    Normalise,
    /// Sees rasters; returns words.
    Ocr,
    /// Sees rasters, boxes and the words that may stay; returns the product.
    Redact,
    /// Sees the product only; returns what it reads and what it is made of.
    Verify,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 6] =
        [Self::Probe, Self::Parse, Self::Normalise, Self::Ocr, Self::Redact, Self::Verify];

    /// The stable name: first argument of the worker, file name of its profile.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Parse => "parse",
            Self::Normalise => "normalise",
            Self::Ocr => "ocr",
            Self::Redact => "redact",
            Self::Verify => "verify",
        }
    }
}

/// How a worker says it is confined; the daemon looks itself as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforcement {
    /// Highest landlock ABI enforced; 0 is none.
    pub landlock_abi: u32,
    /// All rights of that ABI are handled and denied.
    pub landlock_full: bool,
    /// `no_new_privs` is set.
    pub no_new_privs: bool,
    /// SHA-256 of the seccomp program in force.
    pub seccomp: [u8; 32],
}

/// First frame of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Its role.
    pub role: Role,
    /// Its build; must be the daemon's own.
    pub build: String,
    /// Its confinement.
    pub enforcement: Enforcement,
}

/// What to do. Followed by data frames or page jobs as each variant says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Job {
    /// Do one forbidden thing. Nothing follows.
    Probe(ProbeAction),
    /// `bytes` of data follow: the original. Answer: `Done::Parsed`.
    Parse {
        /// Size of the original.
        bytes: u64,
        /// Limits of the source.
        limits: Limits,
    },
    /// `bytes` of data follow: the original. Answer: for each page in order `PageResult::Raster` and its
    /// px (see [`packed_bytes`]), then `Done::Normalised`.
    Normalise {
        /// Size of the original.
        bytes: u64,
        /// Limits of the source.
        limits: Limits,
        /// First page, from 0.
        first: u32,
        /// Pages to make, at most.
        count: u32,
        /// Clockwise turn (90, 180, 270) of pages whose own turn was found wrong: (page, degrees).
        turns: Vec<(u32, u16)>,
    },
    /// `pages` page jobs ([`PageJob::Read`]) follow, each with its px. Answer: a `PageResult::Words` for each.
    Ocr {
        /// Number of pages.
        pages: u32,
    },
    /// `pages` page jobs ([`PageJob::Paint`]) follow, each with its px. Answer: `Done::Product { bytes }`
    /// and then the data: `Done` is last but for the product.
    Redact {
        /// Number of pages.
        pages: u32,
    },
    /// `bytes` of data follow: the product; then a [`PageJob::Check`] for each page `first..first + count`.
    /// Answer: a `PageResult::Verified` for each, then `Done::Verified`.
    Verify {
        /// Size of the product.
        bytes: u64,
        /// First page, from 0.
        first: u32,
        /// Pages to check.
        count: u32,
        /// Pages the product must have.
        pages: u32,
    },
}

/// A forbidden thing (the probe role, and only it, can be told to do these).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProbeAction {
    /// Nothing forbidden: answer `Done::Probed`.
    Nothing,
    /// Open a file.
    Open,
    /// Make a socket.
    Socket,
    /// Make a process.
    Fork,
    /// Start a thread.
    Thread,
    /// Map memory that can be written and executed.
    ExecutableMemory,
    /// Panic: must end as a panic, not as a violation.
    Panic,
    /// Use more memory than the limit: must end as memory, not as a violation.
    Memory,
    /// Never answer.
    Hang,
}

/// One page of a job.
#[derive(Clone, Serialize, Deserialize)]
pub enum PageJob {
    /// Read this page; its px follow as data ([`packed_bytes`] of its geometry).
    Read {
        /// The page.
        geometry: PageGeometry,
        /// Also try the page in all four turns and say which reads best.
        orient: bool,
    },
    /// Paint and keep this page; its px follow as data.
    Paint {
        /// The page.
        geometry: PageGeometry,
        /// Boxes to fill with solid black.
        boxes: Vec<Rect>,
        /// The words that may stay, for the text layer.
        words: Vec<Word>,
        /// The whole page becomes black and has no words.
        black: bool,
    },
    /// What the product's page must be.
    Check {
        /// The page.
        geometry: PageGeometry,
        /// Boxes that must be solid black.
        boxes: Vec<Rect>,
        /// The whole page must be black: it is not read.
        black: bool,
    },
}

/// One page's result.
#[derive(Serialize, Deserialize)]
pub enum PageResult {
    /// Its px follow as data.
    Raster {
        /// The page.
        geometry: PageGeometry,
        /// Could not tell which side is up; the OCR role should decide.
        upright_unsure: bool,
    },
    /// Words of a page.
    Words(OcrPage),
    /// A page of the product.
    Verified(VerifiedPage),
    /// This page could not be handled; the others go on.
    Failed {
        /// Why.
        reason: Reason,
    },
}

/// What OCR read.
#[derive(Serialize, Deserialize)]
pub struct OcrPage {
    /// Words in reading order.
    pub words: PageWords,
    /// Clockwise turn (0, 90, 180, 270) in which the page reads best; the words are those of turn 0.
    pub best_turn_deg: u16,
}

/// What the third worker found on a page of the product.
#[derive(Serialize, Deserialize)]
pub struct VerifiedPage {
    /// Width of the page, px at the dpi of its geometry.
    pub width_px: u32,
    /// Height, px.
    pub height_px: u32,
    /// Words read from its px.
    pub words: PageWords,
    /// Words of its text layer (confidence 1).
    pub layer: PageWords,
    /// Every declared box is solid black.
    pub boxes_solid: bool,
    /// Whole page is black, when it had to be.
    pub black: bool,
}

/// Last frame of a worker that did its job.
#[derive(Serialize, Deserialize)]
pub enum Done {
    /// The probe answered.
    Probed,
    /// Structure.
    Parsed(ParsedDocument),
    /// All pages were sent.
    Normalised,
    /// All pages were read.
    Read,
    /// The product follows as data.
    Product {
        /// Its size.
        bytes: u64,
    },
    /// The product as a whole.
    Verified {
        /// Exactly one revision, no annotation, attachment, action, metadata but ours, no unknown object.
        structure_sound: bool,
    },
}

/// What the structure says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParsedDocument {
    /// Pages.
    pub pages: u32,
    /// Active or hidden content, by the names of `lifecycle::Finding` (kebab-case).
    pub findings: Vec<String>,
}

/// Last frame of a worker that refuses the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
}

/// How a worker ended without `Done` or `Refusal`; made by the daemon from the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Killed by SIGSYS.
    SandboxViolation,
    /// Killed for its wall-clock time.
    Timeout,
    /// Killed by SIGXCPU.
    Cpu,
    /// Memory ran out.
    Memory,
    /// A panic, by its exit code.
    Panic,
    /// Another signal or exit code.
    Crash,
    /// Said something it must not say.
    Protocol,
}

impl Fault {
    /// The reason code of a document whose worker ended so.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::SandboxViolation => Reason::SandboxViolation,
            Self::Timeout => Reason::WorkerTimeout,
            Self::Cpu => Reason::WorkerCpu,
            Self::Memory => Reason::WorkerMemory,
            Self::Panic => Reason::WorkerPanic,
            Self::Crash => Reason::WorkerCrash,
            Self::Protocol => Reason::WorkerProtocol,
        }
    }
}

/// Bytes of a page's px on the wire: 8-bit gray (0 black, 255 white) row by row; for a bilevel page
/// 1 bit a px (1 white), most significant bit first, each row padded to a byte.
#[must_use]
pub fn packed_bytes(geometry: &PageGeometry) -> u64 {
    let (width, height) = (u64::from(geometry.width_px), u64::from(geometry.height_px));
    if geometry.bilevel { width.div_ceil(8) * height } else { width * height }
}

/// Encodes a message.
///
/// # Errors
/// [`FrameError::Payload`] when it cannot be encoded.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    postcard::to_stdvec(message).map_err(|_| FrameError::Payload)
}

/// Decodes a message; trailing bytes are an error.
///
/// # Errors
/// [`FrameError::Payload`] when it does not decode.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(payload) {
        Ok((message, [])) => Ok(message),
        Ok(_) | Err(_) => Err(FrameError::Payload),
    }
}
