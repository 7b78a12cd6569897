//! The index against a real ledger on a real disk: what it answers, what it survives, how fast it is
//! built again.
#![allow(clippy::unwrap_used, missing_docs)]

mod contract;
mod damage;
mod examine;
mod leases;
mod rate;
mod recovery;
mod site;
mod size;
