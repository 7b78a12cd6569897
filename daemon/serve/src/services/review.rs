//! `Review`: what a person decides.

use super::documents::page;
use crate::{
    answer::{caller, doc_id, invalid, refused},
    convert,
    door::Door,
};
use api::{server::review_server, v1};
use lifecycle::Status as State;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use types::DocClass;

/// The service.
pub(crate) struct Review(pub(crate) Arc<Door>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl review_server::Review for Review {
    async fn list(&self, request: Request<v1::ListReviewRequest>) -> Answer<v1::DocumentPage> {
        let asked = request.get_ref();
        page(&self.0, Some(State::Review), None, asked.after.as_deref(), asked.limit).await
    }

    async fn approve(&self, request: Request<v1::DocumentRequest>) -> Answer<v1::Document> {
        let caller = caller(&request)?;
        let doc = doc_id(&request.get_ref().id)?;
        let view = self.0.appliance().approve(&caller, doc).await.map_err(|no| refused(&no))?;
        Ok(Response::new(convert::document(view)))
    }

    async fn reject(&self, request: Request<v1::DocumentRequest>) -> Answer<v1::Document> {
        let caller = caller(&request)?;
        let doc = doc_id(&request.get_ref().id)?;
        let view = self.0.appliance().reject(&caller, doc).await.map_err(|no| refused(&no))?;
        Ok(Response::new(convert::document(view)))
    }

    async fn reclassify(&self, request: Request<v1::ReclassifyRequest>) -> Answer<v1::Document> {
        let caller = caller(&request)?;
        let doc = doc_id(&request.get_ref().id)?;
        let class: DocClass = request
            .get_ref()
            .class
            .parse()
            .map_err(|error: types::UnknownClass| invalid(&format!("class: {error}")))?;
        let view = self.0.appliance().reclassify(&caller, doc, class).await.map_err(|no| refused(&no))?;
        Ok(Response::new(convert::document(view)))
    }
}
