//! `lazaretctl bench`: drops a set of files into an inbox of a running appliance and says what its trip
//! cost. The figures are the appliance's own, plus what `/proc` says of this machine.

mod machine;
mod peer;
mod report;
mod store;
mod vault;

use crate::{
    appliance,
    client::Client,
    doc,
    fail::{Exit, Failure, Outcome},
    output::{self, Format},
    wait,
};
use aws_lc_rs::digest::{SHA256, digest};
use clap::{Args, Subcommand};
use machine::Memory;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};
use tokio::{sync::oneshot, time::timeout};

/// Between two samples of queue and memory.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(500);

/// Most files of one run.
const FILES_MAX: usize = 100_000;

/// What to measure.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) part: Option<Part>,
    /// Folder of documents, searched with its subfolders
    #[arg(long, value_name = "DIR", required = true)]
    set: Option<PathBuf>,
    /// Inbox to drop them into [default: the first inbox of the appliance]
    #[arg(long, value_name = "DIR")]
    inbox: Option<PathBuf>,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    timeout: u64,
}

/// A part of the appliance, measured by itself.
#[derive(Subcommand)]
pub(crate) enum Part {
    /// Durable commits per second of the ledger, offline
    ///
    /// A build with the feature `peer` measures SQLite beside it, turn by turn:
    /// cargo run --release -p ctl --features peer -- bench store --dir DIR
    #[command(
        verbatim_doc_comment,
        after_help = "Example:
  lazaretctl bench store --dir /var/lib/lazaret -o json"
    )]
    Store(store::Store),
    /// Bytes per second that are sealed and opened, offline, beside `openssl speed` where there is an openssl
    #[command(after_help = "Example:
  lazaretctl bench vault --dir /dev/shm")]
    Vault(vault::Sealing),
}

/// Measures a part, offline.
pub(crate) fn part(part: &Part, format: Format) -> Outcome {
    match part {
        Part::Store(what) => store::run(what, format),
        Part::Vault(what) => vault::run(what, format),
    }
}

/// The middle of some figures.
fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(0.0)
}

/// One look at the running appliance.
#[derive(Clone, Copy)]
struct Sample {
    at: Duration,
    waiting: u64,
    moving: u64,
    memory: Memory,
}

/// Everything the report is made of.
struct Run {
    wall: Duration,
    samples: Vec<Sample>,
    before: api::v1::StatusReply,
    after: api::v1::StatusReply,
    /// When each file was dropped, by its SHA-256, ms since 1970.
    dropped: BTreeMap<String, u64>,
    documents: Vec<crate::shape::Document>,
}

/// Measures.
pub(crate) async fn run(what: &Bench, client: &Client, format: Format) -> Outcome {
    let before = appliance::fetch(client).await?;
    let inbox = inbox(what, &before)?;
    let set = what.set.as_deref().ok_or_else(|| Failure::new(Exit::Usage, "give a folder with --set"))?;
    let files = files(set)?;
    let started = Instant::now();
    let (stop, stopped) = oneshot::channel();
    let sampling = tokio::spawn(sample(client.clone(), started, stopped));
    let dropped = drop_all(&files, &inbox)?;
    let deadline = started + Duration::from_secs(what.timeout);
    let waited = wait::until_rest(client, &[], Some(deadline)).await;
    let wall = started.elapsed();
    drop(stop);
    let samples = sampling.await.map_err(|_| Failure::new(Exit::Failure, "sampling was interrupted"))?;
    waited?;
    let after = appliance::fetch(client).await?;
    let documents = doc::all(client, None, None, None).await?;
    let run = Run { wall, samples, before, after, dropped, documents };
    let report = report::Report::of(&run);
    output::one(format, &report, "", || report.table())
}

/// Looks until told to stop.
async fn sample(client: Client, started: Instant, mut stopped: oneshot::Receiver<()>) -> Vec<Sample> {
    let mut samples = Vec::new();
    loop {
        // A look that fails is left out; waiting reports why.
        if let Ok(seen) = wait::ask(&client, &[]).await {
            let (waiting, moving) = (seen.waiting_in_inboxes, seen.moving);
            samples.push(Sample { at: started.elapsed(), waiting, moving, memory: Memory::now() });
        }
        if timeout(SAMPLE_INTERVAL, &mut stopped).await.is_ok() {
            return samples;
        }
    }
}

fn inbox(what: &Bench, status: &api::v1::StatusReply) -> Outcome<PathBuf> {
    let first = || status.sources.iter().find_map(|source| source.folder.as_ref()).map(PathBuf::from);
    let none = || Failure::new(Exit::Usage, "the appliance watches no folder; give one with --inbox");
    what.inbox.clone().or_else(first).ok_or_else(none)
}

/// Every document of the set, in the order of paths. JSON files are truth or sidecars, not documents.
fn files(set: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![set.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| Failure::file(&folder, &error))?;
        for entry in entries.take(FILES_MAX) {
            let entry = entry.map_err(|error| Failure::file(&folder, &error))?;
            let (path, kind) =
                (entry.path(), entry.file_type().map_err(|error| Failure::file(&folder, &error))?);
            // Links are not followed, so the walk ends.
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_none_or(|end| end != "json") {
                files.push(path);
            }
        }
    }
    files.sort();
    files.truncate(FILES_MAX);
    if files.is_empty() {
        return Err(Failure::new(Exit::NotFound, format!("{} holds no files", set.display())));
    }
    Ok(files)
}

/// Copies each file under a hidden name, then renames it: what arrives is whole.
fn drop_all(files: &[PathBuf], inbox: &Path) -> Outcome<BTreeMap<String, u64>> {
    let mut dropped = BTreeMap::new();
    for (number, path) in files.iter().enumerate() {
        let bytes = fs::read(path).map_err(|error| Failure::file(path, &error))?;
        // Numbered, since files of two subfolders may have one name.
        let name = format!("{number:05}-{}", path.file_name().unwrap_or_default().to_string_lossy());
        let (part, whole) = (inbox.join(format!(".{name}.part")), inbox.join(name));
        let arrived = fs::write(&part, &bytes).and_then(|()| fs::rename(&part, &whole));
        arrived.map_err(|error| Failure::file(&whole, &error))?;
        let hash: String =
            digest(&SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        dropped.insert(hash, now_ms());
    }
    Ok(dropped)
}

#[expect(clippy::disallowed_methods, reason = "compared with the daemon's times on the same machine")]
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
