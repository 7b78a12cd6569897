//! Names of things: ULIDs, so that ids sort by the time they were given.

use crate::UnixMillis;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};
use ulid::Ulid;

/// The text is not a ULID (26 characters of Crockford base 32).
#[derive(Debug, thiserror::Error)]
#[error("not an id: expected the 26 characters of a ULID, for example 01JD9Z6M8Q3V5X7Y9A1B2C3D4E")]
pub struct BadId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// Makes an id from the time in ms and 80 random bits (the upper 48 of `random` are dropped).
            #[must_use]
            pub fn from_parts(at: UnixMillis, random: u128) -> Self {
                Self(Ulid::from_parts(at.0, random))
            }

            /// The 16 bytes, big-endian: they sort as the id does.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.0.to_be_bytes()
            }

            /// The id whose [`Self::to_bytes`] these are.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid(u128::from_be_bytes(bytes)))
            }

            /// When the id was given.
            #[must_use]
            pub fn given_at(self) -> UnixMillis {
                UnixMillis(self.0.timestamp_ms())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Ulid::from_string(text).map(Self).map_err(|_| BadId)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.to_bytes().serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    Ok(Self::from_bytes(<[u8; 16]>::deserialize(deserializer)?))
                }
            }
        }
    };
}

id! {
    /// Names one document for its whole life.
    DocId
}
id! {
    /// Names one run of a backup.
    RunId
}
id! {
    /// Names one sealed blob.
    BlobId
}
