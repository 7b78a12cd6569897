//! Delivery connectors: a route's folder, for now.
//!
//! A delivery is `ID.pdf` and then `ID.json`, each written and fsynced out of sight, renamed and its
//! folder fsynced; whoever sees the manifest can rely on the file. `(document, route)` is the idempotency
//! key: a marker in `.sent` tells after any crash whether the manifest was seen, so nothing is delivered
//! twice, even when those who fetch are faster than the ledger. This room does not choose routes, writes no
//! ledger and does not know what is in the bytes.

mod dirs;
mod error;
mod folder;
mod space;

pub use error::OutboxError;
pub use folder::{FolderTarget, Staged, Staging, Unsettled};
pub use space::space_free;

#[cfg(test)]
mod tests;
