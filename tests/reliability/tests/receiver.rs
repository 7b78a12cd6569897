//! A receiver takes what it finds in its folder away, at once. The daemon dies before it has written down that it
//! delivered.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    reason = "a test file"
)]

use reliability::{Fault, Load, Shim, Site, Station, needs};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

const SEGMENT: &str = "state/ledger/ledger-N.seg";

/// What a receiver sees in all outboxes.
fn visible(station: &Station) -> Vec<PathBuf> {
    let there = station.appliance.delivered().unwrap();
    let seen = there.into_iter().filter(|(_, name)| !name.starts_with('.'));
    seen.map(|(route, name)| station.appliance.outbox().join(route).join(name)).collect()
}

/// Drops a page and has it approved; gives up when the daemon died.
fn deliver(station: &mut Station, load: &Load, done: impl Fn(&mut Station) -> bool) {
    let (name, bytes) = load.next_page();
    station.appliance.drop_in("fax", &name, &bytes).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done(station) {
        assert!(Instant::now() < deadline, "{}", station.appliance.log());
        let listed = station.ctl(&["review", "list", "-o", "name"]).unwrap().text();
        if let Some(id) = listed.lines().next() {
            drop(station.ctl(&["review", "approve", id]).unwrap());
        }
        sleep(Duration::from_millis(100));
    }
}

/// The ledger's write that follows the rename of the manifest: "it is delivered".
fn writing_down(sites: &[Site]) -> Site {
    let is_manifest = |site: &Site| {
        site.operation == "rename" && site.path.starts_with("outbox/") && site.path.ends_with("ID.json")
    };
    let placed = sites.iter().rposition(is_manifest).unwrap();
    let is_record = |site: &&Site| site.operation == "write" && site.path == SEGMENT;
    sites[placed..].iter().find(is_record).unwrap().clone()
}

// A24: "0 delivered twice", also to a receiver that leaves nothing behind to recognise.
#[test]
fn a_receiver_that_takes_files_away_gets_each_document_once() {
    needs(&["cc"], false).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut station = Station::new(folder.path(), &[]).unwrap();
    let mut shim = Shim::under(&mut station.appliance).unwrap();
    station.start().unwrap();
    let load = Load::cheap("receiver");
    shim.forget_trace().unwrap();
    deliver(&mut station, &load, |station| visible(station).len() == 2);
    station.rest(60).unwrap();
    let site = writing_down(&shim.sites().unwrap());
    shim.arm(Fault::Kill, &site).unwrap();
    deliver(&mut station, &load, |station| !station.appliance.runs().unwrap());
    let taken: BTreeSet<PathBuf> = visible(&station).into_iter().collect();
    assert_eq!(taken.len(), 4, "the second pair was there when the daemon died: {taken:?}");
    taken.iter().for_each(|path: &PathBuf| fs::remove_file(Path::new(path)).unwrap());
    shim.disarm().unwrap();
    station.start().unwrap();
    station.rest(60).unwrap();
    sleep(Duration::from_secs(1));
    assert_eq!(visible(&station), Vec::<PathBuf>::new(), "delivered a second time");
    let listed = station.ctl(&["doc", "list", "--state", "delivered", "-o", "name"]).unwrap().text();
    assert_eq!(listed.lines().count(), 2, "{listed}");
}
