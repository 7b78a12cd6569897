//! The index against a real ledger on a real disk: what it answers, what it survives, how fast it is
//! built again.
#![allow(clippy::unwrap_used, missing_docs)]

mod contract;
mod leases;
mod rate;
mod recovery;
mod site;
