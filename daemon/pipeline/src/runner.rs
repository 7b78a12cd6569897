//! The whole control flow: what is due is run, what happened is written, until the document rests.
//!
//! Crash-only: stations are at least once, their outputs are new sealed blobs that only the event names,
//! so a half-done station leaves nothing but garbage for the sweeper.

use crate::{
    classify, deliver, desk::Desk, normalise, ocr, parse, quarantine, redact, refusal::Refusal, retain,
    route, route::Decision, store,
};
use ::store::Document;
use lifecycle::{Actor, Due, Event, Stage, SystemEvent};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;
use types::{Disposition, DocId, Reason};
use wire::Fault;

/// The index is looked at so often even when nobody says that something is due.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Documents looked at in one go.
const LOOK_MAX: usize = 256;
/// A claim outlives the longest document; after a crash all claims are void anyway.
const CLAIM_MS: u64 = 6 * 60 * 60 * 1000;
/// First and longest pause before something is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(300));

/// Runs due documents until the daemon drains and the last one is let go.
pub(crate) async fn run(desk: Arc<Desk>) {
    let seats = Arc::new(Semaphore::new(desk.settings.workers.documents));
    let travelling: Arc<Mutex<BTreeSet<DocId>>> = Arc::default();
    let mut draining = desk.draining.clone();
    while !desk.is_draining() {
        let mut after = None;
        loop {
            let due = match desk.store.runnable(after, LOOK_MAX) {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(%error, "the index cannot be read");
                    break;
                }
            };
            let Some(last) = due.last().copied() else { break };
            for doc in due {
                if desk.is_draining() {
                    break;
                }
                if !travelling.lock().unwrap_or_else(PoisonError::into_inner).insert(doc) {
                    continue;
                }
                let Ok(seat) = seats.clone().acquire_owned().await else { return };
                let (desk, travelling) = (desk.clone(), travelling.clone());
                tokio::spawn(async move {
                    travel_claimed(&desk, doc).await;
                    travelling.lock().unwrap_or_else(PoisonError::into_inner).remove(&doc);
                    drop(seat);
                });
            }
            after = Some(last);
        }
        tokio::select! {
            () = desk.wake.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = draining.changed() => {}
        }
    }
    // All seats free: nobody travels any more.
    let seats_all = u32::try_from(desk.settings.workers.documents).unwrap_or(u32::MAX);
    drop(seats.acquire_many(seats_all).await);
}

async fn travel_claimed(desk: &Arc<Desk>, doc: DocId) {
    match desk.store.claim(doc, desk.now(), CLAIM_MS) {
        Ok(Some(lease)) => {
            travel(desk, doc).await;
            if let Err(error) = desk.store.finish(&lease) {
                tracing::error!(%doc, %error, "the claim could not be given back");
            }
        }
        Ok(None) => {}
        Err(error) => tracing::error!(%doc, %error, "the document could not be claimed"),
    }
}

async fn travel(desk: &Arc<Desk>, id: DocId) {
    let mut pause = PAUSE.0;
    while !desk.is_draining() {
        let doc = match desk.store.get(id) {
            Ok(Some(doc)) => doc,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(doc = %id, %error, "the index cannot be read");
                return;
            }
        };
        let event = match doc.state.due(desk.patience()) {
            Due::Stop(stage) => {
                Event::Stopped { stage, reason: doc.state.reason.unwrap_or(Reason::WorkerCrash) }
            }
            Due::Run(stage) => match run_station(desk, stage, &doc).await {
                Ok(event) => event,
                Err(Refusal::Overtaken) => continue,
                Err(Refusal::NotNow(reason)) => {
                    tracing::warn!(doc = %id, stage = stage.name(), reason = reason.code(), "not now");
                    rest(desk, &mut pause).await;
                    continue;
                }
                Err(refusal) => fact_of(desk, id, stage, &refusal).await,
            },
            Due::Person | Due::Clock(_) | Due::Nothing => return,
        };
        let again = matches!(event, Event::Failed { .. });
        match desk.book.record(id, doc.state.version, Actor::Daemon, event).await {
            Ok(_) if again => rest(desk, &mut pause).await,
            Ok(_) => pause = PAUSE.0,
            Err(error) => {
                tracing::warn!(doc = %id, %error, "the fact was not written");
                rest(desk, &mut pause).await;
            }
        }
    }
}

async fn run_station(desk: &Arc<Desk>, stage: Stage, doc: &Document) -> Result<Event, Refusal> {
    let start = Instant::now();
    let outcome = match stage {
        Stage::Quarantine => quarantine::run(desk, doc).await,
        Stage::Parse => parse::run(desk, doc).await,
        Stage::Normalise => normalise::run(desk, doc).await,
        Stage::Ocr => ocr::run(desk, doc).await,
        Stage::Classify => classify::run(desk, doc).await,
        Stage::Redact => redact::run(desk, doc).await,
        Stage::Store => store::run(desk, doc).await,
        Stage::Route => match route::run(desk, doc).await? {
            Decision::Send(outcome) => Ok(outcome),
            Decision::Refer { reason, rule } => return Ok(Event::Referred { reason, rule }),
        },
        Stage::Deliver => deliver::run(desk, doc).await,
        Stage::Retain => retain::run(desk, doc).await,
    }?;
    let pages = u64::from(doc.state.pages.unwrap_or_default());
    desk.gauges.station(stage.name(), start.elapsed(), pages);
    tracing::info!(doc = %doc.id, stage = stage.name(), pages, ms = ms(start.elapsed()), "station finished");
    Ok(Event::Finished(outcome))
}

/// What a refusal becomes in the ledger.
async fn fact_of(desk: &Arc<Desk>, doc: DocId, stage: Stage, refusal: &Refusal) -> Event {
    let (reason, disposition) = match refusal {
        Refusal::Because(reason) | Refusal::NotNow(reason) => (*reason, reason.disposition()),
        Refusal::Reject(reason) => (*reason, Disposition::Reject),
        Refusal::Worker(fault @ (Fault::SandboxViolation | Fault::Protocol)) => {
            (fault.reason(), Disposition::Wait)
        }
        Refusal::Worker(fault) => (fault.reason(), Disposition::Retry),
        Refusal::Overtaken => (Reason::StorageError, Disposition::Retry),
    };
    tracing::warn!(%doc, stage = stage.name(), reason = reason.code(), "refused");
    if reason == Reason::SandboxViolation {
        let event = SystemEvent::SandboxViolation { doc: Some(doc), stage: Some(stage) };
        if let Err(error) = desk.book.note(Actor::Daemon, event).await {
            tracing::error!(%doc, %error, "a security event could not be written");
        }
    }
    match disposition {
        Disposition::Retry => Event::Failed { stage, reason },
        // Only the route station asks reviewers; elsewhere the document waits in quarantine.
        Disposition::Wait | Disposition::Review => Event::Stopped { stage, reason },
        Disposition::Reject => Event::Rejected { stage, reason },
    }
}

async fn rest(desk: &Arc<Desk>, pause: &mut Duration) {
    let mut draining = desk.draining.clone();
    tokio::select! {
        () = tokio::time::sleep(*pause) => {}
        _ = draining.changed() => {}
    }
    *pause = (*pause * 2).min(PAUSE.1);
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
