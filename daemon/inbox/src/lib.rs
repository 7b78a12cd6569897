//! Watched folders: files are seen, settle, and are claimed by a rename; nothing is lost on the way.
//!
//! The scan of the folder is the truth; file system events ([`watch`]) only shorten the wait for the
//! next one. A file is claimed when it did not change for a while and nobody has it open for writing. Links,
//! FIFOs, sockets and devices are moved out of the way without being opened; directories stay and are
//! reported. All work is done on descriptors: a name is never joined to a path and never leaves its
//! folder.
//!
//! What this room does *not* do: it does not look at what is in a file, keeps no copy of it, and
//! decides nothing but "not yet". Whether a file is taken in is for `pipeline` to say.

mod claim;
mod claimed;
mod error;
mod folder;
mod inbox;
mod leftovers;
mod name;
mod place;
mod refuse;
mod scan;
mod seen;
mod sidecar;
mod stamp;
mod watch;

#[cfg(test)]
mod tests;

pub use claim::Candidate;
pub use claimed::Claimed;
pub use error::InboxError;
pub use inbox::{Inbox, InboxSettings, InboxStatus};
pub use name::Name;
pub use refuse::RefusedEntry;
pub use scan::Scan;
pub use sidecar::Sidecar;
pub use watch::{Watch, watch};
