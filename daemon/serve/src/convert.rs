//! From the pipeline's views to messages. Names as they stand in the contract, times in ms.

use api::v1;
use lifecycle::{Finding, HoldOrder, Rendition};
use pipeline as p;
use types::{Confidence, Rect};

pub(crate) fn document(view: p::DocumentView) -> v1::Document {
    v1::Document {
        id: view.id.to_string(),
        source: view.source.to_string(),
        state: view.state.to_string(),
        reason: view.reason.map(|reason| reason.to_string()),
        pages: view.pages,
        class: view.class.map(|class| class.to_string()),
        confidence: view.confidence.map(Confidence::get),
        route: view.route.map(|route| route.to_string()),
        owner: view.owner.map(|owner| owner.to_string()),
        received_at_ms: view.received_at.0,
        updated_at_ms: view.updated_at.0,
        sha256_original: view.sha256_original.map(|digest| digest.to_string()),
        sha256_redacted: view.sha256_redacted.map(|digest| digest.to_string()),
        sha256_text: view.sha256_text.map(|digest| digest.to_string()),
        duplicate_of: view.duplicate_of.map(|id| id.to_string()),
        parent: view.parent.map(|id| id.to_string()),
        children: view.children.iter().map(ToString::to_string).collect(),
        holds: view.holds.iter().map(ToString::to_string).collect(),
        retain_until_ms: view.retain_until.0,
        retention: view.retention.to_string(),
        bytes: view.bytes,
        findings: view.findings.into_iter().map(finding).collect(),
        sensitivity: view.sensitivity.iter().map(ToString::to_string).collect(),
        schedules: view.schedules.into_iter().map(term).collect(),
        destroyed_before: view.destroyed_before.map(|id| id.to_string()),
        resent_of: view.resent_of.map(|id| id.to_string()),
        correlation_id: view.correlation_id.map(|id| id.to_string()),
    }
}

fn term(term: p::TermView) -> v1::Term {
    v1::Term {
        schedule: term.schedule.to_string(),
        until_ms: term.until.0,
        rule: term.rule.to_string(),
        destroyed: term.destroyed,
    }
}

/// A page in as many messages as its words need, at least one.
pub(crate) fn page_words(reading: p::PageReading) -> Vec<v1::PageWords> {
    let p::PageReading { page, geometry, words } = reading;
    let part = |words: &[types::Word]| v1::PageWords {
        page,
        width_px: geometry.width_px,
        height_px: geometry.height_px,
        dpi: geometry.dpi,
        rotation_deg: u32::from(geometry.rotation_deg),
        transform: geometry.transform.0.to_vec(),
        words: words.iter().map(word).collect(),
    };
    if words.words.is_empty() {
        return vec![part(&[])];
    }
    words.words.chunks(api::MESSAGE_WORDS_MAX).map(part).collect()
}

fn word(word: &types::Word) -> v1::Word {
    v1::Word {
        text: word.text.expose().to_owned(),
        r#box: Some(rect(word.rect)),
        confidence: word.confidence.get(),
        line: word.line,
        block: word.block,
    }
}

pub(crate) fn page_redactions(page: p::PageRedactions) -> v1::PageRedactions {
    let boxes = page.boxes.into_iter().map(|hidden| v1::RedactedBox {
        r#box: Some(rect(hidden.rect)),
        kind: hidden.kind.to_string(),
        rule: hidden.rule.to_string(),
        confidence: hidden.confidence.get(),
    });
    v1::PageRedactions { page: page.page, black: page.black, boxes: boxes.collect() }
}

fn rect(rect: Rect) -> v1::Box {
    v1::Box { x0: rect.x0, y0: rect.y0, x1: rect.x1, y1: rect.y1 }
}

pub(crate) fn explanation(line: p::Explained) -> v1::Explanation {
    v1::Explanation {
        station: line.station.to_owned(),
        at_ms: line.at.0,
        text: line.text,
        rule: line.rule.map(|rule| rule.to_string()),
    }
}

pub(crate) fn disclosure(told: p::Disclosed) -> v1::Disclosure {
    v1::Disclosure {
        at_ms: told.at.0,
        how: told.how.to_owned(),
        recipient: told.recipient,
        rendition: told.rendition.map(|given| rendition(given).to_owned()),
        why: told.why.map(|why| why.to_string()),
    }
}

pub(crate) fn route(route: p::RouteView) -> v1::Route {
    v1::Route {
        name: route.name.to_string(),
        owner: route.owner.to_string(),
        sla_hours: route.sla_hours,
        rendition: rendition(route.rendition).to_owned(),
        folder: route.folder,
        classes: route.classes.iter().map(ToString::to_string).collect(),
    }
}

pub(crate) fn expiry(expiry: p::Expiry) -> v1::Expiry {
    v1::Expiry {
        id: expiry.doc.to_string(),
        until_ms: expiry.until.0,
        rule: expiry.rule.to_string(),
        holds: expiry.holds.iter().map(ToString::to_string).collect(),
        destroyed: expiry.destroyed,
        state: expiry.state.to_string(),
        schedules: expiry.schedules.into_iter().map(term).collect(),
        over: expiry.over.iter().map(ToString::to_string).collect(),
        whole: expiry.whole,
    }
}

pub(crate) fn hold(view: p::HoldView) -> v1::HoldInForce {
    let HoldOrder { name, docs, source, class, from, to, sensitivity, why } = view.order;
    let docs: Vec<String> = docs.iter().map(ToString::to_string).collect();
    let narrowed =
        source.is_some() || class.is_some() || from.is_some() || to.is_some() || sensitivity.is_some();
    let everything = docs.is_empty() && !narrowed;
    v1::HoldInForce {
        order: Some(v1::HoldOrder {
            name: name.to_string(),
            docs,
            source: source.map(|source| source.to_string()),
            class: class.map(|class| class.to_string()),
            from_ms: from.map(|from| from.0),
            to_ms: to.map(|to| to.0),
            sensitivity: sensitivity.map(|label| label.to_string()),
            why: why.to_string(),
            everything,
        }),
        since_ms: view.since.0,
        by_json: serde_json::to_string(&view.by).unwrap_or_default(),
    }
}

pub(crate) fn certificates(view: p::Certificates) -> v1::Certificates {
    let one = |signed: p::SignedCertificate| v1::SignedCertificate {
        at_ms: signed.at.0,
        seq: signed.seq,
        certificate: signed.certificate,
        signature: signed.signature,
    };
    v1::Certificates { pubkey: view.pubkey, certificates: view.certificates.into_iter().map(one).collect() }
}

pub(crate) fn status(view: p::StatusView) -> v1::StatusReply {
    let count =
        |(state, documents): (lifecycle::Status, u64)| v1::Count { state: state.to_string(), documents };
    let source = |source: p::SourceView| v1::Source {
        name: source.name.to_string(),
        folder: source.folder,
        waiting: source.waiting,
        network: source.network,
    };
    let station = |station: p::StationUsage| v1::Station {
        name: station.station.to_owned(),
        cpu_ms: station.cpu_ms,
        wall_ms: station.wall_ms,
        pages: station.pages,
        peak_rss_bytes: station.peak_rss_bytes,
    };
    v1::StatusReply {
        site: view.site.to_string(),
        build: view.build,
        started_at_ms: view.started_at.0,
        degraded: view.degraded,
        landlock_abi: view.landlock_abi,
        counts: view.counts.into_iter().map(count).collect(),
        waiting_in_inboxes: view.waiting_in_inboxes,
        ledger_records: view.ledger_records,
        keystore_generation: view.keystore_generation,
        free_bytes: view.free_bytes,
        floor_bytes: view.floor_bytes,
        ballast_bytes: view.ballast_bytes,
        sources: view.sources.into_iter().map(source).collect(),
        stations: view.stations.into_iter().map(station).collect(),
        rss_bytes: view.rss_bytes,
        sealed: view.sealed,
        queued: view.queued,
        keys_rotated_at_ms: view.keys_rotated_at.map(|at| at.0),
        oldest_undelivered_ms: view.oldest_undelivered.map(|at| at.0),
    }
}

pub(crate) fn check(check: p::Check) -> v1::Check {
    v1::Check { name: check.name.to_owned(), ok: check.ok, detail: check.detail }
}

const fn rendition(rendition: Rendition) -> &'static str {
    match rendition {
        Rendition::Original => "original",
        Rendition::Redacted => "redacted",
        Rendition::Text => "text",
    }
}

fn finding(finding: Finding) -> String {
    let name = match finding {
        Finding::Javascript => "javascript",
        Finding::Launch => "launch",
        Finding::EmbeddedFile => "embedded-file",
        Finding::AutomaticAction => "automatic-action",
        Finding::ExternalLink => "external-link",
        Finding::SubmitForm => "submit-form",
        Finding::RichMedia => "rich-media",
        Finding::Xfa => "xfa",
        Finding::IncrementalUpdate => "incremental-update",
        Finding::OptionalContent => "optional-content",
        Finding::EmptyPassword => "empty-password",
        Finding::TrailingData => "trailing-data",
    };
    name.to_owned()
}

pub(crate) fn balance(view: p::BalanceView) -> v1::Balance {
    let p::BalanceView { statement, states, holds } = view;
    v1::Balance {
        source: statement.source.to_string(),
        day: statement.day.to_string(),
        through: statement.through,
        opening: statement.opening,
        seen: statement.seen,
        uploads: statement.uploads,
        arrived: statement.arrived,
        duplicates: statement.duplicates,
        refused: statement.refused,
        vanished: statement.vanished,
        waiting: statement.waiting,
        uploads_refused: statement.uploads_refused,
        states: states
            .into_iter()
            .map(|(state, documents)| v1::Count { state: state.to_string(), documents })
            .collect(),
        holds,
        signature: Some(statement.signature).filter(|signature| !signature.is_empty()),
    }
}

pub(crate) fn vanished(view: p::VanishedView) -> v1::VanishedFile {
    v1::VanishedFile {
        source: view.source.to_string(),
        at_ms: view.at.0,
        name: view.name.expose().to_owned(),
    }
}
