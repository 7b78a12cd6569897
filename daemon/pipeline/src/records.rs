//! The appliance's door to records management: retention, destruction and its proof, legal holds.

use crate::{
    appliance::{Appliance, asks},
    deletion, expire, holds,
    view::{Caller, Certificates, Expiry, HoldView, Refused, Trial},
    watch::Folder,
};
use lifecycle::HoldOrder;
use std::sync::Arc;
use types::{DocId, Label};

asks! {
    /// Documents of which something is due, and what keeps it.
    retention_due() -> Vec<Expiry> { desk, _folders => expire::due(desk).await }
    /// How long each document is kept: a page of those behind `after`; an empty one ends the list.
    retention_all(after: Option<DocId>) -> Vec<Expiry> { desk, _folders => expire::all(desk, after).await }
    /// Destroys what is due, or only says what would be; with documents named, only these.
    retention_run(caller: &Caller, docs: &[DocId], dry_run: bool, clock_is_right: bool) -> Vec<Expiry> {
        desk, _folders => expire::retention_run(desk, caller, docs, dry_run, clock_is_right).await
    }
    /// The certificates of what was destroyed of a document.
    deletion_certificates(doc: DocId) -> Certificates { desk, _folders => deletion::certificates(desk, doc) }
    /// Tries every key on what was kept of its ciphertext; audited.
    deletion_verify(caller: &Caller, doc: DocId, control: bool) -> Trial {
        desk, _folders => deletion::verify(desk, caller, doc, control).await
    }
    /// Places a hold with a scope.
    hold_place(caller: &Caller, order: HoldOrder) -> HoldView {
        desk, _folders => holds::place(desk, caller, order).await
    }
    /// Lifts a hold with a scope.
    hold_lift(caller: &Caller, name: Label) -> HoldView {
        desk, _folders => holds::lift(desk, caller, name).await
    }
    /// Every hold with a scope that is in force.
    holds() -> Vec<HoldView> { desk, _folders => holds::list(desk) }
}
