//! `Holds`: legal holds with a scope.

use crate::{
    answer::{caller, doc_id, invalid, label, refused},
    convert,
    door::Door,
};
use api::{server::holds_server, v1};
use lifecycle::HoldOrder;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use types::{DocClass, UnixMillis};

/// The service.
pub(crate) struct Holds(pub(crate) Arc<Door>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl holds_server::Holds for Holds {
    async fn place(&self, request: Request<v1::HoldOrder>) -> Answer<v1::HoldInForce> {
        let caller = caller(&request)?;
        let order = order(&request.into_inner())?;
        let placed = self.0.appliance().hold_place(&caller, order).await.map_err(|no| refused(&no))?;
        Ok(Response::new(convert::hold(placed)))
    }

    async fn lift(&self, request: Request<v1::LiftHoldRequest>) -> Answer<v1::HoldInForce> {
        let caller = caller(&request)?;
        let name = label("name", &request.get_ref().name)?;
        let lifted = self.0.appliance().hold_lift(&caller, name).await.map_err(|no| refused(&no))?;
        Ok(Response::new(convert::hold(lifted)))
    }

    async fn list(&self, _request: Request<v1::ListHoldsRequest>) -> Answer<v1::ListHoldsReply> {
        let holds = self.0.appliance().holds().await.map_err(|no| refused(&no))?;
        Ok(Response::new(v1::ListHoldsReply { holds: holds.into_iter().map(convert::hold).collect() }))
    }
}

fn order(asked: &v1::HoldOrder) -> Result<HoldOrder, Status> {
    let optional =
        |field: &str, value: &Option<String>| value.as_deref().map(|value| label(field, value)).transpose();
    let class = asked.class.as_deref().map(str::parse::<DocClass>).transpose();
    let order = HoldOrder {
        name: label("name", &asked.name)?,
        docs: asked.docs.iter().map(|doc| doc_id(doc)).collect::<Result<_, _>>()?,
        source: optional("source", &asked.source)?,
        class: class.map_err(|error| invalid(&format!("class: {error}")))?,
        from: asked.from_ms.map(UnixMillis),
        to: asked.to_ms.map(UnixMillis),
        sensitivity: optional("sensitivity", &asked.sensitivity)?,
        why: label("why", &asked.why)?,
    };
    let HoldOrder { docs, source, class, from, to, sensitivity, .. } = &order;
    let narrow = !docs.is_empty()
        || source.is_some()
        || class.is_some()
        || from.is_some()
        || to.is_some()
        || sensitivity.is_some();
    if narrow == asked.everything {
        return Err(invalid("a hold says what it is about, or that it is about everything, and not both"));
    }
    if from.is_some_and(|from| to.is_some_and(|to| from >= to)) {
        return Err(invalid("the scope ends before it begins, so nothing would be held"));
    }
    Ok(order)
}
