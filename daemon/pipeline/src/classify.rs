//! # classify
//!
//! Reads: words and what the sender expected. Leaves: `Classified { class, confidence, rules, sensitivity, schedules }`:
//! how long such a document is kept holds from now on, also when it never reaches `retain`.
//! Refuses nothing: what cannot be told is `miscellaneous` with a low confidence.

use crate::{
    artefacts::{self, TextPages},
    desk::Desk,
    facts::ArrivalFacts,
    refusal::Refusal,
    retain,
};
use ::store::Document;
use lifecycle::Outcome;
use policy::PageView;
use std::sync::Arc;
use vault::Area;

/// Rules that an event names at most; the strongest come first.
const RULES_MAX: usize = 16;

pub(crate) async fn run(desk: &Arc<Desk>, doc: &Document) -> Result<Outcome, Refusal> {
    let (id, state) = (doc.id, doc.state.clone());
    let of_source = desk.source(&doc.state.source).and_then(|source| source.expected_class);
    desk.blocking(move |desk| {
        let facts = ArrivalFacts::open(&desk.vault, id, &state.sealed_arrival.0)?;
        let text: TextPages = artefacts::open_json(desk, id, Area::Text, state.blobs.text)?;
        let pages: Vec<PageView<'_>> =
            text.pages.iter().map(|page| PageView { words: &page.words, geometry: &page.geometry }).collect();
        let policy = desk.policy.load();
        let verdict = policy.classify(&pages, facts.expected_class.or(of_source));
        let sensitivity = policy.sensitivity(&pages);
        let schedules = retain::terms_of(desk, &state, Some(verdict.class), &sensitivity, &facts);
        Ok(Outcome::Classified {
            class: verdict.class,
            confidence: verdict.confidence,
            rules: verdict.rules.into_iter().take(RULES_MAX).collect(),
            mixed: verdict.mixed,
            sensitivity,
            schedules: Some(Box::new(schedules)),
        })
    })
    .await
}
