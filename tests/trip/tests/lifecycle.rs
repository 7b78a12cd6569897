//! The fold holds for every history, possible or not.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use lifecycle::{Due, Event, Patience, Position, Stage, State, Status, Trip};
use proptest::prelude::*;
use trip::{any_event, arrival, label, outcome};
use types::{DocClass, Reason, UnixMillis};

const AT: UnixMillis = UnixMillis(1_700_000_000_000);
const PATIENCE: Patience = Patience { tries_max: 3 };

fn arrived() -> State {
    State::arrived(&arrival(1), AT)
}

fn after(events: &[Event]) -> State {
    events.iter().fold(arrived(), |state, event| state.apply(event, AT).unwrap())
}

/// All stations up to and including this one.
fn finished(last: Stage) -> Vec<Event> {
    let stages = Trip::CURRENT.stages();
    let end = stages.iter().position(|stage| *stage == last).unwrap();
    stages[..=end].iter().map(|stage| Event::Finished(outcome(*stage))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    // B48: whatever happened, the state can be folded, and something definite is due.
    #[test]
    fn no_history_panics_and_what_is_gone_stays_gone(events in prop::collection::vec(any_event(), 0..60)) {
        let mut state = arrived();
        for event in &events {
            let before = state.clone();
            state = match state.apply(event, AT) {
                Ok(after) => {
                    let forgotten = matches!(event, Event::Forgotten);
                    prop_assert!(before.position != Position::Gone || forgotten, "nothing happens to what is gone");
                    prop_assert_eq!(forgotten, after.forgotten && !before.forgotten, "once, and only when gone");
                    // A station under way is not thrown away for a reader, nor for a copy.
                    let aside = matches!(event, Event::Read { .. } | Event::RetentionExtended { .. });
                    prop_assert_eq!(after.version, before.version + u64::from(!aside));
                    after
                }
                Err(_) => before,
            };
            match state.due(PATIENCE) {
                Due::Nothing => prop_assert_eq!(state.position, Position::Gone),
                Due::Run(stage) | Due::Stop(stage) => prop_assert_eq!(state.position, Position::At(stage)),
                Due::Person | Due::Clock(_) => prop_assert!(state.position != Position::Gone),
            }
        }
    }

    // B49: nothing advances without the station before it; A64: there is always a way out.
    #[test]
    fn every_moving_document_can_come_to_rest(events in prop::collection::vec(any_event(), 0..40)) {
        let mut state = arrived();
        for event in &events {
            state = state.clone().apply(event, AT).unwrap_or(state);
        }
        for hold in state.holds.clone() {
            state = state.apply(&Event::HoldLifted { hold }, AT).unwrap();
        }
        for _ in 0..20 {
            let event = match state.due(PATIENCE) {
                Due::Run(stage) => Event::Finished(outcome(stage)),
                Due::Stop(stage) => Event::Stopped { stage, reason: Reason::WorkerCrash },
                Due::Person | Due::Clock(_) | Due::Nothing => break,
            };
            state = state.apply(&event, AT).unwrap();
        }
        let rests = matches!(state.position, Position::Kept | Position::Review | Position::Stopped(_) | Position::Rejected | Position::Gone);
        prop_assert!(rests);
    }
}

// Contract: the states callers see, at each step of a good trip.
#[test]
fn a_good_trip_shows_the_states_of_the_contract() {
    let mut seen = vec![arrived().status()];
    for stage in Trip::CURRENT.stages() {
        seen.push(after(&finished(*stage)).status());
    }
    seen.dedup();
    assert_eq!(seen, [Status::Received, Status::Processing, Status::Routed, Status::Delivered]);
    assert_eq!(after(&finished(Stage::Retain)).due(PATIENCE), Due::Clock(UnixMillis(9_500_000_000_000)));
}

// B49: a failed step never advances; after the last try it stops in quarantine with its reason.
#[test]
fn a_station_is_tried_three_times_and_then_stops() {
    let failed = Event::Failed { stage: Stage::Quarantine, reason: Reason::WorkerCrash };
    let state = after(&[failed.clone(), failed.clone()]);
    assert_eq!(state.due(PATIENCE), Due::Run(Stage::Quarantine));
    let state = state.apply(&failed, AT).unwrap();
    assert_eq!(state.due(PATIENCE), Due::Stop(Stage::Quarantine));
    let state =
        state.apply(&Event::Stopped { stage: Stage::Quarantine, reason: Reason::WorkerCrash }, AT).unwrap();
    assert_eq!((state.status(), state.reason), (Status::Quarantined, Some(Reason::WorkerCrash)));
    assert_eq!(state.apply(&Event::Released, AT).unwrap().due(PATIENCE), Due::Run(Stage::Quarantine));
}

// A37: a reviewer's word replaces the machine's; an approved document goes on, a reclassified one is routed anew.
#[test]
fn a_reviewer_decides_once() {
    let mut events = finished(Stage::Store);
    events.push(Event::Referred { reason: Reason::LowConfidence, rule: label("route.low") });
    let review = after(&events);
    assert_eq!((review.status(), review.due(PATIENCE)), (Status::Review, Due::Person));
    let state =
        review.clone().apply(&Event::Reclassified { class: DocClass::Claim, schedules: None }, AT).unwrap();
    assert_eq!((state.class, state.due(PATIENCE)), (Some(DocClass::Claim), Due::Run(Stage::Route)));
    assert!(state.apply(&Event::Approved, AT).is_err(), "it is not in review any more");
    assert!(review.apply(&Event::Approved, AT).unwrap().decided_by_person);
}

// A45, B46: a hold stops delivery and destruction, and only lifting it lets them go on.
#[test]
fn a_hold_stops_delivery_and_destruction() {
    let mut events = finished(Stage::Route);
    events.push(Event::HoldPlaced { hold: label("case-1") });
    let held = after(&events);
    assert_eq!((held.status(), held.due(PATIENCE)), (Status::Held, Due::Person));
    let lifted = held.apply(&Event::HoldLifted { hold: label("case-1") }, AT).unwrap();
    assert_eq!(lifted.due(PATIENCE), Due::Run(Stage::Deliver));

    let expired = Event::Expired { generation_before: 1, generation_after: 2 };
    let mut events = finished(Stage::Retain);
    events.push(Event::HoldPlaced { hold: label("case-1") });
    assert!(after(&events).apply(&expired, AT).is_err());
    let gone = after(&finished(Stage::Retain)).apply(&expired, AT).unwrap();
    assert_eq!((gone.status(), gone.blobs.original), (Status::Expired, None));
}
