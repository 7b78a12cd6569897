//! What callers may see of documents. Every reading of content is written to the ledger before a byte is
//! handed out: no audit, no disclosure.

use crate::{
    artefacts::{self, RedactionMap, TextPages, disk},
    desk::Desk,
    expire,
    facts::{self, ArrivalFacts},
    holds,
    ocr::text_of,
    refusal::Refusal,
    submit::refused,
    view::{Caller, Code, DocumentView, PageReading, PageRedactions, RedactedBox, Refused},
};
use ::store::{Document, Hold, Query};
use lifecycle::{Event, Position, Rendition, Sealed, Status, Term};
use std::{io::Read, sync::Arc};
use tokio::sync::mpsc;
use types::{BlobId, DocId, Label, Phi, Reason, Schedule};
use vault::Area;

/// Documents that one call returns at most.
const LIST_MAX: u32 = 1000;
/// Chunks of a rendition that wait for a slow reader.
const CHUNKS_WAITING_MAX: usize = 4;
/// Bytes of a chunk.
const CHUNK_BYTES: usize = 256 << 10;

/// A rendition: its size, and its bytes as they come.
pub type Stream = (u64, mpsc::Receiver<Result<Vec<u8>, Refused>>);

pub(crate) async fn documents(
    desk: &Arc<Desk>,
    status: Option<Status>,
    source: Option<Label>,
    after: Option<DocId>,
    limit: u32,
) -> Result<Vec<DocumentView>, Refused> {
    let limit = limit.clamp(1, LIST_MAX) as usize;
    let found = desk.blocking(move |desk| {
        let in_force = desk.store.holds()?;
        let documents = desk.store.scan(&Query { status, source }, after, limit)?;
        documents.into_iter().map(|document| view_under(desk, &in_force, document)).collect()
    });
    found.await.map_err(refused)
}

/// The document, or a clear no.
pub(crate) fn find(desk: &Desk, doc: DocId) -> Result<Document, Refused> {
    let missing = || Refused::new(Code::NotFound, "there is no document of this id");
    desk.store.get(doc).map_err(refused)?.ok_or_else(missing)
}

/// What may be shown of a document without its content. Hashes of destroyed documents are gone.
pub(crate) fn view(desk: &Desk, document: Document) -> Result<DocumentView, Refusal> {
    view_under(desk, &desk.store.holds()?, document)
}

/// The same with the holds in force, which are read once for many documents.
fn view_under(desk: &Desk, in_force: &[Hold], document: Document) -> Result<DocumentView, Refusal> {
    let Document { id, state } = document;
    let holds = holds::keeping(&*desk.store, in_force, id, &state)?;
    let (schedules, last) = (expire::terms(&state), state.schedules.last().clone());
    let digest =
        |purpose, sealed: &Option<Sealed>| facts::open_digest(&desk.vault, id, purpose, sealed.as_ref());
    let arrival = ArrivalFacts::open(&desk.vault, id, &state.sealed_arrival.0);
    let arrival = arrival.ok().filter(|_| state.position != Position::Gone);
    Ok(DocumentView {
        id,
        state: state.status(),
        sha256_original: arrival.as_ref().map(|facts| facts.sha256),
        sha256_redacted: digest(facts::PRODUCT, &state.sealed_product),
        sha256_text: digest(facts::TEXT, &state.sealed_text),
        source: state.source,
        reason: state.reason,
        pages: state.pages,
        class: state.class,
        confidence: state.confidence,
        route: state.route,
        owner: state.owner,
        received_at: state.received_at,
        updated_at: state.updated_at,
        duplicate_of: state.duplicate_of,
        destroyed_before: state.destroyed_before,
        resent_of: state.resent_of,
        correlation_id: arrival.and_then(|facts| facts.correlation_id),
        parent: None,
        children: Vec::new(),
        holds,
        retain_until: last.until,
        retention: last.rule,
        schedules,
        sensitivity: state.sensitivity,
        bytes: state.bytes,
        findings: state.findings,
    })
}

pub(crate) async fn words(
    desk: &Arc<Desk>,
    caller: &Caller,
    doc: DocId,
) -> Result<Vec<PageReading>, Refused> {
    let text = text_pages(desk, caller, doc).await?;
    let pages = (1..).zip(text.pages);
    Ok(pages.map(|(page, read)| PageReading { page, geometry: read.geometry, words: read.words }).collect())
}

pub(crate) async fn text(desk: &Arc<Desk>, caller: &Caller, doc: DocId) -> Result<Phi, Refused> {
    Ok(Phi::new(text_of(&text_pages(desk, caller, doc).await?.pages)))
}

async fn text_pages(desk: &Arc<Desk>, caller: &Caller, doc: DocId) -> Result<TextPages, Refused> {
    let document = find(desk, doc)?;
    still_there(&document, Schedule::Text)?;
    let blob = ready(document.state.blobs.text, "read")?;
    audit(desk, caller, doc, Rendition::Text).await?;
    desk.blocking(move |desk| artefacts::open_json(desk, doc, Area::Text, Some(blob))).await.map_err(refused)
}

pub(crate) async fn redactions(desk: &Arc<Desk>, doc: DocId) -> Result<Vec<PageRedactions>, Refused> {
    let document = find(desk, doc)?;
    still_there(&document, Schedule::Redacted)?;
    let state = document.state;
    if let (Some(_), None) = (state.blobs.text, state.blobs.map) {
        // Read, but nothing has passed the gate: nothing of it would be shown.
        let pages = 1..=state.pages.unwrap_or_default();
        return Ok(pages.map(|page| PageRedactions { page, black: true, boxes: Vec::new() }).collect());
    }
    let blob = ready(state.blobs.map, "redacted")?;
    let opened = desk.blocking(move |desk| artefacts::open_json(desk, doc, Area::Redacted, Some(blob))).await;
    let map: RedactionMap = opened.map_err(refused)?;
    let pages = (1..).zip(map.pages).map(|(page, sheet)| PageRedactions {
        page,
        black: sheet.black,
        boxes: sheet
            .boxes
            .into_iter()
            .map(|hidden| RedactedBox {
                rect: hidden.rect,
                kind: hidden.kind,
                rule: hidden.rule,
                confidence: hidden.confidence,
            })
            .collect(),
    });
    Ok(pages.collect())
}

pub(crate) async fn rendition(
    desk: &Arc<Desk>,
    caller: &Caller,
    doc: DocId,
    which: Rendition,
) -> Result<Stream, Refused> {
    let document = find(desk, doc)?;
    still_there(
        &document,
        match which {
            Rendition::Original => Schedule::Original,
            Rendition::Redacted => Schedule::Redacted,
            Rendition::Text => Schedule::Text,
        },
    )?;
    let state = document.state;
    let (area, blob) = match which {
        Rendition::Original => {
            // A duplicate's bytes are those of the first document.
            if let (None, Some(first)) = (state.blobs.original, state.duplicate_of) {
                still_there(&find(desk, first)?, Schedule::Original)?;
                // Whoever asks who read the copy must hear of it too.
                audit(desk, caller, doc, which).await?;
                return Box::pin(rendition(desk, caller, first, which)).await;
            }
            (Area::Original, ready(state.blobs.original, "kept")?)
        }
        Rendition::Redacted => (Area::Redacted, ready(state.blobs.product, "redacted")?),
        Rendition::Text => {
            let text = text(desk, caller, doc).await?.expose().as_bytes().to_vec();
            let (send, receive) = mpsc::channel(1);
            let bytes = text.len() as u64;
            // The channel has room for the one chunk.
            drop(send.try_send(Ok(text)));
            return Ok((bytes, receive));
        }
    };
    audit(desk, caller, doc, which).await?;
    let reader = desk.vault.reader(doc, area, blob).map_err(refused)?;
    let bytes = reader.plain_bytes();
    let (send, receive) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::task::spawn_blocking(move || pump(reader, &send));
    Ok((bytes, receive))
}

fn pump(mut reader: impl Read, send: &mpsc::Sender<Result<Vec<u8>, Refused>>) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = match reader.read(&mut chunk) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) => {
                drop(send.blocking_send(Err(refused(disk(error)))));
                return;
            }
        };
        chunk.truncate(read);
        if send.blocking_send(Ok(chunk)).is_err() {
            return;
        }
    }
}

/// A clear no for what retention has destroyed.
pub(crate) fn still_there(document: &Document, part: Schedule) -> Result<(), Refused> {
    let Document { id, state } = document;
    if !state.is_destroyed(part) {
        return Ok(());
    }
    let Term { rule, until } = state.schedules.of(part);
    let message = format!(
        "its {part} was destroyed: kept until {until} by rule {rule}; see lazaretctl deletion certificate {id}"
    );
    Err(Refused { code: Code::Conflict, reason: Some(Reason::RetentionOver), message })
}

fn ready(blob: Option<BlobId>, what: &str) -> Result<BlobId, Refused> {
    blob.ok_or_else(|| {
        Refused::new(
            Code::Conflict,
            format!("the document is not {what} yet, or no more; see its state and reason"),
        )
    })
}

/// Written before anything is handed out.
async fn audit(desk: &Arc<Desk>, caller: &Caller, doc: DocId, rendition: Rendition) -> Result<(), Refused> {
    /// A document that moves between look and record is looked at again so often.
    const TRIES_MAX: usize = 64;
    for _ in 0..TRIES_MAX {
        let version = find(desk, doc)?.state.version;
        match desk.book.record(doc, version, caller.actor.clone(), Event::Read { rendition }).await {
            Ok(_) => return Ok(()),
            Err(crate::book::BookError::Overtaken) => {}
            Err(error) => return Err(refused(error)),
        }
    }
    Err(Refused::new(Code::Temporary, "the document is changing too fast; try again"))
}
