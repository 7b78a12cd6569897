//! `Documents`: hand in, look at, read (A17 to A20).

use super::{
    stream::{Answers, Readers, answers, relay},
    upload,
};
use crate::{
    answer::{caller, doc_id, invalid, label, refusal, refused},
    convert,
    door::Door,
};
use api::{CHUNK_BYTES_MAX, Kind, PAGE_DOCUMENTS_MAX, PROGRESS_IDS_MAX, server::documents_server, v1};
use lifecycle::{Record, Rendition, Status as State};
use pipeline::Refused;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, Streaming};
use types::Label;

/// Uploads under way at once; each may hold a few chunks in memory.
const UPLOADS_MAX: usize = 16;

/// The service.
pub(crate) struct Documents {
    door: Arc<Door>,
    readers: Readers,
    uploads: Semaphore,
}

type Answer<T> = Result<Response<T>, Status>;

impl Documents {
    pub(crate) fn new(door: Arc<Door>, readers: Readers) -> Self {
        Self { door, readers, uploads: Semaphore::new(UPLOADS_MAX) }
    }

    async fn rendition(
        &self,
        request: Request<v1::DocumentRequest>,
        which: Rendition,
    ) -> Answer<Answers<v1::Chunk>> {
        let caller = caller(&request)?;
        let doc = doc_id(&request.get_ref().id)?;
        let place = self.readers.place().await?;
        let (bytes, parts) =
            self.door.appliance().rendition(&caller, doc, which).await.map_err(|no| refused(&no))?;
        let mut total_bytes = Some(bytes);
        Ok(Response::new(relay(parts, place, move |part| match part {
            Ok(part) => chunks(&part, &mut total_bytes).into_iter().map(Ok).collect(),
            Err(no) => vec![Err(refused(&no))],
        })))
    }
}

#[tonic::async_trait]
impl documents_server::Documents for Documents {
    type WordsStream = Answers<v1::PageWords>;
    type RedactionsStream = Answers<v1::PageRedactions>;
    type GetTextStream = Answers<v1::Chunk>;
    type GetRedactedStream = Answers<v1::Chunk>;
    type GetOriginalStream = Answers<v1::Chunk>;
    type EventsStream = Answers<v1::Record>;
    type ExplainStream = Answers<v1::Explanation>;
    type AccountingStream = Answers<v1::Disclosure>;

    async fn submit(&self, request: Request<Streaming<v1::SubmitRequest>>) -> Answer<v1::SubmitReply> {
        let caller = caller(&request)?;
        let _place = self.uploads.acquire().await.map_err(|_| invalid("stopping"))?;
        upload::take(self.door.clone(), caller, request.into_inner()).await.map(Response::new)
    }

    async fn list(&self, request: Request<v1::ListDocumentsRequest>) -> Answer<v1::DocumentPage> {
        let asked = request.get_ref();
        let state = asked.state.as_deref().map(state).transpose()?;
        let source = asked.source.as_deref().map(|source| label("source", source)).transpose()?;
        page(&self.door, state, source, asked.after.as_deref(), asked.limit).await
    }

    async fn get(&self, request: Request<v1::DocumentRequest>) -> Answer<v1::Document> {
        let doc = doc_id(&request.get_ref().id)?;
        let view = self.door.appliance().document(doc).await.map_err(|no| refused(&no))?;
        Ok(Response::new(convert::document(view)))
    }

    async fn progress(&self, request: Request<v1::ProgressRequest>) -> Answer<v1::ProgressReply> {
        let asked = &request.get_ref().ids;
        if asked.len() > PROGRESS_IDS_MAX {
            return Err(invalid("more than 1000 ids in one request; ask in parts"));
        }
        let ids = asked.iter().map(|id| doc_id(id)).collect::<Result<Vec<_>, _>>()?;
        let seen = match self.door.sealed() {
            Some(sealed) => sealed.progress(&ids).await,
            None => self.door.appliance().progress(&ids).await,
        };
        let seen = seen.map_err(|no| refused(&no))?;
        Ok(Response::new(v1::ProgressReply {
            waiting_in_inboxes: seen.waiting_in_inboxes,
            moving: seen.moving,
            resting: seen.resting,
        }))
    }

    async fn words(&self, request: Request<v1::DocumentRequest>) -> Answer<Self::WordsStream> {
        let caller = caller(&request)?;
        let doc = doc_id(&request.get_ref().id)?;
        let place = self.readers.place().await?;
        let pages = self.door.appliance().words(&caller, doc).await.map_err(|no| refused(&no))?;
        Ok(Response::new(answers(pages.into_iter().flat_map(convert::page_words), Some(place))))
    }

    async fn redactions(&self, request: Request<v1::DocumentRequest>) -> Answer<Self::RedactionsStream> {
        let caller = caller(&request)?;
        let doc = doc_id(&request.get_ref().id)?;
        let place = self.readers.place().await?;
        let pages = self.door.appliance().redactions(&caller, doc).await.map_err(|no| refused(&no))?;
        Ok(Response::new(answers(pages.into_iter().map(convert::page_redactions), Some(place))))
    }

    async fn get_text(&self, request: Request<v1::DocumentRequest>) -> Answer<Self::GetTextStream> {
        let caller = caller(&request)?;
        let doc = doc_id(&request.get_ref().id)?;
        let place = self.readers.place().await?;
        let text = self.door.appliance().text(&caller, doc).await.map_err(|no| refused(&no))?;
        let mut total_bytes = Some(text.len() as u64);
        Ok(Response::new(answers(chunks(text.as_bytes(), &mut total_bytes), Some(place))))
    }

    async fn get_redacted(&self, request: Request<v1::DocumentRequest>) -> Answer<Self::GetRedactedStream> {
        self.rendition(request, Rendition::Redacted).await
    }

    async fn get_original(&self, request: Request<v1::DocumentRequest>) -> Answer<Self::GetOriginalStream> {
        self.rendition(request, Rendition::Original).await
    }

    async fn events(&self, request: Request<v1::DocumentRequest>) -> Answer<Self::EventsStream> {
        let doc = doc_id(&request.get_ref().id)?;
        let place = self.readers.place().await?;
        let records = self.door.appliance().events(doc).await.map_err(|no| refused(&no))?;
        let message = |record: Result<Record, Refused>| {
            let broken =
                |_| refusal(tonic::Code::Internal, Kind::Internal, None, "a ledger record cannot be written");
            let json = serde_json::to_string(&record.map_err(|no| refused(&no))?).map_err(broken)?;
            Ok(v1::Record { json })
        };
        Ok(Response::new(relay(records, place, move |record| vec![message(record)])))
    }

    async fn explain(&self, request: Request<v1::DocumentRequest>) -> Answer<Self::ExplainStream> {
        let doc = doc_id(&request.get_ref().id)?;
        let place = self.readers.place().await?;
        let lines = self.door.appliance().explain(doc).await.map_err(|no| refused(&no))?;
        let message = |line: Result<_, Refused>| line.map(convert::explanation).map_err(|no| refused(&no));
        Ok(Response::new(relay(lines, place, move |line| vec![message(line)])))
    }

    async fn verify(&self, request: Request<v1::DocumentRequest>) -> Answer<v1::Checks> {
        let caller = caller(&request)?;
        let doc = doc_id(&request.get_ref().id)?;
        let _place = self.readers.place().await?;
        let checks = self.door.appliance().verify(&caller, doc).await.map_err(|no| refused(&no))?;
        Ok(Response::new(v1::Checks { checks: checks.into_iter().map(convert::check).collect() }))
    }

    async fn accounting(&self, request: Request<v1::DocumentRequest>) -> Answer<Self::AccountingStream> {
        let doc = doc_id(&request.get_ref().id)?;
        let place = self.readers.place().await?;
        let told = self.door.appliance().accounting(doc).await.map_err(|no| refused(&no))?;
        let message = |told: Result<_, Refused>| told.map(convert::disclosure).map_err(|no| refused(&no));
        Ok(Response::new(relay(told, place, move |told| vec![message(told)])))
    }

    async fn place_hold(&self, request: Request<v1::HoldRequest>) -> Answer<v1::Document> {
        let (caller, asked) = (caller(&request)?, request.into_inner());
        let (doc, hold) = (doc_id(&asked.id)?, label("hold", &asked.hold)?);
        let view = self.door.appliance().hold(&caller, doc, hold).await.map_err(|no| refused(&no))?;
        Ok(Response::new(convert::document(view)))
    }

    async fn lift_hold(&self, request: Request<v1::HoldRequest>) -> Answer<v1::Document> {
        let (caller, asked) = (caller(&request)?, request.into_inner());
        let (doc, hold) = (doc_id(&asked.id)?, label("hold", &asked.hold)?);
        let view = self.door.appliance().lift(&caller, doc, hold).await.map_err(|no| refused(&no))?;
        Ok(Response::new(convert::document(view)))
    }

    async fn release(&self, request: Request<v1::DocumentRequest>) -> Answer<v1::Document> {
        let caller = caller(&request)?;
        let doc = doc_id(&request.get_ref().id)?;
        let view = self.door.appliance().release(&caller, doc).await.map_err(|no| refused(&no))?;
        Ok(Response::new(convert::document(view)))
    }
}

/// One page of a list of documents.
pub(super) async fn page(
    door: &Door,
    state: Option<State>,
    source: Option<Label>,
    after: Option<&str>,
    limit: u32,
) -> Answer<v1::DocumentPage> {
    let after = after.map(doc_id).transpose()?;
    let limit = if limit == 0 { PAGE_DOCUMENTS_MAX } else { limit.min(PAGE_DOCUMENTS_MAX) };
    let views = door.appliance().documents(state, source, after, limit).await.map_err(|no| refused(&no))?;
    let full = u32::try_from(views.len()).is_ok_and(|count| count >= limit);
    let next = views.last().filter(|_| full).map(|view| view.id.to_string());
    Ok(Response::new(v1::DocumentPage {
        documents: views.into_iter().map(convert::document).collect(),
        next,
    }))
}

fn state(name: &str) -> Result<State, Status> {
    let expected = "state: expected received, quarantined, processing, review, routed, delivered, rejected, held or expired";
    name.parse().map_err(|()| invalid(expected))
}

/// Cuts bytes into messages; the first of a document also says how many bytes will come, so that an empty
/// document still gives one message.
fn chunks(bytes: &[u8], total_bytes: &mut Option<u64>) -> Vec<v1::Chunk> {
    if bytes.is_empty() {
        return total_bytes
            .take()
            .map(|total| v1::Chunk { data: Vec::new(), total_bytes: Some(total) })
            .into_iter()
            .collect();
    }
    let cut = bytes.chunks(CHUNK_BYTES_MAX);
    cut.map(|part| v1::Chunk { data: part.to_vec(), total_bytes: total_bytes.take() }).collect()
}
