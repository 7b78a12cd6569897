//! What a run cost, as figures.

use super::{Run, machine::Machine};
use crate::{
    appliance::size,
    output::{Column, Table},
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use types::UnixMillis;

/// Points of the queue's curve that are printed.
const QUEUE_POINTS_MAX: usize = 12;

/// The figures.
#[derive(Serialize)]
pub(super) struct Report {
    documents: u64,
    pages: u64,
    wall_s: f64,
    pages_per_minute: f64,
    cpu_s_per_page: f64,
    stations: Vec<Station>,
    /// From the file's arrival in the inbox to its last change of state, ms.
    completion_ms: Spread,
    /// From the file's arrival in the inbox to the durable record, the stability window included, ms.
    intake_ms: Spread,
    daemon_peak_bytes: u64,
    workers_peak_bytes: u64,
    worker_peak_bytes: u64,
    appliance_peak_bytes: u64,
    workers_most: u64,
    daemons: u64,
    queue: Vec<Queue>,
    states: BTreeMap<String, u64>,
    machine: Machine,
}

#[derive(Serialize)]
struct Station {
    station: String,
    pages: u64,
    cpu_s: f64,
    cpu_s_per_page: f64,
    wall_s: f64,
    peak_rss_bytes: u64,
}

#[derive(Clone, Copy, Serialize)]
struct Spread {
    p50: u64,
    p95: u64,
    max: u64,
}

#[derive(Serialize)]
struct Queue {
    at_s: f64,
    in_inboxes: u64,
    moving: u64,
}

impl Report {
    pub(super) fn of(run: &Run) -> Self {
        // Each dropped file once: bytes that were there before give a duplicate without pages.
        let ours: Vec<_> = run
            .documents
            .iter()
            .filter(|d| d.sha256.original.as_ref().is_some_and(|hash| run.dropped.contains_key(hash)))
            .filter(|d| d.parent.is_none() && d.received_at >= run.started_at())
            .collect();
        let pages: u64 = ours.iter().filter_map(|d| d.pages).map(u64::from).sum();
        let stations = stations(run, pages);
        let wall_s = run.wall.as_secs_f64();
        let since_drop = |to: fn(&crate::shape::Document) -> &String| -> Spread {
            let took = ours.iter().filter_map(|d| {
                let dropped = *run.dropped.get(d.sha256.original.as_ref()?)?;
                Some(millis(to(d))?.saturating_sub(dropped))
            });
            Spread::of(took.collect())
        };
        let most = |of: fn(&super::Sample) -> u64| run.samples.iter().map(of).max().unwrap_or(0);
        let mut states = BTreeMap::new();
        ours.iter().for_each(|d| *states.entry(d.state.clone()).or_insert(0) += 1);
        Self {
            documents: ours.iter().map(|d| &d.id).collect::<BTreeSet<_>>().len() as u64,
            pages,
            wall_s,
            pages_per_minute: pages as f64 / wall_s * 60.0,
            cpu_s_per_page: stations.iter().map(|station| station.cpu_s).sum::<f64>() / pages.max(1) as f64,
            completion_ms: since_drop(|d| &d.updated_at),
            intake_ms: since_drop(|d| &d.received_at),
            daemon_peak_bytes: most(|sample| sample.memory.daemon).max(run.after.rss_bytes),
            workers_peak_bytes: most(|sample| sample.memory.workers),
            worker_peak_bytes: stations.iter().map(|station| station.peak_rss_bytes).max().unwrap_or(0),
            appliance_peak_bytes: most(|sample| sample.memory.sum()),
            workers_most: most(|sample| sample.memory.worker_count),
            daemons: most(|sample| sample.memory.daemon_count),
            stations,
            queue: queue(run),
            states,
            machine: Machine::here(),
        }
    }

    pub(super) fn table(&self) -> Table {
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        let mut line = |name: &str, value: String| table.row([name.to_owned(), value]);
        let machine = &self.machine;
        let memory = size(machine.memory_bytes);
        line(
            "machine",
            format!("{}, {} cores, {memory}, Linux {}", machine.cpu, machine.cores, machine.kernel),
        );
        line("documents", format!("{}, {} pages", self.documents, self.pages));
        line(
            "states",
            self.states.iter().map(|(state, n)| format!("{state} {n}")).collect::<Vec<_>>().join(", "),
        );
        line("wall", format!("{:.1} s, {:.1} pages/min", self.wall_s, self.pages_per_minute));
        line("CPU per page", format!("{:.2} s", self.cpu_s_per_page));
        for s in &self.stations {
            let figures = format!(
                "{:.2} s/page, {:.1} s CPU, {:.1} s, peak {}",
                s.cpu_s_per_page,
                s.cpu_s,
                s.wall_s,
                size(s.peak_rss_bytes)
            );
            line(&format!("  {}", s.station), figures);
        }
        line("completion", self.completion_ms.text());
        line("intake", self.intake_ms.text());
        line("daemon peak", size(self.daemon_peak_bytes));
        line(
            "worker peak",
            format!(
                "{} in one, {} in {} at once",
                size(self.worker_peak_bytes),
                size(self.workers_peak_bytes),
                self.workers_most
            ),
        );
        line("appliance peak", size(self.appliance_peak_bytes));
        if self.daemons > 1 {
            line("", format!("{} appliances run on this machine; memory is that of all", self.daemons));
        }
        for point in &self.queue {
            line(
                &format!("  queue {:>5.0} s", point.at_s),
                format!("{} in inboxes, {} moving", point.in_inboxes, point.moving),
            );
        }
        table
    }
}

impl Spread {
    fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        let at = |percent: usize| {
            values.get((values.len().saturating_sub(1)) * percent / 100).copied().unwrap_or(0)
        };
        Self { p50: at(50), p95: at(95), max: at(100) }
    }

    fn text(self) -> String {
        format!("median {} ms, 95 % {} ms, longest {} ms", self.p50, self.p95, self.max)
    }
}

impl Run {
    /// RFC 3339, so that it compares with the documents' times.
    fn started_at(&self) -> String {
        UnixMillis(self.dropped.values().min().copied().unwrap_or(0)).to_string()
    }
}

/// What each station used between the two looks.
fn stations(run: &Run, pages: u64) -> Vec<Station> {
    let before = |name: &str| run.before.stations.iter().find(|station| station.name == name);
    let used = |after: &api::v1::Station| {
        let less =
            |of: fn(&api::v1::Station) -> u64| of(after) - before(&after.name).map_or(0, of).min(of(after));
        let cpu_s = less(|station| station.cpu_ms) as f64 / 1e3;
        Station {
            station: after.name.clone(),
            pages: less(|station| station.pages),
            cpu_s,
            cpu_s_per_page: cpu_s / pages.max(1) as f64,
            wall_s: less(|station| station.wall_ms) as f64 / 1e3,
            peak_rss_bytes: after.peak_rss_bytes,
        }
    };
    run.after.stations.iter().map(used).collect()
}

/// The curve of the queue, thinned out evenly.
fn queue(run: &Run) -> Vec<Queue> {
    let step = run.samples.len().div_ceil(QUEUE_POINTS_MAX).max(1);
    let point = |sample: &super::Sample| Queue {
        at_s: sample.at.as_secs_f64(),
        in_inboxes: sample.waiting,
        moving: sample.moving,
    };
    run.samples.iter().step_by(step).map(point).collect()
}

/// RFC 3339 to ms since 1970.
fn millis(time: &str) -> Option<u64> {
    let at: jiff::Timestamp = time.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_read_off_the_sorted_values() {
        let spread = Spread::of(vec![5, 1, 4, 2, 3]);
        assert_eq!((spread.p50, spread.p95, spread.max), (3, 4, 5));
        assert_eq!(Spread::of(Vec::new()).max, 0);
    }

    #[test]
    fn times_come_back_as_they_went() {
        assert_eq!(millis(&UnixMillis(1_795_502_192_007).to_string()), Some(1_795_502_192_007));
    }
}
