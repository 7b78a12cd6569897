//! What a large index costs: `store_scale DIR DOCUMENTS EVENTS`, with the first so many events of each document's trip.
//! Makes a ledger in DIR (which must not exist), builds the index, opens it again as a start does, and asks.
#![allow(clippy::print_stdout, reason = "a tool for people")]

use ledger::{Ledger, NewRecord};
use lifecycle::{Actor, Arrival, Body, Channel, Event, Outcome, Sealed, Trip};
use std::{
    error::Error,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use store::{Query, Store};
use types::{BlobId, Confidence, Digest, DocClass, DocId, Label, UnixMillis};

/// Records of one batch of the ledger.
const BATCH: usize = 4_000;
/// Documents on their way at once, as with a pile of scans.
const UNDER_WAY: u64 = 100;
const START: u64 = 1_795_502_192_007;
const LISTED: usize = 1000;

type Outcomes = Result<(), Box<dyn Error>>;

fn main() -> Outcomes {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["probe", dir] => Ok(Store::probe_open(Path::new(dir))?),
        ["open", dir] => open(Path::new(dir)),
        [dir, documents, events] => {
            fs::create_dir(dir)?;
            make(Path::new(dir), documents.parse()?, events.parse()?)?;
            open(Path::new(dir))?;
            // Memory after building is not that of a daemon that was started later.
            Command::new(std::env::current_exe()?).args(["open", dir]).status()?;
            Ok(())
        }
        _ => Err("usage: store_scale DIR DOCUMENTS EVENTS".into()),
    }
}

fn make(dir: &Path, documents: u64, events: usize) -> Outcomes {
    let (mut ledger, _) = Ledger::open(&dir.join("ledger"))?;
    let (start, mut batch, mut at) = (Instant::now(), Vec::with_capacity(BATCH), START);
    for first in (0..documents).step_by(UNDER_WAY as usize) {
        for step in 0..events {
            for number in first..(first + UNDER_WAY).min(documents) {
                at += 3;
                let Some(event) = trip(number, at)?.into_iter().nth(step) else { continue };
                let body = Body::Document { doc: doc(number), event };
                batch.push(NewRecord { at: UnixMillis(at), by: Actor::Daemon, body });
                if batch.len() == BATCH {
                    ledger.append(std::mem::take(&mut batch))?;
                }
            }
        }
    }
    ledger.append(batch)?;
    let records = ledger.tip().0;
    println!("ledger: {records} records, {} MiB, in {:.1?}", mib(&dir.join("ledger"))?, start.elapsed());
    Ok(())
}

fn open(dir: &Path) -> Outcomes {
    let (index, ledger) = (dir.join("index"), dir.join("ledger"));
    let start = Instant::now();
    let checked = Ledger::open(&ledger)?.1;
    println!("open ledger: {} records, chain checked in {:.1?}", checked.records, start.elapsed());
    let (start, mut probed) = (Instant::now(), Duration::ZERO);
    let program = std::env::current_exe()?;
    let (store, opened) = Store::open_reporting(
        &index,
        &ledger,
        |dir| {
            let start = Instant::now();
            let child = Command::new(&program).arg("probe").arg(dir).status();
            println!("  probe in a child: {:.1?}", start.elapsed());
            child.is_ok_and(|status| status.success())
        },
        |_| {},
    )?;
    probed += start.elapsed();
    let rate = opened.replayed as f64 / probed.as_secs_f64();
    println!("open index: {probed:.1?}, {} records replayed ({rate:.0}/s)", opened.replayed);
    println!("index on disk {} MiB, resident {} MiB", mib(&index)?, resident_mib());
    let total: u64 = store.counts()?.values().sum();
    let middle = store.scan(&Query::default(), Some(doc(total / 2)), 1)?.first().map(|found| found.id);
    for (what, query) in [
        ("all", Query::default()),
        ("of a source", Query { source: Some(label("fax-3")?), ..Query::default() }),
    ] {
        for turn in ["first", "again"] {
            let start = Instant::now();
            let found = store.scan(&query, middle, LISTED)?.len();
            println!("list {found} of {total}, {what}, {turn}: {:.1?}", start.elapsed());
        }
    }
    let (start, mut after) = (Instant::now(), None);
    while let page = store.scan(&Query::default(), after, LISTED)?
        && let Some(last) = page.last()
    {
        after = Some(last.id);
    }
    println!("list all, page by page: {:.1?}, resident {} MiB", start.elapsed(), resident_mib());
    let start = Instant::now();
    for number in 0..1000 {
        store.get(doc(number * 997 % total))?;
    }
    println!("1000 documents one by one, far apart: {:.1?}", start.elapsed());
    let start = Instant::now();
    let examined = store.examine()?;
    println!("examine: {examined:?} in {:.1?}, resident {} MiB", start.elapsed(), resident_mib());
    Ok(())
}

fn doc(number: u64) -> DocId {
    DocId::from_parts(UnixMillis(START + number * 30), mixed(number, 1))
}

/// Evenly spread bits, since ids and digests do not shrink (splitmix64).
fn mixed(number: u64, salt: u64) -> u128 {
    let half = |n: u64| {
        let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(salt << 32);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    u128::from(half(number * 2)) << 64 | u128::from(half(number * 2 + 1))
}

fn digest(number: u64, salt: u64) -> Digest {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&mixed(number, salt).to_be_bytes());
    bytes[16..].copy_from_slice(&mixed(number, salt + 1).to_be_bytes());
    Digest(bytes)
}

fn label(text: &str) -> Result<Label, Box<dyn Error>> {
    Ok(text.parse()?)
}

/// What a document without trouble goes through.
fn trip(number: u64, at: u64) -> Result<Vec<Event>, Box<dyn Error>> {
    let blob = |salt| BlobId::from_parts(UnixMillis(at), mixed(number, salt));
    let sealed = |bytes: usize| Sealed(digest(number, 9).0.iter().copied().cycle().take(bytes).collect());
    let certain = Confidence::new(0.97);
    let arrival = Arrival {
        source: label(&format!("fax-{}", number % 5))?,
        channel: Channel::Inbox,
        bytes: 48_213 + number,
        original: Some(blob(20)),
        content: digest(number, 2),
        idempotency: None,
        duplicate_of: None,
        destroyed_before: None,
        resent_of: None,
        received_at: None,
        schedules: None,
        trip: Trip::V1,
        sealed: sealed(280),
        retention: label("default")?,
        retain_until: UnixMillis(at + 315_360_000_000),
    };
    let mut events = vec![Event::Arrived(Box::new(arrival))];
    events.extend(
        [
            Outcome::Quarantined { format: label("pdf")? },
            Outcome::Parsed { pages: 3, findings: Vec::new() },
            Outcome::Normalised { raster: blob(21), blank_pages: 0 },
            Outcome::Read {
                text: blob(22),
                words: 457,
                confidence: certain,
                unread_pages: 0,
                sealed: sealed(77),
            },
            Outcome::Classified {
                class: DocClass::LabResult,
                confidence: certain,
                rules: vec![label("lab-title")?, label("lab-table")?],
                mixed: false,
                sensitivity: Vec::new(),
                schedules: None,
            },
            Outcome::Redacted {
                product: blob(23),
                map: blob(24),
                boxes: 12,
                black_pages: 0,
                sealed: sealed(77),
            },
            Outcome::Stored { manifest: blob(25) },
            Outcome::Routed { route: label("lab")?, owner: label("lab-desk")?, rule: label("lab-result")? },
            Outcome::Delivered { receipt: digest(number, 4), disclosure: None },
            Outcome::Retained {
                retention: label("lab")?,
                until: UnixMillis(at + 946_080_000_000),
                schedules: None,
            },
        ]
        .map(Event::Finished),
    );
    Ok(events)
}

fn mib(dir: &Path) -> Result<u64, Box<dyn Error>> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes >> 20)
}

fn resident_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() >> 10
}
