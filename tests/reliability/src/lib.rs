//! What the attacks on durability share: a disk whose power can be cut, a shim that fails system calls, senders
//! that note what they were promised, and a judge that compares.
//!
//! Nothing here knows how the appliance works inside: it drops files, calls `lazaretctl` and reads outboxes, as
//! senders and receivers do.

mod dice;
mod disk;
mod filler;
mod judge;
mod load;
mod promise;
mod senders;
mod shim;
mod route;
mod site;
mod station;

pub use dice::Dice;
pub use disk::Disk;
pub use filler::Filler;
pub use judge::{Findings, judge};
pub use load::Load;
pub use promise::{Promise, Promises};
pub use route::{Met, Route};
pub use senders::Senders;
pub use shim::{Fault, Shim};
pub use site::Site;
pub use station::{Station, needs};

/// How often something is done: usually, or with `LAZARET_LONG` set.
#[must_use]
pub fn times(usual: u32, long: u32) -> u32 {
    if is_long() { long } else { usual }
}

/// Was the long form asked for?
#[must_use]
pub fn is_long() -> bool {
    std::env::var_os("LAZARET_LONG").is_some()
}
