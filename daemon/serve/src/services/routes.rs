//! `Routes`: where documents go (A21).

use crate::{
    answer::{caller, doc_id, label, refused},
    convert,
    door::Door,
};
use api::{server::routes_server, v1};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service.
pub(crate) struct Routes(pub(crate) Arc<Door>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl routes_server::Routes for Routes {
    async fn list(&self, _request: Request<v1::ListRoutesRequest>) -> Answer<v1::ListRoutesReply> {
        let routes = self.0.appliance().routes().await.map_err(|no| refused(&no))?;
        Ok(Response::new(v1::ListRoutesReply { routes: routes.into_iter().map(convert::route).collect() }))
    }

    async fn reroute(&self, request: Request<v1::RerouteRequest>) -> Answer<v1::Document> {
        let (caller, asked) = (caller(&request)?, request.into_inner());
        let (doc, route, why) =
            (doc_id(&asked.id)?, label("route", &asked.route)?, label("why", &asked.why)?);
        let view = self.0.appliance().reroute(&caller, doc, route, why).await.map_err(|no| refused(&no))?;
        Ok(Response::new(convert::document(view)))
    }
}
