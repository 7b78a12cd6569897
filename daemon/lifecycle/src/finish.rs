//! What a station leaves, folded into the state.

use crate::{Outcome, Position, Schedules, State};
use types::DocClass;

impl State {
    /// What a class brings with it: from now on it is kept as long as its rules say, also when it goes no further.
    /// Nothing that was learnt before is taken back, neither a class nor a label: a hold on it must not let go.
    pub(crate) fn is_of(&mut self, class: DocClass, terms: Option<&Schedules>) {
        self.class = Some(class);
        self.classes.insert(class);
        if let Some(terms) = terms {
            self.schedules = self.schedules.clone().longest(terms);
        }
    }

    pub(crate) fn finish(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Quarantined { format } => self.format = Some(format.clone()),
            Outcome::Parsed { pages, findings } => {
                self.pages = Some(*pages);
                self.findings.clone_from(findings);
            }
            Outcome::Normalised { raster, .. } => self.blobs.raster = Some(*raster),
            Outcome::Read { text, words, confidence, unread_pages, sealed } => {
                self.blobs.text = Some(*text);
                self.words = *words;
                self.reading = Some(*confidence);
                self.unread_pages = *unread_pages;
                self.sealed_text = Some(sealed.clone());
            }
            Outcome::Classified { class, confidence, rules, mixed, sensitivity, schedules } => {
                self.is_of(*class, schedules.as_deref());
                let others = sensitivity.iter().filter(|label| !self.sensitivity.contains(label));
                let others: Vec<_> = others.cloned().collect();
                self.sensitivity.extend(others);
                self.confidence = Some(*confidence);
                self.rules.clone_from(rules);
                self.mixed = *mixed;
            }
            Outcome::Redacted { product, map, boxes, black_pages, sealed } => {
                self.blobs.product = Some(*product);
                self.blobs.map = Some(*map);
                self.boxes = *boxes;
                self.black_pages = *black_pages;
                self.sealed_product = Some(sealed.clone());
            }
            Outcome::Stored { manifest } => self.blobs.manifest = Some(*manifest),
            Outcome::Routed { route, owner, .. } => {
                self.route = Some(route.clone());
                self.owner = Some(owner.clone());
            }
            Outcome::Delivered { receipt, .. } => self.receipt = Some(*receipt),
            Outcome::Retained { retention, until, schedules: terms } => {
                let terms = Schedules::given(terms.as_deref(), retention, *until);
                // A copy may have come while the terms were reckoned.
                self.schedules = match &self.asked {
                    Some(asked) => terms.longest(asked),
                    None => terms,
                };
                self.blobs.raster = None;
            }
        }
        let next = self.trip.after(outcome.stage()).map_or(Position::Kept, Position::At);
        self.rest(next, None);
    }
}
