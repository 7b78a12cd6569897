//! The one writer: facts go to the ledger, then to sled, in one order, many to one fsync.
//!
//! A thread owns the ledger. Whatever arrives while one fsync runs shares the next (group commit). A
//! fact is checked against the state it would change before it is written, so the ledger holds no
//! illegal event; what was seen before (same bytes, same idempotency key) is decided here too, where
//! nothing can come between.

pub(crate) use crate::book_error::{BookError, broken};
use crate::{
    arriving::Arriving,
    certificate::Certifier,
    clockwatch::ClockWatch,
    destruction::{Doomed, Fate},
    latch::Latch,
};
use ::store::{CommitError, Contract, Hold, Lease};
use ledger::Mark;
use lifecycle::{Actor, Arrival, Body, Event, State, SystemEvent};
use std::{collections::BTreeMap, sync::Arc, thread};
use tokio::sync::{mpsc, oneshot, watch};
use types::{Digest, DocId, Label, UnixMillis};
use vault::Vault;

/// Facts that may wait for the writer; callers wait when it is full.
const ORDERS_MAX: usize = 1024;
/// Facts that share one fsync.
const BATCH_MAX: usize = 256;

/// What became of an arrival.
pub(crate) enum Admission {
    /// A new record; `duplicate_of` is set when the bytes are known.
    New {
        /// The document that holds the same bytes.
        duplicate_of: Option<DocId>,
    },
    /// The idempotency key was seen before.
    Repeated(DocId),
}

enum Answer {
    State(Box<State>),
    Admitted(Admission),
    /// The number of the record.
    Noted(u64),
    Rebuilt(u64),
    Destroyed(Vec<(DocId, Fate)>),
    Swept(Vec<DocId>),
}

type Reply = oneshot::Sender<Result<Answer, BookError>>;

enum Order {
    Write(Fact),
    /// Make the index anew from the ledger; nothing is written meanwhile.
    Rebuild(Reply),
    /// Say how far the ledger reaches, after all that was ordered before.
    Tip(oneshot::Sender<Result<crate::backup::Tip, BookError>>),
    /// Destroy keys that no document needs, unless one came to need them in between.
    Sweep(Vec<DocId>, Reply),
    /// Destroy what is over, unless a hold came in between.
    Destroy {
        doomed: Vec<Doomed>,
        by: Actor,
        reply: Reply,
    },
}

struct Fact {
    by: Actor,
    body: Body,
    /// The document must still be at this version.
    expect: Option<u64>,
    /// This lease must still be the document's.
    under: Option<Lease>,
    reply: Reply,
}

/// Handle of the writer.
#[derive(Clone)]
pub(crate) struct Book {
    orders: mpsc::Sender<Order>,
    sizes: watch::Receiver<u64>,
}

impl Book {
    /// Starts the writer thread.
    pub(crate) fn open(
        store: Arc<dyn Contract>,
        vault: Arc<Vault>,
        certifier: Certifier,
        latch: Arc<Latch>,
        arriving: Arriving,
        clock: Arc<ClockWatch>,
    ) -> std::io::Result<Self> {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let (size, sizes) = watch::channel(store.applied_seq());
        thread::Builder::new()
            .name("book".into())
            .spawn(move || Writer { store, vault, certifier, latch, arriving, clock, size }.run(inbox))?;
        Ok(Self { orders, sizes })
    }

    /// Writes what happened to a document; durable on return. `expect` is the version it was decided on.
    pub(crate) async fn record(
        &self,
        doc: DocId,
        expect: u64,
        by: Actor,
        event: Event,
    ) -> Result<State, BookError> {
        state_of(self.order(by, Body::Document { doc, event }, Some(expect), None).await?)
    }

    /// [`Book::record`] for what was done under a claim: refused when another has the document by now.
    pub(crate) async fn record_under(
        &self,
        lease: Lease,
        expect: u64,
        by: Actor,
        event: Event,
    ) -> Result<State, BookError> {
        let body = Body::Document { doc: lease.doc, event };
        state_of(self.order(by, body, Some(expect), Some(lease)).await?)
    }

    /// Writes an arrival; durable on return.
    pub(crate) async fn admit(
        &self,
        doc: DocId,
        by: Actor,
        arrival: Arrival,
    ) -> Result<Admission, BookError> {
        let event = Event::Arrived(Box::new(arrival));
        match self.order(by, Body::Document { doc, event }, None, None).await? {
            Answer::Admitted(admission) => Ok(admission),
            _ => Err(BookError::Broken("the writer answered another question")),
        }
    }

    /// Writes something about the appliance; durable on return.
    pub(crate) async fn note(&self, by: Actor, event: SystemEvent) -> Result<(), BookError> {
        self.note_at(by, event).await.map(drop)
    }

    /// The same, and gives the number of the record.
    pub(crate) async fn note_at(&self, by: Actor, event: SystemEvent) -> Result<u64, BookError> {
        match self.order(by, Body::System(event), None, None).await? {
            Answer::Noted(seq) => Ok(seq),
            _ => Err(BookError::Broken("the writer answered another question")),
        }
    }

    /// Number of records, as it grows.
    pub(crate) fn sizes(&self) -> watch::Receiver<u64> {
        self.sizes.clone()
    }

    /// What the ledger is now.
    pub(crate) async fn mark(&self) -> Result<Mark, BookError> {
        Ok(self.tip().await?.mark)
    }

    /// Makes the index anew from the ledger; gives the number of records.
    pub(crate) async fn rebuild(&self) -> Result<u64, BookError> {
        match self.ask(Order::Rebuild).await? {
            Answer::Rebuilt(records) => Ok(records),
            _ => Err(BookError::Broken("the writer answered another question")),
        }
    }

    /// How far the ledger reaches; whatever was ordered before is in it, or was refused.
    pub(crate) async fn tip(&self) -> Result<crate::backup::Tip, BookError> {
        let (reply, answer) = oneshot::channel();
        let gone = |_| BookError::Broken("the writer is gone");
        self.orders.send(Order::Tip(reply)).await.map_err(|_| gone(()))?;
        answer.await.map_err(|_| gone(()))?
    }

    /// Destroys what is over and nothing holds, and writes it; gives the fate of each. No hold can be placed
    /// between the look and the destruction: both are this writer's.
    pub(crate) async fn destroy(
        &self,
        doomed: Vec<Doomed>,
        by: Actor,
    ) -> Result<Vec<(DocId, Fate)>, BookError> {
        match self.ask(|reply| Order::Destroy { doomed, by, reply }).await? {
            Answer::Destroyed(fates) => Ok(fates),
            _ => Err(BookError::Broken("the writer answered another question")),
        }
    }

    /// Destroys the keys of those that are gone, or that never arrived and do not now; gives them.
    pub(crate) async fn sweep(&self, keys: Vec<DocId>) -> Result<Vec<DocId>, BookError> {
        match self.ask(|reply| Order::Sweep(keys, reply)).await? {
            Answer::Swept(destroyed) => Ok(destroyed),
            _ => Err(BookError::Broken("the writer answered another question")),
        }
    }

    async fn order(
        &self,
        by: Actor,
        body: Body,
        expect: Option<u64>,
        under: Option<Lease>,
    ) -> Result<Answer, BookError> {
        self.ask(|reply| Order::Write(Fact { by, body, expect, under, reply })).await
    }

    /// Sends an order and waits for what became of it.
    async fn ask(&self, order: impl FnOnce(Reply) -> Order) -> Result<Answer, BookError> {
        let (reply, answer) = oneshot::channel();
        let gone = |_| BookError::Broken("the writer is gone");
        self.orders.send(order(reply)).await.map_err(|_| gone(()))?;
        answer.await.map_err(|_| gone(()))?
    }
}

pub(crate) struct Writer {
    pub(crate) store: Arc<dyn Contract>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) certifier: Certifier,
    pub(crate) latch: Arc<Latch>,
    pub(crate) arriving: Arriving,
    pub(crate) clock: Arc<ClockWatch>,
    size: watch::Sender<u64>,
}

/// What the facts of one batch will have changed once it is written.
#[derive(Default)]
pub(crate) struct Ahead {
    pub(crate) states: BTreeMap<DocId, State>,
    pub(crate) contents: BTreeMap<Digest, DocId>,
    pub(crate) keys: BTreeMap<Digest, DocId>,
    /// Name → in force.
    pub(crate) holds: BTreeMap<Label, bool>,
}

impl Writer {
    fn run(mut self, mut inbox: mpsc::Receiver<Order>) {
        let mut orders = Vec::with_capacity(BATCH_MAX);
        while inbox.blocking_recv_many(&mut orders, BATCH_MAX) > 0 {
            let mut facts = Vec::with_capacity(orders.len());
            for order in orders.drain(..) {
                match order {
                    Order::Write(fact) => facts.push(fact),
                    Order::Rebuild(reply) => {
                        self.batch(facts.drain(..));
                        match self.store.rebuild() {
                            Ok(records) => answer_to(reply, Ok(Answer::Rebuilt(records))),
                            Err(error) => {
                                // Half an index would take known documents for new ones.
                                tracing::error!(%error, "the index could not be rebuilt; stopping");
                                std::process::abort();
                            }
                        }
                    }
                    Order::Tip(reply) => {
                        self.batch(facts.drain(..));
                        drop(reply.send(self.tip()));
                    }
                    Order::Sweep(keys, reply) => {
                        self.batch(facts.drain(..));
                        answer_to(reply, self.sweep(&keys).map(Answer::Swept));
                    }
                    Order::Destroy { doomed, by, reply } => {
                        self.batch(facts.drain(..));
                        answer_to(reply, self.destroy(doomed, &by).map(Answer::Destroyed));
                    }
                }
            }
            self.batch(facts.into_iter());
        }
    }

    fn batch(&mut self, orders: impl Iterator<Item = Fact>) {
        let mut ahead = Ahead::default();
        let mut facts = Vec::new();
        let mut replies = Vec::new();
        for Fact { by, body, expect, under, reply } in orders {
            let at = self.clock.now();
            match self.judge(&mut ahead, body, expect, at) {
                Ok((bodies, answer)) if bodies.is_empty() => answer_to(reply, Ok(answer)),
                Ok((bodies, answer)) => {
                    replies.push((facts.len(), reply, answer));
                    let fact = |body| ::store::Fact { at, by: by.clone(), body, expect: None, under };
                    facts.extend(bodies.into_iter().map(fact));
                }
                Err(refusal) => answer_to(reply, Err(refusal)),
            }
        }
        let verdicts = self.write(facts);
        for (first, reply, answer) in replies {
            // The first of an order's facts is the one that was asked for; what goes with it follows from it.
            let verdict = match &verdicts {
                Ok(verdicts) => verdicts.get(first).cloned().unwrap_or(Ok(0)),
                Err(BookError::Full) => Err(BookError::Full),
                Err(_) => Err(BookError::Broken("could not write")),
            };
            let numbered = |seq| if let Answer::Noted(_) = answer { Answer::Noted(seq) } else { answer };
            answer_to(reply, verdict.map(numbered));
        }
    }

    /// What became of each fact, with the number of its record; an error when nothing was written.
    pub(crate) fn write(&self, facts: Vec<::store::Fact>) -> Result<Vec<Result<u64, BookError>>, BookError> {
        if facts.is_empty() {
            return Ok(Vec::new());
        }
        let written = match self.store.commit(facts) {
            Ok(written) => written,
            Err(CommitError::Full) => return Err(BookError::Full),
            Err(CommitError::Refused(error)) => {
                tracing::error!(%error, "the ledger refused a batch");
                return Err(BookError::Broken("ledger"));
            }
            Err(CommitError::Behind(error)) => {
                // Only a start can bring ledger and index together again.
                tracing::error!(%error, "the index does not follow the ledger; stopping");
                std::process::abort();
            }
        };
        self.size.send_replace(self.store.applied_seq());
        let numbered =
            |verdict: Result<lifecycle::Record, _>| verdict.map(|record| record.seq).map_err(BookError::from);
        Ok(written.into_iter().map(numbered).collect())
    }

    /// Decides whether a fact may be written, what is written with it, and what the caller will hear.
    fn judge(
        &self,
        ahead: &mut Ahead,
        body: Body,
        expect: Option<u64>,
        at: UnixMillis,
    ) -> Result<(Vec<Body>, Answer), BookError> {
        match body {
            Body::System(event) => {
                self.judge_hold(ahead, &event)?;
                // The number is known once it is written.
                Ok((vec![Body::System(event)], Answer::Noted(0)))
            }
            Body::Document { doc, event: Event::Arrived(arrival) } => {
                let (bodies, admission) = self.judge_arrival(ahead, doc, *arrival, at)?;
                Ok((bodies, Answer::Admitted(admission)))
            }
            Body::Document { doc, event } => {
                let state = self.state(ahead, doc)?.ok_or(BookError::Unknown)?;
                if expect.is_some_and(|version| version != state.version) {
                    return Err(BookError::Overtaken);
                }
                let state = state.apply(&event, at)?;
                ahead.states.insert(doc, state.clone());
                Ok((vec![Body::Document { doc, event }], Answer::State(Box::new(state))))
            }
        }
    }

    /// The holds with a scope that are in force.
    pub(crate) fn holds(&self) -> Result<Vec<Hold>, BookError> {
        self.store.holds().map_err(broken)
    }

    /// The state as it is in the index.
    pub(crate) fn known(&self, doc: DocId) -> Result<Option<State>, BookError> {
        self.state(&Ahead::default(), doc)
    }

    pub(crate) fn state(&self, ahead: &Ahead, doc: DocId) -> Result<Option<State>, BookError> {
        if let Some(state) = ahead.states.get(&doc) {
            return Ok(Some(state.clone()));
        }
        Ok(self.store.get(doc).map_err(broken)?.map(|document| document.state))
    }
}

fn state_of(answer: Answer) -> Result<State, BookError> {
    match answer {
        Answer::State(state) => Ok(*state),
        _ => Err(BookError::Broken("the writer answered another question")),
    }
}

/// A caller that went away has no use for its answer; the fact stands all the same.
fn answer_to(reply: Reply, answer: Result<Answer, BookError>) {
    drop(reply.send(answer));
}
