//! Wall-clock time as the ledger writes it.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Milliseconds since 1970-01-01T00:00:00Z. Shown as RFC 3339 in UTC. There is no `now()` here:
/// the one clock lives in the composition root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// This time plus some milliseconds, without overflow.
    #[must_use]
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this time; 0 when it lies later.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The text is no such time.
#[derive(Debug, thiserror::Error)]
#[error("not a time: expected RFC 3339 in UTC with milliseconds, as 2026-11-24T06:36:32.007Z")]
pub struct BadTime;

/// Exactly what [`fmt::Display`] writes.
impl FromStr for UnixMillis {
    type Err = BadTime;

    fn from_str(text: &str) -> Result<Self, BadTime> {
        let at: jiff::Timestamp = text.parse().map_err(|_| BadTime)?;
        let time = Self(u64::try_from(at.as_millisecond()).map_err(|_| BadTime)?);
        if time.to_string() == text { Ok(time) } else { Err(BadTime) }
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = i64::try_from(self.0).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_millisecond(ms) {
            Ok(at) => write!(f, "{at:.3}"),
            Err(_) => f.write_str("9999-12-31T23:59:59.999Z"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc_with_ms() {
        assert_eq!(UnixMillis(1_795_502_192_007).to_string(), "2026-11-24T06:36:32.007Z");
        assert_eq!(UnixMillis(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn only_what_is_written_so_is_read() {
        let time = UnixMillis(1_795_502_192_007);
        assert_eq!(time.to_string().parse::<UnixMillis>().unwrap(), time);
        for bad in [
            "",
            "2026-11-24",
            "2026-11-24T06:36:32Z",
            "2026-11-24T07:36:32.007+01:00",
            "1969-12-31T23:59:59.999Z",
        ] {
            assert!(bad.parse::<UnixMillis>().is_err(), "{bad}");
        }
    }
}
