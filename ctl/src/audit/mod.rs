//! `lazaretctl audit`: everything an auditor does, offline, without a daemon and without keys.
//!
//! What holds and what does not is decided in `ledger`; this reads files, and prints.

mod checkpoint;
mod proof;
mod qr;
mod verify;

use crate::{
    fail::{Exit, Failure, Outcome},
    output::Format,
};
use clap::{Args, Subcommand};
use ledger::{LedgerError, NOTE_BYTES_MAX, Signed, VerifyingKey};
use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

/// Where the configuration of an installed appliance lies.
const CONFIG: &str = "/etc/lazaret/lazaret.toml";
/// Folder of the segments under the state directory.
const LEDGER_DIR: &str = "ledger";

/// Prove what happened, offline: without a daemon and without keys.
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Check every record, checkpoint and key of a ledger; exit 6 on a fault
    #[command(after_help = "Examples:
  lazaretctl audit verify
  lazaretctl audit verify --dir /mnt/copy/ledger --pubkey lazaret.pub \\
      --checkpoint /mnt/usb/today.note
  lazaretctl audit verify --size 4711 --root 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  lazaretctl audit verify --proof proof.json --checkpoint mine.note --pubkey lazaret.pub")]
    Verify(verify::Verify),
    /// Prove that the records of one document are in the ledger
    #[command(after_help = "Example:
  lazaretctl audit prove 01JD9Z6M8Q3V5X7Y9A1B2C3D4E -O proof.json")]
    Prove(proof::Prove),
    /// Print the newest checkpoint, also as a QR code, to take it away
    #[command(after_help = "Examples:
  lazaretctl audit checkpoint > /mnt/usb/today.note
  lazaretctl audit checkpoint --qr
  lazaretctl audit checkpoint --png today.png")]
    Checkpoint(checkpoint::Checkpoint),
    /// Print the first public key of the checkpoints, to pin it
    #[command(after_help = "Example:
  lazaretctl audit pubkey > lazaret.pub")]
    Pubkey(Dir),
}

/// Which ledger.
#[derive(Args)]
pub(crate) struct Dir {
    /// Folder of the segments [default: that of the appliance on this machine]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Dir {
    fn path(&self) -> Outcome<PathBuf> {
        if let Some(dir) = &self.dir {
            return Ok(dir.clone());
        }
        let settings = config::load(Path::new(CONFIG)).map_err(|errors| {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            Failure::new(Exit::Usage, format!("where is the ledger? Give --dir DIR. {first}"))
        })?;
        Ok(settings.paths.state_dir.join(LEDGER_DIR))
    }
}

/// Runs one of them.
pub(crate) fn run(verb: &Audit, format: Format) -> Outcome {
    match verb {
        Audit::Verify(what) => verify::run(what, format),
        Audit::Prove(what) => proof::run(what),
        Audit::Checkpoint(what) => checkpoint::run(what, format),
        Audit::Pubkey(dir) => checkpoint::pubkey(&dir.path()?),
    }
}

/// A checkpoint that somebody took away earlier.
fn read_checkpoint(path: &Path) -> Outcome<Signed> {
    let note = read_bounded(path, NOTE_BYTES_MAX)?;
    Signed::parse(&note).map_err(|fault| Failure::new(Exit::Findings, fault.to_string()).about(path))
}

fn read_key(path: &Path) -> Outcome<VerifyingKey> {
    let text = read_bounded(path, NOTE_BYTES_MAX)?;
    text.trim_end()
        .parse()
        .map_err(|bad: ledger::BadKey| Failure::new(Exit::Usage, bad.to_string()).about(path))
}

fn read_bounded(path: &Path, bytes_max: usize) -> Outcome<String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    let read = file.take(bytes_max as u64 + 1).read_to_string(&mut text);
    read.map_err(|error| Failure::file(path, &error))?;
    if text.len() > bytes_max {
        let message = format!("expected at most {bytes_max} bytes, found more");
        return Err(Failure::new(Exit::Usage, message).about(path));
    }
    Ok(text)
}

/// What is wrong with a ledger is a finding; what keeps us from looking is not.
fn as_finding(error: &LedgerError) -> Failure {
    let exit = match error {
        LedgerError::Damaged(_)
        | LedgerError::RolledBack { .. }
        | LedgerError::Rewritten { .. }
        | LedgerError::BadCheckpoint { .. } => Exit::Findings,
        _ => Exit::Failure,
    };
    Failure::new(exit, error.to_string())
}
