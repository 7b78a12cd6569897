//! `lazaretctl status`, `doctor`, `reload` and `store rebuild`: the machine itself.

use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
    shape::time,
};
use api::v1::{Checks, DoctorRequest, RebuildIndexRequest, ReloadRequest, StatusReply, StatusRequest};
use clap::Subcommand;
use serde::Serialize;
use std::collections::BTreeMap;

/// Look after the index.
#[derive(Subcommand)]
pub(crate) enum Store {
    /// Build the index again from the ledger, which is the truth
    #[command(after_help = "Example:
  lazaretctl store rebuild")]
    Rebuild,
}

#[derive(Serialize)]
struct Status {
    site: String,
    build: String,
    started_at: String,
    degraded: bool,
    landlock_abi: u32,
    counts: BTreeMap<String, u64>,
    waiting_in_inboxes: u64,
    ledger_records: u64,
    keystore_generation: u64,
    free_bytes: u64,
    floor_bytes: u64,
    ballast_bytes: u64,
    rss_bytes: u64,
    sealed: bool,
    queued: u64,
    keys_rotated_at: Option<String>,
    oldest_undelivered: Option<String>,
    sources: Vec<Source>,
    stations: Vec<Station>,
}

#[derive(Serialize)]
struct Source {
    name: String,
    folder: Option<String>,
    waiting: u64,
    network: bool,
}

#[derive(Serialize)]
struct Station {
    station: String,
    cpu_ms: u64,
    wall_ms: u64,
    pages: u64,
    peak_rss_bytes: u64,
}

#[derive(Serialize)]
struct Check {
    name: String,
    ok: bool,
    detail: String,
}

#[derive(Serialize)]
struct Rebuilt {
    records: u64,
}

/// Fetches the status.
pub(crate) async fn fetch(client: &Client) -> Outcome<StatusReply> {
    Ok(client.appliance().status(StatusRequest {}).await?.into_inner())
}

/// Prints the status.
pub(crate) async fn status(client: &Client, format: Format) -> Outcome {
    let status = Status::from(fetch(client).await?);
    output::one(format, &status, &status.site, || {
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        let mut line = |name: &str, value: String| table.row([name.to_owned(), value]);
        line("site", status.site.clone());
        line("build", status.build.clone());
        line("started", status.started_at.clone());
        if status.sealed {
            line("keys", "SEALED: files are taken in and none is read; run lazaretctl unseal".to_owned());
        }
        if let Some(at) = &status.keys_rotated_at {
            line("keys", format!("rotated {at}"));
        }
        if status.queued > 0 {
            line("taken while sealed", format!("{} waiting", status.queued));
        }
        let sandbox = if status.degraded { "DEGRADED by configuration" } else { "fully enforced" };
        line("sandbox", format!("{sandbox}, Landlock ABI {}", status.landlock_abi));
        for (state, documents) in &status.counts {
            line(state, documents.to_string());
        }
        if let Some(at) = &status.oldest_undelivered {
            line("oldest undelivered", format!("received {at}"));
        }
        line("in inboxes", status.waiting_in_inboxes.to_string());
        line("ledger", format!("{} records", status.ledger_records));
        line("keystore", format!("generation {}", status.keystore_generation));
        let (free, floor, ballast) = (status.free_bytes, status.floor_bytes, status.ballast_bytes);
        line("disk free", format!("{} (floor {}, ballast {})", size(free), size(floor), size(ballast)));
        line("memory", size(status.rss_bytes));
        for source in &status.sources {
            let folder = source.folder.as_deref().unwrap_or("(network only)");
            let network = if source.network { ", network file system" } else { "" };
            line(
                &format!("source {}", source.name),
                format!("{} waiting, {folder}{network}", source.waiting),
            );
        }
        for station in &status.stations {
            let (cpu, wall) = (station.cpu_ms as f64 / 1e3, station.wall_ms as f64 / 1e3);
            let used = format!("{} pages, {cpu:.1} s CPU, {wall:.1} s", station.pages);
            line(&format!("station {}", station.station), used);
        }
        table
    })
}

/// Prints what the doctor found; exit 6 when something is wrong.
pub(crate) async fn doctor(client: &Client, format: Format) -> Outcome {
    print_checks(client.appliance().doctor(DoctorRequest {}).await?.into_inner(), format)
}

/// Prints what was looked at; exit 6 when something is wrong.
pub(crate) fn print_checks(reply: Checks, format: Format) -> Outcome {
    let checks =
        reply.checks.into_iter().map(|check| Check { name: check.name, ok: check.ok, detail: check.detail });
    let checks: Vec<Check> = checks.collect();
    output::many(
        format,
        &[],
        "checks",
        &checks,
        |check| check.name.clone(),
        || {
            let mut table =
                Table::new(&[Column::Fixed("CHECK"), Column::Fixed("RESULT"), Column::Text("DETAIL")]);
            for check in &checks {
                let result = if check.ok { "ok" } else { "WRONG" };
                table.row([check.name.clone(), result.to_owned(), check.detail.clone()]);
            }
            table
        },
    )?;
    match checks.iter().filter(|check| !check.ok).count() {
        0 => Ok(()),
        wrong => {
            Err(Failure::new(Exit::Findings, format!("{wrong} of {} checks found something", checks.len())))
        }
    }
}

/// Reads policy and certificates again.
pub(crate) async fn reload(client: &Client) -> Outcome {
    let reloaded = client.appliance().reload(ReloadRequest {}).await;
    reloaded.map_err(|status| match Failure::from(status) {
        // What was refused is what the files say, not the call.
        failure if matches!(failure.exit, Exit::Usage | Exit::Conflict) => {
            Failure::new(Exit::InvalidConfiguration, failure.to_string())
        }
        failure => failure,
    })?;
    eprintln!("lazaretctl: policy, roles and certificates are in force");
    Ok(())
}

/// Rebuilds the index.
pub(crate) async fn store(store: &Store, client: &Client, format: Format) -> Outcome {
    let Store::Rebuild = store;
    let records = client.appliance().rebuild_index(RebuildIndexRequest {}).await?.into_inner().records;
    output::one(format, &Rebuilt { records }, &records.to_string(), || {
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        table.row(["records replayed".to_owned(), records.to_string()]);
        table
    })
}

/// Bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

impl From<StatusReply> for Status {
    fn from(s: StatusReply) -> Self {
        let source = |source: api::v1::Source| Source {
            name: source.name,
            folder: source.folder,
            waiting: source.waiting,
            network: source.network,
        };
        let station = |station: api::v1::Station| Station {
            station: station.name,
            cpu_ms: station.cpu_ms,
            wall_ms: station.wall_ms,
            pages: station.pages,
            peak_rss_bytes: station.peak_rss_bytes,
        };
        Self {
            site: s.site,
            build: s.build,
            started_at: time(s.started_at_ms),
            degraded: s.degraded,
            landlock_abi: s.landlock_abi,
            counts: s.counts.into_iter().map(|count| (count.state, count.documents)).collect(),
            waiting_in_inboxes: s.waiting_in_inboxes,
            ledger_records: s.ledger_records,
            keystore_generation: s.keystore_generation,
            free_bytes: s.free_bytes,
            floor_bytes: s.floor_bytes,
            ballast_bytes: s.ballast_bytes,
            rss_bytes: s.rss_bytes,
            sealed: s.sealed,
            queued: s.queued,
            keys_rotated_at: s.keys_rotated_at_ms.map(time),
            oldest_undelivered: s.oldest_undelivered_ms.map(time),
            sources: s.sources.into_iter().map(source).collect(),
            stations: s.stations.into_iter().map(station).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_short() {
        assert_eq!(
            [0, 1023, 1024, 5 << 30, u64::MAX].map(size),
            ["0 B", "1023 B", "1.0 KiB", "5.0 GiB", "16777216.0 TiB"]
        );
    }
}
