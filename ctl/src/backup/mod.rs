//! `lazaretctl backup …` and `restore`: copies for the day the machine is gone.
//!
//! ```text
//! DIR/lazaret-backup.json        format, site and its public key
//! DIR/ledger/                    segments and checkpoints, continued by each run
//! DIR/blobs/DOCUMENT/AREA-BLOB   ciphertext, as it lies in the appliance
//! DIR/keys/keys-RUN.age          all keys, sealed to the escrow recipients; kept for a limited time
//! DIR/runs/RUN.json, .sig        what the run holds, signed by the site
//! DIR/runs/RUN.sha256            every file with its hash, as sha256sum reads it; of the last run only
//! ```
//! The daemon gives bytes and signs; comparing, writing, pruning and restoring are done here.

mod create;
mod folder;
mod history;
mod lost;
mod manifest;
mod medium;
mod partial;
mod restore;
mod verify;

use crate::{
    cli::Cli,
    client::Client,
    fail::Outcome,
    output::{self, Column, Table},
};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::path::PathBuf;

pub(crate) use restore::Restore;

/// Make and check copies for the day the machine is gone.
#[derive(Subcommand)]
pub(crate) enum Backup {
    /// Copy what is new from the running appliance; exit 6 when it misses something
    #[command(after_help = "Examples:
  lazaretctl backup create /mnt/backup
  lazaretctl backup create /mnt/backup --keys-dir /mnt/keys
  lazaretctl backup create /mnt/backup --full")]
    Create(Create),
    /// Read every byte of a backup again, offline; exit 6 with the place of damage
    #[command(after_help = "Examples:
  lazaretctl backup verify /mnt/backup
  lazaretctl backup verify /mnt/backup --pubkey site.pub -o json")]
    Verify(Verify),
}

/// Where a backup lies.
#[derive(Args)]
pub(crate) struct Place {
    /// Folder of the backup
    dir: PathBuf,
    /// Folder of the keys, on a medium of its own [default: DIR/keys]
    #[arg(long, value_name = "DIR")]
    keys_dir: Option<PathBuf>,
}

/// What to copy, and how.
#[derive(Args)]
pub(crate) struct Create {
    #[command(flatten)]
    place: Place,
    /// Read again what is there, and fetch what is no longer as it was signed
    #[arg(long)]
    full: bool,
}

/// What to check.
#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    place: Place,
    /// File with the site's public key in hex, noted earlier; without it the
    /// key that the backup names is believed
    #[arg(long, value_name = "FILE")]
    pubkey: Option<PathBuf>,
}

/// What a verb says at its end.
#[derive(Serialize)]
struct Summary {
    run: String,
    records: u64,
    documents: u64,
    blobs: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fetched_blobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fetched_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_blobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped_keys: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened_originals: Option<u64>,
    keys_until: String,
}

/// Runs one of them.
pub(crate) async fn run(backup: &Backup, cli: &Cli) -> Outcome {
    let summary = match backup {
        Backup::Create(what) => {
            let client = Client::connect(cli.config.as_deref()).await?;
            create::create(what, &client).await?
        }
        Backup::Verify(what) => verify::verify(what)?,
    };
    print(cli, &summary)
}

/// Restores a backup.
pub(crate) fn restore(what: &Restore, cli: &Cli) -> Outcome {
    let (summary, lost) = restore::restore(what)?;
    print(cli, &summary)?;
    lost.tell()
}

fn print(cli: &Cli, summary: &Summary) -> Outcome {
    output::one(cli.output, summary, &summary.run, || {
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        let mut row = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                table.row([name.to_owned(), value]);
            }
        };
        let number = |value: u64| Some(value.to_string());
        row("run", Some(summary.run.clone()));
        row("ledger records", number(summary.records));
        row("documents", number(summary.documents));
        row("blobs", number(summary.blobs));
        row("bytes", number(summary.bytes));
        row("fetched blobs", summary.fetched_blobs.map(|n| n.to_string()));
        row("fetched bytes", summary.fetched_bytes.map(|n| n.to_string()));
        row("removed blobs", summary.removed_blobs.map(|n| n.to_string()));
        row("keys left out", summary.dropped_keys.map(|n| n.to_string()));
        row("originals opened", summary.opened_originals.map(|n| n.to_string()));
        row("keys kept until", Some(summary.keys_until.clone()));
        table
    })
}
