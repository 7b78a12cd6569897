//! The ledger: what happened, in order, for years. It is the truth that every view follows, and the
//! audit log.
//!
//! Append-only segment files of checksummed frames. Each frame carries the hash of the one before it,
//! so a change, a gap or another order shows. [`Ledger::append`] returns once the batch is on disk;
//! an fsync that fails aborts the process, because nobody can say what it left on disk.
//! `docs/reference/ledger-format.md` describes every byte.
//!
//! It does not know what events mean, holds no text and no names of patients, and repairs nothing
//! but the torn end that a power cut leaves: a batch is kept whole or cut whole.

mod append;
mod audit;
mod checkpoint;
mod checkpoint_log;
#[cfg(test)]
mod checkpoint_tests;
mod damage;
mod error;
mod extent;
mod format;
mod growth;
mod keychain;
pub mod merkle;
#[cfg(test)]
mod merkle_tests;
mod mark;
mod note_file;
mod paths;
mod proof;
#[cfg(test)]
mod proof_tests;
mod place;
mod read;
mod reserve;
mod segment;
#[cfg(test)]
mod tests;
mod torn;
#[cfg(test)]
mod torn_tests;
mod verify;

pub use append::{Ledger, NewRecord, Recovery};
pub use audit::{Audit, AuditFault, Trust, audit};
pub use checkpoint::{
    BadKey, Checkpoint, NOTE_BYTES_MAX, NoteFault, SIGNATURE_BYTES, Signed, VerifyingKey, noted_root,
};
pub use checkpoint_log::{CHECKPOINT_LOG, CheckpointLog};
pub use damage::{Damage, Fault};
pub use error::LedgerError;
pub use extent::{Extent, is_segment_name};
pub use format::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, PAYLOAD_BYTES_MAX, SEGMENT_BYTES_MAX};
pub use growth::Growth;
pub use keychain::{KeyChain, KeyFault};
pub use mark::Mark;
pub use note_file::read_note;
pub use place::{Lookup, Place, Placed};
pub use proof::{Leaf, PROOF_LEAVES_MAX, Proof, ProofFault, Since, prove, prove_many, records_under};
pub use read::{PlacedRecords, Records, hash_at};
pub use verify::{Report, verify};
