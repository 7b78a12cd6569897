//! # route
//!
//! Reads: class, confidence, how well it was read and redacted. Leaves: `Routed { route, owner, rule }`.
//! Can refuse because: a person must decide (`low-confidence`, `class-needs-review`, `mixed-classes`,
//! `no-text`, `poor-reading`, `redaction-residue`).

use crate::{
    artefacts::{self, TextPages},
    desk::Desk,
    refusal::Refusal,
};
use ::store::Document;
use lifecycle::Outcome;
use policy::{RouteFacts, Verdict};
use std::sync::Arc;
use types::{Confidence, DocClass, Label, Reason, Schedule};
use vault::Area;

/// What the route station decided.
pub(crate) enum Decision {
    /// It goes there.
    Send(Outcome),
    /// A person decides.
    Refer { reason: Reason, rule: Label },
}

pub(crate) async fn run(desk: &Arc<Desk>, doc: &Document) -> Result<Decision, Refusal> {
    let (id, state) = (doc.id, doc.state.clone());
    desk.blocking(move |desk| {
        // After its text is destroyed only a person sends a document here, and blank pages count no more.
        let blank = if state.is_destroyed(Schedule::Text) {
            0
        } else {
            let text: TextPages = artefacts::open_json(desk, id, Area::Text, state.blobs.text)?;
            text.pages.iter().filter(|page| page.geometry.blank).count()
        };
        let facts = RouteFacts {
            class: state.class.unwrap_or(DocClass::Miscellaneous),
            confidence: state.confidence.unwrap_or(Confidence::new(0.0)),
            source: &state.source,
            mixed: state.mixed,
            reading: state.reading.unwrap_or(Confidence::new(0.0)),
            words: state.words,
            pages: state.pages.unwrap_or_default(),
            blank_pages: u32::try_from(blank).unwrap_or(u32::MAX),
            unread_pages: state.unread_pages,
            black_pages: state.black_pages,
            decided_by_person: state.decided_by_person,
        };
        Ok(match desk.policy.load().route(&facts) {
            Verdict::Send { route, owner, rule } => Decision::Send(Outcome::Routed { route, owner, rule }),
            Verdict::Review { reason, rule } => Decision::Refer { reason, rule },
        })
    })
    .await
}
