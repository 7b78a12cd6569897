//! `lazaretctl retention …`: how long documents are kept, what is due, and its destruction.

use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
    shape::{Term, time},
};
use api::v1::{DueRequest, Expiry, RunRetentionRequest};
use clap::Subcommand;
use serde::Serialize;
use std::collections::BTreeSet;
use tonic::Streaming;

/// See how long documents are kept and what is due, and destroy it.
#[derive(Subcommand)]
pub(crate) enum Retention {
    /// List how long each part of each document is kept, and what holds it
    #[command(after_help = "Examples:
  lazaretctl retention list --due
  lazaretctl retention list -o json")]
    List {
        /// Only documents of which something is due now
        #[arg(long)]
        due: bool,
    },
    /// Destroy keys and bytes of what is due; exit 5 when a hold keeps something
    #[command(after_help = "Examples:
  lazaretctl retention run --dry-run
  lazaretctl retention run
  lazaretctl retention run --clock-is-right
  lazaretctl retention run 01JD9Z6M8Q3V5X7Y9A1B2C3D4E")]
    Run {
        /// Only these documents; nothing happens unless each is due and free
        ids: Vec<String>,
        /// Only say what would be destroyed, and what keeps it
        #[arg(long)]
        dry_run: bool,
        /// The wall clock of the appliance is right, although the daemon doubts it (see doctor)
        #[arg(long)]
        clock_is_right: bool,
    },
}

#[derive(Serialize)]
struct Shown {
    id: String,
    state: String,
    until: String,
    rule: String,
    schedules: Vec<Term>,
    due: Vec<String>,
    whole: bool,
    holds: Vec<String>,
    destroyed: bool,
}

/// Runs one of them.
pub(crate) async fn run(retention: &Retention, client: &Client, format: Format) -> Outcome {
    match retention {
        Retention::List { due: true } => {
            let due = gather(client.retention().due(DueRequest::default()).await?.into_inner()).await?;
            print_due(format, &due, false)
        }
        Retention::List { due: false } => {
            let all = all(client).await?;
            print_all(format, &all)
        }
        Retention::Run { ids, dry_run, clock_is_right } => {
            let request =
                RunRetentionRequest { dry_run: *dry_run, ids: ids.clone(), clock_is_right: *clock_is_right };
            let done = gather(client.retention().run(request).await?.into_inner()).await?;
            print_due(format, &done, *dry_run)?;
            if *dry_run { Ok(()) } else { told(&done, !ids.is_empty()) }
        }
    }
}

/// What a run could not do.
fn told(done: &[Shown], named: bool) -> Outcome {
    let held: Vec<&Shown> = done.iter().filter(|document| !document.holds.is_empty()).collect();
    if !held.is_empty() {
        let names: BTreeSet<&str> =
            held.iter().flat_map(|document| document.holds.iter().map(String::as_str)).collect();
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("due but held: {} documents, by {names} (legal-hold)", held.len());
        return Err(Failure::new(Exit::Conflict, message));
    }
    let left = done.iter().filter(|document| !document.destroyed).count();
    if left == 0 {
        return Ok(());
    }
    let message = format!("{left} documents changed meanwhile and were not destroyed; run it again");
    Err(Failure::new(if named { Exit::Conflict } else { Exit::Temporary }, message))
}

async fn all(client: &Client) -> Outcome<Vec<Shown>> {
    let mut all: Vec<Shown> = Vec::new();
    loop {
        let after = all.last().map(|document| document.id.clone());
        let page = client.retention().due(DueRequest { all: true, after }).await?.into_inner();
        let page = gather(page).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

async fn gather(mut stream: Streaming<Expiry>) -> Outcome<Vec<Shown>> {
    let mut shown = Vec::new();
    while let Some(e) = stream.message().await? {
        shown.push(Shown {
            id: e.id,
            state: e.state,
            until: time(e.until_ms),
            rule: e.rule,
            schedules: e.schedules.into_iter().map(Term::from).collect(),
            due: e.over,
            whole: e.whole,
            holds: e.holds,
            destroyed: e.destroyed,
        });
    }
    Ok(shown)
}

fn print_due(format: Format, shown: &[Shown], dry_run: bool) -> Outcome {
    output::many(
        format,
        &[],
        "documents",
        shown,
        |document| document.id.clone(),
        || {
            let mut table = Table::new(&[
                Column::Fixed("ID"),
                Column::Text("WHAT"),
                Column::Text("RULE"),
                Column::Text("RESULT"),
            ]);
            for document in shown {
                let what = if document.whole { "all of it".to_owned() } else { document.due.join(" ") };
                let rules: BTreeSet<&str> = document
                    .schedules
                    .iter()
                    .filter(|term| document.due.contains(&term.schedule))
                    .map(|term| term.rule.as_str())
                    .collect();
                let result = match (document.destroyed, document.holds.as_slice()) {
                    (true, _) => "destroyed".to_owned(),
                    (false, []) if document.due.is_empty() => "not due".to_owned(),
                    (false, []) if dry_run => "would be destroyed".to_owned(),
                    (false, []) => "due".to_owned(),
                    (false, holds) => format!("held: {}", holds.join(" ")),
                };
                let rules = rules.into_iter().collect::<Vec<_>>().join(" ");
                table.row([document.id.clone(), what, rules, result]);
            }
            table
        },
    )
}

fn print_all(format: Format, shown: &[Shown]) -> Outcome {
    output::many(
        format,
        &[],
        "documents",
        shown,
        |document| document.id.clone(),
        || {
            let mut table = Table::new(&[
                Column::Fixed("ID"),
                Column::Fixed("PART"),
                Column::Fixed("KEPT UNTIL"),
                Column::Text("RULE"),
                Column::Text("HELD BY"),
            ]);
            for document in shown {
                for term in &document.schedules {
                    let until = if term.destroyed { "destroyed".to_owned() } else { term.until.clone() };
                    table.row([
                        document.id.clone(),
                        term.schedule.clone(),
                        until,
                        term.rule.clone(),
                        document.holds.join(" "),
                    ]);
                }
            }
            table
        },
    )
}
