//! The time, for deciding whether a certificate or a list is still in force.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970; 0 when the clock stands before it.
#[expect(clippy::disallowed_methods, reason = "the one clock of this room; decides nothing about documents")]
pub(crate) fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
