//! Confinement: how a worker gives up its rights, and how the daemon starts, watches and ends it.
//!
//! Two halves share this crate and nothing else does both. The *enter* half ([`prepare`],
//! [`Prepared::confine`]) runs in the worker: limits, then landlock without a single rule, then a
//! seccomp filter whose default is death. The *spawn* half ([`Launcher`], [`Worker`], [`prove`]) runs in
//! the daemon and believes nothing the worker says about itself. What a role may do is data in
//! `policy/confinement`, compiled in here.
//!
//! This is the room of `unsafe`; it parses no document, and holds no key. [`sys`] hands the few system
//! calls that other rooms need to them in safe form.

mod enter;
mod exit;
mod profile;
mod prove;
mod spawn;
pub mod sys;

pub use enter::{ConfineError, Confined, PipeIn, PipeOut, Prepared, SelfLimits, map_executable, prepare};
pub use exit::{Exit, end};
pub use profile::digest_of;
pub use prove::{Proof, ProveError, prove};
pub use spawn::{LaunchError, Launcher, Usage, Worker};

/// Name of this build: version, and a digest of everything daemon and worker must agree on.
pub const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("LAZARET_BUILD"));
