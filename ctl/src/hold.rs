//! `lazaretctl hold`, `unhold` and `release`: stop a document, keep documents from destruction, let them go on.

use crate::{
    client::Client,
    doc,
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
    shape::time,
};
use api::v1::{DocumentRequest, HoldInForce, HoldOrder, HoldRequest, LiftHoldRequest, ListHoldsRequest};
use clap::{Args, Subcommand};
use jiff::{Timestamp, civil::Date};
use serde::Serialize;

/// A document and a hold, or a hold with a scope.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Hold {
    #[command(subcommand)]
    verb: Option<Scoped>,
    /// Id of the document
    #[arg(required = true)]
    id: Option<String>,
    /// Name of the hold, for example the number of a case
    #[arg(required = true)]
    name: Option<String>,
}

/// A document and the name of its hold.
#[derive(Args)]
pub(crate) struct Unhold {
    /// Id of the document
    id: String,
    /// Name of the hold
    name: String,
}

/// Holds with a scope: nothing in it is destroyed, now and in the future.
#[derive(Subcommand)]
enum Scoped {
    /// Keep everything in a scope from destruction, also what comes later
    #[command(after_help = "Examples:
  lazaretctl hold place case-2026-17 --source fax --from 2026-01-01 \\
      --to 2026-03-31 --why litigation
  lazaretctl hold place inquiry-4 --class claim --why subpoena
  lazaretctl hold place case-9 --doc 01JD9Z6M8Q3V5X7Y9A1B2C3D4E --why dispute")]
    Place(Box<Place>),
    /// Lift a hold that has a scope
    #[command(after_help = "Example:
  lazaretctl hold lift case-2026-17")]
    Lift {
        /// Name of the hold
        name: String,
    },
    /// List the holds that have a scope
    #[command(after_help = "Example:
  lazaretctl hold list -o json")]
    List,
}

/// A name and a scope; what is given narrows it.
#[derive(Args)]
struct Place {
    /// Name of the hold, for example the number of a case
    name: String,
    /// Only these documents
    #[arg(long = "doc", value_name = "ID", num_args = 1..)]
    docs: Vec<String>,
    /// Only documents of this source
    #[arg(long)]
    source: Option<String>,
    /// Only documents that have this class, or had it once
    #[arg(long)]
    class: Option<String>,
    /// Only documents received on this day or later, UTC
    #[arg(long, value_name = "DATE", value_parser = day_start)]
    from: Option<u64>,
    /// Only documents received on this day or earlier, UTC
    #[arg(long, value_name = "DATE", value_parser = day_end)]
    to: Option<u64>,
    /// Only documents with this label
    #[arg(long, value_name = "LABEL")]
    sensitivity: Option<String>,
    /// Every document
    #[arg(long)]
    everything: bool,
    /// Why: a code of the site's own, kept in the ledger
    #[arg(long, value_name = "CODE")]
    why: String,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    docs: Vec<String>,
    source: Option<String>,
    class: Option<String>,
    from: Option<String>,
    /// The first moment that is not in it.
    to: Option<String>,
    sensitivity: Option<String>,
    everything: bool,
    why: String,
    since: String,
    by: serde_json::Value,
}

/// Places or lifts.
pub(crate) async fn run(hold: &Hold, client: &Client, format: Format) -> Outcome {
    match (&hold.verb, &hold.id, &hold.name) {
        (Some(Scoped::Place(place)), _, _) => {
            print(format, &[client.holds().place(order(place)).await?.into_inner().into()])
        }
        (Some(Scoped::Lift { name }), _, _) => {
            let request = LiftHoldRequest { name: name.clone() };
            print(format, &[client.holds().lift(request).await?.into_inner().into()])
        }
        (Some(Scoped::List), _, _) => {
            let reply = client.holds().list(ListHoldsRequest {}).await?.into_inner();
            print(format, &reply.holds.into_iter().map(Shown::from).collect::<Vec<_>>())
        }
        (None, Some(id), Some(name)) => {
            let request = HoldRequest { id: id.clone(), hold: name.clone() };
            doc::show(format, client.documents().place_hold(request).await?.into_inner().into())
        }
        (None, _, _) => {
            Err(Failure::new(Exit::Usage, "expected the id of a document and the name of a hold"))
        }
    }
}

/// Lifts a hold from a document.
pub(crate) async fn lift(hold: &Unhold, client: &Client, format: Format) -> Outcome {
    let request = HoldRequest { id: hold.id.clone(), hold: hold.name.clone() };
    doc::show(format, client.documents().lift_hold(request).await?.into_inner().into())
}

/// Lets a document go on from quarantine.
pub(crate) async fn release(id: &doc::Id, client: &Client, format: Format) -> Outcome {
    doc::show(format, client.documents().release(DocumentRequest::from(id)).await?.into_inner().into())
}

fn order(place: &Place) -> HoldOrder {
    HoldOrder {
        name: place.name.clone(),
        docs: place.docs.clone(),
        source: place.source.clone(),
        class: place.class.clone(),
        from_ms: place.from,
        to_ms: place.to,
        sensitivity: place.sensitivity.clone(),
        why: place.why.clone(),
        everything: place.everything,
    }
}

impl From<HoldInForce> for Shown {
    fn from(hold: HoldInForce) -> Self {
        let order = hold.order.unwrap_or_default();
        Self {
            name: order.name,
            docs: order.docs,
            source: order.source,
            class: order.class,
            from: order.from_ms.map(time),
            to: order.to_ms.map(time),
            sensitivity: order.sensitivity,
            everything: order.everything,
            why: order.why,
            since: time(hold.since_ms),
            by: serde_json::from_str(&hold.by_json).unwrap_or_default(),
        }
    }
}

fn print(format: Format, holds: &[Shown]) -> Outcome {
    output::many(
        format,
        &[],
        "holds",
        holds,
        |hold| hold.name.clone(),
        || {
            let columns =
                [Column::Text("NAME"), Column::Fixed("SINCE"), Column::Text("WHY"), Column::Text("SCOPE")];
            let mut table = Table::new(&columns);
            for hold in holds {
                table.row([hold.name.clone(), hold.since.clone(), hold.why.clone(), scope(hold)]);
            }
            table
        },
    )
}

fn scope(hold: &Shown) -> String {
    let mut words: Vec<String> = Vec::new();
    let named = [
        ("source", &hold.source),
        ("class", &hold.class),
        ("from", &hold.from),
        ("before", &hold.to),
        ("sensitivity", &hold.sensitivity),
    ];
    words.extend(hold.docs.iter().cloned());
    words.extend(named.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?))));
    if hold.everything { "everything".to_owned() } else { words.join(", ") }
}

const DATE: &str = "expected a date, for example 2026-01-31";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn day_start(text: &str) -> Result<u64, String> {
    let date: Date = text.parse().map_err(|_| DATE.to_owned())?;
    let start: Timestamp = format!("{date}T00:00:00Z").parse().map_err(|_| DATE.to_owned())?;
    u64::try_from(start.as_millisecond()).map_err(|_| "expected a date after 1969".to_owned())
}

fn day_end(text: &str) -> Result<u64, String> {
    day_start(text).map(|start| start + DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_begins_with_its_first_day_and_ends_with_its_last() {
        assert_eq!(day_start("2026-11-24"), Ok(1_795_478_400_000));
        assert_eq!(day_end("2026-11-24"), Ok(1_795_478_400_000 + DAY_MS));
        for wrong in ["24.11.2026", "2026-02-30", "1969-12-31", "yesterday", ""] {
            assert!(day_start(wrong).is_err(), "{wrong}");
        }
    }
}
