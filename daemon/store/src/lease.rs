//! Claims: who may work on a document now. A lease that ran out can be taken over; its holder then
//! learns so when it finishes, because its token is no longer the one on record.

use crate::{
    Store, StoreError, keys,
    trees::{Reads as _, Tree, Trees, Writes, number},
    values,
};
use types::{DocId, UnixMillis};

/// Key of the last token given, in the tree of leases; too short to be a document's.
const LAST_TOKEN: &[u8] = b"last";

/// The right to work on a document until a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The document.
    pub doc: DocId,
    /// Fencing token: grows with every claim of any document.
    pub token: u64,
    /// Others may claim the document from then on.
    pub until: UnixMillis,
}

impl Store {
    /// Claims a document that has a station before it; none when it has not or is claimed already.
    ///
    /// # Errors
    /// What sled says.
    pub fn claim(&self, doc: DocId, now: UnixMillis, ttl_ms: u64) -> Result<Option<Lease>, StoreError> {
        self.writing(|trees, _| {
            let runnable = trees.tree(Tree::Runnable).read(&keys::document(doc))?.is_some();
            let taken = on_record(trees, doc)?.is_some_and(|(_, until)| now < until);
            if !runnable || taken {
                return Ok(None);
            }
            let token = number(trees.tree(Tree::Leases).read(LAST_TOKEN)?.as_deref())? + 1;
            let lease = Lease { doc, token, until: now.plus(ttl_ms) };
            let mut writes = Writes::default();
            writes.put(Tree::Leases, LAST_TOKEN.to_vec(), token.to_be_bytes().to_vec());
            writes.put(Tree::Leases, keys::document(doc), values::encode(&(lease.token, lease.until))?);
            trees.commit(writes)?;
            Ok(Some(lease))
        })
    }

    /// Is this still the lease of its document? One that ran out is, until another is given.
    ///
    /// # Errors
    /// What sled says.
    pub fn is_held(&self, lease: &Lease) -> Result<bool, StoreError> {
        Ok(on_record(self.reading().trees, lease.doc)?.is_some_and(|(token, _)| token == lease.token))
    }

    /// Gives a lease back. False when somebody else has claimed the document since: what was done under
    /// this lease must then not count.
    ///
    /// # Errors
    /// What sled says.
    pub fn finish(&self, lease: &Lease) -> Result<bool, StoreError> {
        self.writing(|trees, _| {
            if on_record(trees, lease.doc)?.is_none_or(|(token, _)| token != lease.token) {
                return Ok(false);
            }
            let mut writes = Writes::default();
            writes.remove(Tree::Leases, keys::document(lease.doc));
            trees.commit(writes)?;
            Ok(true)
        })
    }
}

/// Takes back every lease: at start nobody is at work. Tokens go on from where they were.
pub(crate) fn clear(trees: &Trees) -> Result<(), StoreError> {
    let last = number(trees.tree(Tree::Leases).read(LAST_TOKEN)?.as_deref())?;
    trees.tree(Tree::Leases).clear()?;
    let mut writes = Writes::default();
    writes.put(Tree::Leases, LAST_TOKEN.to_vec(), last.to_be_bytes().to_vec());
    trees.commit(writes)
}

fn on_record(trees: &Trees, doc: DocId) -> Result<Option<(u64, UnixMillis)>, StoreError> {
    trees.tree(Tree::Leases).read(&keys::document(doc))?.map(|bytes| values::decode(&bytes)).transpose()
}
