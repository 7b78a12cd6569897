//! The index: every query, claim, queue and count is answered here, by sled.
//!
//! It follows the ledger and holds nothing that the ledger does not: the position it has followed to
//! is written in the same transaction as what it learnt. So nothing depends on sled's durability, and
//! whatever is wrong with an index, the answer is to set it aside and build another.
//!
//! What this room does *not* do: it decides nothing about documents ([`lifecycle::State`] does), writes
//! nothing to the ledger, and never sees a document's content.

mod catch_up;
mod check;
mod contract;
mod draft;
mod embedded;
mod entries;
mod error;
mod examine;
mod holds;
mod kept;
mod keys;
mod lease;
mod listing;
mod names;
mod open;
mod query;
mod store;
mod tip;
mod track;
mod trees;
mod values;

pub use contract::{Census, CommitError, Committed, Contract, Due, Fact, Log, Refusal};
pub use embedded::Embedded;
pub use error::StoreError;
pub use examine::Examined;
pub use holds::Hold;
pub use lease::Lease;
pub use open::Opened;
pub use query::{Document, Query};
pub(crate) use store::Reading;
pub use store::Store;
