//! What can go wrong while appending and reading.

use crate::Damage;
use crate::checkpoint::NoteFault;
use std::io;
use std::path::{Path, PathBuf};

/// Why the ledger refused. Each message says what was found, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The disk or its quota is used up. Nothing was recorded; appending works again once there is space.
    #[error("no space left to {doing} {}; free some and try again", path.display())]
    Full {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
    },
    /// The operating system refused. Nothing was recorded.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Another process has it open for appending.
    #[error("{} is in use by another process; stop that one first", path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// What was written is not what is there.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// A checkpoint was signed over more records than there are: an older ledger was put back, or its
    /// end was cut off.
    #[error(
        "the ledger {}, but a checkpoint over {known} was signed: an older ledger was put back or its end cut off. Nothing was changed. Put back the newer ledger; to see what is missing, run: lazaretctl audit verify",
        if *found == 0 { "is empty".to_owned() } else { format!("holds {found} records") }
    )]
    RolledBack {
        /// Records that are there.
        found: u64,
        /// Records of the checkpoint.
        known: u64,
    },
    /// The first records are not those that a checkpoint was signed over.
    #[error(
        "the first {size} records are not those that a checkpoint was signed over: records were changed and the chain written anew. Nothing was changed. Keep a copy of the folder, restore the ledger from backup, then run: lazaretctl audit verify"
    )]
    Rewritten {
        /// Records of the checkpoint.
        size: u64,
    },
    /// The last checkpoint of the log is not as it was written.
    #[error(
        "{} is damaged at byte {offset}: {fault}. Nothing was changed. Restore the file from backup, then run: lazaretctl audit verify",
        path.display()
    )]
    BadCheckpoint {
        /// The log.
        path: PathBuf,
        /// Where the note begins, in bytes.
        offset: u64,
        /// What is wrong.
        fault: NoteFault,
    },
    /// An event is too long to be recorded; nothing of its batch was.
    #[error("a record of {found} bytes is longer than the {max} bytes a record may have")]
    RecordTooLong {
        /// Bytes of the JSON.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A batch is too long to be written at once; nothing of it was recorded.
    #[error("a batch of {found} bytes is longer than the {max} bytes a batch may have; append it in parts")]
    BatchTooLong {
        /// Bytes of all frames.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A batch has too many records to be written at once; nothing of it was recorded.
    #[error("a batch of {found} records is longer than the {max} a batch may have; append it in parts")]
    TooManyRecords {
        /// Records of the batch.
        found: usize,
        /// Records allowed.
        max: usize,
    },
    /// An event cannot be written as JSON; nothing of its batch was recorded.
    #[error("a record cannot be written as JSON: {0}")]
    NotJson(serde_json::Error),
}

/// Says what was tried, and on what, when the operating system refuses.
pub(crate) trait Context<T> {
    fn when(self, doing: &'static str, path: &Path) -> Result<T, LedgerError>;
}

impl<T> Context<T> for io::Result<T> {
    fn when(self, doing: &'static str, path: &Path) -> Result<T, LedgerError> {
        self.map_err(|source| {
            let path = path.to_owned();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    LedgerError::Full { doing, path }
                }
                _ => LedgerError::Io { doing, path, source },
            }
        })
    }
}
