//! Words that every room shares: ids, digests, reasons, limits, words on a page.
//!
//! This room does no I/O, knows no clock and no async, and imports nothing of ours. Types that can
//! hold PHI ([`Word`], [`PageWords`], [`Phi`]) implement neither `Debug` nor `Display`, so they
//! cannot reach a log line by accident.

mod class;
mod digest;
mod held;
mod identifier;
mod ids;
mod label;
mod limits;
mod page;
mod phi;
mod reason;
mod schedule;
mod scope;
mod time;
mod untrusted;

pub use class::{DocClass, UnknownClass};
pub use digest::{BadDigest, Digest};
pub use held::hold;
pub use identifier::IdKind;
pub use ids::{BadId, BlobId, DocId, RunId};
pub use label::{BadLabel, Label};
pub use limits::Limits;
pub use page::{Confidence, PageGeometry, PageWords, Rect, Transform, Word};
pub use phi::Phi;
pub use reason::{Disposition, Reason};
pub use schedule::Schedule;
pub use scope::{Scope, UnknownScope};
pub use time::{BadTime, UnixMillis};
pub use untrusted::{OutOfBounds, Untrusted};
