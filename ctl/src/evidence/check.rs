//! The check of a bundle, offline. What holds: the site signed the list, every file is as listed, every
//! record is in the ledger under a checkpoint whose key follows from the pinned one, and the ledger
//! names the site's key. Without a pinned key the first key of the bundle is believed, and that is said.

use super::bundle::{KEYS, MANIFEST, Manifest, NOTE_END, SIGNATURE, SITE_KEY};
use crate::{
    fail::{Exit, Failure, Outcome},
    hex,
    output::{self, Column, Format, Table},
};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use clap::Args;
use ledger::{Leaf, Proof, Signed, VerifyingKey};
use lifecycle::{Body, Record, SystemEvent};
use serde::Serialize;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};
use types::Digest;
use zip::ZipArchive;

/// Files of a bundle: five for each of at most 1,000 documents, and four more.
const FILES_MAX: usize = 10_000;
/// Longest file of a bundle, bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Which bundle, and whom to believe.
#[derive(Args)]
pub(crate) struct Verify {
    /// The bundle
    file: PathBuf,
    /// Key noted earlier with `audit pubkey`; any later key follows from it
    #[arg(long, value_name = "FILE")]
    pubkey: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    documents: u64,
    files: usize,
    records: usize,
    checkpoint_records: u64,
    signed_at: String,
    pinned: bool,
}

/// Checks and tells.
pub(crate) fn run(what: &Verify, format: Format) -> Outcome {
    let pinned = what.pubkey.as_deref().map(key_of).transpose()?;
    let report = check(&what.file, pinned.as_ref()).map_err(|failure| failure.about(&what.file))?;
    output::one(format, &report, "sound", || {
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        table.row(["documents".to_owned(), report.documents.to_string()]);
        table.row(["files".to_owned(), report.files.to_string()]);
        table.row(["records proven".to_owned(), report.records.to_string()]);
        let covered = format!("{} records, {}", report.checkpoint_records, report.signed_at);
        table.row(["checkpoint".to_owned(), covered]);
        let trust = if report.pinned {
            "the pinned key leads to the signature"
        } else {
            "no key was pinned: the bundle was believed about its own first key"
        };
        table.row(["trust".to_owned(), trust.to_owned()]);
        table.row(["result".to_owned(), "sound".to_owned()]);
        table
    })
}

fn key_of(path: &Path) -> Outcome<VerifyingKey> {
    let text = fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    text.trim()
        .parse()
        .map_err(|error: ledger::BadKey| Failure::new(Exit::Usage, error.to_string()).about(path))
}

fn finding(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Findings, message)
}

fn check(path: &Path, pinned: Option<&VerifyingKey>) -> Outcome<Report> {
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    let mut bundle = Bundle::open(file)?;
    let manifest = bundle.manifest()?;
    let notes = bundle.read(KEYS)?;
    let turns = turns(&notes, pinned)?;
    let last = turns.last().ok_or_else(|| finding(format!("{KEYS}: no checkpoint")))?;
    let mut records = 0;
    for listed in &manifest.files {
        let bytes = bundle.read(&listed.path)?;
        if vault::sha256(&bytes) != listed.sha256 {
            return Err(finding(format!("{}: not the file that was signed", listed.path)));
        }
        if listed.path.ends_with("/events.json") {
            records += check_proof(&listed.path, &bytes, last)?;
        }
    }
    let site_key: Leaf = parse(SITE_KEY, &bundle.read(SITE_KEY)?)?;
    check_site_key(&site_key, manifest.site_key, last)?;
    Ok(Report {
        documents: manifest.documents,
        files: manifest.files.len(),
        records,
        checkpoint_records: last.checkpoint.mark.size,
        signed_at: last.checkpoint.at.to_string(),
        pinned: pinned.is_some(),
    })
}

struct Bundle(ZipArchive<File>);

impl Bundle {
    fn open(file: File) -> Outcome<Self> {
        let zip = ZipArchive::new(file).map_err(|error| finding(format!("not a zip file: {error}")))?;
        if zip.len() > FILES_MAX {
            return Err(finding(format!("{} files, expected at most {FILES_MAX}", zip.len())));
        }
        Ok(Self(zip))
    }

    fn read(&mut self, path: &str) -> Outcome<Vec<u8>> {
        let entry = self.0.by_name(path).map_err(|error| finding(format!("{path}: {error}")))?;
        let mut bytes = Vec::new();
        let read = entry.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
        match read.map_err(|error| finding(format!("{path}: {error}")))? as u64 {
            0..=FILE_BYTES_MAX => Ok(bytes),
            _ => Err(finding(format!("{path}: longer than {FILE_BYTES_MAX} bytes"))),
        }
    }

    /// The manifest, signed, and listing exactly what is there.
    fn manifest(&mut self) -> Outcome<Manifest> {
        let (text, signature) = (self.read(MANIFEST)?, self.read(SIGNATURE)?);
        let manifest: Manifest = parse(MANIFEST, &text)?;
        let signature = std::str::from_utf8(&signature).ok().and_then(hex::decode);
        let signature = signature.ok_or_else(|| finding(format!("{SIGNATURE}: expected 128 hex digits")))?;
        if UnparsedPublicKey::new(&ED25519, manifest.site_key.0).verify(&text, &signature).is_err() {
            return Err(finding(format!("{MANIFEST}: the signature does not fit: it was changed")));
        }
        let mut expected: BTreeSet<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
        expected.extend([MANIFEST, SIGNATURE]);
        let found: BTreeSet<&str> = self.0.file_names().collect();
        match found.symmetric_difference(&expected).next() {
            Some(path) => Err(finding(format!("{path}: expected exactly the files of the manifest"))),
            None => Ok(manifest),
        }
    }
}

/// The chain of keys, from the pinned one (or the first) to the one that signed last.
fn turns(notes: &[u8], pinned: Option<&VerifyingKey>) -> Outcome<Vec<Signed>> {
    let text = std::str::from_utf8(notes).map_err(|_| finding(format!("{KEYS}: not text")))?;
    let notes = text.split(NOTE_END).map(Signed::parse).collect::<Result<Vec<_>, _>>();
    let mut notes = notes.map_err(|fault| finding(format!("{KEYS}: {fault}")))?;
    if let Some(pinned) = pinned {
        let from = notes.iter().position(|note| note.checkpoint.key == *pinned);
        let missing = || {
            finding(format!(
                "{KEYS}: the pinned key never signed; the bundle is of another appliance, or forged"
            ))
        };
        notes.drain(..from.ok_or_else(missing)?);
    }
    for pair in notes.windows(2) {
        let (before, after) = (&pair[0].checkpoint, &pair[1].checkpoint);
        if after.key != before.key && before.next.as_ref() != Some(&after.key) {
            return Err(finding(format!("{KEYS}: {} was announced by no checkpoint", after.key)));
        }
    }
    Ok(notes)
}

/// Records that the proof of one document proves.
fn check_proof(path: &str, bytes: &[u8], last: &Signed) -> Outcome<usize> {
    let proof: Proof = parse(path, bytes)?;
    let (checkpoint, _) = proof.check().map_err(|fault| finding(format!("{path}: {fault}")))?;
    if path != format!("documents/{}/events.json", proof.document) {
        return Err(finding(format!("{path}: the proof is for document {}", proof.document)));
    }
    if checkpoint != *last {
        return Err(finding(format!("{path}: proven against another checkpoint than the last of {KEYS}")));
    }
    Ok(proof.leaves.len())
}

fn check_site_key(leaf: &Leaf, site_key: Digest, last: &Signed) -> Outcome {
    let record: Record = parse(SITE_KEY, leaf.record.as_bytes())?;
    let named = matches!(record.body, Body::System(SystemEvent::SiteKey { public }) if public == site_key);
    if named && leaf.is_in(last.checkpoint.mark) {
        return Ok(());
    }
    Err(finding(format!("{SITE_KEY}: the ledger does not name the key that signed the manifest")))
}

fn parse<T: serde::de::DeserializeOwned>(path: &str, bytes: &[u8]) -> Outcome<T> {
    serde_json::from_slice(bytes).map_err(|error| finding(format!("{path}: not as a bundle has it: {error}")))
}
