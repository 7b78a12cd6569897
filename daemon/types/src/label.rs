//! Names that admins give: sources, routes, owners, rules, principals.

use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, str::FromStr};

/// 1 to 64 characters of `[A-Za-z0-9._-]`, not starting with `.` or `-`: safe in a path component, a
/// log line, a terminal and an argument list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Label(String);

/// Longest label, in bytes.
const LABEL_BYTES_MAX: usize = 64;

/// The text cannot be a label.
#[derive(Debug, thiserror::Error)]
#[error("not a name: expected 1 to 64 characters of A-Z a-z 0-9 . _ -, not starting with . or -")]
pub struct BadLabel;

impl Label {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = BadLabel;
    fn from_str(text: &str) -> Result<Self, BadLabel> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let good = !text.is_empty()
            && text.len() <= LABEL_BYTES_MAX
            && text.bytes().all(plain)
            && !text.starts_with(['.', '-']);
        if good { Ok(Self(text.to_owned())) } else { Err(BadLabel) }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_safe_everywhere_and_ends_at_64_bytes() {
        assert!("fax-1".parse::<Label>().is_ok());
        assert!("a".repeat(64).parse::<Label>().is_ok());
        for bad in ["", ".x", "-rf", "a/b", "a b", "ä", "a\n", &"a".repeat(65)] {
            assert!(bad.parse::<Label>().is_err(), "{bad:?}");
        }
    }
}
