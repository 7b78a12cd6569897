//! The protocols hold, and each fsync and each order of two steps is there for a reason: without it there is a
//! history that must not be. The histories are printed in docs/reference/models.md.
#![allow(clippy::tests_outside_test_module, reason = "a test file")]

use models::{
    intake::{Intake, Step as I},
    lease::{self, Leases, PLAN, Without},
    purge::{Purge, Step as P},
    way::{Change, Way, changes, check},
};
use std::fmt::Write as _;

/// Set to write docs/reference/models.md anew instead of comparing it.
const BLESS: &str = "LAZARET_BLESS";
const PAGE: &str = "docs/reference/models.md";

/// Neighbours that may change places, and why: neither needs the other, and what makes both safe comes later.
const INTAKE_FREE: [(I, I, &str); 5] = [
    (I::Claim, I::MakeDir, "the claim is about the inbox, the folder about the vault"),
    (I::SyncDirs, I::AddKey, "folder and key are needed together, by the record, which comes later"),
    (I::SyncKeys, I::CreateBlob, "a blob without a key is swept; the record comes later"),
    (I::Apply, I::Unlink, "the index follows the ledger at every start"),
    (I::Apply, I::Answer, "the index follows the ledger at every start"),
];
const PURGE_FREE: [(P, P, &str); 5] = [
    (P::SyncStaged, P::Retire, "the second name of the old file says nothing about the new one"),
    (P::SyncReplaced, P::StageJournal, "what is staged is removed at the next start"),
    (P::SyncJournalName, P::Wipe, "the journal is about later keys, the wiping about an old one"),
    (
        P::SyncUnretired,
        P::RemoveBlobs,
        "keystore and blobs are needed together, by the record, which comes later",
    ),
    (P::Tell, P::AddLater, "another document"),
];

/// Checks one way and every change of it; gives its part of the page.
fn part<W: Way + std::fmt::Debug>(title: &str, way: &W, free: &[(W::Step, W::Step, &str)]) -> String {
    let plan = way.plan();
    let (found, states) = check(way, &plan);
    assert_eq!(found, None, "{title} does not hold");
    let mut page = format!("\n## {title}\n\nHolds in all {states} states. The steps:\n\n");
    for (number, step) in plan.iter().enumerate() {
        let (what, place) = way.words(*step);
        writeln!(page, "{}. {what} (`{place}`)", number + 1).unwrap_or_default();
    }
    page.push_str("\n| change | history | what is wrong |\n|---|---|---|\n");
    let mut unused: Vec<_> = free.iter().map(|(a, b, _)| (*a, *b)).collect();
    for (change, changed) in changes(way) {
        let words = |step: W::Step| way.words(step).0;
        let name = match change {
            Change::Without(step) => format!("without “{}”", words(step)),
            Change::Swapped(a, b) => format!("“{}” before “{}”", words(b), words(a)),
        };
        let may = free.iter().find(|(a, b, _)| change == Change::Swapped(*a, *b));
        match (check(way, &changed).0, may) {
            (Some(found), None) => {
                let story = if found.story.is_empty() { "no crash needed" } else { &found.story };
                writeln!(page, "| {name} | {story} | {} |", found.wrong).unwrap_or_default();
            }
            (None, Some((a, b, why))) => {
                unused.retain(|pair| pair != &(*a, *b));
                writeln!(page, "| {name} | none | harmless: {why} |").unwrap_or_default();
            }
            (None, None) => panic!("{title}: {name} makes no difference to the model"),
            (Some(found), Some(_)) => panic!("{title}: {name} is not harmless: {found:?}"),
        }
    }
    let plan_has = |pair: &(W::Step, W::Step)| plan.windows(2).any(|two| two == [pair.0, pair.1]);
    assert!(!unused.iter().any(plan_has), "{title}: not looked at: {unused:?}");
    page
}

/// What a start does with a batch of which the disk has a part.
fn torn() -> String {
    let way = Intake::HalfKept;
    let Some(found) = check(&way, &way.plan()).0 else {
        panic!("half a commit makes no difference to the model")
    };
    format!(
        "\n## What a start keeps of a torn commit\n\nThe record of an arrival and what is committed with it (a longer \
         retention of the document it is a copy of) are one batch, of which a crash may leave any part. The start cuts a \
         batch that is not whole (`ledger/segment.rs: read_batch`).\n\n| change | history | what is wrong |\n|---|---|---|\n\
         | every whole frame is kept | {} | {} |\n",
        found.story, found.wrong
    )
}

fn leases() -> String {
    let (found, states) = lease::check(&Leases::new(PLAN, Without::Nothing));
    assert_eq!(found, None, "leases do not hold");
    let mut page = format!(
        "\n## Lease and fence\n\nTwo workers, A and B, one document with two stations; time passes (or the clock jumps), \
         and every lease runs out; the daemon crashes; a person decides something in between. Holds in all {states} states. Steps of each: claim \
         (`store/lease.rs: claim`), look (`pipeline/runner.rs: travel`), work (`pipeline/runner.rs: run_station`), record \
         if the lease is still the own and the version the one looked at (`store/embedded.rs: judge`), give back what the token is for \
         (`store/lease.rs: finish`).\n\n| change | history | what is wrong |\n|---|---|---|\n"
    );
    let mut row = |name: &str, leases: Leases| match lease::check(&leases).0 {
        Some((story, wrong)) => writeln!(page, "| {name} | {story} | {wrong} |").unwrap_or_default(),
        None => panic!("leases: {name} makes no difference to the model"),
    };
    for without in Without::ALL {
        row(without.words(), Leases::new(PLAN, without));
    }
    for at in 1..PLAN.len() {
        let mut plan = PLAN;
        plan.swap(at - 1, at);
        let name = format!("“{}” before “{}”", PLAN[at].words(), PLAN[at - 1].words());
        row(&name, Leases::new(plan, Without::Nothing));
    }
    page
}

// "The model passes, and removing any fsync or swapping any two steps yields a counterexample that the docs show."
#[test]
fn every_fsync_and_every_order_is_needed_or_said_to_be_free() {
    let mut page = String::from(
        "# Models\n\n\
         What the appliance does step by step, checked in every history with crashes before and after each step. A crash \
         leaves of everything that was not synced any part, in any order: bytes, names, both, neither. Each fsync left \
         out and each two neighbours swapped give a history that must not be; it stands beside. Written by \
         `LAZARET_BLESS=1 cargo test --release -p models` from `tests/models`.\n\n\
         A model proves an order, not the code. [Reliability](../reliability.md) says how the code is attacked.\n",
    );
    page += &part("Taking in a file of an inbox", &Intake::Inbox, &INTAKE_FREE);
    page += &part("Taking in an upload", &Intake::Upload, &INTAKE_FREE);
    page += &torn();
    page += &part("Destroying a key", &Purge, &PURGE_FREE);
    page += &leases();
    let path = house::root().join(PAGE);
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, &page).expect("the page is writable when it is blessed");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "{PAGE} is not up to date: run {BLESS}=1 cargo test --release -p models");
}

// A step of a model is a function of the code; one that moved takes its name along.
#[test]
fn every_step_names_a_function_that_is_there() {
    let root = house::root();
    let page = std::fs::read_to_string(root.join(PAGE)).expect("the page is there");
    let mut looked = 0;
    // `vault/keystore/mod.rs: finish` lies in daemon/vault/src/keystore/mod.rs.
    for place in page.split('`').filter(|text| text.contains(".rs")) {
        let (file, function) = place.split_once(": ").unwrap_or((place, ""));
        let (room, rest) = file.split_once('/').expect("a room and a file");
        let code = std::fs::read_to_string(root.join("daemon").join(room).join("src").join(rest));
        let code = code.unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(function.is_empty() || code.contains(&format!("fn {function}")), "{place} is not there");
        looked += 1;
    }
    assert!(looked > 50, "{looked}");
}
