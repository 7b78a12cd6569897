//! What keeping the store contract means. The suite is written against the trait; it runs for the plainest engine
//! that could keep it, so that the suite itself is known to be fair, and for the one that ships. Another engine is
//! one more factory.
#![allow(clippy::unwrap_used, missing_docs)]

mod embedded;
mod model;
mod properties;
mod suite;

use store::Contract;

/// An engine that can be brought down and up again.
pub(crate) trait Site {
    /// With nothing in it.
    fn new() -> Self;
    /// The engine, up.
    fn engine(&self) -> &dyn Contract;
    /// Goes down without a farewell and comes up.
    fn crash(&mut self);
}
