//! `lazaretctl doc events`: a document's lines of the ledger (A20).
//!
//! Ciphertext that a record carries is left out: it says nothing to a reader, and `ledger verify` checks
//! the whole record.

use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
    shape::{seconds, time},
};
use api::v1::DocumentRequest;
use lifecycle::{Actor, Body, Record};
use serde::Serialize;
use serde_json::Value;

/// Fields that hold ms since 1970.
const TIMES: [&str; 2] = ["until", "retain_until"];

/// One event.
#[derive(Serialize)]
struct Shown {
    seq: u64,
    at: String,
    by: String,
    event: String,
    details: Value,
}

/// Prints them.
pub(crate) async fn run(id: &str, client: &Client, format: Format) -> Outcome {
    let mut stream = client.documents().events(DocumentRequest { id: id.to_owned() }).await?.into_inner();
    let mut events = Vec::new();
    while let Some(record) = stream.message().await? {
        let record: Record = serde_json::from_str(&record.json).map_err(|_| newer())?;
        events.push(shown(record)?);
    }
    output::many(
        format,
        &[("id", id)],
        "events",
        &events,
        |event| event.event.clone(),
        || {
            let columns =
                [Column::Fixed("AT"), Column::Text("BY"), Column::Fixed("EVENT"), Column::Text("DETAILS")];
            let mut table = Table::new(&columns);
            for event in &events {
                table.row([seconds(&event.at), event.by.clone(), event.event.clone(), flat(&event.details)]);
            }
            table
        },
    )
}

fn newer() -> Failure {
    Failure::new(
        Exit::Failure,
        "the daemon sent an event that this lazaretctl does not know; install the daemon's version",
    )
}

fn shown(record: Record) -> Outcome<Shown> {
    let by = actor(&record.by);
    let body = match record.body {
        Body::Document { event, .. } => serde_json::to_value(event),
        Body::System(event) => serde_json::to_value(event),
    };
    let (event, details) = named(body.map_err(|_| newer())?);
    Ok(Shown { seq: record.seq, at: record.at.to_string(), by, event, details })
}

/// `{"finished": {"parsed": {…}}}` becomes `parsed` and its fields.
fn named(value: Value) -> (String, Value) {
    match value {
        Value::String(name) => (name, Value::Object(serde_json::Map::new())),
        Value::Object(map) if map.len() == 1 => {
            let Some((name, inner)) = map.into_iter().next() else { return (String::new(), Value::Null) };
            if name == "finished" { named(inner) } else { (name, readable(inner)) }
        }
        other => (String::new(), other),
    }
}

/// Drops what is sealed, and writes times and confidences as the rest of the contract does.
fn readable(mut value: Value) -> Value {
    if let Value::Object(map) = &mut value {
        map.remove("sealed");
        for (key, field) in map.iter_mut() {
            if let (true, Some(ms)) = (TIMES.contains(&key.as_str()), field.as_u64()) {
                *field = time(ms).into();
            } else if key == "confidence"
                && let Some(number) = field.as_f64()
            {
                *field = ((number * 1e4).round() / 1e4).into();
            }
        }
    }
    value
}

/// Who, in one word.
fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Daemon => "daemon".to_owned(),
        Actor::Inbox { source, uid } => format!("inbox:{source}:{uid}"),
        Actor::Client(name) => format!("client:{name}"),
        Actor::Local { uid, pid } => format!("local:{uid}:{pid}"),
    }
}

fn flat(details: &Value) -> String {
    let Value::Object(map) = details else { return details.to_string() };
    let pair = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{key}={text}"),
        other => format!("{key}={other}"),
    };
    map.iter().filter(|(_, value)| !value.is_null()).map(pair).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lifecycle::{Event, Outcome as Left};
    use types::{Label, UnixMillis};

    #[test]
    fn an_event_is_named_after_what_happened_and_shows_no_ciphertext() {
        // A20: "`GET /documents/{id}/events` audit history"
        let label = |text: &str| text.parse::<Label>().unwrap();
        let doc = types::DocId::from_bytes([1; 16]);
        let event = Event::Finished(Left::Routed {
            route: label("lab"),
            owner: label("lab-desk"),
            rule: label("r1"),
        });
        let by = Actor::Client(label("clerk"));
        let record = Record { seq: 7, at: UnixMillis(0), by, body: Body::Document { doc, event } };
        let shown = shown(record).unwrap();
        assert_eq!((shown.by.as_str(), shown.event.as_str()), ("client:clerk", "routed"));
        assert_eq!(flat(&shown.details), "owner=lab-desk route=lab rule=r1");

        let sealed = serde_json::json!({ "finished": { "redacted": { "boxes": 3, "sealed": "00ff" } } });
        assert_eq!(named(sealed), ("redacted".to_owned(), serde_json::json!({ "boxes": 3 })));
        let kept = serde_json::json!({ "finished": { "retained": { "retention": "short", "until": 1_795_502_192_007_u64 } } });
        assert_eq!(flat(&named(kept).1), "retention=short until=2026-11-24T06:36:32.007Z");
    }
}
