//! The accounting of disclosures (45 CFR 164.528): every time something of a document went to somebody,
//! told from its events. No content.

use crate::{explain::name, view::Disclosed};
use lifecycle::{Body, Event, Outcome, Record};
use types::Label;

/// Every disclosure, oldest first.
pub(crate) fn accounting(records: &[Record]) -> Vec<Disclosed> {
    let mut trail = Trail::default();
    records.iter().filter_map(|record| trail.follow(record)).collect()
}

/// What the events so far say about the next delivery.
#[derive(Default)]
struct Trail {
    route: Option<Label>,
    why: Option<Label>,
}

impl Trail {
    fn follow(&mut self, record: &Record) -> Option<Disclosed> {
        let Body::Document { event, .. } = &record.body else { return None };
        match event {
            Event::Finished(Outcome::Routed { route, rule, .. }) => self.toward(route, rule),
            Event::Rerouted { route, why, .. } => self.toward(route, why),
            Event::Finished(Outcome::Delivered { disclosure, .. }) => {
                let rendition = disclosure.as_ref().map(|facts| facts.rendition);
                let told = disclosure.as_ref().map(|facts| (&facts.route, facts.owner.as_ref()));
                let recipient = match told {
                    Some((route, Some(owner))) => format!("route {route} (owner {owner})"),
                    Some((route, None)) => format!("route {route}"),
                    None => self.route.as_ref().map_or_else(String::new, |route| format!("route {route}")),
                };
                return Some(Disclosed {
                    at: record.at,
                    how: "delivered",
                    recipient,
                    rendition,
                    why: self.why.clone(),
                });
            }
            Event::AlsoDelivered { route, .. } => {
                return Some(Disclosed {
                    at: record.at,
                    how: "delivered",
                    recipient: format!("route {route}"),
                    rendition: None,
                    why: None,
                });
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

    fn toward(&mut self, route: &Label, why: &Label) {
        self.route = Some(route.clone());
        self.why = Some(why.clone());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lifecycle::{Actor, Disclosure, Rendition};
    use types::{Digest, DocId, UnixMillis};

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
        let routed = Outcome::Routed { route: label("lab"), owner: label("desk"), rule: label("r-lab") };
        let rerouted =
            Event::Rerouted { route: label("his"), owner: label("desk"), why: label("wrong-desk") };
        let clerk = || Actor::Client(label("clerk"));
        let records = [
            record(1, Actor::Daemon, Event::Finished(routed)),
            record(2, Actor::Daemon, delivered("lab")),
            record(3, clerk(), Event::Read { rendition: Rendition::Original }),
            record(4, clerk(), rerouted),
            record(5, Actor::Daemon, delivered("his")),
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
            ]
        );
    }
}
