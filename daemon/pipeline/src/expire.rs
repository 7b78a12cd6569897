//! The end: retention that is over. The key is destroyed first, then the bytes; a hold stops both.

use crate::{
    desk::Desk,
    refusal::Refusal,
    submit::refused,
    view::{Caller, Expiry, Refused},
};
use ::store::Document;
use lifecycle::Actor;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use types::DocId;

/// Documents destroyed in one go: they share one rewriting of the keystore.
const BATCH_MAX: usize = 500;
/// Documents looked at in one go: held ones must not hide those behind them.
const DUE_MAX: usize = 100_000;
/// How often the daemon looks for what is over.
const LOOK_EVERY: Duration = Duration::from_secs(15 * 60);

/// Destroys what is due, until the daemon drains.
pub(crate) async fn run(desk: Arc<Desk>) {
    let mut draining = desk.draining.clone();
    while !desk.is_draining() {
        desk.clock.keep_or_say();
        if let Some(ms) = desk.clock.differs_by_ms() {
            tracing::error!(
                ms,
                "nothing is destroyed while the wall clock is in doubt; see lazaretctl doctor"
            );
        } else if let Err(refusal) = destroy_due(&desk, &Actor::Daemon, false).await {
            tracing::error!(%refusal, "retention could not be carried out; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = draining.changed() => {}
        }
    }
}

/// What is due now, and what keeps it.
pub(crate) async fn due(desk: &Arc<Desk>) -> Result<Vec<Expiry>, Refused> {
    destroy_due(desk, &Actor::Daemon, true).await.map_err(refused)
}

/// Destroys what is due on somebody's behalf, or only says what would be. Who destroys believes the wall clock.
pub(crate) async fn retention_run(
    desk: &Arc<Desk>,
    caller: &Caller,
    dry_run: bool,
) -> Result<Vec<Expiry>, Refused> {
    if !dry_run {
        desk.clock.believe();
    }
    destroy_due(desk, &caller.actor, dry_run).await.map_err(refused)
}

async fn destroy_due(desk: &Arc<Desk>, by: &Actor, dry_run: bool) -> Result<Vec<Expiry>, Refusal> {
    let due = desk.blocking(|desk| Ok(desk.store.due_for_expiry(desk.now(), DUE_MAX)?)).await?;
    let mut expiries = Vec::with_capacity(due.len());
    let mut victims: Vec<DocId> = Vec::new();
    for doc in due {
        let Some(Document { id, state }) = desk.store.get(doc)? else { continue };
        if state.holds.is_empty() {
            victims.push(id);
        }
        expiries.push(Expiry {
            doc: id,
            until: state.retain_until,
            rule: state.retention,
            destroyed: false,
            holds: state.holds.into_iter().collect(),
        });
    }
    if dry_run || victims.is_empty() {
        return Ok(expiries);
    }
    let mut destroyed = BTreeSet::new();
    for batch in victims.chunks(BATCH_MAX) {
        destroyed.extend(desk.book.expire(batch.to_vec(), by.clone()).await?);
    }
    for expiry in &mut expiries {
        expiry.destroyed = destroyed.contains(&expiry.doc);
    }
    Ok(expiries)
}
