//! What callers may do to documents. Each act is one event with the caller's name; what cannot follow
//! the document's state is a conflict, and nothing happens.

use crate::{
    book::BookError,
    desk::Desk,
    facts::ArrivalFacts,
    handover, holds,
    queries::{self, find, view},
    retain,
    submit::refused,
    view::{Caller, Code, DocumentView, Refused},
};
use ::store::Document;
use lifecycle::{Event, Position, Stage};
use std::sync::Arc;
use types::{DocClass, DocId, Label, Reason, Schedule};

pub(crate) async fn reroute(
    desk: &Arc<Desk>,
    caller: &Caller,
    doc: DocId,
    route: Label,
    why: Label,
) -> Result<DocumentView, Refused> {
    let policy = desk.policy.load_full();
    let Some(target) = policy.route_named(&route) else {
        return Err(Refused::new(Code::NotFound, "there is no such route; see lazaretctl route list"));
    };
    let part = match target.rendition {
        policy::RouteRendition::Original => Schedule::Original,
        policy::RouteRendition::Redacted => Schedule::Redacted,
    };
    queries::still_there(&find(desk, doc)?, part)?;
    let owner = target.owner.clone();
    if desk.blocking(move |desk| handover::served(desk, doc)).await.map_err(refused)?.contains_key(&route) {
        let message = format!("{route} has this document already; nothing is delivered to a route twice");
        return Err(Refused::new(Code::Conflict, message));
    }
    act(desk, caller, doc, |_| Event::Rerouted {
        route: route.clone(),
        owner: owner.clone(),
        why: why.clone(),
    })
    .await
}

pub(crate) async fn hold(
    desk: &Arc<Desk>,
    caller: &Caller,
    doc: DocId,
    hold: Label,
) -> Result<DocumentView, Refused> {
    holds::can_be_held(desk, doc)?;
    let held = act(desk, caller, doc, |_| Event::HoldPlaced { hold: hold.clone() }).await?;
    let first = match held.duplicate_of {
        Some(first) => desk.store.get(first).map_err(refused)?,
        None => None,
    };
    if let Some(first) = first.filter(|first| !first.state.holds.contains(&hold)) {
        // The bytes of a duplicate are those of the first document: they are what the hold is about.
        act(desk, caller, first.id, |_| Event::HoldPlaced { hold: hold.clone() }).await?;
    }
    Ok(held)
}

pub(crate) async fn lift(
    desk: &Arc<Desk>,
    caller: &Caller,
    doc: DocId,
    hold: Label,
) -> Result<DocumentView, Refused> {
    act(desk, caller, doc, |_| Event::HoldLifted { hold: hold.clone() }).await
}

pub(crate) async fn release(desk: &Arc<Desk>, caller: &Caller, doc: DocId) -> Result<DocumentView, Refused> {
    act(desk, caller, doc, |_| Event::Released).await
}

pub(crate) async fn approve(desk: &Arc<Desk>, caller: &Caller, doc: DocId) -> Result<DocumentView, Refused> {
    act(desk, caller, doc, |_| Event::Approved).await
}

pub(crate) async fn reject(desk: &Arc<Desk>, caller: &Caller, doc: DocId) -> Result<DocumentView, Refused> {
    act(desk, caller, doc, |document| {
        let stage = match document.state.position {
            Position::At(stage) | Position::Stopped(stage) => stage,
            Position::Review | Position::Kept | Position::Rejected | Position::Gone => Stage::Route,
        };
        Event::Rejected { stage, reason: Reason::RejectedByReviewer }
    })
    .await
}

pub(crate) async fn reclassify(
    desk: &Arc<Desk>,
    caller: &Caller,
    doc: DocId,
    class: DocClass,
) -> Result<DocumentView, Refused> {
    act(desk, caller, doc, |Document { id, state }| {
        // What came with it is destroyed with it, and then this is refused anyway.
        let facts = ArrivalFacts::open(&desk.vault, *id, &state.sealed_arrival.0).ok();
        let terms = |facts| retain::terms_of(desk, state, Some(class), &state.sensitivity, &facts);
        Event::Reclassified { class, schedules: facts.map(terms).map(Box::new) }
    })
    .await
}

async fn act(
    desk: &Arc<Desk>,
    caller: &Caller,
    doc: DocId,
    event: impl Fn(&Document) -> Event,
) -> Result<DocumentView, Refused> {
    /// A document under way may change between look and act so often.
    const TRIES_MAX: usize = 16;
    for _ in 0..TRIES_MAX {
        let document = find(desk, doc)?;
        // Not in the middle of a delivery: it is called back, or it has happened and is written.
        let turn = desk.turns.take(doc).await;
        handover::catch_up(desk, &document).await.map_err(refused)?;
        let status = document.state.status();
        let written =
            desk.book.record(doc, document.state.version, caller.actor.clone(), event(&document)).await;
        drop(turn);
        match written {
            Ok(state) => {
                desk.wake.notify_one();
                return view(desk, Document { id: doc, state }).map_err(refused);
            }
            Err(BookError::Overtaken) => {}
            Err(BookError::Illegal(_)) => {
                let reason = document.state.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                let message = format!("this cannot be done to a document that is {status}{reason}");
                return Err(Refused::new(Code::Conflict, message));
            }
            Err(error) => return Err(refused(error)),
        }
    }
    Err(Refused::new(Code::Temporary, "the document is changing too fast; try again"))
}
