//! # retain
//!
//! Reads: class, source, sensitivity, what the sender asked for. Leaves: `Retained { schedules }`; for each
//! schedule the longest rule wins (A45, B46), and nothing that a copy asked for is taken back. The rasters are
//! dropped once that is written, for they can be made again from the original. Not before: a backup that begins in
//! between signs a ledger that still names them. After a crash in between the sweep finds that nothing names them.
//! Refuses nothing.

use crate::{artefacts, desk::Desk, facts::ArrivalFacts, holds, latch::Raster, refusal::Refusal};
use ::store::Document;
use lifecycle::{Event, Outcome, Schedules, State, Term};
use policy::{Kept, RetentionFacts};
use std::sync::Arc;
use types::{DocClass, Label, UnixMillis};

/// Milliseconds of a day.
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub(crate) async fn run(desk: &Arc<Desk>, doc: &Document) -> Result<Outcome, Refusal> {
    let (id, state) = (doc.id, doc.state.clone());
    desk.blocking(move |desk| {
        let facts = ArrivalFacts::open(&desk.vault, id, &state.sealed_arrival.0)?;
        let mut terms = terms_of(desk, &state, state.class, &state.sensitivity, &facts);
        if let Some(asked) = &state.asked {
            terms = terms.longest(asked);
        }
        if !holds::keeping(&*desk.store, &desk.store.holds()?, id, &state)?.is_empty() {
            // A correction of the class may shorten what is kept, but not under a hold.
            terms = terms.longest(&state.schedules);
        }
        let Term { rule, until } = terms.last().clone();
        Ok(Outcome::Retained { retention: rule, until, schedules: Some(Box::new(terms)) })
    })
    .await
}

/// The raster that the ledger names no more once this fact about the document is written.
pub(crate) fn dropped(doc: &Document, event: &Event) -> Option<Raster> {
    let Event::Finished(Outcome::Retained { .. }) = event else { return None };
    Some((doc.id, doc.state.blobs.raster?, doc.state.pages?))
}

/// Removes it, or leaves it to the end of a backup that runs.
pub(crate) async fn remove(desk: &Arc<Desk>, raster: Raster) {
    let removed = desk.blocking(move |desk| {
        let mut removable = desk.latch.removable(raster).into_iter();
        removable.try_for_each(|(id, raster, pages)| artefacts::remove_raster(desk, id, raster, pages))
    });
    if let Err(refusal) = removed.await {
        tracing::warn!(doc = %raster.0, %refusal, "its raster was not removed; the daily sweep does it");
    }
}

/// What the policy says of a document, once its class and labels are known.
pub(crate) fn terms_of(
    desk: &Desk,
    state: &State,
    class: Option<DocClass>,
    sensitivity: &[Label],
    facts: &ArrivalFacts,
) -> Schedules {
    terms(desk, class, &state.source, sensitivity, facts.retention.as_ref(), state.received_at)
}

/// What the policy says of a document that was received at `from`. The rule of its source, if the configuration
/// names one, and that of its sender only lengthen.
pub(crate) fn terms(
    desk: &Desk,
    class: Option<DocClass>,
    source: &Label,
    sensitivity: &[Label],
    asked: Option<&Label>,
    from: UnixMillis,
) -> Schedules {
    let of_source = desk.source(source).and_then(|source| source.retention.as_ref());
    let requested: Vec<&Label> = asked.into_iter().chain(of_source).collect();
    let facts = RetentionFacts { class, source, sensitivity, requested: &requested };
    let kept = desk.policy.load().retention(&facts);
    let term = |Kept { rule, days }| Term { rule, until: from.plus(u64::from(days) * DAY_MS) };
    Schedules {
        original: term(kept.original),
        redacted: term(kept.redacted),
        text: term(kept.text),
        review: term(kept.review),
        log: term(kept.log),
    }
}
