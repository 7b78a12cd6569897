//! # retain
//!
//! Reads: class, source, what the sender asked for. Leaves: `Retained { until }`; the longest rule wins
//! (A45). The rasters are dropped: they can be made again from the original.
//! Refuses nothing.

use crate::{artefacts, desk::Desk, facts::ArrivalFacts, refusal::Refusal};
use ::store::Document;
use lifecycle::Outcome;
use std::sync::Arc;
use types::UnixMillis;

/// Milliseconds of a day.
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub(crate) async fn run(desk: &Arc<Desk>, doc: &Document) -> Result<Outcome, Refusal> {
    let (id, state) = (doc.id, doc.state.clone());
    desk.blocking(move |desk| {
        let facts = ArrivalFacts::open(&desk.vault, id, &state.sealed_arrival.0)?;
        let rule = desk.policy.load().retention(state.class, &state.source, facts.retention.as_ref());
        if let (Some(raster), Some(pages)) = (state.blobs.raster, state.pages) {
            for (id, raster, pages) in desk.latch.removable((id, raster, pages)) {
                artefacts::remove_raster(desk, id, raster, pages)?;
            }
        }
        Ok(Outcome::Retained { until: until(state.received_at, rule.days), retention: rule.rule })
    })
    .await
}

/// The end of a retention of so many days.
pub(crate) fn until(from: UnixMillis, days: u32) -> UnixMillis {
    from.plus(u64::from(days) * DAY_MS)
}
