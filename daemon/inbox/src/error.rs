//! What can go wrong with a watched folder. Folders are named, files never: their names may be PHI.

use std::{io, path::PathBuf};

/// Each is worth another try at the next scan.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The folder itself cannot be used.
    #[error("cannot {what} the inbox {folder}: {source}; files wait until it can be used again")]
    Folder {
        /// Verb.
        what: &'static str,
        /// The inbox.
        folder: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// Where the inbox was is now another folder, which was never an inbox.
    #[error(
        "the inbox {folder} is not the folder it was (unmounted?); mount it again, or restart if this is meant"
    )]
    Replaced {
        /// The inbox.
        folder: PathBuf,
    },
    /// Somebody else could tamper with the folder where claimed files lie.
    #[error(
        "{inner} in the inbox {folder} must be a directory of the daemon's user that nobody else can write to; remove it"
    )]
    Foreign {
        /// The inbox.
        folder: PathBuf,
        /// The folder in it.
        inner: &'static str,
    },
    /// One file cannot be handled.
    #[error("cannot {what} a file of the inbox {folder}: {source}")]
    File {
        /// Verb.
        what: &'static str,
        /// The inbox.
        folder: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A file cannot be put back, because another has taken its name; it stays claimed.
    #[error(
        "a file of the inbox {folder} cannot be put back: its name is taken; it stays in .claimed until the next start"
    )]
    NameTaken {
        /// The inbox.
        folder: PathBuf,
    },
    /// File system events cannot be had at all.
    #[error("file system events are not available: {0}; folders are scanned at their interval all the same")]
    Watch(notify::Error),
}
