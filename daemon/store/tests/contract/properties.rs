//! Whatever is done to it, with crashes in between, the engine that ships answers as the model does.

use crate::{
    Site,
    embedded::OnDisk,
    model::Model,
    suite::{arrival, doc, fact, label},
};
use lifecycle::{Event, Outcome, Rendition, Stage, Status};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use std::{cell::RefCell, collections::BTreeSet};
use store::{Contract, Fact, Lease, Query};
use types::{BlobId, Confidence, Digest, DocClass, Reason, UnixMillis};

/// Histories of the usual run, and of the long one (`LAZARET_LONG=1`).
const USUAL: u32 = 120;
const LONG: u32 = 1_000;
const STEPS_MAX: usize = 40;
const DOCUMENTS: u64 = 4;

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Deed>),
    Claim {
        number: u64,
        now: u64,
        ttl: u64,
    },
    /// One of the leases given so far.
    Finish(usize),
    Crash,
    Rebuild,
}

#[derive(Clone, Debug)]
struct Deed {
    number: u64,
    what: What,
    /// How far off the version is that it was decided on.
    expect: Option<u64>,
    /// One of the leases given so far.
    under: Option<usize>,
}

#[derive(Clone, Debug)]
enum What {
    Arrive {
        source: bool,
        content: u8,
        key: Option<u8>,
    },
    /// What the next station leaves.
    Next,
    Other(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let arrive = (any::<bool>(), 0..4_u8, proptest::option::of(0..3_u8))
        .prop_map(|(source, content, key)| What::Arrive { source, content, key });
    let what = prop_oneof![3 => arrive, 30 => Just(What::Next), 3 => (0..10_u8).prop_map(What::Other)];
    let deed = (
        0..DOCUMENTS,
        what,
        prop_oneof![6 => Just(None), 12 => Just(Some(0)), 1 => (0..3_u64).prop_map(Some)],
        proptest::option::weighted(0.1, 0..8_usize),
    )
        .prop_map(|(number, what, expect, under)| Deed { number, what, expect, under });
    let claim = (0..DOCUMENTS, 0..100_u64, 0..60_u64);
    let step = prop_oneof![
        12 => vec(deed, 0..16).prop_map(Step::Commit),
        3 => claim.prop_map(|(number, now, ttl)| Step::Claim { number, now, ttl }),
        2 => (0..8_usize).prop_map(Step::Finish),
        1 => Just(Step::Crash),
        1 => Just(Step::Rebuild),
    ];
    vec(step, 1..STEPS_MAX)
}

/// The fact of a deed. It is made from what the model knows, so that it often may be.
fn fact_of(deed: &Deed, number: usize, model: &Model, leases: &[Lease]) -> Fact {
    let id = doc(deed.number);
    let known = model.get(id).unwrap();
    let stage = known.as_ref().and_then(|found| match found.state.position {
        lifecycle::Position::At(stage) | lifecycle::Position::Stopped(stage) => Some(stage),
        _ => None,
    });
    let event = match deed.what {
        What::Arrive { source, content, key } => arrival(if source { "fax" } else { "lab" }, content, key),
        What::Next => Event::Finished(outcome(stage.unwrap_or(Stage::Quarantine), number)),
        What::Other(which) => other(which, stage.unwrap_or(Stage::Route)),
    };
    let version = known.map_or(1, |found| found.state.version);
    Fact {
        at: UnixMillis(1_000 + number as u64),
        expect: deed.expect.map(|off| version + off),
        under: deed.under.and_then(|at| leases.get(at).copied()).map(|lease| Lease { doc: id, ..lease }),
        ..fact(id, event)
    }
}

fn outcome(stage: Stage, number: usize) -> Outcome {
    let sealed = || lifecycle::Sealed(vec![number as u8; 3 + number % 60]);
    let blob = |n: u128| BlobId::from_parts(UnixMillis(number as u64), n);
    let certain = Confidence::new(0.5);
    match stage {
        Stage::Quarantine => Outcome::Quarantined { format: label("pdf") },
        Stage::Parse => Outcome::Parsed { pages: 2, findings: Vec::new() },
        Stage::Normalise => Outcome::Normalised { raster: blob(1), blank_pages: 0 },
        Stage::Ocr => {
            Outcome::Read { text: blob(2), words: 3, confidence: certain, unread_pages: 0, sealed: sealed() }
        }
        Stage::Classify => Outcome::Classified {
            class: DocClass::LabResult,
            confidence: certain,
            rules: vec![label("title"), label(&format!("rule-{}", number % 5))],
            mixed: false,
            sensitivity: Vec::new(),
            schedules: None,
        },
        Stage::Redact => {
            Outcome::Redacted { product: blob(3), map: blob(4), boxes: 1, black_pages: 0, sealed: sealed() }
        }
        Stage::Store => Outcome::Stored { manifest: blob(5) },
        Stage::Route => Outcome::Routed { route: label("lab"), owner: label("desk"), rule: label("auto") },
        Stage::Deliver => Outcome::Delivered { receipt: Digest([number as u8; 32]), disclosure: None },
        Stage::Retain => {
            Outcome::Retained { retention: label("long"), until: UnixMillis(6_000_000), schedules: None }
        }
    }
}

fn other(which: u8, stage: Stage) -> Event {
    let reason = Reason::WorkerCrash;
    match which {
        0 => Event::Failed { stage, reason },
        1 => Event::Stopped { stage, reason },
        2 => Event::Rejected { stage, reason },
        3 => Event::Referred { reason, rule: label("low") },
        4 => Event::Released,
        5 => Event::HoldPlaced { hold: label("court") },
        6 => Event::HoldLifted { hold: label("court") },
        7 => Event::Expired { generation_before: 1, generation_after: 2 },
        8 => Event::Forgotten,
        _ => Event::Read { rendition: Rendition::Text },
    }
}

/// Every question has the same answer.
fn agree(engine: &dyn Contract, model: &Model) -> Result<(), TestCaseError> {
    for status in Status::ALL.into_iter().map(Some).chain([None]) {
        for source in [None, Some(label("fax")), Some(label("lab"))] {
            let query = Query { status, source };
            prop_assert_eq!(engine.scan(&query, None, 100).unwrap(), model.scan(&query, None, 100).unwrap());
            let after = Some(doc(2));
            prop_assert_eq!(engine.scan(&query, after, 2).unwrap(), model.scan(&query, after, 2).unwrap());
        }
    }
    for number in 0..DOCUMENTS {
        let id = doc(number);
        prop_assert_eq!(engine.get(id).unwrap(), model.get(id).unwrap());
        prop_assert_eq!(engine.events(id).unwrap(), model.events(id).unwrap());
        prop_assert_eq!(engine.events_after(id, 5, 3).unwrap(), model.events_after(id, 5, 3).unwrap());
        let status = |site: &dyn Contract| site.peek(id).unwrap().map(|found| found.state.status());
        prop_assert_eq!(status(engine), status(model));
    }
    for byte in 0..4 {
        let digest = Digest([byte; 32]);
        prop_assert_eq!(engine.by_content(digest).unwrap(), model.by_content(digest).unwrap());
        prop_assert_eq!(engine.by_past_content(digest).unwrap(), model.by_past_content(digest).unwrap());
        prop_assert_eq!(engine.by_idempotency(digest).unwrap(), model.by_idempotency(digest).unwrap());
    }
    prop_assert_eq!(engine.counts().unwrap(), model.counts().unwrap());
    let sources = [label("fax"), label("lab")];
    prop_assert_eq!(engine.census(&sources).unwrap(), model.census(&sources).unwrap());
    prop_assert_eq!(engine.runnable(None, 9).unwrap(), model.runnable(None, 9).unwrap());
    for now in [4_999_999, 5_000_000, 6_000_000].map(UnixMillis) {
        let due = model.due_for_expiry(now, None, 9).unwrap();
        prop_assert_eq!(&engine.due_for_expiry(now, None, 9).unwrap(), &due);
        let behind = engine.due_for_expiry(now, due.first().copied(), 1).unwrap();
        prop_assert_eq!(&behind[..], &due[due.len().min(1)..due.len().min(2)]);
    }
    for from in [1, 4] {
        let read = |of: &dyn Contract| of.log(from).unwrap().map(Result::unwrap).collect::<Vec<_>>();
        prop_assert_eq!(read(engine), read(model));
    }
    prop_assert_eq!(engine.applied_seq(), model.applied_seq());
    prop_assert_eq!(engine.mark().size, model.mark().size);
    prop_assert_eq!(engine.holds().unwrap(), model.holds().unwrap());
    Ok(())
}

fn history(steps: &[Step]) -> Result<(u64, BTreeSet<Status>), TestCaseError> {
    let (mut site, mut model) = (OnDisk::new(), Model::new());
    let (mut leases, mut deeds, mut reached) = (Vec::new(), 0, BTreeSet::new());
    for step in steps {
        match step {
            Step::Commit(commit) => {
                let mut facts = Vec::new();
                for deed in commit {
                    deeds += 1;
                    facts.push(fact_of(deed, deeds, &model, &leases));
                }
                let done = site.engine().commit(facts.clone()).unwrap();
                prop_assert_eq!(done, model.commit(facts).unwrap());
                let all = model.scan(&Query::default(), None, 100).unwrap();
                reached.extend(all.iter().map(|found| found.state.status()));
            }
            Step::Claim { number, now, ttl } => {
                let lease = site.engine().claim(doc(*number), UnixMillis(*now), *ttl).unwrap();
                prop_assert_eq!(lease, model.claim(doc(*number), UnixMillis(*now), *ttl).unwrap());
                leases.extend(lease);
            }
            Step::Finish(at) => {
                let Some(lease) = leases.get(*at) else { continue };
                prop_assert_eq!(site.engine().finish(lease).unwrap(), model.finish(lease).unwrap());
            }
            Step::Crash => {
                site.crash();
                model.crash();
            }
            Step::Rebuild => prop_assert_eq!(site.engine().rebuild().unwrap(), model.rebuild().unwrap()),
        }
    }
    agree(site.engine(), &model)?;
    let (found, expected) = (site.engine().examine().unwrap(), model.examine().unwrap());
    prop_assert_eq!(found, expected);
    site.crash();
    model.crash();
    agree(site.engine(), &model)?;
    Ok((model.applied_seq(), reached))
}

#[test]
fn ledger_and_sled_answer_as_the_model_does() {
    let cases = if std::env::var_os("LAZARET_LONG").is_some() { LONG } else { USUAL };
    let seen = RefCell::new((0, BTreeSet::new()));
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&steps(), |steps| {
        let (records, mut reached) = history(&steps)?;
        let (written, all) = &mut *seen.borrow_mut();
        *written += records;
        all.append(&mut reached);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let (written, reached) = seen.into_inner();
    eprintln!("{cases} histories, {written} records, every answer as the model's");
    // Histories that never get far prove little. One state may be missed by chance.
    assert!(reached.len() + 1 >= Status::ALL.len(), "only {reached:?} were ever reached");
}
