//! `Deletion`: what proves a destruction.

use crate::{
    answer::{caller, doc_id, refused},
    convert,
    door::Door,
};
use api::{server::deletion_server, v1};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service.
pub(crate) struct Deletion(pub(crate) Arc<Door>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl deletion_server::Deletion for Deletion {
    async fn certificate(&self, request: Request<v1::DocumentRequest>) -> Answer<v1::Certificates> {
        let doc = doc_id(&request.get_ref().id)?;
        let found = self.0.appliance().deletion_certificates(doc).await.map_err(|no| refused(&no))?;
        Ok(Response::new(convert::certificates(found)))
    }

    async fn verify(&self, request: Request<v1::VerifyDeletionRequest>) -> Answer<v1::VerifyDeletionReply> {
        let caller = caller(&request)?;
        let v1::VerifyDeletionRequest { id, control } = request.get_ref();
        let trial = self.0.appliance().deletion_verify(&caller, doc_id(id)?, *control).await;
        let trial = trial.map_err(|no| refused(&no))?;
        let (samples, keys_tried, opened) = (trial.samples, trial.keys_tried, trial.opened);
        Ok(Response::new(v1::VerifyDeletionReply { samples, keys_tried, opened }))
    }
}
