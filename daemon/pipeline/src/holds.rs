//! Legal holds with a scope: placing, lifting, listing, and which of them keep a document.

use crate::{
    book::{Ahead, BookError, Writer},
    copies,
    desk::Desk,
    queries::find,
    submit::refused,
    view::{Caller, Code, HoldView, Refused},
};
use ::store::{Contract, Document, Hold, Query, StoreError};
use lifecycle::{HoldOrder, Position, State, SystemEvent};
use std::{collections::BTreeSet, sync::Arc};
use types::{DocId, Label, Reason};

/// Holds with a scope that are in force at once: each is looked at for each document that is due.
pub(crate) const HOLDS_MAX: usize = 1000;
/// Documents that one hold names.
const DOCS_MAX: usize = 1000;

/// The holds that keep this document, its own and those whose scope it is in, by name. Bytes that came several times
/// are one: what holds a copy holds the first document, which has them, and a copy is of the first's class and labels.
pub(crate) fn keeping(
    store: &dyn Contract,
    in_force: &[Hold],
    doc: DocId,
    state: &State,
) -> Result<Vec<Label>, StoreError> {
    let mut names: BTreeSet<Label> = state.holds.clone();
    let mut covered = |doc, state: &State| {
        let covering = in_force.iter().filter(|hold| hold.order.covers(doc, state));
        names.extend(covering.map(|hold| hold.order.name.clone()));
        names.extend(state.holds.iter().cloned());
    };
    covered(doc, state);
    if let Some(first) = state.duplicate_of {
        if let Some(Document { state: first, .. }) = store.peek(first)? {
            let State { classes, sensitivity, .. } = first;
            covered(doc, &State { classes, sensitivity, ..state.clone() });
        }
    } else if state.position != Position::Gone {
        copies::each(store, doc, |copy| {
            let State { received_at, holds, .. } = copy.state;
            covered(copy.id, &State { received_at, holds, ..state.clone() });
        })?;
    }
    Ok(names.into_iter().collect())
}

/// Places a hold. What it covers is kept from now on, also what comes later.
pub(crate) async fn place(
    desk: &Arc<Desk>,
    caller: &Caller,
    mut order: HoldOrder,
) -> Result<HoldView, Refused> {
    if order.docs.len() > DOCS_MAX {
        return Err(Refused::new(Code::Invalid, "more than 1000 documents in one hold; place several"));
    }
    for doc in &order.docs {
        can_be_held(desk, *doc)?;
    }
    order.docs.sort_unstable();
    order.docs.dedup();
    if let Some(source) = &order.source {
        let query = Query { status: None, source: Some(source.clone()) };
        if desk.source(source).is_none() && desk.store.scan(&query, None, 1).map_err(refused)?.is_empty() {
            return Err(Refused::new(
                Code::Invalid,
                "source: there is none of this name, and no document came from one",
            ));
        }
    }
    if order.sensitivity.as_ref().is_some_and(|label| !desk.policy.load().has_sensitivity(label)) {
        let message =
            "sensitivity: no [[sensitivity]] of classes.toml has this label, so nothing would be held";
        return Err(Refused::new(Code::Invalid, message));
    }
    let name = order.name.clone();
    note(desk, caller, SystemEvent::HoldOrdered(Box::new(order))).await?;
    let placed = list(desk)?.into_iter().find(|hold| hold.order.name == name);
    placed.ok_or_else(|| Refused::new(Code::Conflict, "the hold was lifted again meanwhile"))
}

/// A hold that keeps nothing would look as if it did: what is destroyed is refused, and so is a copy whose bytes are.
pub(crate) fn can_be_held(desk: &Desk, doc: DocId) -> Result<(), Refused> {
    let Document { state, .. } = find(desk, doc)?;
    let first = state.duplicate_of.map(|first| find(desk, first)).transpose()?;
    let gone = match &first {
        _ if state.position == Position::Gone => Some(doc),
        Some(first) if first.state.position == Position::Gone => Some(first.id),
        Some(_) | None => None,
    };
    let Some(gone) = gone else { return Ok(()) };
    let message = format!(
        "nothing of {doc} is left to hold, and no hold was placed: its bytes were destroyed; \
         see lazaretctl deletion certificate {gone}"
    );
    Err(Refused { code: Code::Conflict, reason: Some(Reason::RetentionOver), message })
}

/// Lifts a hold; gives what it was.
pub(crate) async fn lift(desk: &Arc<Desk>, caller: &Caller, name: Label) -> Result<HoldView, Refused> {
    let known = list(desk)?.into_iter().find(|hold| hold.order.name == name);
    note(desk, caller, SystemEvent::HoldEnded { hold: name }).await?;
    known.ok_or_else(|| Refused::new(Code::Conflict, "the hold was placed meanwhile, and is lifted again"))
}

/// Every hold in force, by name.
pub(crate) fn list(desk: &Desk) -> Result<Vec<HoldView>, Refused> {
    let view = |hold: Hold| HoldView { order: hold.order, since: hold.since, by: hold.by };
    Ok(desk.store.holds().map_err(refused)?.into_iter().map(view).collect())
}

async fn note(desk: &Arc<Desk>, caller: &Caller, event: SystemEvent) -> Result<(), Refused> {
    let told = |code, message| Err(Refused::new(code, message));
    match desk.book.note(caller.actor.clone(), event).await {
        Ok(()) => Ok(()),
        Err(BookError::HoldInForce) => {
            told(Code::Conflict, "a hold of this name is in force; lift it first, or take another name")
        }
        Err(BookError::NoSuchHold) => {
            told(Code::NotFound, "no hold of this name is in force; see lazaretctl hold list")
        }
        Err(BookError::HoldsFull) => {
            told(Code::Conflict, "1000 holds are in force, which is the limit; lift one or widen its scope")
        }
        Err(error) => Err(refused(error)),
    }
}

impl Writer {
    /// One hold of a name at a time, and an end only of what is in force.
    pub(crate) fn judge_hold(&self, ahead: &mut Ahead, event: &SystemEvent) -> Result<(), BookError> {
        let (name, starts) = match event {
            SystemEvent::HoldOrdered(order) => (&order.name, true),
            SystemEvent::HoldEnded { hold } => (hold, false),
            _ => return Ok(()),
        };
        let holds = self.holds()?;
        let stored = holds.iter().any(|hold| hold.order.name == *name);
        let in_force = ahead.holds.get(name).copied().unwrap_or(stored);
        match (starts, in_force) {
            (true, true) => return Err(BookError::HoldInForce),
            (false, false) => return Err(BookError::NoSuchHold),
            (true, false) if holds.len() + ahead.holds.len() >= HOLDS_MAX => {
                return Err(BookError::HoldsFull);
            }
            (true, false) | (false, true) => {}
        }
        ahead.holds.insert(name.clone(), starts);
        Ok(())
    }
}
