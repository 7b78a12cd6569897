//! Rasters go when a document is kept. A crash or a backup in between finds a ledger that is true.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use reliability::{Fault, Load, Shim, Site, Station, needs};
use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

const RASTER: &str = "state/vault/blobs/ID/normalised-ID";

/// Waits until it is so.
fn until(station: &mut Station, what: &str, so: impl Fn(&mut Station) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !so(station) {
        assert!(Instant::now() < deadline, "{what}: {}", station.appliance.log());
        sleep(Duration::from_millis(50));
    }
}

/// Files of rasters in the vault.
fn rasters(station: &Station) -> usize {
    let folders = fs::read_dir(station.appliance.home.join("state/vault/blobs")).unwrap();
    let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    files
        .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("normalised-"))
        .count()
}

// "blob, then ledger": the other way round for what goes. A backup that begins before the removal must not sign a
// ledger that names what it can no longer copy.
#[test]
fn a_raster_is_removed_only_when_the_ledger_names_it_no_more_and_a_crash_before_leaves_none() {
    needs(&["cc"], false).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut station = Station::new(folder.path(), &[]).unwrap();
    let mut shim = Shim::under(&mut station.appliance).unwrap();
    station.start().unwrap();
    let site = Site { operation: "unlink".to_owned(), path: RASTER.to_owned(), nth: 1 };
    shim.arm(Fault::Hold, &site).unwrap();
    let (name, bytes) = Load::cheap("raster").next_page();
    station.appliance.drop_in("fax", &name, &bytes).unwrap();
    until(&mut station, "its raster is to be removed", |station| {
        let listed = station.ctl(&["review", "list", "-o", "name"]).unwrap().text();
        if let Some(id) = listed.lines().next() {
            drop(station.ctl(&["review", "approve", id]).unwrap());
        }
        shim.hits().unwrap() > 0
    });
    assert!(rasters(&station) > 0);
    let id = station.ctl(&["doc", "list", "-o", "name"]).unwrap().text().trim().to_owned();
    let events = station.ctl(&["doc", "events", &id]).unwrap().text();
    assert!(events.contains("retained"), "before anything is removed: {events}");

    station.appliance.kill().unwrap();
    shim.disarm().unwrap();
    station.start().unwrap();
    until(&mut station, "the sweep removes it", |station| rasters(station) == 0);
    assert_eq!(station.ctl(&["ledger", "verify"]).unwrap().code, 0);
}
