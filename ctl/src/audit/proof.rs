//! `audit prove`: one document's records and their way to the newest checkpoint, as one file.

use super::{Dir, as_finding, read_checkpoint};
use crate::{
    fail::{Exit, Failure, Outcome},
    get, output,
};
use clap::Args;
use ledger::{ProofFault, prove};
use std::{io::Write as _, path::PathBuf};
use types::DocId;

/// Which document, and where to.
#[derive(Args)]
pub(crate) struct Prove {
    /// Id of the document
    id: DocId,
    #[command(flatten)]
    dir: Dir,
    /// Prove too that the ledger of this earlier checkpoint is its beginning
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// File to write, mode 0600; - is stdout
    #[arg(short = 'O', long = "out", value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

/// Proves.
pub(crate) fn run(what: &Prove) -> Outcome {
    let since = what.checkpoint.as_deref().map(read_checkpoint).transpose()?;
    let (proof, newer) = prove(&what.dir.path()?, what.id, since.as_ref()).map_err(|fault| match &fault {
        ProofFault::Ledger(error) => as_finding(error),
        ProofFault::NoCheckpoint | ProofFault::NoRecord(_) => Failure::new(Exit::NotFound, fault.to_string()),
        _ => Failure::new(Exit::Failure, fault.to_string()),
    })?;
    let json = serde_json::to_string_pretty(&proof)
        .map_err(|error| Failure::new(Exit::Failure, format!("cannot write JSON: {error}")))?;
    if newer > 0 {
        eprintln!("lazaretctl: {newer} newer records are not covered by a checkpoint yet");
    }
    if what.out.as_os_str() == "-" {
        return output::print(&(json + "\n"));
    }
    let mut file = get::create(&what.out)?;
    let written = file.write_all((json + "\n").as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| Failure::file(&what.out, &error))
}
