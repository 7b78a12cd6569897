//! `lazaretctl key escrow`: who can open the copy of the keys in a backup. Offline.

use crate::{
    fail::{Failure, Outcome},
    output,
    setup::files,
};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use vault::Identity;

/// Look after keys.
#[derive(Subcommand)]
pub(crate) enum Key {
    /// Make an escrow identity and print its recipient, offline
    #[command(after_help = "Example:
  lazaretctl key escrow -O /media/safe-1/escrow.txt
Do it twice, on media that are kept in different places, and set the two
printed lines as backup.recipients in lazaret.toml. The file opens every
document of every backup: it never belongs on the appliance.")]
    Escrow(Escrow),
}

/// Where the identity goes.
#[derive(Args)]
pub(crate) struct Escrow {
    /// File to write, mode 0600; must not exist
    #[arg(short = 'O', long = "out", value_name = "FILE")]
    out: PathBuf,
}

/// Runs one of them.
pub(crate) fn run(key: &Key) -> Outcome {
    let Key::Escrow(what) = key;
    let identity = Identity::generate();
    files::new_file(&what.out, identity.file_text().as_bytes(), 0o600)?;
    let again = Identity::from_file(&what.out)
        .map_err(|error| Failure::new(crate::fail::Exit::Failure, error.to_string()))?;
    output::print(&format!("{}\n", again.recipient()))
}
