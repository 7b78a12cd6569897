//! `lazaretctl ledger verify`: by the daemon, or offline on a copy of the segments.

use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
};
use api::v1::VerifyRequest;
use clap::Subcommand;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Prove that the ledger is whole.
#[derive(Subcommand)]
pub(crate) enum Ledger {
    /// Check every frame and the whole hash chain; exit 6 on damage
    #[command(after_help = "Examples:
  lazaretctl ledger verify
  lazaretctl ledger verify --dir /mnt/backup/lazaret/ledger")]
    Verify {
        /// Folder of the segments; no daemon is asked
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[derive(Serialize)]
struct Report {
    records: u64,
    segments: u64,
    tip: String,
}

/// Runs it; `connect` is called only when a daemon is needed.
pub(crate) async fn run(ledger: &Ledger, config: Option<&Path>, format: Format) -> Outcome {
    let Ledger::Verify { dir } = ledger;
    let report = match dir {
        Some(dir) => offline(dir)?,
        None => {
            let client = Client::connect(config).await?;
            let reply = client.ledger().verify(VerifyRequest {}).await.map_err(as_finding)?.into_inner();
            Report { records: reply.records, segments: reply.segments, tip: reply.tip }
        }
    };
    output::one(format, &report, &report.tip, || {
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        table.row(["records".to_owned(), report.records.to_string()]);
        table.row(["segments".to_owned(), report.segments.to_string()]);
        table.row(["tip".to_owned(), report.tip.clone()]);
        table.row(["result".to_owned(), "whole".to_owned()]);
        table
    })
}

/// The daemon answers damage as a failed precondition; for a caller it is a finding.
fn as_finding(status: tonic::Status) -> Failure {
    let failure = Failure::from(status);
    if failure.exit == Exit::Conflict { Failure::new(Exit::Findings, failure.to_string()) } else { failure }
}

fn offline(dir: &Path) -> Outcome<Report> {
    let report = ledger::verify(dir).map_err(|damage| Failure::new(Exit::Findings, damage.to_string()))?;
    Ok(Report { records: report.records, segments: report.segments, tip: report.tip.to_string() })
}
