//! The store contract: all that the pipeline asks of whatever keeps its documents. Ledger and sled on one machine
//! ([`crate::Embedded`]) keep it; another engine that keeps it can take their place. `tests/store/contract` says what
//! keeping it means, for any engine.

use crate::{Document, Examined, Hold, Lease, Query, StoreError};
use ledger::{Extent, Mark};
use lifecycle::{Actor, Body, IllegalEvent, Record, Status};
use std::collections::BTreeMap;
use types::{Digest, DocId, Label, UnixMillis};

/// Something that happened, before it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// When.
    pub at: UnixMillis,
    /// On whose behalf.
    pub by: Actor,
    /// What.
    pub body: Body,
    /// The version of the document that it was decided on, if that matters.
    pub expect: Option<u64>,
    /// The lease under which it was done, if any was needed.
    pub under: Option<Lease>,
}

/// Why a fact was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot follow what is known.
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
    /// Something else happened to the document in between.
    #[error("the document changed meanwhile")]
    Overtaken,
    /// Somebody else has the document now.
    #[error("the lease ran out and was given to another")]
    Stale,
    /// There is no such document.
    #[error("no such document")]
    Unknown,
    /// A document of this id has arrived before.
    #[error("the document is there already")]
    Known,
    /// Its idempotency key was seen before.
    #[error("the idempotency key was used for document {0}")]
    Repeated(DocId),
}

/// Why a whole commit failed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// There is no space; nothing was written.
    #[error("no space is left for another record")]
    Full,
    /// Nothing was written.
    #[error("nothing was written: {0}")]
    Refused(StoreError),
    /// It was written, but is not visible; only a new start makes it so.
    #[error("written, but not visible: {0}")]
    Behind(StoreError),
}

/// A record, and what each source's documents were when it was the last.
pub type Census = (u64, BTreeMap<Label, BTreeMap<Status, u64>>);

/// Since when something of a document is over, and which.
pub type Due = (UnixMillis, DocId);

/// Records as they are read.
pub type Log = Box<dyn Iterator<Item = Result<Record, StoreError>> + Send>;

/// What became of each fact, in their order.
pub type Committed = Vec<Result<Record, Refusal>>;

/// Documents, their events, and who works on them. Every answer is of one moment: never half of a commit.
///
/// # Errors
/// [`StoreError`] when the engine fails; the answer to a question is then not known.
#[expect(clippy::missing_errors_doc, reason = "said once above")]
pub trait Contract: Send + Sync {
    /// Writes facts. Each is judged by itself, as if those before it had happened; those that may be are durable and
    /// visible together on return, those that may not are refused and leave nothing.
    fn commit(&self, facts: Vec<Fact>) -> Result<Committed, CommitError>;

    /// One document.
    fn get(&self, doc: DocId) -> Result<Option<Document>, StoreError>;
    /// One document, of which only position, times, class, names, holds and which parts there are count: an engine may leave out what is
    /// dear to fetch.
    fn peek(&self, doc: DocId) -> Result<Option<Document>, StoreError>;
    /// Documents in the order of their ids, behind `after`, at most `limit`.
    fn scan(&self, query: &Query, after: Option<DocId>, limit: usize) -> Result<Vec<Document>, StoreError>;
    /// Events of a document behind record `after`, oldest first, at most `limit`.
    fn events_after(&self, doc: DocId, after: u64, limit: usize) -> Result<Vec<Record>, StoreError>;
    /// Every event of a document, oldest first. Each reading of it adds one: where there may be many, ask for pages.
    fn events(&self, doc: DocId) -> Result<Vec<Record>, StoreError>;
    /// Records of all documents and of the appliance from `seq` on, in order, up to the last one at the time of asking. They
    /// are read as they are taken, in constant memory.
    fn log(&self, seq: u64) -> Result<Log, StoreError>;
    /// The last record; 0 before the first.
    fn applied_seq(&self) -> u64;
    /// The first document that holds these bytes (a keyed digest) and is not destroyed.
    fn by_content(&self, content: Digest) -> Result<Option<DocId>, StoreError>;
    /// The latest document of these bytes that was rejected, or whose original was destroyed.
    fn by_past_content(&self, content: Digest) -> Result<Option<DocId>, StoreError>;
    /// Documents that arrived as copies of this one and are not destroyed, in the order of their ids, behind `after`,
    /// at most `limit`.
    fn copies(&self, first: DocId, after: Option<DocId>, limit: usize) -> Result<Vec<DocId>, StoreError>;
    /// Every hold with a scope that is in force, by name.
    fn holds(&self) -> Result<Vec<Hold>, StoreError>;
    /// The first document that arrived with this idempotency key (a keyed digest) and whose bytes are not destroyed: those
    /// of a copy are the first document's. A key of which nothing is left is free again, also for a commit.
    fn by_idempotency(&self, key: Digest) -> Result<Option<DocId>, StoreError>;
    /// How many documents have each status; every status is there.
    fn counts(&self) -> Result<BTreeMap<Status, u64>, StoreError>;
    /// How many documents of each source have each status, and the record up to which that is so. What left the lists
    /// counts among the expired.
    fn census(&self, sources: &[Label]) -> Result<Census, StoreError>;
    /// The latest records about the appliance (1000 at most), oldest first.
    fn system_events(&self) -> Result<Vec<Record>, StoreError>;
    /// Documents with a station before them, behind `after`, at most `limit`.
    fn runnable(&self, after: Option<DocId>, limit: usize) -> Result<Vec<DocId>, StoreError>;
    /// Documents at rest and tombstones of which something is over, and since when, the longest overdue first, behind
    /// `after`, at most `limit`; those under a hold are among them.
    fn due_for_expiry(
        &self,
        now: UnixMillis,
        after: Option<Due>,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError>;

    /// Claims a document that has a station before it; none when it has not or is claimed already.
    fn claim(&self, doc: DocId, now: UnixMillis, ttl_ms: u64) -> Result<Option<Lease>, StoreError>;
    /// Gives a lease back; false when somebody else has claimed the document since.
    fn finish(&self, lease: &Lease) -> Result<bool, StoreError>;

    /// What is durable, as a checkpoint is signed over it.
    fn mark(&self) -> Mark;
    /// Files that hold what is durable, for a backup, and how much of each belongs to the mark. Whoever calls
    /// writes nothing meanwhile.
    fn extents(&self) -> Result<Vec<Extent>, StoreError>;
    /// Makes the next start short; nothing that was committed depends on it.
    fn settle(&self) -> Result<(), StoreError>;
    /// Holds what answers questions against what is durable.
    fn examine(&self) -> Result<Examined, StoreError>;
    /// Makes what answers questions anew from what is durable; gives the number of records.
    fn rebuild(&self) -> Result<u64, StoreError>;
    /// Last record applied by a rebuild that is under way.
    fn rebuilt_seq(&self) -> u64;
}
