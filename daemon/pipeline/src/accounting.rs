//! The accounting of disclosures (45 CFR 164.528): every time something of a document went to somebody,
//! told from its events. No content.

use crate::{explain::name, view::Disclosed};
use lifecycle::{Body, Disclosure, Event, Outcome, Record};
use std::collections::BTreeMap;
use types::{Digest, Label};

/// Every disclosure, oldest first.
pub(crate) fn accounting(records: &[Record]) -> Vec<Disclosed> {
    let mut trail = Trail::default();
    records.iter().filter_map(|record| trail.follow(record)).collect()
}

/// What the events so far say about the next delivery.
#[derive(Default)]
pub(crate) struct Trail {
    route: Option<Label>,
    /// Route → why it was last sent there.
    why: BTreeMap<Label, Label>,
    /// Routes that have it, and the receipt of each.
    given: BTreeMap<Label, Digest>,
}

impl Trail {
    pub(crate) fn follow(&mut self, record: &Record) -> Option<Disclosed> {
        let Body::Document { event, .. } = &record.body else { return None };
        match event {
            Event::Finished(Outcome::Routed { route, rule, .. }) => self.toward(route, rule),
            Event::Rerouted { route, why, .. } => self.toward(route, why),
            Event::Finished(Outcome::Delivered { receipt, disclosure }) => {
                let route = disclosure.as_ref().map(|facts| &facts.route).or(self.route.as_ref()).cloned();
                return self.handed(record, route, receipt, disclosure.as_deref());
            }
            Event::AlsoDelivered { route, receipt, disclosure } => {
                return self.handed(record, Some(route.clone()), receipt, disclosure.as_deref());
            }
            Event::Read { rendition } => {
                return Some(Disclosed {
                    at: record.at,
                    how: "read",
                    recipient: name(&record.by),
                    rendition: Some(*rendition),
                    why: None,
                });
            }
            _ => {}
        }
        None
    }

    /// A route that has it already is written as delivered again, with the old receipt, and got nothing.
    fn handed(
        &mut self,
        record: &Record,
        route: Option<Label>,
        receipt: &Digest,
        facts: Option<&Disclosure>,
    ) -> Option<Disclosed> {
        let mut why = None;
        if let Some(route) = &route {
            if self.given.insert(route.clone(), *receipt) == Some(*receipt) {
                return None;
            }
            why = self.why.get(route).cloned();
        }
        let owner = facts.and_then(|facts| facts.owner.as_ref());
        let recipient = match (&route, owner) {
            (Some(route), Some(owner)) => format!("route {route} (owner {owner})"),
            (Some(route), None) => format!("route {route}"),
            (None, _) => String::new(),
        };
        let rendition = facts.map(|facts| facts.rendition);
        Some(Disclosed { at: record.at, how: "delivered", recipient, rendition, why })
    }

    fn toward(&mut self, route: &Label, why: &Label) {
        self.route = Some(route.clone());
        self.why.insert(route.clone(), why.clone());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lifecycle::{Actor, Rendition};
    use types::{DocId, UnixMillis};

    fn label(text: &str) -> Label {
        text.parse().unwrap()
    }

    fn record(seq: u64, by: Actor, event: Event) -> Record {
        let body = Body::Document { doc: DocId::from_bytes([1; 16]), event };
        Record { seq, at: UnixMillis(seq), by, body }
    }

    // A39: "who uploaded, how classified, confidence, where sent, whether delivery succeeded"; the accounting
    // names each recipient, what they got and by which rule or on whose word.
    #[test]
    fn each_delivery_and_each_reading_is_told_with_recipient_rendition_and_reason() {
        let disclosure = |route: &str| {
            Some(Box::new(Disclosure {
                uploaded_by: Actor::Daemon,
                class: None,
                confidence: None,
                route: label(route),
                owner: Some(label("desk")),
                rendition: Rendition::Redacted,
            }))
        };
        let delivered = |route| {
            Event::Finished(Outcome::Delivered { receipt: Digest([1; 32]), disclosure: disclosure(route) })
        };
        // The route has it: it is delivered there again by a receipt, and nothing is handed over.
        let again = Outcome::Delivered { receipt: Digest([1; 32]), disclosure: None };
        let also = Event::AlsoDelivered {
            route: label("desk"),
            receipt: Digest([2; 32]),
            disclosure: disclosure("desk"),
        };
        let toward_desk =
            Event::Rerouted { route: label("desk"), owner: label("desk"), why: label("by-mistake") };
        let routed = Outcome::Routed { route: label("lab"), owner: label("desk"), rule: label("r-lab") };
        let rerouted =
            || Event::Rerouted { route: label("his"), owner: label("desk"), why: label("wrong-desk") };
        let clerk = || Actor::Client(label("clerk"));
        let records = [
            record(1, Actor::Daemon, Event::Finished(routed)),
            record(2, Actor::Daemon, delivered("lab")),
            record(3, clerk(), Event::Read { rendition: Rendition::Original }),
            record(4, clerk(), rerouted()),
            record(5, Actor::Daemon, delivered("his")),
            record(6, clerk(), toward_desk),
            record(7, clerk(), rerouted()),
            record(8, Actor::Daemon, also),
            record(9, Actor::Daemon, Event::Finished(again)),
        ];
        let told: Vec<_> = accounting(&records)
            .into_iter()
            .map(|d| (d.at.0, d.how, d.recipient, d.rendition, d.why.map(|why| why.to_string())))
            .collect();
        let why = |text: &str| Some(text.to_owned());
        let redacted = Some(Rendition::Redacted);
        assert_eq!(
            told,
            [
                (2, "delivered", "route lab (owner desk)".to_owned(), redacted, why("r-lab")),
                (3, "read", "client clerk".to_owned(), Some(Rendition::Original), None),
                (5, "delivered", "route his (owner desk)".to_owned(), redacted, why("wrong-desk")),
                (8, "delivered", "route desk (owner desk)".to_owned(), redacted, why("by-mistake")),
            ]
        );
    }
}
