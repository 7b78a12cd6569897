//! `Retention`: how long documents stay.

use super::stream::{Answers, answers};
use crate::{
    answer::{caller, doc_id, refused},
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

    async fn due(&self, request: Request<v1::DueRequest>) -> Answer<Self::DueStream> {
        let asked = request.get_ref();
        let after = asked.after.as_deref().map(doc_id).transpose()?;
        let appliance = self.0.appliance();
        let found =
            if asked.all { appliance.retention_all(after).await } else { appliance.retention_due().await };
        let found = found.map_err(|no| refused(&no))?;
        Ok(Response::new(answers(found.into_iter().map(convert::expiry), None)))
    }

    async fn run(&self, request: Request<v1::RunRetentionRequest>) -> Answer<Self::RunStream> {
        let caller = caller(&request)?;
        let v1::RunRetentionRequest { dry_run, ids, clock_is_right } = request.get_ref();
        let ids = ids.iter().map(|id| doc_id(id)).collect::<Result<Vec<_>, _>>()?;
        let done = self.0.appliance().retention_run(&caller, &ids, *dry_run, *clock_is_right).await;
        let done = done.map_err(|no| refused(&no))?;
        Ok(Response::new(answers(done.into_iter().map(convert::expiry), None)))
    }
}
