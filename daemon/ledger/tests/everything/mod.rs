//! One record at least of every kind, name and code that a ledger can hold.
#![allow(clippy::unwrap_used, unreachable_pub)]

use ledger::NewRecord;
use lifecycle::{
    Actor, Arrival, Body, Channel, Disclosure, Event, Finding, HoldOrder, Outcome, Rendition, Schedules,
    Sealed, Stage, Statement, SystemEvent, Term, Trip,
};
use types::{BlobId, Confidence, Digest, DocClass, DocId, Label, Reason, Schedule, UnixMillis};

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

fn doc(number: u128) -> DocId {
    DocId::from_parts(UnixMillis(1_795_502_192_007), number)
}

fn blob(number: u128) -> BlobId {
    BlobId::from_parts(UnixMillis(1_795_502_192_008), number)
}

fn arrival() -> Arrival {
    Arrival {
        source: label("fax-1"),
        channel: Channel::Inbox,
        bytes: 48_213,
        original: Some(blob(1)),
        content: Digest([0x11; 32]),
        idempotency: None,
        duplicate_of: None,
        trip: Trip::V1,
        sealed: Sealed(vec![1, 2, 254, 255]),
        retention: label("default"),
        retain_until: UnixMillis(1_895_502_192_007),
        schedules: None,
        destroyed_before: None,
        resent_of: None,
        received_at: None,
    }
}

fn disclosure() -> Disclosure {
    Disclosure {
        uploaded_by: Actor::Inbox { source: label("fax-1"), uid: 1001 },
        class: Some(DocClass::LabResult),
        confidence: Some(Confidence::new(0.96875)),
        route: label("his"),
        owner: Some(label("him")),
        rendition: Rendition::Redacted,
    }
}

fn schedules() -> Box<Schedules> {
    let term = |rule, days: u64| Term {
        rule: label(rule),
        until: UnixMillis(1_795_502_192_007).plus(days * 24 * 60 * 60 * 1000),
    };
    Box::new(Schedules {
        original: term("keep-every-document", 30),
        redacted: term("keep-clinical", 90),
        text: term("keep-text", 60),
        review: term("keep-review", 31),
        log: term("log-sensitive", 3653),
    })
}

/// Every record; new kinds are added at the end of their list.
pub fn records() -> Vec<NewRecord> {
    let documents = events().into_iter().map(|event| Body::Document { doc: doc(7), event });
    let systems = system_events().into_iter().map(Body::System);
    let actors = actors();
    let bodies = documents.chain(systems).enumerate();
    bodies
        .map(|(i, body)| NewRecord {
            at: UnixMillis(1_795_502_192_007 + i as u64),
            by: actors[i % actors.len()].clone(),
            body,
        })
        .collect()
}

pub fn actors() -> Vec<Actor> {
    vec![
        Actor::Daemon,
        Actor::Inbox { source: label("fax-1"), uid: 1001 },
        Actor::Client(label("portal")),
        Actor::Local { uid: 0, pid: 4711 },
    ]
}

pub fn events() -> Vec<Event> {
    let stages = Trip::V1.stages();
    let reason = Reason::WorkerTimeout;
    let duplicate = Arrival {
        channel: Channel::Grpc,
        original: None,
        idempotency: Some(Digest([0x22; 32])),
        duplicate_of: Some(doc(6)),
        ..arrival()
    };
    let again = Arrival {
        schedules: Some(schedules()),
        destroyed_before: Some(doc(5)),
        resent_of: Some(doc(4)),
        ..arrival()
    };
    let late = Arrival { received_at: Some(UnixMillis(1_795_498_592_007)), ..arrival() };
    let arrivals = [arrival(), duplicate, again, late].map(|arrival| Event::Arrived(Box::new(arrival)));
    let mut events = arrivals.to_vec();
    events.extend(outcomes().into_iter().map(Event::Finished));
    events.extend(stages.iter().map(|stage| Event::Failed { stage: *stage, reason }));
    events.push(Event::Stopped { stage: Stage::Parse, reason: Reason::PdfJavascript });
    events.push(Event::Referred { reason: Reason::LowConfidence, rule: label("route.threshold") });
    events.extend(Reason::ALL.iter().map(|reason| Event::Rejected { stage: Stage::Parse, reason: *reason }));
    events.push(Event::Released);
    events.push(Event::Approved);
    events.extend(DocClass::ALL.map(|class| Event::Reclassified { class, schedules: None }));
    events.push(Event::Rerouted { route: label("his"), owner: label("him"), why: label("wrong-desk") });
    events.push(Event::HoldPlaced { hold: label("case-12") });
    events.push(Event::HoldLifted { hold: label("case-12") });
    events.extend(
        [Rendition::Original, Rendition::Redacted, Rendition::Text]
            .map(|rendition| Event::Read { rendition }),
    );
    events.push(Event::Expired { generation_before: 3, generation_after: 4 });
    events.push(Event::AlsoDelivered { route: label("his"), receipt: Digest([0x34; 32]), disclosure: None });
    events.push(Event::RetentionExtended { duplicate: doc(8), schedules: schedules() });
    for areas in [Vec::new(), Schedule::CONTENT.to_vec()] {
        let certificate = r#"{"schema_version":1,"kind":"lazaret-deletion-certificate"}"#.to_owned();
        events.push(Event::Destroyed { areas, certificate, signature: "ab".repeat(64) });
    }
    events.push(Event::Forgotten);
    events
}

fn outcomes() -> Vec<Outcome> {
    let sealed = Sealed(vec![0xab; 40]);
    let findings = vec![
        Finding::Javascript,
        Finding::Launch,
        Finding::EmbeddedFile,
        Finding::AutomaticAction,
        Finding::ExternalLink,
        Finding::SubmitForm,
        Finding::RichMedia,
        Finding::Xfa,
        Finding::IncrementalUpdate,
        Finding::OptionalContent,
        Finding::EmptyPassword,
        Finding::TrailingData,
    ];
    vec![
        Outcome::Quarantined { format: label("pdf") },
        Outcome::Parsed { pages: 3, findings },
        Outcome::Normalised { raster: blob(2), blank_pages: 1 },
        Outcome::Read {
            text: blob(3),
            words: 457,
            confidence: Confidence::new(0.9375),
            unread_pages: 0,
            sealed: sealed.clone(),
        },
        Outcome::Classified {
            class: DocClass::LabResult,
            confidence: Confidence::new(0.75),
            rules: vec![label("lab.title"), label("lab.table")],
            mixed: false,
            sensitivity: Vec::new(),
            schedules: None,
        },
        Outcome::Classified {
            class: DocClass::ClinicalNote,
            confidence: Confidence::new(0.5),
            rules: vec![label("note.title")],
            mixed: true,
            sensitivity: vec![label("hiv"), label("substance-use")],
            schedules: None,
        },
        Outcome::Redacted { product: blob(4), map: blob(5), boxes: 12, black_pages: 0, sealed },
        Outcome::Stored { manifest: blob(6) },
        Outcome::Routed { route: label("lab"), owner: label("lab-desk"), rule: label("class.lab-result") },
        Outcome::Delivered { receipt: Digest([0x33; 32]), disclosure: None },
        Outcome::Delivered { receipt: Digest([0x33; 32]), disclosure: Some(Box::new(disclosure())) },
        Outcome::Retained { retention: label("lab"), until: UnixMillis(1_995_502_192_007), schedules: None },
        Outcome::Retained {
            retention: label("lab"),
            until: UnixMillis(1_995_502_192_007),
            schedules: Some(schedules()),
        },
    ]
}

pub fn system_events() -> Vec<SystemEvent> {
    let name = Digest([0x44; 32]);
    vec![
        SystemEvent::Started {
            build: "0.1.0+0123456789abcdef".to_owned(),
            landlock_abi: 7,
            degraded: false,
            clear_swap: false,
        },
        SystemEvent::Stopped,
        SystemEvent::SandboxViolation { doc: Some(doc(7)), stage: Some(Stage::Ocr) },
        SystemEvent::SandboxViolation { doc: None, stage: None },
        SystemEvent::Refused { source: label("fax-1"), reason: Reason::Symlink, name, entry: None },
        SystemEvent::Vanished { source: label("fax-1"), name, entry: None },
        SystemEvent::Denied { rpc: label("GetDocument"), why: label("scope") },
        SystemEvent::Reloaded { accepted: true },
        SystemEvent::IndexRebuilt { records: 100_000 },
        SystemEvent::TailCut { bytes: 17 },
        SystemEvent::KeysEscrowed {
            documents: 12,
            keys_until: UnixMillis(1_995_502_192_008),
            recipients: vec![Digest([0x55; 32]), Digest([0x66; 32])],
        },
        SystemEvent::BackedUp {
            records: 4_711,
            blobs: 60,
            bytes: 1_234_567,
            keys_until: UnixMillis(1_995_502_192_008),
            recipients: vec![Digest([0x55; 32]), Digest([0x66; 32])],
        },
        SystemEvent::Restored { records: 4_711, documents: 11, dropped: 1 },
        SystemEvent::Audited,
        SystemEvent::SiteKey { public: Digest([0x55; 32]) },
        SystemEvent::EvidenceExported { documents: 3 },
        SystemEvent::Refused { source: label("fax-1"), reason: Reason::Symlink, name, entry: Some(17) },
        SystemEvent::Vanished { source: label("fax-1"), name, entry: Some(18) },
        SystemEvent::UploadsRefused {
            source: Some(label("partner")),
            why: label("file-too-large"),
            count: 1,
        },
        SystemEvent::UploadsRefused { source: None, why: label("unknown-source"), count: 90 },
        SystemEvent::Swept { blobs: 3, keys: 1, bytes: 4096 },
        SystemEvent::BallastReleased { bytes: 268_435_456 },
        SystemEvent::BallastRestored { bytes: 268_435_456 },
        SystemEvent::Balanced(Box::new(Statement {
            day: label("2026-11-24"),
            source: label("fax-1"),
            through: 1234,
            opening: 2,
            seen: 40,
            uploads: 3,
            arrived: 41,
            duplicates: 1,
            refused: 1,
            vanished: 1,
            waiting: 2,
            uploads_refused: 5,
            signature: "5e".repeat(64),
        })),
        SystemEvent::IndexFaulty { why: label("diverged") },
        SystemEvent::HoldOrdered(Box::new(HoldOrder {
            name: label("case-12"),
            docs: Vec::new(),
            source: None,
            class: None,
            from: None,
            to: None,
            sensitivity: None,
            why: label("litigation"),
        })),
        SystemEvent::HoldOrdered(Box::new(HoldOrder {
            name: label("case-13"),
            docs: vec![doc(7), doc(8)],
            source: Some(label("fax-1")),
            class: Some(DocClass::Claim),
            from: Some(UnixMillis(1_795_502_192_007)),
            to: Some(UnixMillis(1_895_502_192_007)),
            sensitivity: Some(label("hiv")),
            why: label("subpoena"),
        })),
        SystemEvent::HoldEnded { hold: label("case-12") },
        SystemEvent::Sealed,
        SystemEvent::TakenSealed { id: doc(8), source: label("fax-1"), bytes: 4_711, sha256: name },
        SystemEvent::Unsealed,
        SystemEvent::UnsealRefused,
        SystemEvent::KeysRotated { generation_before: 7, generation_after: 8, master_changed: true },
    ]
}

/// Fails to compile when a kind is added, so that nobody forgets to add it above.
pub fn kind(body: &Body) -> &'static str {
    match body {
        Body::Document { event, .. } => match event {
            Event::Arrived(_) => "arrived",
            Event::Finished(outcome) => match outcome {
                Outcome::Quarantined { .. } => "quarantined",
                Outcome::Parsed { .. } => "parsed",
                Outcome::Normalised { .. } => "normalised",
                Outcome::Read { .. } => "read by ocr",
                Outcome::Classified { .. } => "classified",
                Outcome::Redacted { .. } => "redacted",
                Outcome::Stored { .. } => "stored",
                Outcome::Routed { .. } => "routed",
                Outcome::Delivered { .. } => "delivered",
                Outcome::Retained { .. } => "retained",
            },
            Event::Failed { .. } => "failed",
            Event::Stopped { .. } => "stopped in quarantine",
            Event::Referred { .. } => "referred",
            Event::Rejected { .. } => "rejected",
            Event::Released => "released",
            Event::Approved => "approved",
            Event::Reclassified { .. } => "reclassified",
            Event::Rerouted { .. } => "rerouted",
            Event::HoldPlaced { .. } => "hold placed",
            Event::HoldLifted { .. } => "hold lifted",
            Event::Read { .. } => "read by somebody",
            Event::Expired { .. } => "expired",
            Event::AlsoDelivered { .. } => "also delivered",
            Event::RetentionExtended { .. } => "retention extended",
            Event::Destroyed { .. } => "destroyed",
            Event::Forgotten => "forgotten",
        },
        Body::System(event) => match event {
            SystemEvent::Started { .. } => "started",
            SystemEvent::Stopped => "daemon stopped",
            SystemEvent::SandboxViolation { .. } => "sandbox violation",
            SystemEvent::Refused { .. } => "refused",
            SystemEvent::Vanished { .. } => "vanished",
            SystemEvent::Denied { .. } => "denied",
            SystemEvent::Reloaded { .. } => "reloaded",
            SystemEvent::IndexRebuilt { .. } => "index rebuilt",
            SystemEvent::IndexFaulty { .. } => "index faulty",
            SystemEvent::TailCut { .. } => "tail cut",
            SystemEvent::KeysEscrowed { .. } => "keys escrowed",
            SystemEvent::BackedUp { .. } => "backed up",
            SystemEvent::Restored { .. } => "restored",
            SystemEvent::Audited => "audited",
            SystemEvent::SiteKey { .. } => "site-key",
            SystemEvent::EvidenceExported { .. } => "evidence-exported",
            SystemEvent::UploadsRefused { .. } => "uploads refused",
            SystemEvent::Swept { .. } => "swept",
            SystemEvent::BallastReleased { .. } => "ballast released",
            SystemEvent::BallastRestored { .. } => "ballast restored",
            SystemEvent::Balanced(_) => "balanced",
            SystemEvent::HoldOrdered(_) => "hold ordered",
            SystemEvent::HoldEnded { .. } => "hold ended",
            SystemEvent::Sealed => "started sealed",
            SystemEvent::TakenSealed { .. } => "taken in while sealed",
            SystemEvent::Unsealed => "unsealed",
            SystemEvent::UnsealRefused => "unseal refused",
            SystemEvent::KeysRotated { .. } => "keys rotated",
        },
    }
}

/// How many kinds [`kind`] tells apart.
pub const KINDS: usize = 55;
