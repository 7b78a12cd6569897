//! The power is cut, again and again, each time on what the last cut left.
//!
//! Needs root, loop devices, and xfsprogs for the copies; see `reliability::Disk` for what a cut is.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    reason = "a test file"
)]

use anyhow::Result;
use reliability::{Dice, Disk, Load, Promises, Senders, Shim, Station, judge, needs, times};
use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::sleep,
};

/// Cuts of the usual run, and of the long one.
const CUTS: (u32, u32) = (20, 500);
/// So many cuts must be enough to see that nothing is ever synced.
const SABOTAGED_CUTS: u32 = 5;
/// How long the appliance works between two cuts, ms.
const WORK_MS: (u64, u64) = (100, 1500);
const UPLOADERS: u32 = 2;
/// Cuts wait for the disk: two tests at once would make each other's moments less random.
static ONE: Mutex<()> = Mutex::new(());

/// What came of some cuts.
#[derive(Default)]
struct Report {
    cuts: u32,
    promises: usize,
    compared: usize,
    documents: usize,
    delivered: usize,
    lost: Vec<String>,
    other: Vec<String>,
}

/// Cuts the power up to `cuts` times, or until something is wrong. `fsync` false: the daemon's calls of fsync do
/// nothing.
fn cut(cuts: u32, fsync: bool) -> Result<Report> {
    let mut dice = Dice::new(if fsync { "power cuts" } else { "power cuts without fsync" });
    let mut disk = Disk::new()?;
    let mut station = Station::new(&disk.root(), &[])?;
    // What is on the disk before the first start was put there by an installation.
    disk.settle()?;
    let mut shim = if fsync { None } else { Some(Shim::under(&mut station.appliance)?) };
    if let Some(shim) = &mut shim {
        shim.leave_out("fsync", "*")?;
    }
    station.start()?;
    let (promises, load) = (Promises::default(), Arc::new(Load::mixed("power")));
    // Those who drop files sync, and thereby make the file system write what the daemon did not: they would
    // hide a missing fsync.
    let senders = Senders::start(&station, &promises, &load, &mut dice, UPLOADERS, fsync)?;
    let mut report = Report::default();
    let mut fetched = 0;
    while report.cuts < cuts && report.lost.is_empty() && report.other.is_empty() {
        sleep(dice.ms(WORK_MS.0, WORK_MS.1));
        // First the promises, then the cut: all of them were made before it.
        let promised = promises.so_far();
        disk.cut()?;
        station.appliance.kill()?;
        let paused = senders.pause();
        promises.go_back_to(&promised);
        disk.revive()?;
        report.cuts += 1;
        report.promises = promised.len();
        let judged = station.start().and_then(|()| station.rest(120)).and_then(|()| {
            let all = report.cuts == cuts;
            judge(&station, &promised, if all { 0 } else { fetched })
        });
        fetched = promised.len();
        match judged {
            Ok(found) => {
                report.compared += found.compared;
                (report.documents, report.delivered) = (found.documents, found.delivered);
                report.lost.extend(found.lost);
                report.other.extend(found.twice.into_iter().chain(found.other));
            }
            Err(error) => report.other.push(format!("cut {}: {error:#}", report.cuts)),
        }
        drop(paused);
    }
    senders.stop()?;
    Ok(report)
}

// A51, A45: what was acknowledged survives a power cut, and the start after it needs nobody.
#[test]
fn nothing_acknowledged_is_lost_by_a_power_cut() {
    needs(&["mkfs.xfs", "mkfs.ext4", "mount", "umount", "cp"], true).unwrap();
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let cuts = times(CUTS.0, CUTS.1);
    let report = cut(cuts, true).unwrap();
    println!(
        "power cuts: {} generations; {} promises, {} originals compared, {} documents, {} delivered",
        report.cuts, report.promises, report.compared, report.documents, report.delivered
    );
    assert!(report.lost.is_empty() && report.other.is_empty(), "{:#?} {:#?}", report.lost, report.other);
    assert_eq!(report.cuts, cuts);
    assert!(report.promises > cuts as usize, "the appliance had work to do: {}", report.promises);
}

// The test above would see it: a build whose fsyncs do nothing loses what it acknowledged.
#[test]
fn the_harness_sees_missing_fsyncs() {
    needs(&["mkfs.xfs", "mkfs.ext4", "mount", "umount", "cp", "cc"], true).unwrap();
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let report = cut(SABOTAGED_CUTS, false).unwrap();
    println!(
        "power cuts without fsync: seen at cut {}; {} of {} acknowledged documents lost",
        report.cuts,
        report.lost.len(),
        report.promises
    );
    assert!(!report.lost.is_empty(), "{SABOTAGED_CUTS} cuts and nothing lost; {:#?}", report.other);
}
