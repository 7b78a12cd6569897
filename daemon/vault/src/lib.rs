//! Keys, sealed blobs and their destruction: the only room that sees key bytes.
//!
//! ```text
//! master key (file, systemd credential, passphrase)
//!   └─ root key                replaced at every rotation
//!        ├─ site secrets       keyed digests (HMAC-SHA-256), signatures (Ed25519), sealed intake (X25519)
//!        ├─ checkpoint keys    signatures (Ed25519), replaced daily
//!        └─ generation key     replaced at every destruction
//!             └─ root seed     one per document, kept wrapped, unwrapped for each use
//!                  └─ seeds    one per area and one for facts; what is left when an area is destroyed
//!                       └─ blob keys
//! ```
//!
//! On disk, under one directory: `lock`, `root`, `site`, `intake.pub`, `signer`, `keystore`,
//! `keystore.journal`, `blobs/<document>/<area>-<blob>` and `samples/<document>-<area>`. Whatever a call
//! acknowledges is durable; an fsync that fails aborts the process, because nobody can say what it left on disk.
//!
//! It does not know what a document is, when it is due, or who may read it; it writes no ledger and
//! no log. It does not lock memory: that is a property of the whole process, which its unit sets.

mod age;
mod blob;
mod copy;
mod digest;
mod durable;
mod error;
mod escrow;
mod facts;
mod intake;
mod keystore;
mod master;
mod note;
mod passphrase;
mod root;
mod rotate;
mod samples;
mod secret;
mod signer;
mod site;
mod told;
mod vault;

pub use age::{Identity, Recipient};
pub use blob::{Area, BadBlobName, BlobFacts, BlobName, BlobReader, BlobWriter};
pub use copy::{place_sealed, sealed_path, settle_sealed};
pub use digest::{Sha256, sha256, sha256_of};
pub use error::VaultError;
pub use escrow::{ESCROW_RECIPIENTS_MIN, Escrow, OpenedEscrow, RestoredKeys};
pub use facts::FACTS_BYTES_MAX;
pub use intake::{INTAKE_METADATA_BYTES_MAX, IntakeKey, SealedFacts, SealedReader, SealedWriter};
pub use master::MasterKey;
pub use note::NOTE_BYTES_MAX;
pub use passphrase::PASSPHRASE_BYTES_MAX;
pub use rotate::Rotation;
pub use samples::{Portrait, SampleTrial};
pub use secret::{KeyId, random};
pub use signer::CheckpointKeys;
pub use told::{Destruction, Swept, VaultStatus, Victim};
pub use vault::Vault;

/// A buffer that is wiped when it is dropped.
pub use zeroize::Zeroizing;
