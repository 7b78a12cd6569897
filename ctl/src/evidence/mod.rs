//! `lazaretctl evidence …`: a bundle about documents for somebody who does not trust the appliance, and
//! the check of one, offline.

mod bundle;
mod chain;
mod check;
mod container;
mod document;
mod export;

use crate::{cli::Cli, client::Client, fail::Outcome};
use clap::Subcommand;

/// Hand evidence about documents to an auditor, and check it.
#[derive(Subcommand)]
pub(crate) enum Evidence {
    /// Write events, proofs, hashes and disclosures as a signed zip (needs audit)
    #[command(after_help = "Examples:
  lazaretctl evidence export 01JD9Z6M8Q3V5X7Y9A1B2C3D4E -O case-17.zip
  lazaretctl evidence export --from 2026-11-01 --to 2026-12-01 -O nov.zip")]
    Export(export::Export),
    /// Check a bundle offline: signature, hashes, proofs; exit 6 on a finding
    #[command(after_help = "Example:
  lazaretctl evidence verify nov.zip --pubkey lazaret.pub")]
    Verify(check::Verify),
}

/// Runs one of them; only the export needs a daemon.
pub(crate) async fn run(evidence: &Evidence, cli: &Cli) -> Outcome {
    match evidence {
        Evidence::Export(what) => export::run(what, &Client::connect(cli.config.as_deref()).await?).await,
        Evidence::Verify(what) => check::run(what, cli.output),
    }
}
