//! `lazaretctl balance`: whether every file that was ever seen is accounted for.

use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
    shape::time,
};
use api::v1::{self, BalanceRequest, VanishedRequest};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;

/// What to balance.
#[derive(Args)]
pub(crate) struct Balance {
    /// A day that is over (UTC), as it was signed; without it, everything so far
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<String>,
}

#[derive(Serialize)]
struct Source {
    source: String,
    day: String,
    holds: bool,
    opening: u64,
    seen: u64,
    uploads: u64,
    arrived: u64,
    states: BTreeMap<String, u64>,
    duplicates: u64,
    refused: u64,
    vanished: u64,
    waiting: u64,
    uploads_refused: u64,
    through: u64,
    signature: Option<String>,
    /// Of the last ones, newest last; none for callers who may not know them.
    vanished_files: Option<Vec<Vanished>>,
}

#[derive(Clone, Serialize)]
struct Vanished {
    at: String,
    name: String,
}

/// Prints the balance; exit 6 when it does not hold.
pub(crate) async fn run(balance: &Balance, client: &Client, format: Format) -> Outcome {
    let request = BalanceRequest { day: balance.day.clone() };
    let reply = client.appliance().balance(request).await?.into_inner();
    let names =
        if reply.balances.iter().any(|balance| balance.vanished > 0) { names(client).await? } else { None };
    // A day names its own; the list is of the last that vanished on any.
    let names = names.map(|mut names| {
        let of_day = |gone: &Vanished| balance.day.as_ref().is_none_or(|day| gone.at.starts_with(day));
        names.values_mut().for_each(|files| files.retain(of_day));
        names
    });
    let rows: Vec<Source> = reply.balances.into_iter().map(|row| source(row, names.as_ref())).collect();
    output::many(format, &[], "sources", &rows, |row| row.source.clone(), || table(&rows))?;
    for row in &rows {
        for gone in row.vanished_files.iter().flatten() {
            let (at, name) = (&gone.at, output::plain(&gone.name));
            eprintln!("lazaretctl: {}: vanished before it was claimed, noticed {at}: {name}", row.source);
        }
        if row.vanished > 0 && row.vanished_files.is_none() {
            eprintln!(
                "lazaretctl: {}: files vanished; ask somebody with the scope audit for their names",
                row.source
            );
        }
    }
    match rows.iter().filter(|row| !row.holds).count() {
        0 => Ok(()),
        wrong => {
            Err(Failure::new(Exit::Findings, format!("{wrong} of {} sources do not balance", rows.len())))
        }
    }
}

/// The names of files that vanished, by source; none when this client may not know them.
async fn names(client: &Client) -> Outcome<Option<BTreeMap<String, Vec<Vanished>>>> {
    let mut files = match client.appliance().vanished(VanishedRequest {}).await.map_err(Failure::from) {
        Ok(files) => files.into_inner(),
        Err(failure) if failure.exit == Exit::NotAuthorised => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let mut names: BTreeMap<String, Vec<Vanished>> = BTreeMap::new();
    while let Some(v1::VanishedFile { source, at_ms, name }) = files.message().await? {
        names.entry(source).or_default().push(Vanished { at: time(at_ms), name });
    }
    Ok(Some(names))
}

fn source(row: v1::Balance, names: Option<&BTreeMap<String, Vec<Vanished>>>) -> Source {
    Source {
        vanished_files: names.map(|names| names.get(&row.source).cloned().unwrap_or_default()),
        source: row.source,
        day: row.day,
        holds: row.holds,
        opening: row.opening,
        seen: row.seen,
        uploads: row.uploads,
        arrived: row.arrived,
        states: row.states.into_iter().map(|count| (count.state, count.documents)).collect(),
        duplicates: row.duplicates,
        refused: row.refused,
        vanished: row.vanished,
        waiting: row.waiting,
        uploads_refused: row.uploads_refused,
        through: row.through,
        signature: row.signature,
    }
}

/// Left of the sign what came, right of it what became of it.
fn table(rows: &[Source]) -> Table {
    let mut table = Table::new(&[
        Column::Fixed("SOURCE"),
        Column::Fixed("OPENING"),
        Column::Fixed("SEEN"),
        Column::Fixed("UPLOADS"),
        Column::Fixed(""),
        Column::Fixed("ARRIVED"),
        Column::Fixed("REFUSED"),
        Column::Fixed("VANISHED"),
        Column::Fixed("WAITING"),
        Column::Text("DOCUMENTS NOW"),
    ]);
    for row in rows {
        let states = row.states.iter().filter(|(_, count)| **count > 0);
        let states: Vec<String> = states.map(|(state, count)| format!("{state} {count}")).collect();
        table.row([
            row.source.clone(),
            row.opening.to_string(),
            row.seen.to_string(),
            row.uploads.to_string(),
            if row.holds { "=" } else { "NOT" }.to_owned(),
            row.arrived.to_string(),
            row.refused.to_string(),
            row.vanished.to_string(),
            row.waiting.to_string(),
            states.join(", "),
        ]);
    }
    table
}
