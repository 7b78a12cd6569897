//! How fast the ledger is on the disk of the folder that is given: `ledger_rates DIR` (which must not exist).
#![allow(clippy::print_stdout, reason = "a tool for people")]

use ledger::{Ledger, LedgerError, NewRecord, verify};
use lifecycle::{Actor, Body, Event};
use std::path::PathBuf;
use std::time::Instant;
use types::{DocId, UnixMillis};

const SINGLE: u64 = 1_000;
const BATCH: u64 = 64;
const RECORDS: u64 = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: ledger_rates DIR")?);
    let (mut ledger, _) = Ledger::open(&dir)?;
    let rate = |what: &str, records: u64, since: Instant| {
        let seconds = since.elapsed().as_secs_f64();
        println!("{what:34} {records:7} records {seconds:7.2} s {:9.0} records/s", records as f64 / seconds);
    };

    let start = Instant::now();
    append(&mut ledger, SINGLE, 1)?;
    rate("append, one by one", SINGLE, start);
    let start = Instant::now();
    append(&mut ledger, RECORDS - SINGLE, BATCH)?;
    rate("append, batches of 64", RECORDS - SINGLE, start);
    drop(ledger);

    let start = Instant::now();
    let (_ledger, recovery) = Ledger::open(&dir)?;
    rate("open (checksums and chain)", recovery.records, start);
    let start = Instant::now();
    let report = verify(&dir)?;
    rate("verify (and every payload)", report.records, start);
    let start = Instant::now();
    let read = Ledger::read_from(&dir, 1)?.collect::<Result<Vec<_>, _>>()?;
    rate("read all", read.len() as u64, start);
    Ok(())
}

fn append(ledger: &mut Ledger, records: u64, batch: u64) -> Result<(), LedgerError> {
    for first in (0..records).step_by(batch as usize) {
        let last = (first + batch).min(records);
        ledger.append((first..last).map(event).collect())?;
    }
    Ok(())
}

fn event(number: u64) -> NewRecord {
    let doc = DocId::from_parts(UnixMillis(number), 7);
    NewRecord {
        at: UnixMillis(number),
        by: Actor::Daemon,
        body: Body::Document { doc, event: Event::Approved },
    }
}
