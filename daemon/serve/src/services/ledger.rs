//! `Ledger`: what can be proven. The same check runs offline in `lazaretctl ledger verify --dir`.

use crate::{
    answer::{caller, refused},
    door::Door,
};
use api::{server::ledger_server, v1};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service.
pub(crate) struct Ledger(pub(crate) Arc<Door>);

#[tonic::async_trait]
impl ledger_server::Ledger for Ledger {
    async fn verify(&self, request: Request<v1::VerifyRequest>) -> Result<Response<v1::VerifyReply>, Status> {
        let caller = caller(&request)?;
        let report = self.0.appliance().ledger_verify(&caller).await.map_err(|no| refused(&no))?;
        let (records, segments, tip) = (report.records, report.segments, report.tip.to_string());
        Ok(Response::new(v1::VerifyReply { records, segments, tip }))
    }
}
