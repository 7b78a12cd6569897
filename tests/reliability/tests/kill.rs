//! `kill -9` at any moment, also during the start: nothing lost, nothing twice, nothing stuck, nobody needed.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    reason = "a test file"
)]

use reliability::{Dice, Load, Promises, Senders, Station, judge, times};
use std::{sync::Arc, thread::sleep, time::Duration};

/// Kills of the usual run, and of the long one.
const KILLS: (u32, u32) = (50, 1000);
/// How long the daemon works before it is killed, ms.
const WORK_MS: (u64, u64) = (20, 700);
/// A start takes about 150 ms; a kill within it meets the recovery.
const START_MS: (u64, u64) = (1, 170);
/// One kill of so many meets a start.
const START_EVERY: u64 = 3;
const UPLOADERS: u32 = 2;

// A51: what was acknowledged is durable. A24: nothing is done twice. B48: work is resumed, without a person.
#[test]
fn nothing_acknowledged_is_lost_by_kill_9_at_any_moment() {
    let kills = times(KILLS.0, KILLS.1);
    let mut dice = Dice::new("kill -9");
    let folder = tempfile::tempdir().unwrap();
    let mut station = Station::new(folder.path(), &[]).unwrap();
    station.start().unwrap();
    let (promises, load) = (Promises::default(), Arc::new(Load::mixed("kill")));
    let senders = Senders::start(&station, &promises, &load, &mut dice, UPLOADERS, true).unwrap();
    let (mut working, mut starting) = (0, 0);
    while working + starting < kills {
        if dice.below(START_EVERY) == 0 {
            station.appliance.kill().unwrap();
            station.appliance.spawn().unwrap();
            sleep(dice.ms(START_MS.0, START_MS.1));
            starting += 1;
        }
        station.appliance.kill().unwrap();
        working += 1;
        // Once: no start may need a second try.
        station.appliance.start().unwrap();
        sleep(dice.ms(WORK_MS.0, WORK_MS.1));
    }
    senders.stop().unwrap();
    station.rest(180).unwrap();
    sleep(Duration::from_millis(50));
    let promised = promises.so_far();
    let found = judge(&station, &promised, 0).unwrap();
    println!(
        "kill -9: {} kills, {starting} of them during a start; {} promises, {} originals compared, {} documents, {} delivered",
        working + starting,
        promised.len(),
        found.compared,
        found.documents,
        found.delivered
    );
    found.none().unwrap();
    assert!(promised.len() > kills as usize, "the daemon had work to do: {}", promised.len());
    assert!(found.delivered > 0, "some were delivered");
}
