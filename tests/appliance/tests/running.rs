//! The daemon as a service: systemd's protocol, reload, stop.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use appliance::{FAKETIME, text};
use kit::{Appliance, Plan};
use std::{
    fs,
    os::unix::net::UnixDatagram,
    thread::sleep,
    time::{Duration, Instant},
};

fn told(socket: &UnixDatagram) -> String {
    let mut all = String::new();
    let mut buffer = [0; 4096];
    while let Ok(read) = socket.recv(&mut buffer) {
        all.push_str(&String::from_utf8_lossy(&buffer[..read]));
        all.push('\n');
    }
    all
}

// systemd must know when the service is ready, alive and stopping.
#[test]
fn systemd_is_told_ready_watchdog_and_stopping() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let plan = Plan::default().env("NOTIFY_SOCKET", &path.to_string_lossy()).env("WATCHDOG_USEC", "600000");
    let mut appliance = plan.start().unwrap();
    sleep(Duration::from_secs(1));
    let said = told(&socket);
    assert!(said.contains("READY=1") && said.contains("WATCHDOG=1"), "{said}");
    assert_eq!(appliance.stop().unwrap(), Some(0));
    assert!(told(&socket).contains("STOPPING=1"));
}

// A47: SIGHUP reads the policy again; a wrong one is refused and the old one stays in force.
#[test]
fn a_wrong_policy_is_not_taken_over() {
    let appliance = Appliance::usual().unwrap();
    let routes = appliance.home.join("policy/routes.toml");
    let good = fs::read_to_string(&routes).unwrap();
    fs::write(&routes, format!("{good}\nno-such-key = 1\n")).unwrap();
    appliance.signal("HUP").unwrap();
    sleep(Duration::from_secs(1));
    assert!(appliance.log().contains("the old ones stay in force"), "{}", appliance.log());
    assert_ne!(appliance.ctl(&["reload"]).unwrap().code, 0);
    assert_eq!(appliance.ctl(&["route", "list"]).unwrap().code, 0);
    fs::write(&routes, good).unwrap();
    assert_eq!(appliance.ctl(&["reload"]).unwrap().code, 0);
}

// B48: SIGTERM lets the station at work end and starts nothing new; the next start goes on.
#[test]
fn a_drained_daemon_goes_on_where_it_stopped() {
    let mut appliance = Appliance::usual().unwrap();
    for number in 0..4 {
        appliance.drop_in("fax", &format!("{number}.png"), &corpus::slip(40 + number).bytes).unwrap();
    }
    sleep(Duration::from_millis(900));
    assert_eq!(appliance.stop().unwrap(), Some(0), "{}", appliance.log());
    appliance.start().unwrap();
    appliance.rest(240).unwrap();
    assert_eq!(appliance.documents().unwrap().len(), 4);
}

// A55: what is not delivered is a matter of compliance: its age is shown, and too old is said.
#[test]
fn a_delivery_that_waits_is_shown_and_is_late_by_its_route() {
    let clock = tempfile::NamedTempFile::new().unwrap();
    let set = |offset: &str| fs::write(clock.path(), format!("{offset}\n")).unwrap();
    set("+0");
    let plan = Plan::default().env("LD_PRELOAD", FAKETIME).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let plan = plan.env("FAKETIME_TIMESTAMP_FILE", &clock.path().to_string_lossy());
    let mut appliance = plan.start().unwrap();
    let (outbox, aside) = (appliance.outbox(), appliance.home.join("aside"));
    fs::rename(&outbox, &aside).unwrap();
    fs::create_dir(&outbox).unwrap();
    for slip in 0..3 {
        appliance.drop_in("fax", &format!("slip-{slip}.png"), &corpus::slip(slip).bytes).unwrap();
    }
    // Those that are not sure wait for a person; the others for their folder.
    let waits = |doc: &serde_json::Value| ["routed", "review"].contains(&text(doc, "state"));
    let deadline = Instant::now() + Duration::from_secs(120);
    while appliance.documents().unwrap().iter().filter(|doc| waits(doc)).count() < 3 {
        assert!(Instant::now() < deadline, "{}", appliance.log());
        sleep(Duration::from_millis(100));
    }
    let mut documents = appliance.documents().unwrap();
    documents.retain(|doc| text(doc, "state") == "routed");
    documents.sort_by_key(|doc| text(doc, "id").to_owned());
    let doc = documents.first().expect("one of three slips is sure");
    assert_eq!(appliance.json(&["status"]).unwrap()["oldest_undelivered"], doc["received_at"]);
    let deliveries = |appliance: &Appliance| {
        let said = appliance.ctl(&["doctor", "-o", "json"]).unwrap().json().unwrap();
        let check = said["checks"].as_array().unwrap().iter().find(|check| check["name"] == "deliveries");
        let check = check.unwrap();
        (check["ok"].as_bool().unwrap(), text(check, "detail").to_owned())
    };
    let (in_time, said) = deliveries(&appliance);
    assert!(in_time && said.contains("wait, the oldest received 0 h ago"), "{said}");
    appliance.stop().unwrap();
    set("+72h");
    appliance.start().unwrap();
    let (in_time, said) = deliveries(&appliance);
    assert!(!in_time && said.contains(text(doc, "id")), "{said}");
    fs::remove_dir(&outbox).unwrap();
    fs::rename(&aside, &outbox).unwrap();
    appliance.rest(240).unwrap();
    assert_eq!(appliance.json(&["status"]).unwrap()["oldest_undelivered"], serde_json::Value::Null);
    assert_eq!(deliveries(&appliance), (true, "none waits".to_owned()));
}
