//! The check of a bundle, offline. What holds: the site signed the list, every file is as listed, every
//! record is in the ledger under a checkpoint whose key follows from the pinned one and whose ledger only
//! grew since, and the ledger names the site's key. Without a pinned key the first key of the bundle is
//! believed, and that is said.

use super::{
    bundle::{CONSISTENCY, KEYS, KIND, MANIFEST, Manifest, SCHEMA_VERSION, SIGNATURE, SITE_KEY},
    chain,
    container::Container,
    document,
};
use crate::{
    fail::{Exit, Failure, Outcome},
    hex,
    output::{self, Column, Format, Table},
};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use clap::Args;
use ledger::{Leaf, Signed, VerifyingKey};
use lifecycle::{Body, Record, SystemEvent};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::{Path, PathBuf},
};
use types::Digest;

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
    documents: usize,
    files: usize,
    records: usize,
    newer_records: usize,
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
        if report.newer_records > 0 {
            table
                .row(["came later".to_owned(), format!("{} records, not proven here", report.newer_records)]);
        }
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

pub(super) fn finding(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Findings, message)
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(path: &str, bytes: &[u8]) -> Outcome<T> {
    serde_json::from_slice(bytes).map_err(|error| finding(format!("{path}: not as a bundle has it: {error}")))
}

/// Is it the site's signature, in hex, over these bytes?
pub(super) fn is_signed(site_key: Digest, bytes: &[u8], signature: &[u8]) -> bool {
    let signature = std::str::from_utf8(signature).ok().and_then(hex::decode);
    let key = UnparsedPublicKey::new(&ED25519, site_key.0);
    signature.is_some_and(|signature| key.verify(bytes, &signature).is_ok())
}

fn check(path: &Path, pinned: Option<&VerifyingKey>) -> Outcome<Report> {
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    let container = Container::open(file)?;
    let manifest = manifest(&container)?;
    let mut files = Files::listed(&container, &manifest)?;
    let end = chain::end_of(&files.take(KEYS)?, &files.take(CONSISTENCY)?, pinned)?;
    check_site_key(&files.take(SITE_KEY)?, &manifest, &end)?;
    let mut records = 0;
    for id in &manifest.documents {
        records += document::check(&mut files, *id, manifest.site_key, &end)?;
    }
    files.nothing_left()?;
    let mark = end.checkpoint.mark;
    let is_newer =
        |newer: &super::bundle::Newer| newer.seq > mark.size && manifest.documents.contains(&newer.document);
    if !manifest.newer.iter().all(is_newer) {
        return Err(finding(format!("{MANIFEST}: what it calls newer is not newer than the checkpoint")));
    }
    Ok(Report {
        documents: manifest.documents.len(),
        files: manifest.files.len(),
        records,
        newer_records: manifest.newer.len(),
        checkpoint_records: mark.size,
        signed_at: end.checkpoint.at.to_string(),
        pinned: pinned.is_some(),
    })
}

/// The manifest, signed by the key that it names.
fn manifest(container: &Container) -> Outcome<Manifest> {
    let text = container.read(MANIFEST)?;
    let manifest: Manifest = parse(MANIFEST, &text)?;
    if (manifest.kind.as_str(), manifest.schema_version) != (KIND, SCHEMA_VERSION) {
        return Err(finding(format!("{MANIFEST}: expected kind {KIND} and schema_version {SCHEMA_VERSION}")));
    }
    if !is_signed(manifest.site_key, &text, &container.read(SIGNATURE)?) {
        return Err(finding(format!("{MANIFEST}: the signature does not fit: it was changed")));
    }
    if manifest.documents.is_empty() || !manifest.documents.is_sorted_by(|one, next| one < next) {
        return Err(finding(format!("{MANIFEST}: expected documents, in order, each once")));
    }
    Ok(manifest)
}

/// The files of the manifest, each of which must be asked for.
pub(super) struct Files<'a> {
    container: &'a Container,
    left: BTreeMap<&'a str, (usize, Digest)>,
}

impl<'a> Files<'a> {
    /// Exactly what the manifest lists must be there.
    fn listed(container: &'a Container, manifest: &'a Manifest) -> Outcome<Self> {
        let listed = manifest.files.iter().map(|file| (file.path.as_str(), (file.bytes, file.sha256)));
        let left: BTreeMap<_, _> = listed.collect();
        if left.len() != manifest.files.len() {
            return Err(finding(format!("{MANIFEST}: it lists a file twice")));
        }
        let mut expected: BTreeSet<&str> = left.keys().copied().collect();
        expected.extend([MANIFEST, SIGNATURE]);
        let found: BTreeSet<&str> = container.paths().collect();
        match found.symmetric_difference(&expected).next() {
            Some(path) => Err(finding(format!("{path}: expected exactly the files of the manifest"))),
            None => Ok(Self { container, left }),
        }
    }

    pub(super) fn take(&mut self, path: &str) -> Outcome<Vec<u8>> {
        let found = self.take_if_there(path)?;
        found.ok_or_else(|| finding(format!("{path}: it is missing from the manifest")))
    }

    pub(super) fn take_if_there(&mut self, path: &str) -> Outcome<Option<Vec<u8>>> {
        let Some((length, sha256)) = self.left.remove(path) else { return Ok(None) };
        let bytes = self.container.read(path)?;
        if bytes.len() != length || vault::sha256(&bytes) != sha256 {
            return Err(finding(format!("{path}: not the file that was signed")));
        }
        Ok(Some(bytes))
    }

    fn nothing_left(&self) -> Outcome {
        match self.left.keys().next() {
            Some(path) => Err(finding(format!("{path}: a file that no bundle has"))),
            None => Ok(()),
        }
    }
}

fn check_site_key(bytes: &[u8], manifest: &Manifest, end: &Signed) -> Outcome {
    let leaf: Leaf = parse(SITE_KEY, bytes)?;
    let record: Record = parse(SITE_KEY, leaf.record.as_bytes())?;
    let key = manifest.site_key;
    let named = matches!(record.body, Body::System(SystemEvent::SiteKey { public }) if public == key);
    if named && record.seq == leaf.seq && leaf.is_in(end.checkpoint.mark) {
        return Ok(());
    }
    Err(finding(format!("{SITE_KEY}: the ledger does not name the key that signed the manifest")))
}
