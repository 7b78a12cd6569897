//! `audit verify`: a whole ledger, or one proof.

use super::{Dir, read_bounded, read_checkpoint, read_key};
use crate::{
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
};
use clap::Args;
use ledger::{Proof, Signed, Trust, VerifyingKey, audit, noted_root};
use serde::Serialize;
use std::path::{Path, PathBuf};
use types::Digest;

/// Largest proof file, in bytes; one of as many records as a proof may hold has about 150 MB.
const PROOF_BYTES_MAX: usize = 256 << 20;

/// What to check, and what to believe.
#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    dir: Dir,
    /// A checkpoint that was taken away earlier: the ledger must still hold it
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The key that was pinned earlier, as `audit pubkey` prints it
    #[arg(long, value_name = "FILE")]
    pubkey: Option<PathBuf>,
    /// Number of records of a checkpoint that was noted on paper
    #[arg(long, value_name = "N", requires = "root")]
    size: Option<u64>,
    /// Its root, in hex or base64: the ledger must still have it at that size
    #[arg(long, value_name = "ROOT", requires = "size", value_parser = root)]
    root: Option<Digest>,
    /// Check this file of `audit prove` instead; no ledger is needed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dir", "size"])]
    proof: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    records: u64,
    segments: u64,
    tip: String,
    root: String,
    checkpoints: u64,
    keys: usize,
    /// The last checkpoint.
    checkpoint_at: Option<String>,
    /// Records behind the last checkpoint.
    uncovered: u64,
    /// Was a key given, and does it hold?
    pinned: bool,
    first_key: Option<String>,
    /// Records of the checkpoint that was brought.
    external: Option<u64>,
    /// Records of the root that was noted.
    noted: Option<u64>,
}

#[derive(Serialize)]
struct ProofReport {
    document: String,
    records: usize,
    checkpoint: u64,
    checkpoint_at: String,
    key: String,
    /// Does it rest on the checkpoint that was brought?
    compared: bool,
    /// Was a key given, and does it lead to the one that signed?
    pinned: bool,
}

/// Checks.
pub(crate) fn run(what: &Verify, format: Format) -> Outcome {
    let external = what.checkpoint.as_deref().map(read_checkpoint).transpose()?;
    let pinned = what.pubkey.as_deref().map(read_key).transpose()?;
    match &what.proof {
        Some(path) => proof(path, external.as_ref(), pinned.as_ref(), format),
        None => {
            let noted = what.size.zip(what.root);
            let trust = Trust { pinned: pinned.as_ref(), external: external.as_ref(), noted };
            ledger(&what.dir.path()?, trust, format)
        }
    }
}

fn root(text: &str) -> Result<Digest, &'static str> {
    noted_root(text).ok_or("expected 64 hex digits, or 32 bytes in base64")
}

fn ledger(dir: &Path, trust: Trust<'_>, format: Format) -> Outcome {
    let found = audit(dir, trust).map_err(|fault| Failure::new(Exit::Findings, fault.to_string()))?;
    let last = found.last.as_ref().map(|signed| &signed.checkpoint);
    let report = Report {
        records: found.report.records,
        segments: found.report.segments,
        tip: found.report.tip.to_string(),
        root: found.root.to_string(),
        checkpoints: found.checkpoints,
        keys: found.keys.len(),
        checkpoint_at: last.map(|last| last.at.to_string()),
        uncovered: found.report.records - last.map_or(0, |last| last.mark.size),
        pinned: trust.pinned.is_some(),
        first_key: found.keys.first().map(ToString::to_string),
        external: trust.external.map(|signed| signed.checkpoint.mark.size),
        noted: trust.noted.map(|(size, _)| size),
    };
    output::one(format, &report, &report.tip, || {
        let key = match (&report.first_key, report.pinned) {
            (_, true) => "the pinned one holds".to_owned(),
            (Some(key), false) => format!("not pinned, taken from the log: {key}"),
            (None, false) => "none: nothing was signed".to_owned(),
        };
        let external = match report.external {
            Some(size) => format!("holds, {size} records"),
            None if report.noted.is_some() => "none given, but a root".to_owned(),
            None => "none given: an end that was cut off does not show".to_owned(),
        };
        let noted = report.noted.map_or("none given".to_owned(), |size| format!("holds, {size} records"));
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        for (name, value) in [
            ("records", report.records.to_string()),
            ("segments", report.segments.to_string()),
            ("tip", report.tip.clone()),
            ("root", report.root.clone()),
            ("checkpoints", format!("{} with {} keys", report.checkpoints, report.keys)),
            ("last checkpoint", report.checkpoint_at.clone().unwrap_or_else(|| "none".to_owned())),
            ("not covered by it", report.uncovered.to_string()),
            ("first key", key),
            ("your checkpoint", external),
            ("your root", noted),
            ("result", "whole".to_owned()),
        ] {
            table.row([name.to_owned(), value]);
        }
        table
    })
}

fn proof(path: &Path, external: Option<&Signed>, pinned: Option<&VerifyingKey>, format: Format) -> Outcome {
    let finding = |message: String| Failure::new(Exit::Findings, message).about(path);
    let text = read_bounded(path, PROOF_BYTES_MAX)?;
    let proof: Proof =
        serde_json::from_str(&text).map_err(|error| finding(format!("not a proof: {error}")))?;
    let (checkpoint, since) = proof.check().map_err(|fault| finding(fault.to_string()))?;
    if external.is_some_and(|external| *external != checkpoint && Some(external) != since.as_ref()) {
        let brought = "the proof rests on another checkpoint than the one you brought";
        return Err(finding(format!("{brought}: ask for one made with: audit prove ID --checkpoint FILE")));
    }
    if let Some(pinned) = pinned {
        proof.follows_from(pinned).map_err(|fault| finding(fault.to_string()))?;
    }
    let report = ProofReport {
        document: proof.document.to_string(),
        records: proof.leaves.len(),
        checkpoint: checkpoint.checkpoint.mark.size,
        checkpoint_at: checkpoint.checkpoint.at.to_string(),
        key: checkpoint.checkpoint.key.to_string(),
        compared: external.is_some(),
        pinned: pinned.is_some(),
    };
    output::one(format, &report, &report.document, || {
        let compared =
            if report.compared { "holds" } else { "none given: compare it before you believe the proof" };
        let pinned =
            if report.pinned { "leads to the one that signed" } else { "none given: anybody can sign" };
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        for (name, value) in [
            ("document", report.document.clone()),
            ("records", report.records.to_string()),
            ("in a ledger of", report.checkpoint.to_string()),
            ("signed at", report.checkpoint_at.clone()),
            ("signed with", report.key.clone()),
            ("your key", pinned.to_owned()),
            ("your checkpoint", compared.to_owned()),
            ("result", "included".to_owned()),
        ] {
            table.row([name.to_owned(), value]);
        }
        table
    })
}
