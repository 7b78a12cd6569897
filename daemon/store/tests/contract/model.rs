//! The contract in the plainest words: a list of records, and a map of documents.

use crate::Site;
use ledger::{Extent, Mark};
use lifecycle::{Body, Event, Position, Record, State, Status, SystemEvent};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};
use store::{
    Census, CommitError, Committed, Contract, Document, Due, Examined, Fact, Hold, Lease, Log, Query,
    Refusal, StoreError,
};
use types::{Digest, DocId, Label, Schedule, UnixMillis};

#[derive(Default)]
pub(crate) struct Model(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    log: Vec<Record>,
    documents: BTreeMap<DocId, State>,
    leases: BTreeMap<DocId, Lease>,
    last_token: u64,
}

impl Inner {
    fn judge(&self, fact: &Fact) -> Result<Option<(DocId, State)>, Refusal> {
        let Body::Document { doc, event } = &fact.body else { return Ok(None) };
        if let Some(lease) = fact.under
            && self.leases.get(doc).is_none_or(|held| held.token != lease.token)
        {
            return Err(Refusal::Stale);
        }
        let state = match (self.documents.get(doc), event) {
            (None, Event::Arrived(arrival)) => {
                if let Some(key) = arrival.idempotency
                    && let Some(first) = self.keyed(key)
                {
                    return Err(Refusal::Repeated(first));
                }
                State::arrived(arrival, fact.at)
            }
            (Some(_), Event::Arrived(_)) => return Err(Refusal::Known),
            (None, _) => return Err(Refusal::Unknown),
            (Some(state), _) if fact.expect.is_some_and(|version| version != state.version) => {
                return Err(Refusal::Overtaken);
            }
            (Some(state), event) => state.clone().apply(event, fact.at)?,
        };
        Ok(Some((*doc, state)))
    }

    fn keyed(&self, key: Digest) -> Option<DocId> {
        let mut keyed = self.log.iter().filter_map(|record| match &record.body {
            Body::Document { doc, event: Event::Arrived(arrival) } => {
                (arrival.idempotency == Some(key)).then_some(*doc)
            }
            _ => None,
        });
        let stands = |doc: &DocId| !self.documents[doc].is_destroyed(Schedule::Original);
        keyed.find(|doc| stands(doc) && self.documents[doc].duplicate_of.is_none_or(|first| stands(&first)))
    }

    fn ids(&self, wanted: impl Fn(&State) -> bool) -> impl Iterator<Item = DocId> {
        self.documents.iter().filter(move |(_, state)| wanted(state)).map(|(doc, _)| *doc)
    }

    /// Documents of these bytes which stand for copies, or those which once did.
    fn holders(&self, content: Digest, stand: bool) -> Vec<(UnixMillis, DocId)> {
        let held = self.ids(|state| {
            let gone = state.position == Position::Rejected || state.is_destroyed(Schedule::Original);
            state.content == content && state.duplicate_of.is_none() && !state.forgotten && gone != stand
        });
        held.map(|doc| (self.documents[&doc].received_at, doc)).collect()
    }

    fn is_runnable(&self, doc: DocId) -> bool {
        self.documents.get(&doc).is_some_and(|state| matches!(state.position, Position::At(_)))
    }
}

impl Model {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }
}

impl Site for Model {
    fn new() -> Self {
        Self::default()
    }

    fn engine(&self) -> &dyn Contract {
        self
    }

    fn crash(&mut self) {
        self.inner().leases.clear();
    }
}

impl Contract for Model {
    fn commit(&self, facts: Vec<Fact>) -> Result<Committed, CommitError> {
        let mut inner = self.inner();
        let mut committed = Vec::new();
        for fact in facts {
            committed.push(inner.judge(&fact).map(|changed| {
                let seq = inner.log.len() as u64 + 1;
                let record = Record { seq, at: fact.at, by: fact.by, body: fact.body };
                inner.log.push(record.clone());
                inner.documents.extend(changed);
                record
            }));
        }
        Ok(committed)
    }

    fn get(&self, doc: DocId) -> Result<Option<Document>, StoreError> {
        Ok(self.inner().documents.get(&doc).map(|state| Document { id: doc, state: state.clone() }))
    }

    fn peek(&self, doc: DocId) -> Result<Option<Document>, StoreError> {
        self.get(doc)
    }

    fn scan(&self, query: &Query, after: Option<DocId>, limit: usize) -> Result<Vec<Document>, StoreError> {
        let inner = self.inner();
        let wanted = |state: &State| {
            !state.forgotten
                && query.status.is_none_or(|status| state.status() == status)
                && query.source.as_ref().is_none_or(|source| state.source == *source)
        };
        let ids = inner.ids(wanted).filter(|doc| after.is_none_or(|after| *doc > after)).take(limit);
        Ok(ids.map(|id| Document { id, state: inner.documents[&id].clone() }).collect())
    }

    fn events_after(&self, doc: DocId, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        let about = |record: &&Record| matches!(record.body, Body::Document { doc: it, .. } if it == doc);
        let inner = self.inner();
        Ok(inner.log.iter().filter(|record| record.seq > after).filter(about).take(limit).cloned().collect())
    }

    fn events(&self, doc: DocId) -> Result<Vec<Record>, StoreError> {
        self.events_after(doc, 0, usize::MAX)
    }

    fn log(&self, seq: u64) -> Result<Log, StoreError> {
        let log = self.inner().log.clone();
        Ok(Box::new(log.into_iter().filter(move |record| record.seq >= seq).map(Ok)))
    }

    fn applied_seq(&self) -> u64 {
        self.inner().log.len() as u64
    }

    fn by_content(&self, content: Digest) -> Result<Option<DocId>, StoreError> {
        Ok(self.inner().holders(content, true).into_iter().min().map(|(_, doc)| doc))
    }

    fn by_past_content(&self, content: Digest) -> Result<Option<DocId>, StoreError> {
        Ok(self.inner().holders(content, false).into_iter().max().map(|(_, doc)| doc))
    }

    fn copies(&self, first: DocId, after: Option<DocId>, limit: usize) -> Result<Vec<DocId>, StoreError> {
        let copy = |state: &State| state.duplicate_of == Some(first) && state.position != Position::Gone;
        let inner = self.inner();
        Ok(inner.ids(copy).filter(|doc| after.is_none_or(|after| *doc > after)).take(limit).collect())
    }

    fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        let mut holds = BTreeMap::new();
        for record in &self.inner().log {
            match &record.body {
                Body::System(SystemEvent::HoldOrdered(order)) => {
                    let hold = Hold { order: (**order).clone(), since: record.at, by: record.by.clone() };
                    holds.insert(order.name.clone(), hold);
                }
                Body::System(SystemEvent::HoldEnded { hold }) => drop(holds.remove(hold)),
                _ => {}
            }
        }
        Ok(holds.into_values().collect())
    }

    fn by_idempotency(&self, key: Digest) -> Result<Option<DocId>, StoreError> {
        Ok(self.inner().keyed(key))
    }

    fn counts(&self) -> Result<BTreeMap<Status, u64>, StoreError> {
        let inner = self.inner();
        let count = |status| inner.ids(move |state| state.status() == status).count() as u64;
        Ok(Status::ALL.into_iter().map(|status| (status, count(status))).collect())
    }

    fn census(&self, sources: &[Label]) -> Result<Census, StoreError> {
        let inner = self.inner();
        let count = |source: &Label, status| {
            let wanted = |state: &State| state.source == *source && state.status() == status;
            inner.ids(wanted).count() as u64
        };
        let of = |source: &Label| {
            let counts = Status::ALL.into_iter().map(|status| (status, count(source, status)));
            (source.clone(), counts.collect())
        };
        Ok((inner.log.len() as u64, sources.iter().map(of).collect()))
    }

    fn system_events(&self) -> Result<Vec<Record>, StoreError> {
        let inner = self.inner();
        let found = inner.log.iter().filter(|record| matches!(record.body, Body::System(_)));
        let found: Vec<_> = found.cloned().collect();
        Ok(found[found.len().saturating_sub(1000)..].to_vec())
    }

    fn runnable(&self, after: Option<DocId>, limit: usize) -> Result<Vec<DocId>, StoreError> {
        let inner = self.inner();
        let ids = inner.documents.keys().copied().filter(|doc| inner.is_runnable(*doc));
        Ok(ids.filter(|doc| after.is_none_or(|after| *doc > after)).take(limit).collect())
    }

    fn due_for_expiry(
        &self,
        now: UnixMillis,
        after: Option<Due>,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError> {
        let inner = self.inner();
        let over = |state: &State| state.over_next().is_some_and(|next| next <= now);
        let since = |doc: DocId| Some((inner.documents[&doc].over_next()?, doc));
        let mut due: Vec<Due> = inner.ids(over).filter_map(since).collect();
        due.retain(|due| after.is_none_or(|after| *due > after));
        due.sort_unstable();
        due.truncate(limit);
        Ok(due)
    }

    fn claim(&self, doc: DocId, now: UnixMillis, ttl_ms: u64) -> Result<Option<Lease>, StoreError> {
        let mut inner = self.inner();
        if !inner.is_runnable(doc) || inner.leases.get(&doc).is_some_and(|lease| now < lease.until) {
            return Ok(None);
        }
        inner.last_token += 1;
        let lease = Lease { doc, token: inner.last_token, until: now.plus(ttl_ms) };
        inner.leases.insert(doc, lease);
        Ok(Some(lease))
    }

    fn finish(&self, lease: &Lease) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let held = inner.leases.get(&lease.doc).is_some_and(|held| held.token == lease.token);
        if held {
            inner.leases.remove(&lease.doc);
        }
        Ok(held)
    }

    fn mark(&self) -> Mark {
        // What it is signed over is the engine's own affair.
        Mark { size: self.applied_seq(), root: Digest([0; 32]), tip: Digest([0; 32]) }
    }

    fn extents(&self) -> Result<Vec<Extent>, StoreError> {
        Ok(Vec::new())
    }

    fn settle(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn examine(&self) -> Result<Examined, StoreError> {
        let documents = self.inner().documents.len() as u64;
        Ok(Examined { records: self.applied_seq(), documents, refolded: documents })
    }

    fn rebuild(&self) -> Result<u64, StoreError> {
        Ok(self.applied_seq())
    }

    fn rebuilt_seq(&self) -> u64 {
        0
    }
}
