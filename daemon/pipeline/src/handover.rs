//! Who has a document, and who may have it after a crash: what is asked before a document goes anywhere else.
//!
//! A delivery, and every act of a person that would stop or redirect it, take the document's turn. So a hold
//! or a new route either comes before the manifest appears, and calls the delivery back, or finds it written
//! in the ledger. Nothing reaches two routes unless the events say so.

use crate::{book::BookError, deliver, desk::Desk, refusal::Refusal};
use ::store::Document;
use lifecycle::{Actor, Body, Event, Outcome, Position, Stage};
use outbox::{FolderTarget, OutboxError, Unsettled};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::sync::{Mutex, OwnedMutexGuard};
use types::{Digest, DocId, Label, Reason};

/// Turns that documents share by their ids: few enough to be cheap, enough that one rarely waits for another.
const TURNS: usize = 64;
/// Events of a document read at a time.
const EVENTS_AT_ONCE: usize = 1000;
/// A document that moves between look and record is looked at again so often.
const TRIES_MAX: usize = 16;

/// Whose move it is, document by document.
pub(crate) struct Turns(Vec<Arc<Mutex<()>>>);

/// Nobody else delivers, stops or redirects the document while this lives.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl Default for Turns {
    fn default() -> Self {
        Self((0..TURNS).map(|_| Arc::default()).collect())
    }
}

impl Turns {
    /// Waits for the turn. It is held for a few renames and one record, never while a product is copied.
    pub(crate) async fn take(&self, doc: DocId) -> Turn {
        let last = usize::from(doc.to_bytes()[15]);
        self.0[last % TURNS].clone().lock_owned().await
    }
}

/// The document's turn, unless something happened to the document since it was looked at.
pub(crate) async fn take_if_same(desk: &Arc<Desk>, seen: &Document) -> Result<Option<Turn>, Refusal> {
    let turn = desk.turns.take(seen.id).await;
    let now = desk.store.get(seen.id)?;
    Ok(now.is_some_and(|now| now.state.version == seen.state.version).then_some(turn))
}

/// Routes that have the document, with the receipt of each, as its events tell.
pub(crate) fn served(desk: &Desk, doc: DocId) -> Result<BTreeMap<Label, Digest>, Refusal> {
    let mut served = BTreeMap::new();
    let (mut route, mut after) = (None, 0);
    loop {
        let records = desk.store.events_after(doc, after, EVENTS_AT_ONCE)?;
        let Some(last) = records.last() else { return Ok(served) };
        after = last.seq;
        for record in records {
            let Body::Document { event, .. } = record.body else { continue };
            match event {
                Event::Finished(Outcome::Routed { route: to, .. }) | Event::Rerouted { route: to, .. } => {
                    route = Some(to);
                }
                Event::Reclassified { .. } => route = None,
                Event::Finished(Outcome::Delivered { receipt, .. }) => {
                    served.extend(route.clone().map(|route| (route, receipt)));
                }
                Event::AlsoDelivered { route, receipt, .. } => {
                    served.insert(route, receipt);
                }
                _ => {}
            }
        }
    }
}

/// What the ledger keeps of a delivery.
pub(crate) fn receipt(desk: &Desk, manifest: &[u8]) -> Digest {
    desk.vault.keyed_digest("delivery", &[manifest])
}

/// The target of a route; none when the policy no longer has it.
pub(crate) fn target(desk: &Desk, route: &Label) -> Option<FolderTarget> {
    let policy = desk.policy.load();
    let folder = &policy.route_named(route)?.folder;
    Some(FolderTarget { folder: desk.settings.paths.outbox_dir.join(folder) })
}

/// Writes down a delivery that was seen but did not reach the ledger. To be asked with the document's turn, before
/// anything is done that presumes that nobody has it.
pub(crate) async fn catch_up(desk: &Arc<Desk>, document: &Document) -> Result<(), Refusal> {
    let (Position::At(Stage::Deliver), Some(route)) = (document.state.position, &document.state.route) else {
        return Ok(());
    };
    let Some(target) = target(desk, route) else { return Ok(()) };
    let (doc, to) = (document.id, route.clone());
    let looked = desk.blocking(move |_| Ok(target.seen(doc, &to))).await?;
    // A folder that cannot be asked now has its turn at the next start; a new route may be why it is gone.
    let Ok(Some(manifest)) = looked else { return Ok(()) };
    settle(desk, Unsettled { doc, route: route.clone(), manifest }).await
}

/// At start: what a crash left between a manifest's rename and the ledger is written down, before anybody can ask.
pub(crate) async fn recover(desk: &Arc<Desk>) -> Result<(), Refusal> {
    let folders: BTreeSet<_> = desk.policy.load().routes().iter().map(|route| route.folder.clone()).collect();
    for folder in folders {
        let target = FolderTarget { folder: desk.settings.paths.outbox_dir.join(folder) };
        match desk.blocking(move |_| Ok(target.recover())).await? {
            Ok(unsettled) => {
                for delivery in unsettled {
                    settle(desk, delivery).await?;
                }
            }
            Err(OutboxError::Folder(_)) => {}
            Err(error) => {
                tracing::warn!(%error, "a route's folder cannot be looked through; it is at the next start")
            }
        }
    }
    Ok(())
}

async fn settle(desk: &Arc<Desk>, delivery: Unsettled) -> Result<(), Refusal> {
    let Unsettled { doc, route, manifest } = delivery;
    let receipt = receipt(desk, &manifest);
    for _ in 0..TRIES_MAX {
        // One that the ledger does not know is not ours to judge: an old ledger may have been put back.
        let Some(document) = desk.store.get(doc)? else { return Ok(()) };
        let state = &document.state;
        if !served(desk, doc)?.contains_key(&route) {
            let due = state.position == Position::At(Stage::Deliver) && state.route.as_ref() == Some(&route);
            let disclosure = deliver::disclosure(desk, &document, &route)?;
            let event = if due {
                Event::Finished(Outcome::Delivered { receipt, disclosure })
            } else {
                Event::AlsoDelivered { route: route.clone(), receipt, disclosure }
            };
            match desk.book.record(doc, state.version, Actor::Daemon, event).await {
                Ok(_) => tracing::info!(%doc, route = %route, "a delivery of the last run was written down"),
                Err(BookError::Overtaken) => continue,
                Err(BookError::Illegal(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        forget(desk, doc, &route).await;
        return Ok(());
    }
    Err(Refusal::NotNow(Reason::StorageError))
}

/// Removes the marker of a delivery that the ledger has.
pub(crate) async fn forget(desk: &Arc<Desk>, doc: DocId, route: &Label) {
    let Some(target) = target(desk, route) else { return };
    let to = route.clone();
    if let Ok(Err(error)) = desk.blocking(move |_| Ok(target.forget(doc, &to))).await {
        tracing::warn!(%doc, %route, %error, "a delivery's marker could not be removed; the next start does it");
    }
}
