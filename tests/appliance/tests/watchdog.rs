//! What systemd's watchdog hears. It runs from the moment the sealed daemon is ready, and kills who is silent.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use kit::{Appliance, Plan};
use ledger::{Ledger, NewRecord};
use lifecycle::{Actor, Body, SystemEvent};
use std::{
    fs,
    os::unix::net::UnixDatagram,
    thread,
    time::{Duration, Instant},
};
use types::UnixMillis;

/// Short, so that an opening is longer, on any machine.
const WATCHDOG: Duration = Duration::from_millis(300);
/// Times that it is fed while the appliance opens: once when it begins, and again and again.
const FED_MIN: usize = 3;
/// Records that are read for many times what the watchdog waits, into an index that is not there.
const RECORDS: usize = 400_000;
const BATCH: usize = 1_000;

fn fill(appliance: &Appliance) {
    let (mut ledger, _) = Ledger::open(&appliance.home.join("state/ledger")).unwrap();
    let new = || NewRecord {
        at: UnixMillis(1_795_502_192_007),
        by: Actor::Daemon,
        body: Body::System(SystemEvent::Audited),
    };
    for _ in 0..RECORDS / BATCH {
        ledger.append(std::iter::repeat_with(new).take(BATCH).collect()).unwrap();
    }
}

/// Listens until it hears that the daemon is open; gives when the watchdog was fed.
fn listen(socket: &UnixDatagram) -> Vec<Instant> {
    let (mut fed, mut message) = (Vec::new(), [0; 4096]);
    loop {
        let bytes = socket.recv(&mut message).unwrap();
        let heard = String::from_utf8_lossy(&message[..bytes]).into_owned();
        if heard.lines().any(|line| line == "WATCHDOG=1") {
            fed.push(Instant::now());
        }
        if heard.lines().any(|line| line == "STATUS=ready") {
            return fed;
        }
    }
}

// Issue 3, 3: without its key the daemon starts sealed, and `lazaretctl unseal` opens it, also under the unit.
#[test]
fn the_watchdog_is_fed_while_an_unsealed_appliance_opens_for_longer_than_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let plan = Plan::default().edit("[keys]\n", "[keys]\nsealed-start = true\n");
    let mut appliance = plan.start().unwrap();
    appliance.stop().unwrap();
    fill(&appliance);
    fs::remove_dir_all(appliance.home.join("state/index")).unwrap();
    let usb = appliance.home.join("usb.key");
    fs::rename(appliance.home.join("master.key"), &usb).unwrap();
    appliance.set_env("NOTIFY_SOCKET", path.to_str().unwrap());
    appliance.set_env("WATCHDOG_USEC", &WATCHDOG.as_micros().to_string());
    // From before the start on: whoever tells a socket that nobody reads waits.
    socket.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let listening = thread::spawn(move || listen(&socket));
    appliance.start().unwrap();
    let asked = Instant::now();
    let opened = appliance.ctl(&["unseal", "--key-file", usb.to_str().unwrap()]).unwrap();
    assert_eq!(opened.code, 0, "{}\n{}", opened.stderr, appliance.log());
    let open = Instant::now();
    let fed = listening.join().unwrap();
    let while_opening = fed.iter().filter(|at| (asked..open).contains(at)).count();
    assert!(while_opening >= FED_MIN, "fed {while_opening} times in {:?}", open - asked);
}
