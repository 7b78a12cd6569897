//! `Appliance`: the machine itself.

use super::stream::{Answers, answers};
use crate::{
    ServeError,
    answer::{caller, label, refusal, refused},
    clock::unix_seconds,
    convert,
    door::Door,
};
use api::{Kind, server::appliance_server, v1};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service.
pub(crate) struct Appliance(pub(crate) Arc<Door>);

type Answer<T> = Result<Response<T>, Status>;

/// A certificate or list with fewer days left than this is reported, while there is time to renew it.
const DAYS_LEFT_MIN: i64 = 15;
const SECONDS_PER_DAY: i64 = 86_400;

#[tonic::async_trait]
impl appliance_server::Appliance for Appliance {
    type VanishedStream = Answers<v1::VanishedFile>;

    async fn balance(&self, request: Request<v1::BalanceRequest>) -> Answer<v1::BalanceReply> {
        let day = request.get_ref().day.as_deref().map(|day| label("day", day)).transpose()?;
        let balances = self.0.appliance().balance(day).await.map_err(|no| refused(&no))?;
        let balances = balances.into_iter().map(convert::balance).collect();
        Ok(Response::new(v1::BalanceReply { balances }))
    }

    async fn vanished(&self, request: Request<v1::VanishedRequest>) -> Answer<Self::VanishedStream> {
        let caller = caller(&request)?;
        let files = self.0.appliance().vanished(&caller).await.map_err(|no| refused(&no))?;
        Ok(Response::new(answers(files.into_iter().map(convert::vanished), None)))
    }

    async fn status(&self, _request: Request<v1::StatusRequest>) -> Answer<v1::StatusReply> {
        let status = match self.0.sealed() {
            Some(sealed) => sealed.status(),
            None => self.0.appliance().status().await.map_err(|no| refused(&no))?,
        };
        Ok(Response::new(convert::status(status)))
    }

    async fn doctor(&self, _request: Request<v1::DoctorRequest>) -> Answer<v1::Checks> {
        let checks = self.0.appliance().doctor().await.map_err(|no| refused(&no))?;
        let mut checks: Vec<v1::Check> = checks.into_iter().map(convert::check).collect();
        checks.extend(certificate_checks(&self.0));
        Ok(Response::new(v1::Checks { checks }))
    }

    async fn reload(&self, request: Request<v1::ReloadRequest>) -> Answer<v1::ReloadReply> {
        let caller = caller(&request)?;
        self.0.reload(&caller).await.map_err(|error| match &error {
            ServeError::Pipeline(no) => refused(no),
            _ => refusal(Kind::Conflict.code(), Kind::Conflict, Some("reload-refused"), &error.to_string()),
        })?;
        Ok(Response::new(v1::ReloadReply {}))
    }

    async fn rebuild_index(
        &self,
        request: Request<v1::RebuildIndexRequest>,
    ) -> Answer<v1::RebuildIndexReply> {
        let caller = caller(&request)?;
        let records = self.0.appliance().store_rebuild(&caller).await.map_err(|no| refused(&no))?;
        Ok(Response::new(v1::RebuildIndexReply { records }))
    }
}

fn certificate_checks(door: &Door) -> Vec<v1::Check> {
    let credentials = door.credentials();
    let now = unix_seconds();
    let days_left = |name: &str, until: Option<i64>, renew: &str| {
        let days = until.map_or(0, |until| (until - now) / SECONDS_PER_DAY);
        let ok = days >= DAYS_LEFT_MIN;
        let detail = if ok {
            format!("{days} days left")
        } else {
            format!("{days} days left; {renew}, then lazaretctl reload")
        };
        v1::Check { name: name.to_owned(), ok, detail }
    };
    let mut checks = Vec::new();
    if credentials.tls.is_some() {
        let renew = "issue a new one with the site's authority";
        checks.push(days_left("server certificate", credentials.server_not_after, renew));
        match credentials.revoked.next_update {
            Some(until) => {
                checks.push(days_left(
                    "revocation list",
                    Some(until),
                    "renew it with lazaretctl pki refresh",
                ));
            }
            None => checks.push(v1::Check {
                name: "revocation list".to_owned(),
                ok: false,
                detail: "none is configured, so a stolen certificate could not be revoked; set tls.crl"
                    .to_owned(),
            }),
        }
    }
    checks
}
