//! # parse
//!
//! Reads: the original, through a worker. Leaves: `Parsed { pages, findings }`.
//! Can refuse because: `truncated`, `malformed`, `encrypted`, `no-pages`, any limit; `pdf-javascript`,
//! `pdf-launch`, `pdf-embedded-file` as the source's `[source.findings]` say.

use crate::{
    desk::Desk,
    readings::send_original,
    refusal::Refusal,
    workers::{out_of_turn, send_job},
};
use ::store::Document;
use config::{FindingAction, FindingRules};
use lifecycle::{Finding, Outcome};
use std::{collections::BTreeSet, sync::Arc};
use types::{Limits, Reason, Untrusted};
use wire::{Done, Job, Kind, ParsedDocument, Refusal as WorkerRefusal, Role, decode};

/// Kinds of findings there are; a worker that names more does not tell the truth.
const FINDINGS_MAX: usize = 16;

const STRICT: FindingRules = FindingRules {
    javascript: FindingAction::Hold,
    launch: FindingAction::Hold,
    embedded_file: FindingAction::Hold,
};

pub(crate) async fn run(desk: &Arc<Desk>, doc: &Document) -> Result<Outcome, Refusal> {
    let limits = desk.limits(&doc.state.source);
    let (id, bytes, original) =
        (doc.id, doc.state.bytes, doc.state.blobs.original.ok_or(Reason::StorageError)?);
    let vault = desk.vault.clone();
    let said = desk
        .workers
        .with(Role::Parse, limits, move |worker| {
            worker.allow(1, limits.page_cpu_seconds_max, limits.page_wall_ms_max);
            send_job(worker, &Job::Parse { bytes, limits })?;
            send_original(&vault, worker, id, original)?;
            let frame = worker.recv()?;
            match frame.kind {
                Kind::Done => match decode::<Done>(&frame.payload)? {
                    Done::Parsed(parsed) => Ok(parsed),
                    _ => Err(out_of_turn()),
                },
                Kind::Refusal => Err(Refusal::Because(decode::<WorkerRefusal>(&frame.payload)?.reason)),
                _ => Err(out_of_turn()),
            }
        })
        .await?;
    let (pages, findings) = believe(said, &limits)?;
    // A source that is gone from the configuration has no profile that would allow anything.
    let rules = desk.source(&doc.state.source).map_or(STRICT, |source| source.findings.clone());
    judge(&findings, &rules, &doc.state.accepted)?;
    Ok(Outcome::Parsed { pages, findings: findings.into_iter().collect() })
}

/// What a worker says is bounded before it is used.
fn believe(said: ParsedDocument, limits: &Limits) -> Result<(u32, BTreeSet<Finding>), Refusal> {
    let pages =
        Untrusted::new(said.pages).bound("page count", |pages| (1..=limits.pages_max).contains(pages))?;
    let names =
        Untrusted::new(said.findings).bound("number of findings", |names| names.len() <= FINDINGS_MAX)?;
    let known = |name: String| serde_json::from_value(serde_json::Value::String(name)).ok();
    let findings: Option<BTreeSet<Finding>> = names.into_iter().map(known).collect();
    let findings = findings.ok_or_else(out_of_turn)?;
    Ok((pages, findings))
}

/// Active content is flattened, held or rejected, as the source's profile says (B18).
fn judge(
    findings: &BTreeSet<Finding>,
    rules: &FindingRules,
    accepted: &BTreeSet<Reason>,
) -> Result<(), Refusal> {
    for (finding, action, reason) in [
        (Finding::Launch, rules.launch, Reason::PdfLaunch),
        (Finding::Javascript, rules.javascript, Reason::PdfJavascript),
        (Finding::EmbeddedFile, rules.embedded_file, Reason::PdfEmbeddedFile),
    ] {
        if findings.contains(&finding) && !accepted.contains(&reason) {
            match action {
                FindingAction::Flatten => {}
                FindingAction::Hold => return Err(Refusal::Because(reason)),
                FindingAction::Reject => return Err(Refusal::Reject(reason)),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // B18: findings are recorded by kind, and the policy of the source decides.
    #[test]
    fn the_profile_of_the_source_decides_about_active_content() {
        let (found, none) = (BTreeSet::from([Finding::Javascript]), BTreeSet::new());
        let rules = |action| FindingRules {
            javascript: action,
            launch: FindingAction::Reject,
            embedded_file: FindingAction::Hold,
        };
        assert!(judge(&found, &rules(FindingAction::Flatten), &none).is_ok());
        assert!(matches!(
            judge(&found, &rules(FindingAction::Hold), &none),
            Err(Refusal::Because(Reason::PdfJavascript))
        ));
        assert!(matches!(
            judge(&found, &rules(FindingAction::Reject), &none),
            Err(Refusal::Reject(Reason::PdfJavascript))
        ));
    }

    // B18: releasing a document accepts what it stopped for, and nothing that was not known then.
    #[test]
    fn a_release_accepts_only_the_reason_that_was_shown() {
        let found = BTreeSet::from([Finding::Javascript, Finding::EmbeddedFile]);
        let shown = BTreeSet::from([Reason::PdfJavascript]);
        assert!(matches!(judge(&found, &STRICT, &shown), Err(Refusal::Because(Reason::PdfEmbeddedFile))));
        let both = BTreeSet::from([Reason::PdfJavascript, Reason::PdfEmbeddedFile]);
        assert!(judge(&found, &STRICT, &both).is_ok());
    }

    // B15: the daemon bounds what the worker says by itself.
    #[test]
    fn a_worker_that_says_too_much_is_not_believed() {
        let limits = Limits { pages_max: 500, ..Limits::default() };
        let said = |pages, findings: &[&str]| ParsedDocument {
            pages,
            findings: findings.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert!(believe(said(500, &["javascript"]), &limits).is_ok());
        assert!(believe(said(501, &[]), &limits).is_err());
        assert!(believe(said(0, &[]), &limits).is_err());
        assert!(believe(said(1, &["no such finding"]), &limits).is_err());
    }
}
