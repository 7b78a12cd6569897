//! `Retention`: how long documents stay.

use super::stream::{Answers, answers};
use crate::{
    answer::{caller, refused},
    convert,
    door::Door,
};
use api::{server::retention_server, v1};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service.
pub(crate) struct Retention(pub(crate) Arc<Door>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl retention_server::Retention for Retention {
    type DueStream = Answers<v1::Expiry>;
    type RunStream = Answers<v1::Expiry>;

    async fn due(&self, _request: Request<v1::DueRequest>) -> Answer<Self::DueStream> {
        let due = self.0.appliance().retention_due().await.map_err(|no| refused(&no))?;
        Ok(Response::new(answers(due.into_iter().map(convert::expiry), None)))
    }

    async fn run(&self, request: Request<v1::RunRetentionRequest>) -> Answer<Self::RunStream> {
        let caller = caller(&request)?;
        let dry_run = request.get_ref().dry_run;
        let done = self.0.appliance().retention_run(&caller, dry_run).await.map_err(|no| refused(&no))?;
        Ok(Response::new(answers(done.into_iter().map(convert::expiry), None)))
    }
}
