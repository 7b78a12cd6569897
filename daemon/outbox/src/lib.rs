//! Delivery connectors: a route's folder, for now.
//!
//! A delivery is `ID.pdf` and then `ID.json`, each written to a temp name, fsynced, renamed and its
//! folder fsynced; whoever sees the manifest can rely on the file. `(document, route)` is the idempotency
//! key: delivering the same again changes nothing, delivering something else under the same name is a
//! conflict. This room does not choose routes and does not know what is in the bytes.

mod error;
mod folder;
mod space;

pub use error::OutboxError;
pub use folder::FolderTarget;
pub use space::space_free;

#[cfg(test)]
mod tests;
