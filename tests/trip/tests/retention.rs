//! What may be destroyed of a document, when, and what stops it.
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test file")]

use lifecycle::{Event, HoldOrder, Outcome, Over, Position, Stage, State, Trip};
use proptest::prelude::*;
use trip::{any_event, any_schedules, arrival, destroyed, label, outcome, schedules};
use types::{DocClass, DocId, Reason, Schedule, UnixMillis};

const AT: UnixMillis = UnixMillis(1_700_000_000_000);
const DOC: u128 = 7;

fn doc() -> DocId {
    DocId::from_parts(AT, DOC)
}

/// Delivered and kept until these times, in the order of [`Schedule::ALL`].
fn kept(until: [u64; 5]) -> State {
    let terms = schedules(until);
    let retained = Outcome::Retained {
        retention: terms.last().rule.clone(),
        until: terms.last().until,
        schedules: Some(Box::new(terms)),
    };
    let trip =
        Trip::CURRENT.stages().iter().filter(|stage| **stage != Stage::Retain).map(|stage| outcome(*stage));
    trip.chain([retained]).fold(State::arrived(&arrival(1), AT), |state, outcome| {
        state.apply(&Event::Finished(outcome), AT).unwrap()
    })
}

fn everything() -> HoldOrder {
    HoldOrder {
        name: label("case-1"),
        docs: Vec::new(),
        source: None,
        class: None,
        from: None,
        to: None,
        sensitivity: None,
        why: label("litigation"),
    }
}

// B46: each schedule ends by itself; when the last of the four is over all goes, and the log later still.
#[test]
fn parts_go_one_by_one_then_the_whole_then_its_tombstone() {
    let state = kept([100, 300, 200, 250, 900]);
    assert_eq!((state.over(UnixMillis(99)), state.over_next()), (Over::Nothing, Some(UnixMillis(100))));
    assert_eq!(state.over(UnixMillis(100)), Over::Parts(vec![Schedule::Original]));
    assert_eq!(state.over(UnixMillis(299)), Over::Parts(vec![Schedule::Original, Schedule::Text]));
    assert_eq!(state.over(UnixMillis(300)), Over::Whole);

    let state = state.apply(&destroyed(vec![Schedule::Original]), AT).unwrap();
    assert_eq!((state.blobs.original, state.position), (None, Position::Kept));
    assert!(state.blobs.product.is_some() && state.blobs.text.is_some(), "the others are still there");
    assert_eq!((state.over(UnixMillis(199)), state.over_next()), (Over::Nothing, Some(UnixMillis(200))));
    assert!(state.clone().apply(&destroyed(vec![Schedule::Original]), AT).is_err(), "once");
    let state = state.apply(&destroyed(vec![Schedule::Text]), AT).unwrap();
    assert_eq!(state.over_next(), Some(UnixMillis(300)), "nothing was kept for reviewers");

    let gone = state.apply(&destroyed(Vec::new()), AT).unwrap();
    assert_eq!((gone.position, gone.reason), (Position::Gone, Some(Reason::RetentionOver)));
    assert_eq!((gone.over(UnixMillis(899)), gone.over(UnixMillis(900))), (Over::Nothing, Over::Log));
    let forgotten = gone.apply(&Event::Forgotten, AT).unwrap();
    assert_eq!((forgotten.over(UnixMillis(u64::MAX)), forgotten.over_next()), (Over::Nothing, None));
}

// A45: a document is never destroyed under the hands of a reviewer, nor on its way.
#[test]
fn only_what_rests_is_destroyed() {
    let mut state = State::arrived(&arrival(1), AT);
    for stage in Trip::CURRENT.stages().iter().take_while(|stage| **stage != Stage::Retain) {
        assert_eq!((state.over(UnixMillis(u64::MAX)), state.over_next()), (Over::Nothing, None), "{stage}");
        assert!(state.clone().apply(&destroyed(Vec::new()), AT).is_err(), "{stage}");
        state = state.apply(&Event::Finished(outcome(*stage)), AT).unwrap();
    }
}

// A document of which something was destroyed cannot make its trip again: it would fail half way.
#[test]
fn what_has_lost_a_part_is_not_released() {
    let rejected = Event::Rejected { stage: Stage::Quarantine, reason: Reason::Empty };
    let state = State::arrived(&arrival(1), AT).apply(&rejected, AT).unwrap();
    assert!(state.clone().apply(&Event::Released, AT).is_ok());
    let state = state.apply(&destroyed(vec![Schedule::Original]), AT).unwrap();
    assert!(state.apply(&Event::Released, AT).is_err());
}

// A45: a copy whose sender asks for longer lengthens the first; nothing that follows takes it back.
#[test]
fn what_the_sender_of_a_copy_asked_for_is_remembered() {
    let asked = schedules([500, 10, 500, 10, 5000]);
    let event = Event::RetentionExtended { duplicate: doc(), schedules: Box::new(asked) };
    let state = kept([100, 300, 200, 250, 900]).apply(&event, AT).unwrap();
    assert_eq!(state.schedules, schedules([500, 300, 500, 250, 5000]), "longer only");
    assert_eq!(state.asked.unwrap().original.until, UnixMillis(500));
}

// Holds are named and scoped; every criterion that is given must fit, and a correction lets nothing escape.
#[test]
fn a_hold_covers_what_its_scope_says() {
    let state = kept([1; 5]);
    let all = everything();
    for (hold, covered) in [
        (all.clone(), true),
        (HoldOrder { docs: vec![doc()], ..all.clone() }, true),
        (HoldOrder { docs: vec![DocId::from_parts(AT, 8)], ..all.clone() }, false),
        (HoldOrder { source: Some(label("fax")), ..all.clone() }, true),
        (HoldOrder { source: Some(label("scanner")), ..all.clone() }, false),
        (HoldOrder { class: Some(DocClass::Referral), ..all.clone() }, true),
        (HoldOrder { class: Some(DocClass::Claim), ..all.clone() }, false),
        (HoldOrder { from: Some(AT), to: Some(AT.plus(1)), ..all.clone() }, true),
        (HoldOrder { from: Some(AT.plus(1)), ..all.clone() }, false),
        (HoldOrder { to: Some(AT), ..all.clone() }, false),
        (HoldOrder { sensitivity: Some(label("hiv")), ..all.clone() }, false),
        (HoldOrder { source: Some(label("fax")), class: Some(DocClass::Claim), ..all.clone() }, false),
    ] {
        assert_eq!(hold.covers(doc(), &state), covered, "{hold:?}");
    }
    let corrected =
        state.apply(&Event::Reclassified { class: DocClass::Claim, schedules: None }, AT).unwrap();
    for class in [DocClass::Referral, DocClass::Claim] {
        assert!(HoldOrder { class: Some(class), ..all.clone() }.covers(doc(), &corrected), "{class:?}");
    }
}

// A45, B46: "the longest rule wins per class, source and sensitivity", also of what never reaches `retain`; a document
// that is read again under other rules is not let go by a hold on what it was taken for before.
#[test]
fn a_class_and_its_labels_count_from_the_classification_on_and_are_not_taken_back() {
    let labelled = |sensitivity: &[&str], until: u64| Outcome::Classified {
        class: DocClass::ConsentForm,
        confidence: types::Confidence::new(0.9),
        rules: Vec::new(),
        mixed: false,
        sensitivity: sensitivity.iter().copied().map(label).collect(),
        schedules: Some(Box::new(schedules([until; 5]))),
    };
    let stages = [Stage::Quarantine, Stage::Parse, Stage::Normalise, Stage::Ocr];
    let read = |state: State, class: Outcome| {
        let outcomes = stages.map(outcome).into_iter().chain([class]);
        outcomes.fold(state, |state, outcome| state.apply(&Event::Finished(outcome), AT).unwrap())
    };
    let (short, long) = (9_000_000_000_000, 9_900_000_000_000);
    let state = read(State::arrived(&arrival(1), AT), labelled(&["hiv"], long));
    let reason = Reason::RejectedByReviewer;
    let state = state.apply(&Event::Rejected { stage: Stage::Redact, reason }, AT).unwrap();
    assert_eq!(state.over(UnixMillis(short)), Over::Nothing, "the rules of its class keep it");
    assert_eq!(state.over(UnixMillis(long)), Over::Whole);

    let state = state.apply(&Event::Released, AT).unwrap();
    let state = read(state, labelled(&["substance-use"], short));
    assert_eq!(state.schedules.last().until, UnixMillis(long));
    for name in ["hiv", "substance-use"] {
        let hold = HoldOrder { sensitivity: Some(label(name)), ..everything() };
        assert!(hold.covers(doc(), &state), "{name}");
    }
}

// A copy that came while the terms were reckoned is not forgotten.
#[test]
fn what_a_copy_needs_outlives_the_last_station() {
    let terms = schedules([u64::MAX - 1; 5]);
    let copied = Event::RetentionExtended { duplicate: doc(), schedules: Box::new(terms.clone()) };
    let before = Trip::CURRENT.stages().iter().filter(|stage| **stage != Stage::Retain);
    let state = before.fold(State::arrived(&arrival(1), AT), |state, stage| {
        state.apply(&Event::Finished(outcome(*stage)), AT).unwrap()
    });
    let state = state.apply(&copied, AT).unwrap();
    let state = state.apply(&Event::Finished(outcome(Stage::Retain)), AT).unwrap();
    assert_eq!(state.schedules, terms);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    // A45, B46: whatever happened, what is due may be destroyed unless a hold stops it, and nothing else is due.
    #[test]
    fn what_is_over_can_be_destroyed_and_a_hold_stops_it(
        events in prop::collection::vec(any_event(), 0..60),
        terms in any_schedules(),
        now in prop::sample::select(vec![0_u64, 500, 8_500_000_000_000, u64::MAX]),
    ) {
        let mut first = arrival(1);
        first.schedules = Some(Box::new(terms));
        let mut state = State::arrived(&first, AT);
        for event in &events {
            let before = state.clone();
            state = state.clone().apply(event, AT).unwrap_or(state);
            if let Event::RetentionExtended { .. } = event {
                for schedule in Schedule::ALL {
                    let (was, is) = (before.schedules.of(schedule), state.schedules.of(schedule));
                    prop_assert!(is.until >= was.until, "a copy never shortens");
                }
            }
        }
        let now = UnixMillis(now);
        let over = state.over(now);
        prop_assert_eq!(over == Over::Nothing, state.over_next().is_none_or(|next| next > now));
        let event = match over {
            Over::Nothing => return Ok(()),
            Over::Whole => destroyed(Vec::new()),
            Over::Parts(parts) => {
                prop_assert!(parts.iter().all(|part| state.blobs.has(*part)), "only what is there");
                destroyed(parts)
            }
            Over::Log => Event::Forgotten,
        };
        let held = !state.holds.is_empty() && event != Event::Forgotten;
        prop_assert_eq!(state.clone().apply(&event, AT).is_err(), held, "a hold stops it, and nothing else does");
        if !held {
            let after = state.apply(&event, AT).unwrap();
            prop_assert!(after.over(now) != Over::Parts(Vec::new()));
            if let Event::Destroyed { areas, .. } = &event {
                prop_assert!(areas.iter().all(|area| after.is_destroyed(*area) && !after.blobs.has(*area)));
                if areas.is_empty() {
                    prop_assert!(Schedule::CONTENT.iter().all(|area| after.is_destroyed(*area)));
                }
            }
        }
    }
}
