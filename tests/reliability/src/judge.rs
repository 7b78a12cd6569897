//! Compares what is there with what was promised.

use crate::{Promise, Station, station::UPLOADS};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// What is wrong; empty when nothing is.
#[derive(Debug, Default)]
pub struct Findings {
    /// Documents that the appliance lists.
    pub documents: usize,
    /// Originals that were fetched and compared byte by byte (by their SHA-256).
    pub compared: usize,
    /// Documents that are delivered.
    pub delivered: usize,
    /// Promised, and not there or not readable.
    pub lost: Vec<String>,
    /// There more than once.
    pub twice: Vec<String>,
    /// Everything else that must not be.
    pub other: Vec<String>,
}

impl Findings {
    /// Nothing was found.
    ///
    /// # Errors
    /// What was found.
    pub fn none(&self) -> Result<()> {
        let clean = self.lost.is_empty() && self.twice.is_empty() && self.other.is_empty();
        ensure!(clean, "{self:#?}");
        Ok(())
    }
}

/// Compares an appliance at rest with what was promised; originals are fetched for promises from number
/// `fetch_from` on.
///
/// # Errors
/// When the appliance does not answer.
pub fn judge(station: &Station, promises: &[Promise], fetch_from: usize) -> Result<Findings> {
    let listed = station.ctl(&["doc", "list", "-o", "json"])?.json()?;
    let documents = listed["documents"].as_array().context("documents")?;
    let mut found = Findings { documents: documents.len(), ..Findings::default() };
    let by_id: BTreeMap<&str, &Value> = documents.iter().map(|doc| (text(doc, "id"), doc)).collect();
    let mut by_content: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
    for doc in documents {
        let content = (text(doc, "source"), doc["sha256"]["original"].as_str().unwrap_or_default());
        by_content.entry(content).or_default().push(doc);
        if ["received", "processing", "routed"].contains(&text(doc, "state")) {
            found.other.push(format!("stuck: {doc}"));
        }
    }
    for (content, docs) in &by_content {
        // A sender that got no answer sends again, and bytes that were rejected before become a new document with a
        // note. A file of an inbox is never taken in twice.
        let is_first = |doc: &&&Value| {
            doc["duplicate_of"].is_null() && (content.0 != UPLOADS || doc["resent_of"].is_null())
        };
        if docs.iter().filter(is_first).count() > 1 {
            found.twice.push(format!("{content:?} is there {} times", docs.len()));
        }
    }
    for (number, promise) in promises.iter().enumerate() {
        let doc = match &promise.id {
            Some(id) => by_id.get(id.as_str()).copied(),
            None => {
                let same = by_content.get(&(promise.source.as_str(), promise.sha256.as_str()));
                // A file in an inbox is taken in once. Only an uploader who lost the answer sends again.
                if same.is_some_and(|docs| docs.len() > 1) {
                    found.twice.push(format!("{promise:?} was taken in twice"));
                }
                same.and_then(|docs| docs.first()).copied()
            }
        };
        match doc {
            None => found.lost.push(format!("{promise:?} is not there")),
            Some(doc) if doc["sha256"]["original"] != promise.sha256.as_str() => {
                found.lost.push(format!("{promise:?} has other bytes: {doc}"));
            }
            Some(doc) if number >= fetch_from => fetch(station, promise, doc, &mut found)?,
            Some(_) => {}
        }
    }
    compare_outbox(station, documents, &mut found)?;
    let verified = station.ctl(&["ledger", "verify"])?;
    if verified.code != 0 {
        found.other.push(format!("ledger verify: {}", verified.stderr));
    }
    Ok(found)
}

/// Fetches the original and compares it.
fn fetch(station: &Station, promise: &Promise, doc: &Value, found: &mut Findings) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("original");
    // The bytes of a duplicate are kept once, with the first.
    let id = doc["duplicate_of"].as_str().unwrap_or_else(|| text(doc, "id"));
    let got = station.ctl(&["doc", "get", id, "--rendition", "original", "-O", &file.to_string_lossy()])?;
    if got.code != 0 {
        found.lost.push(format!("{promise:?} cannot be read: {}", got.stderr));
        return Ok(());
    }
    found.compared += 1;
    if kit::sha256_hex(&fs::read(file)?) != promise.sha256 {
        found.lost.push(format!("{promise:?} reads as something else"));
    }
    Ok(())
}

/// Every delivered document lies in one outbox as a pair, and nothing else that a receiver would see.
fn compare_outbox(station: &Station, documents: &[Value], found: &mut Findings) -> Result<()> {
    let delivered: BTreeSet<&str> =
        documents.iter().filter(|doc| text(doc, "state") == "delivered").map(|doc| text(doc, "id")).collect();
    found.delivered = delivered.len();
    let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (route, name) in station.appliance.delivered()? {
        let (id, kind) = name.split_once('.').unwrap_or((&name, ""));
        if id.is_empty() {
            // Hidden: being written, or the daemon's own note of what it delivered.
            continue;
        }
        if kind == "json" {
            let manifest = fs::read(station.appliance.outbox().join(&route).join(&name))?;
            let manifest: Value = serde_json::from_slice(&manifest).unwrap_or_default();
            let product = fs::read(station.appliance.outbox().join(&route).join(format!("{id}.pdf")));
            let hash = product.map(|bytes| kit::sha256_hex(&bytes)).unwrap_or_default();
            let announced = &manifest["sha256"];
            if announced["redacted"] != hash.as_str() && announced["original"] != hash.as_str() {
                found.other.push(format!("{route}/{name} announces another product"));
            }
        }
        pairs.entry(id.to_owned()).or_default().push(kind.to_owned());
    }
    for (id, mut kinds) in pairs {
        kinds.sort();
        if kinds != ["json", "pdf"] {
            found.twice.push(format!("{id} lies in outboxes as {kinds:?}"));
        }
        if !delivered.contains(id.as_str()) {
            found.other.push(format!("{id} lies in an outbox and is not delivered"));
        }
    }
    for id in delivered {
        if !station.appliance.delivered()?.iter().any(|(_, name)| name.starts_with(id)) {
            found.lost.push(format!("{id} is delivered and lies in no outbox"));
        }
    }
    Ok(())
}

fn text<'a>(doc: &'a Value, field: &str) -> &'a str {
    doc[field].as_str().unwrap_or_default()
}
