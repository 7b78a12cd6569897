//! The whole control flow: what is due is run, what happened is written, until the document rests.
//!
//! Crash-only: stations are at least once, their outputs are new sealed blobs that only the event names,
//! so a half-done station leaves nothing but garbage for the sweeper.

use crate::{
    ballast,
    book::BookError,
    classify, deliver,
    desk::Desk,
    handover::{self, Turn},
    lost_index::stop_if_lost,
    normalise, ocr, parse, quarantine, redact,
    refusal::Refusal,
    retain, route,
    route::Decision,
    store,
};
use ::store::{Document, Lease};
use lifecycle::{Actor, Due, Event, Stage, SystemEvent};
use std::{
    collections::{BTreeMap, BTreeSet},
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
///
/// A document that must wait for its target gives its seat back and is not looked at before its pause is over.
pub(crate) async fn run(desk: Arc<Desk>) {
    let pausing: Pausing = Arc::default();
    let seats = Arc::new(Semaphore::new(desk.settings.workers.documents));
    let travelling: Arc<Mutex<BTreeSet<DocId>>> = Arc::default();
    let mut draining = desk.draining.clone();
    while !desk.is_draining() {
        let mut after = None;
        loop {
            let due = match desk.store.runnable(after, LOOK_MAX) {
                Ok(due) => due,
                Err(error) => {
                    stop_if_lost(&error);
                    tracing::error!(%error, "the index cannot be read");
                    break;
                }
            };
            let Some(last) = due.last().copied() else { break };
            for doc in due {
                if desk.is_draining() {
                    break;
                }
                if is_pausing(&pausing, doc) {
                    continue;
                }
                if !travelling.lock().unwrap_or_else(PoisonError::into_inner).insert(doc) {
                    continue;
                }
                let Ok(seat) = seats.clone().acquire_owned().await else { return };
                let (desk, travelling, pausing) = (desk.clone(), travelling.clone(), pausing.clone());
                tokio::spawn(async move {
                    let went = travel_claimed(&desk, doc).await;
                    note_pause(&pausing, doc, went);
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

/// Documents whose target did not take them: when to look again, and how long the pause was.
type Pausing = Arc<Mutex<BTreeMap<DocId, (Instant, Duration)>>>;

/// How a travel ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Went {
    /// It rests, or the daemon drains.
    Resting,
    /// Its target did not take it.
    Refused,
}

fn is_pausing(pausing: &Pausing, doc: DocId) -> bool {
    let pausing = pausing.lock().unwrap_or_else(PoisonError::into_inner);
    pausing.get(&doc).is_some_and(|(until, _)| *until > Instant::now())
}

fn note_pause(pausing: &Pausing, doc: DocId, went: Went) {
    let mut pausing = pausing.lock().unwrap_or_else(PoisonError::into_inner);
    if went == Went::Resting {
        pausing.remove(&doc);
        return;
    }
    let pause = pausing.get(&doc).map_or(PAUSE.0, |(_, pause)| (*pause * 2).min(PAUSE.1));
    pausing.insert(doc, (Instant::now() + pause, pause));
}

async fn travel_claimed(desk: &Arc<Desk>, doc: DocId) -> Went {
    match desk.store.claim(doc, desk.now(), CLAIM_MS) {
        Ok(Some(lease)) => {
            let went = travel(desk, lease).await;
            if let Err(error) = desk.store.finish(&lease) {
                stop_if_lost(&error);
                tracing::error!(%doc, %error, "the claim could not be given back");
            }
            went
        }
        Ok(None) => Went::Resting,
        Err(error) => {
            stop_if_lost(&error);
            tracing::error!(%doc, %error, "the document could not be claimed");
            Went::Resting
        }
    }
}

async fn travel(desk: &Arc<Desk>, lease: Lease) -> Went {
    let id = lease.doc;
    let mut pause = PAUSE.0;
    while !desk.is_draining() {
        let doc = match desk.store.get(id) {
            Ok(Some(doc)) => doc,
            Ok(None) => return Went::Resting,
            Err(error) => {
                stop_if_lost(&error);
                tracing::error!(doc = %id, %error, "the index cannot be read");
                return Went::Resting;
            }
        };
        let mut turn = None;
        let event = match doc.state.due(desk.patience()) {
            Due::Stop(stage) => {
                Event::Stopped { stage, reason: doc.state.reason.unwrap_or(Reason::WorkerCrash) }
            }
            Due::Run(stage) => match run_station(desk, stage, &doc, &mut turn).await {
                Ok(event) => event,
                Err(Refusal::Overtaken) => continue,
                Err(Refusal::NotNow(reason)) => {
                    tracing::warn!(doc = %id, stage = stage.name(), reason = reason.code(), "not now");
                    if reason == Reason::DiskFull {
                        ballast::release(desk).await;
                    }
                    rest(desk, &mut pause).await;
                    continue;
                }
                Err(refusal) => fact_of(desk, id, stage, &refusal).await,
            },
            Due::Person | Due::Clock(_) | Due::Nothing => return Went::Resting,
        };
        let refused = matches!(event, Event::Failed { stage: Stage::Deliver, .. });
        if refused && doc.state.reason == Some(Reason::DeliveryFailed) {
            // Written once; each further try would only make the ledger longer.
            return Went::Refused;
        }
        let again = matches!(event, Event::Failed { .. });
        let dropped = retain::dropped(&doc, &event);
        let written = desk.book.record_under(lease, doc.state.version, Actor::Daemon, event).await;
        if let (Ok(_), Some(route), true) = (&written, &doc.state.route, turn.is_some()) {
            handover::forget(desk, id, route).await;
        }
        drop(turn);
        if let (Ok(_), Some(raster)) = (&written, dropped) {
            retain::remove(desk, raster).await;
        }
        match written {
            Ok(_) if refused => return Went::Refused,
            Ok(_) if again => rest(desk, &mut pause).await,
            Ok(_) => pause = PAUSE.0,
            // Whoever has it goes on with it.
            Err(BookError::Stale) => return Went::Resting,
            Err(error) => {
                tracing::warn!(doc = %id, %error, "the fact was not written");
                if matches!(error, BookError::Full) {
                    ballast::release(desk).await;
                }
                rest(desk, &mut pause).await;
            }
        }
    }
    Went::Resting
}

/// `turn` gets the turn of a document that was delivered, until that is written.
async fn run_station(
    desk: &Arc<Desk>,
    stage: Stage,
    doc: &Document,
    turn: &mut Option<Turn>,
) -> Result<Event, Refusal> {
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
        Stage::Deliver => {
            let (outcome, taken) = deliver::run(desk, doc).await?;
            *turn = taken;
            Ok(outcome)
        }
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
        Refusal::Latched | Refusal::ClockInDoubt | Refusal::Overtaken => {
            (Reason::StorageError, Disposition::Retry)
        }
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
