//! What callers are shown of the appliance itself: its sources, stations, keys, balance and checks.

use lifecycle::{Statement, Status};
use types::{Digest, Label, Phi, UnixMillis};

/// A source at a glance.
#[derive(Clone, Debug)]
pub struct SourceView {
    /// Its name.
    pub name: Label,
    /// Its inbox.
    pub folder: Option<String>,
    /// Files that lie in it.
    pub waiting: u64,
    /// The folder is on a network file system: scans only, no lease.
    pub network: bool,
}

/// What a station has used since start.
#[derive(Clone, Debug)]
pub struct StationUsage {
    /// Which.
    pub station: &'static str,
    /// Processor time of its workers, ms.
    pub cpu_ms: u64,
    /// Wall-clock time spent in it, ms.
    pub wall_ms: u64,
    /// Pages handled.
    pub pages: u64,
    /// Largest resident set of one of its workers, bytes.
    pub peak_rss_bytes: u64,
}

/// The appliance at a glance.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it; units are in them")]
pub struct StatusView {
    pub site: Label,
    pub build: String,
    pub started_at: UnixMillis,
    pub degraded: bool,
    pub landlock_abi: u32,
    pub counts: Vec<(Status, u64)>,
    pub waiting_in_inboxes: u64,
    pub ledger_records: u64,
    pub keystore_generation: u64,
    pub free_bytes: u64,
    pub floor_bytes: u64,
    pub ballast_bytes: u64,
    pub sources: Vec<SourceView>,
    pub stations: Vec<StationUsage>,
    pub rss_bytes: u64,
    pub sealed: bool,
    pub queued: u64,
    pub keys_rotated_at: Option<UnixMillis>,
    pub oldest_undelivered: Option<UnixMillis>,
}

/// Whether the keys are at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysState {
    /// The appliance works.
    Open,
    /// It takes files in and reads nothing.
    Sealed,
    /// It waits for its first key, and takes nothing in.
    New,
}

/// What is known of the keys.
#[derive(Clone, Debug)]
pub struct KeysView {
    /// Whether they are at hand.
    pub state: KeysState,
    /// A person types the passphrase after each start.
    pub passphrase: bool,
    /// Present when open.
    pub held: Option<HeldKeys>,
}

/// The keys of an open appliance, without the keys.
#[derive(Clone, Debug)]
pub struct HeldKeys {
    /// Names the master key, 32 hex digits.
    pub master_key_id: String,
    /// When the root key was made: at the last rotation, or with the vault.
    pub rotated_at: UnixMillis,
    /// Generation of the keystore.
    pub generation: u64,
    /// When it was made.
    pub generation_made_at: UnixMillis,
    /// Documents that have a key.
    pub documents: u64,
}

/// What a rotation did.
#[derive(Clone, Debug)]
pub struct RotationView {
    /// Generation of the keystore before.
    pub generation_before: u64,
    /// And after.
    pub generation_after: u64,
    /// Names the master key that opens the vault from now on.
    pub master_key_id: String,
}

/// The balance of a source: of a day as it was signed, or of everything so far.
#[derive(Clone, Debug)]
pub struct BalanceView {
    /// The figures; without a signature when they are of now.
    pub statement: Statement,
    /// Where the documents that arrived are now.
    pub states: Vec<(Status, u64)>,
    /// Everything that came is accounted for.
    pub holds: bool,
}

/// A file that was gone before it was claimed.
pub struct VanishedView {
    /// Its source.
    pub source: Label,
    /// When that was noticed.
    pub at: UnixMillis,
    /// Its name, for people.
    pub name: Phi,
}

/// One line of the doctor.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// It is as it must be.
    pub ok: bool,
    /// What was found, and what to do if it is wrong.
    pub detail: String,
}

/// What the verifier saw.
#[derive(Clone, Copy, Debug)]
pub struct LedgerReport {
    /// Records.
    pub records: u64,
    /// Segments.
    pub segments: u64,
    /// Hash of the last record.
    pub tip: Digest,
}
