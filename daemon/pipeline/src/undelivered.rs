//! Documents that were routed and not delivered: their age is a matter of compliance (A55), so it is shown, and the
//! doctor compares it with what each route promises.

use crate::{
    desk::Desk,
    view::{Check, Code, Refused},
};
use ::store::{Document, Query};
use lifecycle::Status;
use types::UnixMillis;

/// Documents that the doctor looks at, oldest first; more than these are behind them.
const LOOKED_AT_MAX: usize = 1000;
const HOUR_MS: u64 = 60 * 60 * 1000;

/// When the oldest of them was received.
pub(crate) fn oldest(desk: &Desk) -> Result<Option<UnixMillis>, Refused> {
    let first = waiting(desk, 1).map_err(|_| Refused::new(Code::Internal, "the index cannot be read"))?;
    Ok(first.first().map(|document| document.state.received_at))
}

/// Whether each was delivered within the hours of its route, counted from its receipt.
pub(crate) fn check(desk: &Desk) -> Check {
    let name = "deliveries";
    let Ok(waiting) = waiting(desk, LOOKED_AT_MAX) else {
        return Check { name, ok: false, detail: "the index cannot be read".to_owned() };
    };
    let (now, policy) = (desk.now(), desk.policy.load());
    let hours = |document: &Document| now.since(document.state.received_at) / HOUR_MS;
    let is_late = |document: &&Document| {
        let route = policy.routes().iter().find(|route| Some(&route.name) == document.state.route.as_ref());
        route.is_none_or(|route| hours(document) >= u64::from(route.sla_hours))
    };
    let late: Vec<&Document> = waiting.iter().filter(is_late).collect();
    let detail = match (late.first(), waiting.first()) {
        (Some(worst), _) => {
            let route = worst.state.route.as_ref().map_or("none", |route| route.as_str());
            let (count, id, hours) = (late.len(), worst.id, hours(worst));
            format!(
                "{count} late by the hours of their route, among them {id}: received {hours} h ago, route {route}; see its \
                 folder, and lazaretctl doc explain {id}"
            )
        }
        (None, Some(oldest)) => {
            format!("{} wait, the oldest received {} h ago", waiting.len(), hours(oldest))
        }
        (None, None) => "none waits".to_owned(),
    };
    Check { name, ok: late.is_empty(), detail }
}

/// Ids begin with the time of receipt, so their order is that of age.
fn waiting(desk: &Desk, limit: usize) -> Result<Vec<Document>, ::store::StoreError> {
    desk.store.scan(&Query { status: Some(Status::Routed), source: None }, None, limit)
}
