//! What happens to the appliance itself. The same rules as for documents: added, never changed.

use crate::{HoldOrder, Stage, Statement};
use serde::{Deserialize, Serialize};
use types::{Digest, DocId, Label, Reason};

/// About the appliance. Fixed fields only; nothing here can hold PHI.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SystemEvent {
    /// The daemon started and proved its sandbox.
    Started {
        /// Build of daemon and worker.
        build: String,
        /// Landlock ABI that the kernel enforces.
        landlock_abi: u32,
        /// The root-owned opt-out is set.
        degraded: bool,
        /// Swap is on and in clear, and the root-owned opt-out for that is set.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        clear_swap: bool,
    },
    /// The daemon started without its master key: it takes files in and reads nothing.
    Sealed,
    /// A file was taken in while sealed: it lies in the queue, and becomes a document when unsealed.
    TakenSealed {
        /// The document that it becomes.
        id: DocId,
        /// Source.
        source: Label,
        /// Bytes of the file as it came.
        bytes: u64,
        /// SHA-256 of the sealed file, which is ciphertext.
        sha256: Digest,
    },
    /// Somebody opened the appliance with the master key.
    Unsealed,
    /// Somebody tried a wrong passphrase or key.
    UnsealRefused,
    /// The root key was replaced.
    KeysRotated {
        /// The last generation under the old root key.
        generation_before: u64,
        /// The first under the new one.
        generation_after: u64,
        /// The master key was replaced too.
        master_changed: bool,
    },
    /// The daemon stopped in order.
    Stopped,
    /// A worker tried a forbidden system call.
    SandboxViolation {
        /// Document it worked on.
        doc: Option<DocId>,
        /// Station.
        stage: Option<Stage>,
    },
    /// An inbox entry was refused without becoming a document; it lies in the refused folder.
    Refused {
        /// Source.
        source: Label,
        /// Why.
        reason: Reason,
        /// Keyed digest of the file name.
        name: Digest,
        /// Number of the file among those ever seen in this inbox; none when the entry stays where it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entry: Option<u64>,
    },
    /// A file that was seen is gone, and we did not take it.
    Vanished {
        /// Source.
        source: Label,
        /// Keyed digest of the file name.
        name: Digest,
        /// Number of the file among those ever seen in this inbox.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entry: Option<u64>,
    },
    /// Uploads that were begun and not taken.
    UploadsRefused {
        /// The source they named, when there is one of that name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Label>,
        /// Why; a fixed code.
        why: Label,
        /// How many; more than one when a caller was refused very often within a minute.
        count: u64,
    },
    /// Garbage of crashes was removed.
    Swept {
        /// Sealed blobs that no document names.
        blobs: u64,
        /// Keys of uploads that never became documents, and of documents destroyed before.
        keys: u64,
        /// Bytes of the blobs.
        bytes: u64,
    },
    /// The disk was so full that work could not go on: the ballast was given up.
    BallastReleased {
        /// Its size.
        bytes: u64,
    },
    /// There is room again: the ballast was made anew.
    BallastRestored {
        /// Its size.
        bytes: u64,
    },
    /// A day is over: every file that a source was seen with is accounted for, or is not.
    Balanced(Box<Statement>),
    /// A caller was refused.
    Denied {
        /// RPC.
        rpc: Label,
        /// Why; a fixed code.
        why: Label,
    },
    /// Policy and certificates were read again.
    Reloaded {
        /// The new ones were good and are in force.
        accepted: bool,
    },
    /// The index was rebuilt from the ledger.
    IndexRebuilt {
        /// Records replayed.
        records: u64,
    },
    /// The index was not what the ledger says; it is rebuilt.
    IndexFaulty {
        /// What was wrong; a fixed code.
        why: Label,
    },
    /// A torn tail was cut from the ledger after a crash.
    TailCut {
        /// Bytes cut.
        bytes: u64,
    },
    /// Somebody read or verified the ledger.
    Audited,
    /// The key that signs manifests, certificates and evidence, noted at each start: who trusts the
    /// checkpoints need not pin it.
    SiteKey {
        /// The Ed25519 public key, 32 bytes.
        public: Digest,
    },
    /// Evidence about documents was handed out; it holds no content.
    EvidenceExported {
        /// Documents.
        documents: u32,
    },
    /// A legal hold with a scope came into force.
    HoldOrdered(Box<HoldOrder>),
    /// It ended.
    HoldEnded {
        /// Its name.
        hold: Label,
    },
}
