//! `lazaretctl retention …`: what is due, and its destruction.

use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
    shape::time,
};
use api::v1::{DueRequest, Expiry, RunRetentionRequest};
use clap::Subcommand;
use serde::Serialize;
use tonic::Streaming;

/// See what is due, and destroy it.
#[derive(Subcommand)]
pub(crate) enum Retention {
    /// List documents whose retention is over
    #[command(after_help = "Example:
  lazaretctl retention list --due")]
    List {
        /// Only what is due now; there is no other list yet
        #[arg(long)]
        due: bool,
    },
    /// Destroy keys and bytes of what is due; exit 5 when a hold keeps something
    #[command(after_help = "Examples:
  lazaretctl retention run --dry-run
  lazaretctl retention run")]
    Run {
        /// Only say what would be destroyed
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Serialize)]
struct Shown {
    id: String,
    until: String,
    rule: String,
    holds: Vec<String>,
    destroyed: bool,
}

/// Runs one of them.
pub(crate) async fn run(retention: &Retention, client: &Client, format: Format) -> Outcome {
    match retention {
        Retention::List { due: _ } => {
            print(format, client.retention().due(DueRequest {}).await?.into_inner()).await?;
            Ok(())
        }
        Retention::Run { dry_run } => {
            let stream =
                client.retention().run(RunRetentionRequest { dry_run: *dry_run }).await?.into_inner();
            match print(format, stream).await? {
                held if held > 0 && !dry_run => {
                    let message = format!("due but held: {held} documents; see lazaretctl unhold");
                    Err(Failure::new(Exit::Conflict, message))
                }
                _ => Ok(()),
            }
        }
    }
}

/// Prints documents; how many of them a hold keeps.
async fn print(format: Format, mut stream: Streaming<Expiry>) -> Outcome<usize> {
    let mut shown: Vec<Shown> = Vec::new();
    while let Some(e) = stream.message().await? {
        shown.push(Shown {
            id: e.id,
            until: time(e.until_ms),
            rule: e.rule,
            holds: e.holds,
            destroyed: e.destroyed,
        });
    }
    output::many(
        format,
        &[],
        "documents",
        &shown,
        |document| document.id.clone(),
        || {
            let columns = [
                Column::Fixed("ID"),
                Column::Fixed("KEPT UNTIL"),
                Column::Text("RULE"),
                Column::Text("RESULT"),
            ];
            let mut table = Table::new(&columns);
            for document in &shown {
                let result = match (document.destroyed, document.holds.as_slice()) {
                    (true, _) => "destroyed".to_owned(),
                    (false, []) => "due".to_owned(),
                    (false, holds) => format!("held: {}", holds.join(" ")),
                };
                table.row([document.id.clone(), document.until.clone(), document.rule.clone(), result]);
            }
            table
        },
    )?;
    Ok(shown.iter().filter(|document| !document.holds.is_empty()).count())
}
