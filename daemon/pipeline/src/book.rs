//! The one writer: facts go to the ledger, then to sled, in one order, many to one fsync.
//!
//! A thread owns the ledger. Whatever arrives while one fsync runs shares the next (group commit). A
//! fact is checked against the state it would change before it is written, so the ledger holds no
//! illegal event; what was seen before (same bytes, same idempotency key) is decided here too, where
//! nothing can come between.

use crate::latch::Latch;
use ::store::{Store, StoreError};
use ledger::{Extent, Ledger, LedgerError, Mark, NewRecord};
use lifecycle::{Actor, Arrival, Body, Event, IllegalEvent, State, SystemEvent};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, thread};
use tokio::sync::{mpsc, oneshot, watch};
use types::{Digest, DocId, UnixMillis};
use vault::{Vault, Victim};

/// Facts that may wait for the writer; callers wait when it is full.
const ORDERS_MAX: usize = 1024;
/// Facts that share one fsync.
const BATCH_MAX: usize = 256;

/// Why a fact was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BookError {
    /// It cannot follow what is known.
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
    /// Something else happened to the document in between.
    #[error("the document changed meanwhile")]
    Overtaken,
    /// There is no such document.
    #[error("no such document")]
    Unknown,
    /// The disk is full; nothing was written.
    #[error("the ledger's disk is full")]
    Full,
    /// A backup is running.
    #[error("a backup is running, and nothing is destroyed until it ends")]
    Latched,
    /// The ledger or the index failed.
    #[error("ledger or index: {0}")]
    Broken(&'static str),
}

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
    Noted,
    Rebuilt(u64),
    Expired(Vec<DocId>),
    Tip(Tip),
}

/// How far the ledger reaches.
pub(crate) struct Tip {
    pub(crate) mark: Mark,
    pub(crate) extents: Vec<Extent>,
}

enum Order {
    Write(Fact),
    /// Make the index anew from the ledger; nothing is written meanwhile.
    Rebuild(oneshot::Sender<Result<Answer, BookError>>),
    /// Say what the ledger is after all that came before.
    Mark(oneshot::Sender<Mark>),
    /// Say how far the ledger reaches, after all that was ordered before.
    Tip(oneshot::Sender<Result<Answer, BookError>>),
    /// Destroy the keys of these documents, unless a hold came in between.
    Expire {
        docs: Vec<DocId>,
        by: Actor,
        reply: oneshot::Sender<Result<Answer, BookError>>,
    },
}

struct Fact {
    by: Actor,
    body: Body,
    /// The document must still be at this version.
    expect: Option<u64>,
    reply: oneshot::Sender<Result<Answer, BookError>>,
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
        ledger: Ledger,
        ledger_dir: PathBuf,
        store: Arc<Store>,
        vault: Arc<Vault>,
        latch: Arc<Latch>,
        clock: fn() -> UnixMillis,
    ) -> std::io::Result<Self> {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let (size, sizes) = watch::channel(ledger.tip().0);
        thread::Builder::new()
            .name("book".into())
            .spawn(move || Writer { ledger, ledger_dir, store, vault, latch, clock, size }.run(inbox))?;
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
        match self.order(by, Body::Document { doc, event }, Some(expect)).await? {
            Answer::State(state) => Ok(*state),
            _ => Err(BookError::Broken("the writer answered another question")),
        }
    }

    /// Writes an arrival; durable on return.
    pub(crate) async fn admit(
        &self,
        doc: DocId,
        by: Actor,
        arrival: Arrival,
    ) -> Result<Admission, BookError> {
        let event = Event::Arrived(Box::new(arrival));
        match self.order(by, Body::Document { doc, event }, None).await? {
            Answer::Admitted(admission) => Ok(admission),
            _ => Err(BookError::Broken("the writer answered another question")),
        }
    }

    /// Writes something about the appliance; durable on return.
    pub(crate) async fn note(&self, by: Actor, event: SystemEvent) -> Result<(), BookError> {
        self.order(by, Body::System(event), None).await.map(|_| ())
    }

    /// Number of records, as it grows.
    pub(crate) fn sizes(&self) -> watch::Receiver<u64> {
        self.sizes.clone()
    }

    /// What the ledger is now.
    pub(crate) async fn mark(&self) -> Result<Mark, BookError> {
        let (reply, answer) = oneshot::channel();
        let gone = |_| BookError::Broken("the writer is gone");
        self.orders.send(Order::Mark(reply)).await.map_err(|_| gone(()))?;
        answer.await.map_err(|_| gone(()))
    }

    /// Makes the index anew from the ledger; gives the number of records.
    pub(crate) async fn rebuild(&self) -> Result<u64, BookError> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(Order::Rebuild(reply)).await.map_err(|_| BookError::Broken("the writer is gone"))?;
        match answer.await.map_err(|_| BookError::Broken("the writer is gone"))?? {
            Answer::Rebuilt(records) => Ok(records),
            _ => Err(BookError::Broken("the writer answered another question")),
        }
    }

    /// How far the ledger reaches; whatever was ordered before is in it, or was refused.
    pub(crate) async fn tip(&self) -> Result<Tip, BookError> {
        let (reply, answer) = oneshot::channel();
        let gone = |_| BookError::Broken("the writer is gone");
        self.orders.send(Order::Tip(reply)).await.map_err(|_| gone(()))?;
        match answer.await.map_err(|_| gone(()))?? {
            Answer::Tip(tip) => Ok(tip),
            _ => Err(BookError::Broken("the writer answered another question")),
        }
    }

    /// Destroys keys and bytes of those documents that nothing holds, and writes it; gives them. No hold can
    /// be placed between the look and the destruction: both are this writer's.
    pub(crate) async fn expire(&self, docs: Vec<DocId>, by: Actor) -> Result<Vec<DocId>, BookError> {
        let (reply, answer) = oneshot::channel();
        let gone = |_| BookError::Broken("the writer is gone");
        self.orders.send(Order::Expire { docs, by, reply }).await.map_err(|_| gone(()))?;
        match answer.await.map_err(|_| gone(()))?? {
            Answer::Expired(docs) => Ok(docs),
            _ => Err(BookError::Broken("the writer answered another question")),
        }
    }

    async fn order(&self, by: Actor, body: Body, expect: Option<u64>) -> Result<Answer, BookError> {
        let (reply, answer) = oneshot::channel();
        let gone = |_| BookError::Broken("the writer is gone");
        self.orders.send(Order::Write(Fact { by, body, expect, reply })).await.map_err(|_| gone(()))?;
        answer.await.map_err(|_| gone(()))?
    }
}

struct Writer {
    ledger: Ledger,
    ledger_dir: PathBuf,
    store: Arc<Store>,
    vault: Arc<Vault>,
    latch: Arc<Latch>,
    clock: fn() -> UnixMillis,
    size: watch::Sender<u64>,
}

/// What the facts of one batch will have changed once it is written.
#[derive(Default)]
struct Ahead {
    states: BTreeMap<DocId, State>,
    contents: BTreeMap<Digest, DocId>,
    keys: BTreeMap<Digest, DocId>,
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
                        match self.store.rebuild(&self.ledger_dir, |_| ()) {
                            Ok(records) => answer_to(reply, Ok(Answer::Rebuilt(records))),
                            Err(error) => {
                                // Half an index would take known documents for new ones.
                                tracing::error!(%error, "the index could not be rebuilt; stopping");
                                std::process::abort();
                            }
                        }
                    }
                    Order::Mark(reply) => {
                        self.batch(facts.drain(..));
                        if reply.send(self.ledger.mark()).is_err() {
                            tracing::debug!("who asked for a mark went away");
                        }
                    }
                    Order::Tip(reply) => {
                        self.batch(facts.drain(..));
                        answer_to(reply, self.tip().map(Answer::Tip));
                    }
                    Order::Expire { docs, by, reply } => {
                        self.batch(facts.drain(..));
                        answer_to(reply, self.expire(docs, &by).map(Answer::Expired));
                    }
                }
            }
            self.batch(facts.into_iter());
        }
    }

    fn batch(&mut self, orders: impl Iterator<Item = Fact>) {
        let mut ahead = Ahead::default();
        let mut records = Vec::new();
        let mut replies = Vec::new();
        for order in orders {
            let at = (self.clock)();
            match self.judge(&mut ahead, order.body, order.expect, at) {
                Ok((Some(body), answer)) => {
                    records.push(NewRecord { at, by: order.by, body });
                    replies.push((order.reply, answer));
                }
                Ok((None, answer)) => answer_to(order.reply, Ok(answer)),
                Err(refusal) => answer_to(order.reply, Err(refusal)),
            }
        }
        if records.is_empty() {
            return;
        }
        match self.write(records) {
            Ok(()) => replies.into_iter().for_each(|(reply, answer)| answer_to(reply, Ok(answer))),
            Err(BookError::Full) => {
                replies.into_iter().for_each(|(reply, _)| answer_to(reply, Err(BookError::Full)))
            }
            Err(_) => {
                replies
                    .into_iter()
                    .for_each(|(reply, _)| answer_to(reply, Err(BookError::Broken("could not write"))));
            }
        }
    }

    fn write(&mut self, records: Vec<NewRecord>) -> Result<(), BookError> {
        let written = match self.ledger.append(records) {
            Ok(written) => written,
            Err(LedgerError::Full { .. }) => return Err(BookError::Full),
            Err(error) => {
                tracing::error!(%error, "the ledger refused a batch");
                return Err(BookError::Broken("ledger"));
            }
        };
        for record in &written {
            if let Err(error) = self.store.apply(record) {
                // The ledger has it and sled has not: only a start can bring them together again.
                tracing::error!(%error, seq = record.seq, "the index does not follow the ledger; stopping");
                std::process::abort();
            }
        }
        self.size.send_replace(self.ledger.tip().0);
        Ok(())
    }

    fn tip(&self) -> Result<Tip, BookError> {
        let extents = self.ledger.extents().map_err(|error| {
            tracing::error!(%error, "the segments cannot be listed");
            BookError::Broken("ledger")
        })?;
        Ok(Tip { mark: self.ledger.mark(), extents })
    }

    /// A crash between destruction and record is made good by the next run: destroying again is harmless.
    fn expire(&mut self, docs: Vec<DocId>, by: &Actor) -> Result<Vec<DocId>, BookError> {
        let at = (self.clock)();
        let expired = Event::Expired { generation_before: 0, generation_after: 0 };
        let mut victims = Vec::with_capacity(docs.len());
        for doc in docs {
            let state = self.state(&Ahead::default(), doc)?;
            if state.is_some_and(|state| state.retain_until <= at && state.apply(&expired, at).is_ok()) {
                victims.push(doc);
            }
        }
        if victims.is_empty() {
            return Ok(victims);
        }
        self.latch.stands_aside()?;
        let whole = |doc: &DocId| Victim { doc: *doc, areas: None };
        let destroyed =
            self.vault.destroy(&victims.iter().map(whole).collect::<Vec<_>>()).map_err(|error| {
                tracing::error!(%error, "keys could not be destroyed");
                BookError::Broken("vault")
            })?;
        let event = |doc: &DocId| NewRecord {
            at,
            by: by.clone(),
            body: Body::Document {
                doc: *doc,
                event: Event::Expired {
                    generation_before: destroyed.generation_before,
                    generation_after: destroyed.generation_after,
                },
            },
        };
        self.write(victims.iter().map(event).collect())?;
        Ok(victims)
    }

    /// Decides whether a fact may be written, and what the caller will hear.
    fn judge(
        &self,
        ahead: &mut Ahead,
        body: Body,
        expect: Option<u64>,
        at: UnixMillis,
    ) -> Result<(Option<Body>, Answer), BookError> {
        match body {
            Body::System(event) => Ok((Some(Body::System(event)), Answer::Noted)),
            Body::Document { doc, event: Event::Arrived(arrival) } => {
                self.judge_arrival(ahead, doc, *arrival, at)
            }
            Body::Document { doc, event } => {
                let state = self.state(ahead, doc)?.ok_or(BookError::Unknown)?;
                if expect.is_some_and(|version| version != state.version) {
                    return Err(BookError::Overtaken);
                }
                let state = state.apply(&event, at)?;
                ahead.states.insert(doc, state.clone());
                Ok((Some(Body::Document { doc, event }), Answer::State(Box::new(state))))
            }
        }
    }

    fn judge_arrival(
        &self,
        ahead: &mut Ahead,
        doc: DocId,
        mut arrival: Arrival,
        at: UnixMillis,
    ) -> Result<(Option<Body>, Answer), BookError> {
        if let Some(state) = self.state(ahead, doc)? {
            // The same claim again after a crash: the first record stands.
            let admission = Admission::New { duplicate_of: state.duplicate_of };
            return Ok((None, Answer::Admitted(admission)));
        }
        if let Some(key) = arrival.idempotency {
            let known = ahead.keys.get(&key).copied();
            if let Some(first) =
                known.map_or_else(|| self.store.by_idempotency(key), |doc| Ok(Some(doc))).map_err(broken)?
            {
                return Ok((None, Answer::Admitted(Admission::Repeated(first))));
            }
            ahead.keys.insert(key, doc);
        }
        let known = ahead.contents.get(&arrival.content).copied();
        arrival.duplicate_of = known
            .map_or_else(|| self.store.by_content(arrival.content), |doc| Ok(Some(doc)))
            .map_err(broken)?;
        if arrival.duplicate_of.is_some() {
            arrival.original = None;
        } else {
            ahead.contents.insert(arrival.content, doc);
        }
        let duplicate_of = arrival.duplicate_of;
        ahead.states.insert(doc, State::arrived(&arrival, at));
        let event = Event::Arrived(Box::new(arrival));
        Ok((Some(Body::Document { doc, event }), Answer::Admitted(Admission::New { duplicate_of })))
    }

    fn state(&self, ahead: &Ahead, doc: DocId) -> Result<Option<State>, BookError> {
        if let Some(state) = ahead.states.get(&doc) {
            return Ok(Some(state.clone()));
        }
        Ok(self.store.get(doc).map_err(broken)?.map(|document| document.state))
    }
}

fn broken(error: StoreError) -> BookError {
    tracing::error!(%error, "the index cannot be read");
    BookError::Broken("index")
}

/// A caller that went away has no use for its answer; the fact stands all the same.
fn answer_to(reply: oneshot::Sender<Result<Answer, BookError>>, answer: Result<Answer, BookError>) {
    drop(reply.send(answer));
}
