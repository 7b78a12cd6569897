//! Why a target did not take a document.

use std::io;

/// A delivery that did not happen; it may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The route's folder is missing or cannot be entered.
    #[error("the route's folder cannot be opened: {0}; create it, or correct `folder` in routes.toml")]
    Folder(#[source] io::Error),
    /// Another delivery of the same name with other content lies there.
    #[error("the folder already holds this document with other content; move that pair away first")]
    Conflict,
    /// Somebody else could tamper with the markers.
    #[error(
        ".sent in the route's folder must be a directory of the daemon's user that nobody else can write to; remove it"
    )]
    Foreign,
    /// No room.
    #[error("the route's folder is full; free some space, delivery is tried again")]
    Full,
    /// The disk refused.
    #[error("the delivery could not be written: {0}")]
    Io(#[source] io::Error),
}

impl From<io::Error> for OutboxError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

impl From<nix::Error> for OutboxError {
    fn from(error: nix::Error) -> Self {
        io::Error::from(error).into()
    }
}
