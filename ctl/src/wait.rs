//! `lazaretctl wait`: until documents rest.

use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
    output::{self, Format, Table},
};
use api::{PROGRESS_IDS_MAX, v1::ProgressRequest};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Between two looks; an empty look costs the daemon some microseconds.
const INTERVAL: Duration = Duration::from_millis(200);
/// Rest must be seen this often in a row, so that a file on its way from inbox to ledger is not missed.
const LOOKS_MIN: u32 = 2;

/// What to wait for.
#[derive(Args)]
pub(crate) struct Wait {
    /// Ids of documents
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// Every document, and the files that still lie in inboxes
    #[arg(long)]
    all: bool,
    /// Give up after so many seconds, with exit code 75
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

/// How far the documents are.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct Seen {
    pub(crate) waiting_in_inboxes: u64,
    pub(crate) moving: u64,
    pub(crate) resting: u64,
}

impl Seen {
    fn rests(self) -> bool {
        self.waiting_in_inboxes == 0 && self.moving == 0
    }
}

/// Waits.
pub(crate) async fn run(what: &Wait, client: &Client, format: Format) -> Outcome {
    let deadline = what.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let seen = until_rest(client, &what.ids, deadline).await?;
    match format {
        // People see the bar; scripts see the exit code.
        Format::Table | Format::Name => Ok(()),
        Format::Json | Format::Jsonl => output::one(format, &seen, "", || Table::new(&[])),
    }
}

/// Looks again and again until all rest.
pub(crate) async fn until_rest(client: &Client, ids: &[String], deadline: Option<Instant>) -> Outcome<Seen> {
    let bar = bar();
    let mut rested = 0;
    loop {
        let seen = look(client, ids).await?;
        show(&bar, seen);
        rested = if seen.rests() { rested + 1 } else { 0 };
        if rested >= LOOKS_MIN {
            bar.finish_and_clear();
            return Ok(seen);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            bar.finish_and_clear();
            let message = format!(
                "gave up: {} files in inboxes, {} documents on their way",
                seen.waiting_in_inboxes, seen.moving
            );
            return Err(Failure::new(Exit::Temporary, message));
        }
        sleep(INTERVAL).await;
    }
}

async fn look(client: &Client, ids: &[String]) -> Outcome<Seen> {
    if ids.is_empty() {
        return ask(client, &[]).await;
    }
    let mut sum = Seen::default();
    for ids in ids.chunks(PROGRESS_IDS_MAX) {
        let seen = ask(client, ids).await?;
        if seen.moving + seen.resting < ids.len() as u64 {
            return Err(Failure::new(
                Exit::NotFound,
                "there is no such document among these ids; see lazaretctl doc list",
            ));
        }
        sum = Seen {
            waiting_in_inboxes: 0,
            moving: sum.moving + seen.moving,
            resting: sum.resting + seen.resting,
        };
    }
    Ok(sum)
}

/// How far these are now; none named: all.
pub(crate) async fn ask(client: &Client, ids: &[String]) -> Outcome<Seen> {
    let reply = client.documents().progress(ProgressRequest { ids: ids.to_vec() }).await?.into_inner();
    Ok(Seen { waiting_in_inboxes: reply.waiting_in_inboxes, moving: reply.moving, resting: reply.resting })
}

/// On a terminal only; indicatif hides it everywhere else.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed} [{bar:30}] {pos}/{len} {msg}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, seen: Seen) {
    bar.set_length(seen.waiting_in_inboxes + seen.moving + seen.resting);
    bar.set_position(seen.resting);
    bar.set_message(format!("at rest, {} moving, {} in inboxes", seen.moving, seen.waiting_in_inboxes));
}
