//! The gRPC contract between the daemon and its callers (requirements A17 to A21, A26).
//!
//! Generated from `proto/lazaret/v1/lazaret.proto`; [`v1`] holds messages and clients, [`server`] the
//! traits that `serve` implements. Nothing here decides anything, and no message that can hold PHI has
//! `Debug`. Conversions to the types of the house are in `serve` and `ctl`, next to their use.

mod strict;

pub use strict::StrictCodec;

/// Messages and clients.
#[allow(missing_docs, clippy::all, unused_qualifications, unreachable_pub, reason = "generated")]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/client/lazaret.v1.rs"));
}

/// Server traits. Their requests are decoded by [`StrictCodec`].
#[allow(missing_docs, clippy::all, unused_qualifications, unreachable_pub, reason = "generated")]
pub mod server {
    include!(concat!(env!("OUT_DIR"), "/server/lazaret.v1.rs"));
}

/// Path of every RPC, as it stands in an HTTP/2 request.
pub const RPCS: &[&str] = include!(concat!(env!("OUT_DIR"), "/rpcs.rs"));

/// Largest chunk of a file in one message, bytes: small enough to be buffered by many callers at once.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;

/// Largest message, bytes: a chunk, or a page of results, and its frame.
pub const MESSAGE_BYTES_MAX: usize = CHUNK_BYTES_MAX + (64 << 10);

/// Documents of one page of a list: at about 500 bytes each well below [`MESSAGE_BYTES_MAX`].
pub const PAGE_DOCUMENTS_MAX: u32 = 500;

/// Ids of one progress request: 26 bytes each.
pub const PROGRESS_IDS_MAX: usize = 1000;

/// Words of one message: with 200 bytes each still below [`MESSAGE_BYTES_MAX`].
pub const MESSAGE_WORDS_MAX: usize = 2000;

/// Metadata key of an error: which kind of no (see [`Kind`]).
pub const KIND_KEY: &str = "lazaret-kind";

/// Metadata key of an error: the reason code, when there is one.
pub const REASON_KEY: &str = "lazaret-reason";

/// Kinds of no, finer than gRPC's: `UNAVAILABLE` alone would not tell a daemon that says "not now" from
/// one that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is no such thing.
    NotFound,
    /// Not in this state, or a hold is in force.
    Conflict,
    /// The request is not valid.
    Invalid,
    /// Not now; try again.
    Temporary,
    /// Not for this caller.
    Denied,
    /// Over a limit.
    TooLarge,
    /// Not before somebody unseals the appliance.
    Sealed,
    /// The daemon's fault.
    Internal,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Self::NotFound,
        Self::Conflict,
        Self::Invalid,
        Self::Temporary,
        Self::Denied,
        Self::TooLarge,
        Self::Sealed,
        Self::Internal,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Temporary => "temporary",
            Self::Denied => "denied",
            Self::TooLarge => "too-large",
            Self::Sealed => "sealed",
            Self::Internal => "internal",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The gRPC code that goes with it (B50).
    #[must_use]
    pub const fn code(self) -> tonic::Code {
        match self {
            Self::NotFound => tonic::Code::NotFound,
            Self::Conflict | Self::Sealed => tonic::Code::FailedPrecondition,
            Self::Invalid => tonic::Code::InvalidArgument,
            Self::Temporary => tonic::Code::Unavailable,
            Self::Denied => tonic::Code::PermissionDenied,
            Self::TooLarge => tonic::Code::ResourceExhausted,
            Self::Internal => tonic::Code::Internal,
        }
    }
}
