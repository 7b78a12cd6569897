//! Why a document is where it is, told from its events: codes and figures, no content.

use crate::view::Explained;
use lifecycle::{Actor, Body, Event, Outcome, Record};
use types::Label;

/// The line for an event.
pub(crate) fn line(record: &Record) -> Option<Explained> {
    let Body::Document { event, .. } = &record.body else { return None };
    let (station, text, rule) = told(event, &record.by);
    Some(Explained { station, at: record.at, text, rule })
}

fn told(event: &Event, by: &Actor) -> (&'static str, String, Option<Label>) {
    match event {
        Event::Arrived(arrival) => {
            let twin =
                arrival.duplicate_of.map(|doc| format!(", the same bytes as {doc}")).unwrap_or_default();
            let before = arrival.destroyed_before.map(|doc| {
                format!("; the same bytes were received before as {doc}, which retention has destroyed")
            });
            let again = arrival
                .resent_of
                .map(|doc| format!("; the same bytes were received before as {doc}, which was rejected"));
            let notes = before.or(again).unwrap_or_default();
            let text = format!(
                "{} bytes from source {}, by {}{twin}{notes}",
                arrival.bytes,
                arrival.source,
                name(by)
            );
            ("intake", text, Some(arrival.retention.clone()))
        }
        Event::Finished(outcome) => outcome_told(outcome),
        Event::Failed { stage, reason } => {
            (stage.name(), format!("failed, will be tried again: {reason}"), None)
        }
        Event::Stopped { stage, reason } => {
            (stage.name(), format!("stopped: {reason}. {}", reason.sentence()), None)
        }
        Event::Referred { reason, rule } => {
            ("route", format!("to review: {reason}. {}", reason.sentence()), Some(rule.clone()))
        }
        Event::Rejected { stage, reason } => {
            (stage.name(), format!("rejected: {reason}. {}", reason.sentence()), None)
        }
        Event::Released => ("release", format!("released by {}", name(by)), None),
        Event::Approved => ("review", format!("approved by {}", name(by)), None),
        Event::Reclassified { class, .. } => {
            ("review", format!("classified as {class} by {}", name(by)), None)
        }
        Event::Rerouted { route, owner, why } => {
            ("reroute", format!("sent to {route} (owner {owner}) by {}: {why}", name(by)), None)
        }
        Event::HoldPlaced { hold } => ("hold", format!("hold {hold} placed by {}", name(by)), None),
        Event::HoldLifted { hold } => ("hold", format!("hold {hold} lifted by {}", name(by)), None),
        Event::AlsoDelivered { route, .. } => {
            ("deliver", format!("found after a crash: {route} has it too, from before"), None)
        }
        Event::Read { rendition } => {
            ("read", format!("{rendition:?} read by {}", name(by)).to_lowercase(), None)
        }
        Event::Expired { generation_before, generation_after } => (
            "expire",
            format!("key destroyed: keystore generation {generation_before} to {generation_after}"),
            None,
        ),
        Event::RetentionExtended { duplicate, schedules } => {
            let term = schedules.last();
            let text = format!("kept until {} at least: a copy, {duplicate}, is kept so long", term.until);
            ("retain", text, Some(term.rule.clone()))
        }
        Event::Destroyed { areas, .. } if areas.is_empty() => {
            ("destroy", format!("keys and bytes destroyed by {}; a certificate is signed", name(by)), None)
        }
        Event::Destroyed { areas, .. } => {
            let parts: Vec<&str> = areas.iter().map(|area| area.name()).collect();
            let text = format!("{} destroyed by {}; a certificate is signed", parts.join(", "), name(by));
            ("destroy", text, None)
        }
        Event::Forgotten => ("destroy", "the time of its log is over: it left the lists".to_owned(), None),
    }
}

fn outcome_told(outcome: &Outcome) -> (&'static str, String, Option<Label>) {
    let station = outcome.stage().name();
    let (text, rule) = match outcome {
        Outcome::Quarantined { format } => (format!("the bytes are {format}"), None),
        Outcome::Parsed { pages, findings } if findings.is_empty() => {
            (format!("{pages} pages, nothing active"), None)
        }
        Outcome::Parsed { pages, findings } => (format!("{pages} pages; flattened away: {findings:?}"), None),
        Outcome::Normalised { blank_pages, .. } => {
            (format!("upright rasters; {blank_pages} blank pages"), None)
        }
        Outcome::Read { words, confidence, unread_pages, .. } => (
            format!("{words} words, mean confidence {:.2}; {unread_pages} pages unread", confidence.get()),
            None,
        ),
        Outcome::Classified { class, confidence, rules, mixed, sensitivity, .. } => {
            let others: Vec<&str> = rules.iter().map(Label::as_str).collect();
            let mixed = if *mixed { "; pages disagree" } else { "" };
            let labels: Vec<&str> = sensitivity.iter().map(Label::as_str).collect();
            let labels =
                if labels.is_empty() { String::new() } else { format!("; sensitive: {}", labels.join(" ")) };
            (
                format!("{class} at {:.2}{mixed}{labels}; rules: {}", confidence.get(), others.join(" ")),
                rules.first().cloned(),
            )
        }
        Outcome::Redacted { boxes, black_pages, .. } => {
            (format!("{boxes} boxes painted, product read again; {black_pages} pages wholly black"), None)
        }
        Outcome::Stored { .. } => ("artefacts read back, manifest signed".to_owned(), None),
        Outcome::Routed { route, owner, rule } => (format!("to {route}, owner {owner}"), Some(rule.clone())),
        Outcome::Delivered { .. } => ("the target has it".to_owned(), None),
        Outcome::Retained { retention, until, .. } => {
            (format!("kept until {until}"), Some(retention.clone()))
        }
    };
    (station, text, rule)
}

/// Who, for people.
pub(crate) fn name(by: &Actor) -> String {
    match by {
        Actor::Daemon => "the appliance".to_owned(),
        Actor::Inbox { uid, .. } => format!("inbox (file of uid {uid})"),
        Actor::Client(name) => format!("client {name}"),
        Actor::Local { uid, .. } => format!("local uid {uid}"),
    }
}
