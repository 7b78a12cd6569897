//! The one clock of the daemon.

use std::time::{SystemTime, UNIX_EPOCH};
use types::UnixMillis;

/// The wall-clock time; a clock before 1970 reads as 1970.
#[expect(clippy::disallowed_methods, reason = "this is the one clock")]
pub(crate) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
