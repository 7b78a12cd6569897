//! The export: files as they come go into a zip.

use super::bundle::{SIGNATURE, is_plain};
use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
};
use api::v1::{EvidencePart, EvidenceRequest};
use clap::{ArgGroup, Args};
use jiff::{civil::Date, tz::TimeZone};
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use tonic::Streaming;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Of what, and where to.
#[derive(Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["ids", "from"]))]
pub(crate) struct Export {
    /// Ids of the documents
    #[arg(conflicts_with_all = ["from", "to"])]
    ids: Vec<String>,
    /// All documents received from this day on (UTC)
    #[arg(long, value_name = "DATE", requires = "to")]
    from: Option<Date>,
    /// To before this day (UTC)
    #[arg(long, value_name = "DATE", requires = "from")]
    to: Option<Date>,
    /// Zip file to write, mode 0600
    #[arg(short = 'O', long = "out", value_name = "FILE")]
    out: PathBuf,
}

/// Fetches and writes.
pub(crate) async fn run(what: &Export, client: &Client) -> Outcome {
    let (from_ms, to_ms) = match (what.from, what.to) {
        (Some(from), Some(to)) => (midnight_ms(from)?, midnight_ms(to)?),
        _ => (0, 0),
    };
    let request = EvidenceRequest { ids: what.ids.clone(), from_ms, to_ms };
    let stream = client.ledger().evidence(request).await?.into_inner();
    let out = &what.out;
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    let saved = save(stream, created.map_err(|error| Failure::file(out, &error))?, out).await;
    if saved.is_err()
        && let Err(error) = fs::remove_file(out)
    {
        eprintln!("lazaretctl: half of a bundle may be left: {error}");
    }
    saved
}

fn midnight_ms(day: Date) -> Outcome<u64> {
    let wrong = || Failure::new(Exit::Usage, format!("{day}: expected a day after 1970-01-01"));
    let midnight = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).map_err(|_| wrong())?;
    u64::try_from(midnight.as_millisecond()).map_err(|_| wrong())
}

async fn save(mut stream: Streaming<EvidencePart>, file: File, path: &Path) -> Outcome {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(file);
    let mut current = String::new();
    while let Some(part) = stream.message().await? {
        if part.path != current {
            if !is_plain(&part.path) {
                let message = "the daemon sent a file name that no bundle has; is it the right daemon?";
                return Err(Failure::new(Exit::Failure, message));
            }
            zip.start_file(part.path.as_str(), options).map_err(|error| broken(path, &error))?;
            current = part.path;
        }
        zip.write_all(&part.data).map_err(|error| Failure::file(path, &error))?;
    }
    if current != SIGNATURE {
        return Err(Failure::new(
            Exit::Temporary,
            "the daemon stopped before the end of the bundle; try again",
        ));
    }
    let file = zip.finish().map_err(|error| broken(path, &error))?;
    file.sync_all().map_err(|error| Failure::file(path, &error))
}

fn broken(path: &Path, error: &zip::result::ZipError) -> Failure {
    Failure::new(Exit::Failure, error.to_string()).about(path)
}
