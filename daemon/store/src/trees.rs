//! The trees of the index, and the one way to change them: all at once.

use crate::{StoreError, keys, names::Names, tip::Tip, values};
use sled::{Batch, IVec, Transactional as _, transaction::TransactionError};
use std::{collections::BTreeMap, panic::AssertUnwindSafe, path::Path};

/// Memory for sled's cache, in bytes as they lie on disk: it takes several times as much. What sled uses beside it grows
/// with the index.
const CACHE_BYTES: u64 = 32 << 20;

/// What is kept, and under which key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tree {
    /// document → what is kept of it ([`crate::kept::Kept`]).
    Docs,
    /// number → a name that documents repeat.
    Names,
    /// status, source, document → nothing; what is forgotten has a mark of its own in place of the status.
    Lists,
    /// beginning of the content digest, time of arrival, document → nothing; live first holders only.
    Content,
    /// content digest, time of arrival, document → nothing; first holders that were rejected, or whose original
    /// was destroyed.
    Past,
    /// first document, copy of it → nothing; copies that are not destroyed only.
    Copies,
    /// idempotency digest, record, document → nothing.
    Idempotency,
    /// document, first record of a piece → where these records lie ([`crate::track`]).
    Events,
    /// when something is over next, document → nothing; documents at rest, and tombstones.
    Due,
    /// document → nothing; documents with a station before them only.
    Runnable,
    /// status → how many.
    Counts,
    /// slot of a ring → number and place of a record about the appliance.
    System,
    /// name → number and place of the record that placed a hold with a scope, while it is in force.
    Holds,
    /// Where the index is: see [`Trees::tip`].
    Meta,
    /// document → token and end of its lease. Not from the ledger, and cleared at each start.
    Leases,
}

impl Tree {
    pub(crate) const ALL: [Tree; 15] = [
        Self::Docs,
        Self::Names,
        Self::Lists,
        Self::Content,
        Self::Past,
        Self::Copies,
        Self::Idempotency,
        Self::Events,
        Self::Due,
        Self::Runnable,
        Self::Counts,
        Self::System,
        Self::Holds,
        Self::Meta,
        Self::Leases,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Docs => "docs",
            Self::Names => "names",
            Self::Lists => "lists",
            Self::Content => "by_content",
            Self::Past => "past_content",
            Self::Copies => "copies",
            Self::Idempotency => "idempotency",
            Self::Events => "events",
            Self::Due => "due",
            Self::Runnable => "runnable",
            Self::Counts => "counts",
            Self::System => "system",
            Self::Holds => "holds",
            Self::Meta => "meta",
            Self::Leases => "leases",
        }
    }
}

/// Puts (`Some`) and removals (`None`), each key at most once.
#[derive(Default)]
pub(crate) struct Writes(BTreeMap<(Tree, Vec<u8>), Option<Vec<u8>>>);

impl Writes {
    pub(crate) fn put(&mut self, tree: Tree, key: Vec<u8>, value: Vec<u8>) {
        self.0.insert((tree, key), Some(value));
    }

    pub(crate) fn remove(&mut self, tree: Tree, key: Vec<u8>) {
        self.0.insert((tree, key), None);
    }
}

/// Something that answers for a key.
pub(crate) trait Reads {
    /// The value of a key.
    fn read(&self, key: &[u8]) -> Result<Option<IVec>, StoreError>;
}

impl Reads for sled::Tree {
    fn read(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        Ok(self.get(key)?)
    }
}

/// Meta key of the position.
const TIP: &[u8] = b"tip";
/// Meta key of the format.
const FORMAT: &[u8] = b"format";
/// Meta key of the number of records about the appliance.
const SYSTEM_RECORDS: &[u8] = b"system";

/// What goes with the trees in memory: changed with them, under one lock.
pub(crate) struct Known {
    pub(crate) tip: Tip,
    pub(crate) names: Names,
}

/// An open index.
pub(crate) struct Trees {
    db: sled::Db,
    /// In the order of [`Tree::ALL`].
    trees: Vec<sled::Tree>,
}

impl Trees {
    /// Opens the index, or makes an empty one. sled panics on some damage instead of saying so.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        // No flusher thread: durability is the ledger's, and the caller flushes when it suits.
        let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        let db = std::panic::catch_unwind(AssertUnwindSafe(|| config.open()))
            .map_err(|_| StoreError::Panicked)??;
        let trees = Tree::ALL.iter().map(|tree| db.open_tree(tree.name())).collect::<Result<_, _>>()?;
        Ok(Self { db, trees })
    }

    /// One tree.
    pub(crate) fn tree(&self, tree: Tree) -> &sled::Tree {
        &self.trees[tree as usize]
    }

    /// A whole value.
    pub(crate) fn value(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        values::join(self.tree(tree), key)
    }

    /// Applies all writes in one transaction. The closure may run more than once and does no I/O of its own.
    pub(crate) fn commit(&self, writes: Writes) -> Result<(), StoreError> {
        let mut batches: Vec<Batch> = Tree::ALL.iter().map(|_| Batch::default()).collect();
        for ((tree, key), value) in writes.0 {
            match value {
                Some(value) => batches[tree as usize].insert(key, value),
                None => batches[tree as usize].remove(key),
            }
        }
        let done = self.trees.transaction(|views| {
            views.iter().zip(&batches).try_for_each(|(view, batch)| view.apply_batch(batch))?;
            Ok(())
        });
        done.map_err(|error: TransactionError<()>| match error {
            TransactionError::Storage(error) => StoreError::Sled(error),
            TransactionError::Abort(()) => StoreError::Damaged { what: "a transaction gave up" },
        })
    }

    /// Forgets everything that the ledger can tell again. The position goes first: an index that is half
    /// cleared when the power fails must not look complete.
    pub(crate) fn clear(&self) -> Result<(), StoreError> {
        self.tree(Tree::Meta).clear()?;
        for tree in Tree::ALL.into_iter().filter(|tree| *tree != Tree::Leases) {
            self.tree(tree).clear()?;
        }
        Ok(())
    }

    /// What goes with these trees.
    pub(crate) fn known(&self) -> Result<Known, StoreError> {
        Ok(Known { tip: self.tip()?, names: Names::load(self)? })
    }

    /// How far the index has followed the ledger. Refuses an index of another format.
    pub(crate) fn tip(&self) -> Result<Tip, StoreError> {
        let meta = self.tree(Tree::Meta);
        match (meta.read(FORMAT)?, meta.read(TIP)?) {
            (None, None) => Ok(Tip::START),
            (Some(format), Some(tip)) if format == env!("LAZARET_INDEX_FORMAT") => values::decode(&tip),
            _ => Err(StoreError::Damaged { what: "it is of another format" }),
        }
    }

    /// How many records about the appliance there were.
    pub(crate) fn system_records(&self) -> Result<u64, StoreError> {
        number(self.tree(Tree::Meta).read(SYSTEM_RECORDS)?.as_deref())
    }

    /// How many documents have a status.
    pub(crate) fn count(&self, status: lifecycle::Status) -> Result<u64, StoreError> {
        number(self.tree(Tree::Counts).read(&[keys::status_byte(status)])?.as_deref())
    }

    /// Has sled write out what it holds.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        self.db.flush()?;
        Ok(())
    }
}

impl Writes {
    /// The position and the number of records about the appliance that go with these writes.
    pub(crate) fn position(&mut self, tip: Tip, system_records: u64) -> Result<(), StoreError> {
        self.put(Tree::Meta, FORMAT.to_vec(), env!("LAZARET_INDEX_FORMAT").into());
        self.put(Tree::Meta, TIP.to_vec(), values::encode(&tip)?);
        self.put(Tree::Meta, SYSTEM_RECORDS.to_vec(), system_records.to_be_bytes().to_vec());
        Ok(())
    }
}

/// A counter; absent is 0.
pub(crate) fn number(bytes: Option<&[u8]>) -> Result<u64, StoreError> {
    let Some(bytes) = bytes else { return Ok(0) };
    bytes
        .try_into()
        .map(u64::from_be_bytes)
        .map_err(|_| StoreError::Damaged { what: "a counter is no number" })
}
