//! Keys, sealed blobs and their destruction: the only room that sees key bytes.
//!
//! ```text
//! master key (file or systemd credential)
//!   ├─ site secrets            keyed digests (HMAC-SHA-256), signatures (Ed25519)
//!   └─ generation key          replaced at every destruction
//!        └─ document keys      one per document, kept wrapped, unwrapped for each use
//!             └─ blob keys     HKDF-SHA-256 of document, area, blob
//! ```
//!
//! On disk, under one directory: `lock`, `site`, `keystore`, `keystore.journal` and
//! `blobs/<document>/<area>-<blob>`. Whatever a call acknowledges is durable; an fsync that fails
//! aborts the process, because nobody can say what it left on disk.
//!
//! It does not know what a document is, when it is due, or who may read it; it writes no ledger and
//! no log. It does not lock memory: that is a property of the whole process, which its unit sets.

mod age;
mod blob;
mod digest;
mod durable;
mod error;
mod facts;
mod keystore;
mod master;
mod secret;
mod site;
mod vault;

pub use age::{Identity, Recipient};
pub use blob::{Area, BlobFacts, BlobName, BlobReader, BlobWriter};
pub use digest::{Sha256, sha256};
pub use error::VaultError;
pub use facts::FACTS_BYTES_MAX;
pub use master::MasterKey;
pub use secret::random;
pub use vault::{Destruction, Swept, Vault, VaultStatus};
