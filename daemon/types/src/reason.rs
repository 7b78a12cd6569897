//! Why a document is where it is: stable codes, each with one sentence a person can act on.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What a refusal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Try again by itself, later.
    Retry,
    /// Stay in quarantine until a person releases or rejects it.
    Wait,
    /// Ask a reviewer.
    Review,
    /// Final; the bytes stay in quarantine until retention is over.
    Reject,
}

macro_rules! reasons {
    ($($name:ident $code:literal $disposition:ident $sentence:literal;)*) => {
        /// A reason code. Codes are a contract: added, never changed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $(#[doc = $sentence] #[serde(rename = $code)] $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Reason] = &[$(Self::$name,)*];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What happened and what to do, for a person.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }

            /// What it asks for.
            #[must_use]
            pub const fn disposition(self) -> Disposition {
                match self { $(Self::$name => Disposition::$disposition,)* }
            }
        }
    };
}

reasons! {
    Duplicate "duplicate" Reject
        "The same bytes were received before from this source; see duplicate_of.";
    Empty "empty" Reject
        "The file has no bytes. Ask the sender to scan it again.";
    FileTooLarge "file-too-large" Reject
        "The file is larger than file-bytes-max of its source. Split it, or raise the limit in the configuration.";
    UnsupportedFormat "unsupported-format" Reject
        "The content is not PDF, TIFF, PNG or JPEG, whatever its name says. Convert it and send it again.";
    Archive "archive" Reject
        "The content is an archive, not a document. Unpack it and send the documents.";
    Symlink "symlink" Reject
        "The inbox entry is a symbolic link; links are never followed. Copy the file itself.";
    HardLink "hard-link" Reject
        "The file has more than one name on disk, so another program could change it. Copy it.";
    SpecialFile "special-file" Reject
        "The inbox entry is a FIFO, socket or device, not a file. Remove it.";
    Directory "directory" Reject
        "The inbox entry is a directory; documents are read from the inbox itself. Move the files up.";
    Unreadable "unreadable" Retry
        "The file cannot be opened for reading. Check its owner and mode; it is tried again at each scan.";
    BadSidecar "bad-sidecar" Reject
        "The sidecar NAME.json is not valid: unknown field, wrong type or over 16 KiB. Correct it and release the document.";
    Truncated "truncated" Reject
        "The file ends before its structure does. Ask the sender to transmit it again.";
    Malformed "malformed" Reject
        "The file's structure is damaged beyond repair. Ask the sender to make it again.";
    Encrypted "encrypted" Reject
        "The PDF needs a password. Ask the sender for an unprotected copy.";
    NoPages "no-pages" Reject
        "The document has no page.";
    TooManyPages "too-many-pages" Reject
        "The document has more pages than pages-max of its source. Split it, or raise the limit.";
    PageTooLarge "page-too-large" Reject
        "A page has more pixels than side-px-max or page-px-max of its source allow.";
    TooManyObjects "too-many-objects" Reject
        "The file has more objects than objects-max of its source allows.";
    DecodedTooLarge "decoded-too-large" Reject
        "The file unpacks to more bytes than decoded-bytes-max of its source allows.";
    PdfJavascript "pdf-javascript" Wait
        "The PDF carries JavaScript. It stays in quarantine; releasing it keeps only pictures of its pages.";
    PdfLaunch "pdf-launch" Wait
        "The PDF can start a program. It stays in quarantine; releasing it keeps only pictures of its pages.";
    PdfEmbeddedFile "pdf-embedded-file" Wait
        "The PDF carries embedded files. It stays in quarantine; releasing it drops them and keeps only pictures of its pages.";
    WorkerTimeout "worker-timeout" Wait
        "The sandboxed worker took longer than allowed, three times. Release the document to try again.";
    WorkerCpu "worker-cpu" Wait
        "The sandboxed worker used more processor time than allowed. Release the document to try again.";
    WorkerMemory "worker-memory" Wait
        "The sandboxed worker needed more memory than allowed. Raise worker-memory-bytes-max or split the document.";
    WorkerCrash "worker-crash" Wait
        "The sandboxed worker crashed, three times. Treat the document with suspicion.";
    WorkerPanic "worker-panic" Wait
        "The sandboxed worker gave up on an internal check, three times. Treat the document with suspicion.";
    WorkerProtocol "worker-protocol" Wait
        "The sandboxed worker said something it must not say. Treat the document as hostile.";
    SandboxViolation "sandbox-violation" Wait
        "The sandboxed worker tried a forbidden system call and was killed. Treat the document as hostile.";
    WorkerUnavailable "worker-unavailable" Retry
        "No sandboxed worker could be started. See lazaretctl doctor.";
    DiskFull "disk-full" Retry
        "The free space is below the floor. Files wait in the inbox and work goes on when space is freed.";
    StorageError "storage-error" Wait
        "A sealed blob could not be read back. See lazaretctl doctor and the journal.";
    LowConfidence "low-confidence" Review
        "The class is less certain than the route asks for. Approve or correct it.";
    ClassNeedsReview "class-needs-review" Review
        "Documents of this class are always decided by a person.";
    MixedClasses "mixed-classes" Review
        "The pages look like documents of different classes. Decide where the packet belongs.";
    NoText "no-text" Review
        "No text could be read on any page.";
    PoorReading "poor-reading" Review
        "The text could be read only with low confidence, so identifiers may have been missed.";
    CriticalField "critical-field" Review
        "A critical field (patient name, date of birth, dosage) was read with low confidence.";
    RedactionResidue "redaction-residue" Review
        "Re-reading the redacted product found a value that should be hidden. It was not released.";
    RedactionStructure "redaction-structure" Review
        "The redacted product is not built as it must be. It was not released.";
    DeliveryFailed "delivery-failed" Retry
        "The target did not take the document. Delivery is tried again with growing pauses.";
    RejectedByReviewer "rejected-by-reviewer" Reject
        "A reviewer rejected the document.";
    LegalHold "legal-hold" Wait
        "A hold is in force: the document can be read, but neither sent on nor destroyed.";
    RetentionOver "retention-over" Reject
        "The retention period is over; the keys and the bytes were destroyed.";
    SourcePaused "source-paused" Retry
        "The source is paused; its files wait in the inbox.";
    Vanished "vanished" Reject
        "The file disappeared from the inbox before it was claimed.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Reason {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|reason| reason.code() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_every_sentence_complete() {
        for reason in Reason::ALL {
            assert_eq!(reason.code().parse(), Ok(*reason));
            assert!(reason.sentence().ends_with('.'), "{reason}");
        }
    }
}
