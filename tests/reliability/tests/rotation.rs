//! A disk that fails in the last step of a rotation: the new key is the only one by then, so nobody may be told that
//! it is not.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use reliability::{Fault, Shim, Site, Station, needs};
use std::fs;

#[test]
fn a_rotation_that_only_failed_to_wipe_is_no_failure_and_the_next_start_wipes() {
    needs(&["cc"], false).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut station = Station::new(folder.path(), &[]).unwrap();
    let mut shim = Shim::under(&mut station.appliance).unwrap();
    station.start().unwrap();
    let home = station.appliance.home.clone();
    let new = home.join("new.key");
    fs::write(&new, [7; 32]).unwrap();
    // The first is the file with the old and the new keys, the second that with the new ones only.
    let site = Site { operation: "write".to_owned(), path: "state/vault/root.retired".to_owned(), nth: 2 };
    shim.arm(Fault::Broken, &site).unwrap();
    let said = station.ctl(&["key", "rotate", "--master", &new.to_string_lossy()]).unwrap();
    assert_eq!(shim.hits().unwrap(), 1);
    assert_eq!(said.code, 0, "the old key opens nothing any more: {}", said.stderr);
    assert!(station.appliance.log().contains("not overwritten yet"));
    assert!(home.join("state/vault/root.retired").exists());
    station.appliance.stop().unwrap();
    shim.disarm().unwrap();
    fs::rename(&new, home.join("master.key")).unwrap();
    assert!(
        std::process::Command::new("chmod")
            .arg("0400")
            .arg(home.join("master.key"))
            .status()
            .unwrap()
            .success()
    );
    station.start().unwrap();
    assert!(!home.join("state/vault/root.retired").exists());
}
