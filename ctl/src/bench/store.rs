//! `lazaretctl bench store`: durable commits per second of the ledger, beside SQLite on the same disk in the same
//! minutes. Works offline, in a folder of its own; no appliance is touched.

use super::{machine::Machine, median, peer};
use crate::{
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
};
use clap::Args;
use ledger::{Ledger, NewRecord};
use lifecycle::{Actor, Body, Event, Rendition};
use serde::Serialize;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use types::{DocId, UnixMillis};

/// Records a commit, and writers.
const CASES: [(usize, usize); 6] = [(1, 1), (10, 1), (100, 1), (1, 8), (10, 8), (100, 8)];
/// Each engine has its turn so often in each case; the order changes every time.
const ROUNDS: usize = 5;
/// Commits that share one fsync at most, as the daemon has it.
const GROUP_MAX: usize = 256;

/// What to measure, and where.
#[derive(Args)]
pub(crate) struct Store {
    /// Folder to write in, on the disk that matters; a subfolder is made and removed
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// One turn of one engine takes so many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    turn_ms: u64,
}

#[derive(Serialize)]
struct Report {
    cases: Vec<Case>,
    record_bytes: usize,
    rounds: usize,
    turn_ms: u64,
    /// What it is compared with; none when this build has nothing to compare with.
    peer: Option<String>,
    machine: Machine,
}

#[derive(Serialize)]
struct Case {
    writers: usize,
    records_per_commit: usize,
    /// Durable commits per second, median of the rounds.
    commits_per_s: f64,
    peer_commits_per_s: Option<f64>,
    ratio: Option<f64>,
    /// Slowest and fastest round.
    spread: (f64, f64),
}

/// Measures.
pub(crate) fn run(what: &Store, format: Format) -> Outcome {
    let home = what.dir.join(format!("lazaret-bench-{}", std::process::id()));
    fs::create_dir(&home).map_err(|error| Failure::file(&home, &error))?;
    let report = measure(&home, what.turn_ms);
    fs::remove_dir_all(&home).map_err(|error| Failure::file(&home, &error))?;
    let report = report?;
    output::one(format, &report, "", || report.table())
}

fn measure(home: &Path, turn_ms: u64) -> Outcome<Report> {
    let turn = Duration::from_millis(turn_ms);
    let payload = serde_json::to_vec(&lifecycle::Record {
        seq: 1_000_000,
        at: record(0).at,
        by: record(0).by,
        body: record(0).body,
    });
    let payload = payload.map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
    let mut cases = Vec::new();
    for (number, (records, writers)) in CASES.into_iter().enumerate() {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let mine = home.join(format!("ledger-{number}-{round}"));
            let other = home.join(format!("peer-{number}-{round}"));
            let mut turns: [&mut dyn FnMut() -> Outcome; 2] = [
                &mut || {
                    ours.push(ledger_commits(&mine, writers, records, turn)?);
                    Ok(())
                },
                &mut || {
                    theirs.extend(peer::commits(&other, writers, records, &payload, turn)?);
                    Ok(())
                },
            ];
            if round % 2 == 1 {
                turns.reverse();
            }
            turns.into_iter().try_for_each(|turn| turn())?;
        }
        cases.push(Case::of(writers, records, ours, theirs));
    }
    let (record_bytes, machine) = (payload.len(), Machine::here());
    Ok(Report { cases, record_bytes, rounds: ROUNDS, turn_ms, peer: peer::name(), machine })
}

/// Commits per second of so many writers, in a ledger of their own.
fn ledger_commits(dir: &Path, writers: usize, records: usize, turn: Duration) -> Outcome<f64> {
    let failed = |error: ledger::LedgerError| Failure::new(Exit::Failure, error.to_string());
    let (mut ledger, _) = Ledger::open(dir).map_err(failed)?;
    let batch = |from: usize| (from..from + records).map(|number| record(number as u64)).collect::<Vec<_>>();
    let start = Instant::now();
    if writers == 1 {
        let mut commits = 0_usize;
        while start.elapsed() < turn {
            ledger.append(batch(commits * records)).map_err(failed)?;
            commits += 1;
        }
        return Ok(commits as f64 / start.elapsed().as_secs_f64());
    }
    thread::scope(|scope| {
        let (send, orders) = mpsc::sync_channel::<(Vec<NewRecord>, mpsc::Sender<()>)>(GROUP_MAX);
        let producers: Vec<_> = (0..writers)
            .map(|writer| {
                let send = send.clone();
                scope.spawn(move || {
                    let mut commits = 0_usize;
                    while start.elapsed() < turn {
                        let (reply, durable) = mpsc::channel();
                        if send.send((batch((writer << 32) + commits * records), reply)).is_err() {
                            break;
                        }
                        if durable.recv().is_err() {
                            break;
                        }
                        commits += 1;
                    }
                    commits
                })
            })
            .collect();
        drop(send);
        // As the daemon's book does: what arrives while one fsync runs shares the next.
        while let Ok((mut group, reply)) = orders.recv() {
            let mut replies = vec![reply];
            while replies.len() < GROUP_MAX
                && let Ok((more, reply)) = orders.try_recv()
            {
                group.extend(more);
                replies.push(reply);
            }
            ledger.append(group).map_err(failed)?;
            // A writer whose turn is over does not wait for its answer.
            replies.into_iter().for_each(|reply| reply.send(()).unwrap_or_default());
        }
        let commits: usize = producers.into_iter().map(|producer| producer.join().unwrap_or(0)).sum();
        Ok(commits as f64 / start.elapsed().as_secs_f64())
    })
}

fn record(number: u64) -> NewRecord {
    let doc = DocId::from_parts(UnixMillis(1_795_502_192_007 + number), number.into());
    let event = Event::Read { rendition: Rendition::Redacted };
    NewRecord {
        at: UnixMillis(1_795_502_192_007 + number),
        by: Actor::Local { uid: 1000, pid: 4711 },
        body: Body::Document { doc, event },
    }
}

impl Case {
    fn of(writers: usize, records_per_commit: usize, ours: Vec<f64>, theirs: Vec<f64>) -> Self {
        let peer = (!theirs.is_empty()).then(|| median(theirs));
        let (low, high) =
            ours.iter().fold((f64::MAX, 0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
        let mine = median(ours);
        Self {
            writers,
            records_per_commit,
            commits_per_s: mine,
            peer_commits_per_s: peer,
            ratio: peer.map(|peer| mine / peer),
            spread: (low, high),
        }
    }
}

impl Report {
    fn table(&self) -> Table {
        let peer = self.peer.as_deref().unwrap_or("no peer");
        let mut table = Table::new(&[
            Column::Fixed("WRITERS"),
            Column::Fixed("RECORDS"),
            Column::Fixed("LEDGER"),
            Column::Fixed("PEER"),
            Column::Fixed("RATIO"),
            Column::Text("ROUNDS"),
        ]);
        for case in &self.cases {
            table.row([
                case.writers.to_string(),
                case.records_per_commit.to_string(),
                format!("{:.0}/s", case.commits_per_s),
                case.peer_commits_per_s.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}/s")),
                case.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
                format!("{:.0} to {:.0}/s", case.spread.0, case.spread.1),
            ]);
        }
        let Machine { cpu, cores, kernel, .. } = &self.machine;
        let mut note = |text: String| {
            table.row([String::new(), String::new(), String::new(), String::new(), String::new(), text]);
        };
        note(format!("durable commits, median of {} turns of {} ms", self.rounds, self.turn_ms));
        note(format!("records of {} bytes; peer: {peer}", self.record_bytes));
        note(format!("{cpu}, {cores} cores, Linux {kernel}"));
        table
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_case_is_measured_and_the_folder_is_gone_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        run(&Store { dir: dir.path().to_owned(), turn_ms: 10 }, Format::Json).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let report = measure(dir.path(), 10).unwrap();
        assert_eq!(report.cases.len(), CASES.len());
        assert!(report.cases.iter().all(|case| case.commits_per_s > 0.0));
        assert_eq!(report.peer.is_some(), report.cases.iter().all(|case| case.ratio.is_some()));
    }
}
