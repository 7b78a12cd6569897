//! The events of a document, told page by page: whoever may read a document can add events to it without end, and must
//! not thereby hide those before.

use crate::{desk::Desk, submit::refused, view::Refused};
use ::store::{Contract, StoreError};
use lifecycle::Record;
use std::sync::Arc;
use tokio::sync::mpsc;
use types::DocId;

/// Events read at a time.
const PAGE_EVENTS: usize = 1000;
/// What waits for a slow reader.
const WAITING_MAX: usize = 256;

/// What is told of a document, as it comes.
pub type Told<T> = mpsc::Receiver<Result<T, Refused>>;

/// Looks at every event of a document, oldest first, until `look` has seen enough.
pub(crate) fn each(
    store: &dyn Contract,
    doc: DocId,
    mut look: impl FnMut(Record) -> bool,
) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let page = store.events_after(doc, after, PAGE_EVENTS)?;
        let last = page.len() < PAGE_EVENTS;
        for record in page {
            after = record.seq;
            if !look(record) {
                return Ok(());
            }
        }
        if last {
            return Ok(());
        }
    }
}

/// What `tell` makes of each event, for a reader who may be slow or go away.
pub(crate) fn stream<T: Send + 'static>(
    desk: &Arc<Desk>,
    doc: DocId,
    mut tell: impl FnMut(Record) -> Option<T> + Send + 'static,
) -> Told<T> {
    let (send, receive) = mpsc::channel(WAITING_MAX);
    let desk = desk.clone();
    tokio::task::spawn_blocking(move || {
        let look = |record| tell(record).is_none_or(|told| send.blocking_send(Ok(told)).is_ok());
        if let Err(error) = each(&*desk.store, doc, look) {
            drop(send.blocking_send(Err(refused(error))));
        }
    });
    receive
}
