//! `lazaretctl backup verify`: offline, every byte.

use super::{
    Summary, Verify,
    folder::{Folder, Hashes},
    history::History,
    manifest::{Manifest, public_key},
    medium::hash,
};
use crate::fail::{Exit, Failure, Outcome};
use indicatif::ProgressBar;
use std::path::Path;
use types::Digest;

/// Findings that are printed; more are counted.
const FINDINGS_SHOWN_MAX: usize = 20;

pub(super) fn verify(what: &Verify) -> Outcome<Summary> {
    let folder = Folder::open(&what.place)?;
    let pinned = what.pubkey.as_deref().map(public_key).transpose()?;
    let (manifest, list) = signed(&folder, pinned.as_ref())?;
    let mut findings = Vec::new();
    let mut find = |failure: Failure| -> Outcome {
        if failure.exit != Exit::Findings && failure.exit != Exit::NotFound {
            return Err(failure);
        }
        findings.push(failure.to_string());
        Ok(())
    };
    let keys = folder.keys_file(manifest.run);
    if let Err(failure) = compare(&keys, manifest.keys.bytes, &manifest.keys.sha256) {
        find(failure)?;
    }
    let progress = ProgressBar::new(list.len() as u64);
    for (path, expected) in progress.wrap_iter(list.iter()) {
        let file = folder.dir.join(path);
        // A later run that broke off may have continued the ledger.
        let bytes =
            manifest.ledger.files.iter().find(|file| path.strip_prefix("ledger/") == Some(&file.name));
        let bytes_max = bytes.map_or(u64::MAX, |file| file.bytes);
        if let Err(failure) = hash(&file, bytes_max).and_then(|(_, found)| same(&file, expected, &found)) {
            find(failure)?;
        }
    }
    progress.finish_and_clear();
    let mut documents = 0;
    match History::read(&folder.ledger()) {
        Ok(history) => {
            documents = history.living().count() as u64;
            if history.records < manifest.ledger.records
                || (history.records == manifest.ledger.records && history.tip != manifest.ledger.tip)
            {
                find(
                    Failure::new(Exit::Findings, "it does not hold the records that were signed")
                        .about(&folder.ledger()),
                )?;
            }
            if history.records == manifest.ledger.records {
                for name in history.needed().filter(|name| !list.contains_key(&format!("blobs/{name}"))) {
                    find(Failure::new(
                        Exit::Findings,
                        format!("blobs/{name}: the ledger names it, and it is not in the backup"),
                    ))?;
                }
            }
        }
        Err(failure) => find(failure)?,
    }
    if !findings.is_empty() {
        for finding in findings.iter().take(FINDINGS_SHOWN_MAX) {
            eprintln!("{}", crate::output::plain(finding));
        }
        return Err(Failure::new(
            Exit::Findings,
            format!(
                "the backup is damaged in {} places; while the appliance lives, lazaretctl backup create --full reads \
                 everything again and fetches what differs",
                findings.len()
            ),
        ));
    }
    Ok(Summary {
        run: manifest.run.to_string(),
        records: manifest.ledger.records,
        documents,
        blobs: manifest.files.blobs,
        bytes: manifest.files.bytes,
        fetched_blobs: None,
        fetched_bytes: None,
        removed_blobs: None,
        dropped_keys: None,
        opened_originals: None,
        keys_until: manifest.keys.until,
    })
}

/// The last run and the list that its signature covers.
pub(super) fn signed(folder: &Folder, pinned: Option<&Digest>) -> Outcome<(Manifest, Hashes)> {
    let none =
        || Failure::new(Exit::Findings, "no run of it ever ended; make one with lazaretctl backup create");
    let manifest = Manifest::last(folder, pinned)?.ok_or_else(|| none().about(&folder.dir))?;
    let list = signed_list(folder, &manifest)?;
    Ok((manifest, list))
}

/// The list that a run's signature covers.
pub(super) fn signed_list(folder: &Folder, manifest: &Manifest) -> Outcome<Hashes> {
    let path = folder.run_file(manifest.run, "sha256");
    same(&path, &manifest.files.list_sha256, &hash(&path, u64::MAX)?.1)?;
    let list = folder.list(manifest.run)?;
    for path in list.keys() {
        let known = path.strip_prefix("blobs/").is_some_and(|name| name.parse::<vault::BlobName>().is_ok())
            || path
                .strip_prefix("ledger/")
                .is_some_and(|name| manifest.ledger.files.iter().any(|file| file.name == name));
        if !known {
            return Err(Failure::new(Exit::Findings, format!("{path} in its list is no file of a backup"))
                .about(&folder.dir));
        }
    }
    Ok(list)
}

/// Compares a whole file.
pub(super) fn compare(path: &Path, bytes: u64, expected: &Digest) -> Outcome {
    let (found_bytes, found) = hash(path, u64::MAX)?;
    if found_bytes != bytes {
        let message = format!("expected {bytes} bytes, found {found_bytes}");
        return Err(Failure::new(Exit::Findings, message).about(path));
    }
    same(path, expected, &found)
}

pub(super) fn same(path: &Path, expected: &Digest, found: &Digest) -> Outcome {
    if expected == found {
        return Ok(());
    }
    let message = format!("expected SHA-256 {expected}, found {found}");
    Err(Failure::new(Exit::Findings, message).about(path))
}
