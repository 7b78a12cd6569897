//! What happens to the appliance itself. The same rules as for documents: added, never changed.

use crate::{HoldOrder, Stage};
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
    },
    /// A file that was seen is gone, and we did not take it.
    Vanished {
        /// Source.
        source: Label,
        /// Keyed digest of the file name.
        name: Digest,
    },
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
    /// A torn tail was cut from the ledger after a crash.
    TailCut {
        /// Bytes cut.
        bytes: u64,
    },
    /// Somebody read or verified the ledger.
    Audited,
    /// A legal hold with a scope came into force.
    HoldOrdered(Box<HoldOrder>),
    /// It ended.
    HoldEnded {
        /// Its name.
        hold: Label,
    },
}
