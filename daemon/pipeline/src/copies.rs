//! Copies: their bytes are kept once, under the first document. So the first is kept as long as the longest of them.
//!
//! The extension is written with the arrival of the copy. Ledgers of older versions lack it where the sender did
//! not ask for it, and a crash may have come in between: whoever meets a copy again makes that good, and the
//! writer does before it destroys.

use crate::book::{Book, BookError, broken};
use ::store::{Contract, Document, StoreError};
use lifecycle::{Actor, Event, Position, State};
use types::DocId;

/// Copies that are looked at in one go.
const PAGE_MAX: usize = 1000;

/// Every copy of a document that is not destroyed, without what the ledger alone holds.
pub(crate) fn each(
    store: &dyn Contract,
    first: DocId,
    mut look: impl FnMut(Document),
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store.copies(first, after, PAGE_MAX)?;
        for copy in &page {
            store.peek(*copy)?.into_iter().for_each(&mut look);
        }
        if page.len() < PAGE_MAX {
            return Ok(());
        }
        after = page.last().copied();
    }
}

/// What is to be written of the first document, so that its bytes stay as long as this copy of them.
pub(crate) fn owed(first: &State, doc: DocId, copy: &State) -> Option<Event> {
    let over = first.position == Position::Gone || copy.position == Position::Gone;
    let kept = first.schedules.clone().longest(&copy.schedules);
    (!over && kept != first.schedules)
        .then(|| Event::RetentionExtended { duplicate: doc, schedules: Box::new(copy.schedules.clone()) })
}

/// The same for every copy there is: what the writer asks before it destroys.
pub(crate) fn owed_to_all(store: &dyn Contract, doc: DocId, first: &State) -> Result<Vec<Event>, StoreError> {
    let (mut first, mut events) = (first.clone(), Vec::new());
    each(store, doc, |copy| {
        if let Some(event) = owed(&first, copy.id, &copy.state) {
            first.schedules = first.schedules.clone().longest(&copy.state.schedules);
            events.push(event);
        }
    })?;
    Ok(events)
}

/// Writes what is lacking of a copy that arrived before.
pub(crate) async fn settle(store: &dyn Contract, book: &Book, copy: &Document) {
    /// The first document may change between look and record so often.
    const TRIES_MAX: usize = 16;
    for _ in 0..TRIES_MAX {
        let first = copy.state.duplicate_of.map(|first| store.peek(first));
        let written = match first {
            Some(Ok(Some(first))) => match owed(&first.state, copy.id, &copy.state) {
                Some(event) => book.record(first.id, first.state.version, Actor::Daemon, event).await,
                None => return,
            },
            Some(Err(error)) => Err(broken(error)),
            Some(Ok(None)) | None => return,
        };
        match written {
            Ok(_) => return,
            Err(BookError::Overtaken) => {}
            Err(error) => {
                // The writer looks at the copies again before it destroys.
                tracing::warn!(doc = %copy.id, %error, "the first document of a copy is not lengthened yet");
                return;
            }
        }
    }
}
