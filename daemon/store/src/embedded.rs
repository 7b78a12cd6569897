//! The engine on one machine: the ledger is what is durable, sled answers.

use crate::query::has_bytes;
use crate::{
    Census, CommitError, Committed, Contract, Document, Due, Examined, Fact, Hold, Lease, Log, Query,
    Refusal, Store, StoreError,
};
use ledger::{Extent, Ledger, LedgerError, Mark, NewRecord};
use lifecycle::{Body, Event, Record, State, Status};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use types::{Digest, DocId, Label, UnixMillis};

/// Ledger and index as one. A fact is checked against the state it would change before it is written, so the ledger
/// holds no event that cannot be.
pub struct Embedded {
    ledger: Mutex<Ledger>,
    store: Store,
}

/// What the facts of one commit will have changed.
#[derive(Default)]
struct Ahead {
    states: BTreeMap<DocId, State>,
    keys: BTreeMap<Digest, DocId>,
}

impl Embedded {
    /// Of a ledger and the index that follows it.
    #[must_use]
    pub fn new(ledger: Ledger, store: Store) -> Self {
        Self { ledger: Mutex::new(ledger), store }
    }

    /// One at a time: who looks at a lease, a version or a key and then writes must find them as they were.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, ahead: &mut Ahead, fact: &Fact) -> Result<Result<(), Refusal>, StoreError> {
        let Body::Document { doc, event } = &fact.body else { return Ok(Ok(())) };
        let state_of = |doc: DocId| match ahead.states.get(&doc) {
            Some(state) => Ok(Some(state.clone())),
            None => Ok(self.store.peek(doc)?.map(|document| document.state)),
        };
        let known = state_of(*doc)?;
        if let Some(lease) = &fact.under
            && !self.store.is_held(lease)?
        {
            return Ok(Err(Refusal::Stale));
        }
        let state = match (known, event) {
            (None, Event::Arrived(arrival)) => {
                if let Some(key) = arrival.idempotency {
                    let ahead_of_us = ahead.keys.get(&key).copied();
                    let first = match ahead_of_us.map(|doc| has_bytes(doc, state_of)).transpose()? {
                        Some(true) => ahead_of_us,
                        Some(false) | None => self.store.keyed(key, state_of)?,
                    };
                    if let Some(first) = first {
                        return Ok(Err(Refusal::Repeated(first)));
                    }
                    ahead.keys.insert(key, *doc);
                }
                State::arrived(arrival, fact.at)
            }
            (None, _) => return Ok(Err(Refusal::Unknown)),
            (Some(_), Event::Arrived(_)) => return Ok(Err(Refusal::Known)),
            (Some(state), _) if fact.expect.is_some_and(|version| version != state.version) => {
                return Ok(Err(Refusal::Overtaken));
            }
            (Some(state), event) => match state.apply(event, fact.at) {
                Ok(state) => state,
                Err(illegal) => return Ok(Err(illegal.into())),
            },
        };
        ahead.states.insert(*doc, state);
        Ok(Ok(()))
    }
}

impl Contract for Embedded {
    fn commit(&self, facts: Vec<Fact>) -> Result<Committed, CommitError> {
        let mut ledger = self.ledger();
        let (mut ahead, mut records) = (Ahead::default(), Vec::with_capacity(facts.len()));
        let mut verdicts = Vec::with_capacity(facts.len());
        for fact in facts {
            let verdict = self.judge(&mut ahead, &fact).map_err(CommitError::Refused)?;
            if verdict.is_ok() {
                records.push(NewRecord { at: fact.at, by: fact.by, body: fact.body });
            }
            verdicts.push(verdict);
        }
        let placed = ledger.append_placed(records).map_err(|error| match error {
            LedgerError::Full { .. } => CommitError::Full,
            error => CommitError::Refused(error.into()),
        })?;
        self.store.apply(&placed).map_err(CommitError::Behind)?;
        let mut written = placed.into_iter().map(|placed| placed.record);
        Ok(verdicts.into_iter().filter_map(|verdict| verdict.map(|()| written.next()).transpose()).collect())
    }

    fn get(&self, doc: DocId) -> Result<Option<Document>, StoreError> {
        self.store.get(doc)
    }

    fn peek(&self, doc: DocId) -> Result<Option<Document>, StoreError> {
        self.store.peek(doc)
    }

    fn scan(&self, query: &Query, after: Option<DocId>, limit: usize) -> Result<Vec<Document>, StoreError> {
        self.store.scan(query, after, limit)
    }

    fn events_after(&self, doc: DocId, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.store.events_after(doc, after, limit)
    }

    fn events(&self, doc: DocId) -> Result<Vec<Record>, StoreError> {
        self.store.events(doc)
    }

    fn log(&self, seq: u64) -> Result<Log, StoreError> {
        let visible = self.store.applied_seq();
        let records = Ledger::read_from(&self.store.ledger_dir, seq)?.map(|record| Ok(record?));
        Ok(Box::new(
            records.take_while(move |record| record.as_ref().map_or(true, |found| found.seq <= visible)),
        ))
    }

    fn applied_seq(&self) -> u64 {
        self.store.applied_seq()
    }

    fn by_content(&self, content: Digest) -> Result<Option<DocId>, StoreError> {
        self.store.by_content(content)
    }

    fn by_past_content(&self, content: Digest) -> Result<Option<DocId>, StoreError> {
        self.store.by_past_content(content)
    }

    fn copies(&self, first: DocId, after: Option<DocId>, limit: usize) -> Result<Vec<DocId>, StoreError> {
        self.store.copies(first, after, limit)
    }

    fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        self.store.holds()
    }

    fn by_idempotency(&self, key: Digest) -> Result<Option<DocId>, StoreError> {
        self.store.by_idempotency(key)
    }

    fn counts(&self) -> Result<BTreeMap<Status, u64>, StoreError> {
        self.store.counts()
    }

    fn census(&self, sources: &[Label]) -> Result<Census, StoreError> {
        self.store.census(sources)
    }

    fn system_events(&self) -> Result<Vec<Record>, StoreError> {
        self.store.system_events()
    }

    fn runnable(&self, after: Option<DocId>, limit: usize) -> Result<Vec<DocId>, StoreError> {
        self.store.runnable(after, limit)
    }

    fn due_for_expiry(
        &self,
        now: UnixMillis,
        after: Option<Due>,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError> {
        self.store.due_for_expiry(now, after, limit)
    }

    fn claim(&self, doc: DocId, now: UnixMillis, ttl_ms: u64) -> Result<Option<Lease>, StoreError> {
        // Not while facts are written that were judged under the lease before.
        let _ledger = self.ledger();
        self.store.claim(doc, now, ttl_ms)
    }

    fn finish(&self, lease: &Lease) -> Result<bool, StoreError> {
        self.store.finish(lease)
    }

    fn mark(&self) -> Mark {
        self.ledger().mark()
    }

    fn extents(&self) -> Result<Vec<Extent>, StoreError> {
        Ok(self.ledger().extents()?)
    }

    fn settle(&self) -> Result<(), StoreError> {
        self.store.flush()
    }

    fn examine(&self) -> Result<Examined, StoreError> {
        self.store.examine()
    }

    fn rebuild(&self) -> Result<u64, StoreError> {
        let _ledger = self.ledger();
        self.store.rebuild(|_| ())
    }

    fn rebuilt_seq(&self) -> u64 {
        self.store.rebuilt_seq()
    }
}
