//! `audit checkpoint` and `audit pubkey`: what an auditor takes away.

use super::{Dir, as_finding, qr};
use crate::{
    fail::{Exit, Failure, Outcome},
    get,
    output::{self, Format, Table},
};
use clap::Args;
use ledger::{CheckpointLog, LedgerError, Signed};
use serde::Serialize;
use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

/// Where from, and in which form.
#[derive(Args)]
pub(crate) struct Checkpoint {
    #[command(flatten)]
    dir: Dir,
    /// Print it as a QR code; the terminal must be about 100 columns wide
    #[arg(long, conflicts_with = "png")]
    qr: bool,
    /// Write it as a QR code in a PNG file
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

#[derive(Serialize)]
struct View {
    records: u64,
    root: String,
    at: String,
    key: String,
    note: String,
}

/// Prints it.
pub(crate) fn run(what: &Checkpoint, format: Format) -> Outcome {
    let signed = found(CheckpointLog::last_of(&what.dir.path()?))?;
    if what.qr {
        return output::print(&qr::text(signed.note(), std::io::stdout().is_terminal())?);
    }
    if let Some(path) = &what.png {
        let png = qr::png(signed.note())?;
        let mut file = get::create(path)?;
        let written = file.write_all(&png).and_then(|()| file.sync_all());
        return written.map_err(|error| Failure::file(path, &error));
    }
    let checkpoint = &signed.checkpoint;
    let view = View {
        records: checkpoint.mark.size,
        root: checkpoint.mark.root.to_string(),
        at: checkpoint.at.to_string(),
        key: checkpoint.key.to_string(),
        note: signed.note().to_owned(),
    };
    match format {
        // The note is the file that others verify, byte for byte.
        Format::Table => output::print(signed.note()),
        Format::Json | Format::Jsonl | Format::Name => {
            output::one(format, &view, &view.root, || Table::new(&[]))
        }
    }
}

/// Prints the first key.
pub(crate) fn pubkey(dir: &Path) -> Outcome {
    output::print(&format!("{}\n", found(CheckpointLog::first_of(dir))?.checkpoint.key))
}

fn found(read: Result<Option<Signed>, LedgerError>) -> Outcome<Signed> {
    let none =
        || Failure::new(Exit::NotFound, "no checkpoint was signed yet; the daemon signs one when it starts");
    read.map_err(|error| as_finding(&error))?.ok_or_else(none)
}
