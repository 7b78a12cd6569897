//! `lazaretctl hold`, `unhold` and `release`: stop a document, and let it go on.

use crate::{client::Client, doc, fail::Outcome, output::Format};
use api::v1::{DocumentRequest, HoldRequest};
use clap::Args;

/// A document and a hold.
#[derive(Args)]
pub(crate) struct Hold {
    /// Id of the document
    id: String,
    /// Name of the hold, for example the number of a case
    name: String,
}

impl From<&Hold> for HoldRequest {
    fn from(hold: &Hold) -> Self {
        Self { id: hold.id.clone(), hold: hold.name.clone() }
    }
}

/// Places a hold.
pub(crate) async fn place(hold: &Hold, client: &Client, format: Format) -> Outcome {
    doc::show(format, client.documents().place_hold(HoldRequest::from(hold)).await?.into_inner().into())
}

/// Lifts a hold.
pub(crate) async fn lift(hold: &Hold, client: &Client, format: Format) -> Outcome {
    doc::show(format, client.documents().lift_hold(HoldRequest::from(hold)).await?.into_inner().into())
}

/// Lets a document go on from quarantine.
pub(crate) async fn release(id: &doc::Id, client: &Client, format: Format) -> Outcome {
    doc::show(format, client.documents().release(DocumentRequest::from(id)).await?.into_inner().into())
}
