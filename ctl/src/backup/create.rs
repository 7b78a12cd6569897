//! `lazaretctl backup create`: begin, keys, list, what is new, end. A run that breaks off leaves whole
//! files, which the next run goes on with; what it holds counts only once its manifest is signed.

use super::{
    Create, Summary,
    folder::{Folder, Hashes, list_text},
    history::History,
    manifest::{Card, FORMAT, Manifest, check},
    medium::{Staged, hash, open_with, remove, settle, write},
    partial::Partial,
    verify::signed_list,
};
use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
    hex,
};
use api::v1::{
    BackupRequest, BeginBackupReply, BeginBackupRequest, Chunk, FetchBackupRequest, FinishBackupRequest,
};
use indicatif::ProgressBar;
use ledger::{CHECKPOINT_LOG, is_segment_name};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};
use tonic::Streaming;
use types::{Digest, RunId};
use vault::{BlobName, Sha256};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// So much of what is there is fetched again, to see that it is the beginning of what follows.
const OVERLAP_BYTES: u64 = 4096;
/// Missing blobs that are named; more are counted.
const MISSING_SHOWN_MAX: usize = 5;

/// What the daemon lists.
struct Listed {
    ledger: BTreeMap<String, u64>,
    blobs: BTreeMap<String, (BlobName, u64)>,
}

/// What a run did.
#[derive(Default)]
struct Done {
    hashes: Hashes,
    blobs: u64,
    bytes: u64,
    fetched_blobs: u64,
    fetched_bytes: u64,
}

/// A run under way.
struct Run<'a> {
    client: &'a Client,
    id: RunId,
}

pub(super) async fn create(what: &Create, client: &Client) -> Outcome<Summary> {
    // The folder first: to begin on the appliance ends the run that is under way, which may be writing here.
    let folder = Folder::enter(&what.place)?;
    let _lock = folder.lock()?;
    let begun = client.backup().begin(BeginBackupRequest {}).await?.into_inner();
    let card = card(&begun)?;
    let key = card.verifying_key;
    folder.begin(&card)?;
    let (before, known) = last_run(&folder)?;
    let id = begun.run.parse().map_err(|_| strange("the id of a run"))?;
    folder.clear()?;
    prune_keys(&folder, id, before.as_ref().map(|last| last.run), begun.keys_days)?;
    let run = Run { client, id };
    run.keys(&folder).await?;
    let listed = run.list().await?;
    let mut done = Done::default();
    for (name, bytes) in &listed.ledger {
        let verified = before.as_ref().map_or(0, |last| {
            last.ledger.files.iter().find(|file| file.name == *name).map_or(0, |file| file.bytes)
        });
        let path = format!("ledger/{name}");
        let verified = match known.get(&path) {
            Some(expected) if what.full => folder.still_has(name, verified, expected)?,
            _ => verified,
        };
        run.continue_file(&path, &folder.ledger().join(name), verified, *bytes).await?;
        done.hashes.insert(path, hash(&folder.ledger().join(name), u64::MAX)?.1);
    }
    let history = History::read(&folder.ledger())?;
    if (history.records, history.tip.to_string()) != (begun.records, begun.tip) {
        let message =
            format!("the copied ledger has {} records, expected {}", history.records, begun.records);
        return Err(Failure::new(Exit::Findings, message).about(&folder.ledger()));
    }
    let local = folder.blobs()?;
    let listed: BTreeMap<_, _> =
        listed.blobs.into_iter().filter(|(_, (name, _))| history.names(*name)).collect();
    let mut here = Here { local: &local, known: &known, partial: Partial::open(&folder)?, full: what.full };
    run.blobs(&folder, &listed, &mut here, &mut done).await?;
    let needed: BTreeSet<String> = history.needed().map(|name| name.to_string()).collect();
    let missing: Vec<&String> =
        needed.iter().filter(|name| !done.hashes.contains_key(&format!("blobs/{name}"))).collect();
    let mut superseded = Vec::new();
    for (text, (name, _)) in &local {
        if listed.contains_key(text) {
            continue;
        }
        let path = format!("blobs/{text}");
        match known.get(&path) {
            // The appliance has lost it, and this may be the last copy.
            Some(hash) if needed.contains(text) => drop(done.hashes.insert(path, *hash)),
            _ => superseded.push(*name),
        }
    }
    let manifest = run.finish(&folder, &key, &done).await?;
    // Until here the last run could still be restored, also if this one had broken off.
    superseded.iter().try_for_each(|name| folder.remove_blob(*name))?;
    prune_keys(&folder, id, Some(id), begun.keys_days)?;
    folder.remove_other_lists(id)?;
    tell_missing(&missing)?;
    Ok(Summary {
        run: id.to_string(),
        records: history.records,
        documents: history.living().count() as u64,
        blobs: done.blobs,
        bytes: done.bytes,
        fetched_blobs: Some(done.fetched_blobs),
        fetched_bytes: Some(done.fetched_bytes),
        removed_blobs: Some(superseded.len() as u64),
        dropped_keys: None,
        opened_originals: None,
        keys_until: manifest.keys.until,
    })
}

impl Run<'_> {
    fn request(&self) -> BackupRequest {
        BackupRequest { run: self.id.to_string() }
    }

    async fn fetch(&self, path: &str, offset: u64) -> Outcome<Streaming<Chunk>> {
        let request = FetchBackupRequest { run: self.id.to_string(), path: path.to_owned(), offset };
        Ok(self.client.backup().fetch(request).await?.into_inner())
    }

    async fn keys(&self, folder: &Folder) -> Outcome {
        let mut stream = self.client.backup().keys(self.request()).await?.into_inner();
        let path = folder.keys_file(self.id);
        let mut staged = Staged::new(&path)?;
        while let Some(part) = stream.message().await? {
            staged.push(&part.data)?;
        }
        staged.place()?;
        settle(&path)
    }

    async fn list(&self) -> Outcome<Listed> {
        let mut stream = self.client.backup().list(self.request()).await?.into_inner();
        let mut listed = Listed { ledger: BTreeMap::new(), blobs: BTreeMap::new() };
        while let Some(part) = stream.message().await? {
            for file in part.files {
                if let Some(name) = file.path.strip_prefix("ledger/")
                    && (is_segment_name(name) || name == CHECKPOINT_LOG)
                {
                    listed.ledger.insert(name.to_owned(), file.bytes);
                } else if let Some(name) = file.path.strip_prefix("blobs/") {
                    let blob = name.parse().map_err(|_| strange("the name of a blob"))?;
                    listed.blobs.insert(name.to_owned(), (blob, file.bytes));
                } else {
                    return Err(strange("the name of a file"));
                }
            }
        }
        Ok(listed)
    }

    /// Continues a file that only ever grows, from where the last run ended.
    async fn continue_file(&self, path: &str, local: &Path, verified: u64, bytes: u64) -> Outcome {
        let told = |error: std::io::Error| Failure::file(local, &error);
        let set_back = || {
            let message = "the appliance's ledger is not the one that was backed up here: it was set back or written \
                           anew. Keep this folder as evidence, and begin a new one";
            Failure::new(Exit::Findings, message).about(local)
        };
        if bytes < verified {
            return Err(set_back());
        }
        let mut options = File::options();
        let mut file = open_with(options.read(true).write(true).create(true).truncate(false), local)?;
        let there = file.metadata().map_err(told)?.len().min(verified);
        file.set_len(there).map_err(told)?;
        let from = there.saturating_sub(OVERLAP_BYTES);
        let mut overlap = vec![0; (there - from) as usize];
        file.seek(SeekFrom::Start(from)).map_err(told)?;
        file.read_exact(&mut overlap).map_err(told)?;
        let mut stream = self.fetch(path, from).await?;
        let (mut written, mut skipped) = (Sha256::new(), 0);
        while let Some(part) = stream.message().await? {
            let again = part.data.len().min(overlap.len() - skipped);
            if part.data[..again] != overlap[skipped..skipped + again] {
                return Err(set_back());
            }
            skipped += again;
            let new = &part.data[again..];
            file.write_all(new).map_err(told)?;
            written.update(new);
        }
        file.sync_all().map_err(told)?;
        settle(local)?;
        file.seek(SeekFrom::Start(there)).map_err(told)?;
        let (more, read) = vault::sha256_of(&mut file).map_err(told)?;
        if there + more != bytes || read != written.finish() {
            let message = "it does not read back as it was written; check the medium";
            return Err(Failure::new(Exit::Findings, message).about(local));
        }
        Ok(())
    }

    /// Fetches blobs that are not there, or have another size, or that neither the list of the last run nor that
    /// of one that broke off vouches for.
    async fn blobs(
        &self,
        folder: &Folder,
        listed: &BTreeMap<String, (BlobName, u64)>,
        here: &mut Here<'_>,
        done: &mut Done,
    ) -> Outcome {
        let progress = ProgressBar::new(listed.len() as u64);
        for (text, (name, bytes)) in progress.wrap_iter(listed.iter()) {
            let path = format!("blobs/{text}");
            let file = folder.blob(*name);
            let sha256 = match here.vouched(text, &path, &file, *bytes)? {
                Some(hash) => hash,
                None => match self.blob(&path, &file, *bytes).await {
                    Ok(hash) => {
                        here.partial.add(&path, &hash)?;
                        done.fetched_blobs += 1;
                        done.fetched_bytes += bytes;
                        hash
                    }
                    // Lost since it was listed; it is told with what is missing.
                    Err(failure) if failure.exit == Exit::NotFound => continue,
                    Err(failure) => return Err(failure),
                },
            };
            done.blobs += 1;
            done.bytes += bytes;
            done.hashes.insert(path, sha256);
        }
        progress.finish_and_clear();
        Ok(())
    }

    async fn blob(&self, path: &str, local: &Path, bytes: u64) -> Outcome<Digest> {
        let mut stream = self.fetch(path, 0).await?;
        let mut staged = Staged::new(local)?;
        while let Some(part) = stream.message().await? {
            staged.push(&part.data)?;
        }
        if staged.bytes != bytes {
            let message = format!("the appliance sent {} bytes of {bytes}; try again", staged.bytes);
            return Err(Failure::new(Exit::Temporary, message).about(local));
        }
        let sha256 = staged.place()?;
        settle(local)?;
        Ok(sha256)
    }

    async fn finish(&self, folder: &Folder, key: &Digest, done: &Done) -> Outcome<Manifest> {
        let list = list_text(&done.hashes);
        write(&folder.run_file(self.id, "sha256"), list.as_bytes())?;
        let request = FinishBackupRequest {
            run: self.id.to_string(),
            blobs: done.blobs,
            bytes: done.bytes,
            list_sha256: vault::sha256(list.as_bytes()).to_string(),
        };
        let signed = self.client.backup().finish(request).await?.into_inner();
        check(key, &signed.manifest, &signed.signature)
            .map_err(|()| strange("the signature of a manifest"))?;
        write(&folder.run_file(self.id, "json"), &signed.manifest)?;
        // The run counts from here on.
        write(&folder.run_file(self.id, "sig"), format!("{}\n", hex::encode(&signed.signature)).as_bytes())?;
        let last = Manifest::last(folder, Some(key))?;
        last.filter(|last| last.run == self.id).ok_or_else(|| strange("a manifest"))
    }
}

/// What the last run vouches for; nothing when what it left is damaged, so that all is fetched again.
fn last_run(folder: &Folder) -> Outcome<(Option<Manifest>, Hashes)> {
    let sound = Manifest::last(folder, None).and_then(|last| match last {
        Some(last) => {
            let list = signed_list(folder, &last)?;
            Ok((Some(last), list))
        }
        None => Ok((None, Hashes::new())),
    });
    match sound {
        Err(damage) if matches!(damage.exit, Exit::Findings | Exit::NotFound) => {
            eprintln!(
                "lazaretctl: {}; everything is fetched again",
                crate::output::plain(&damage.to_string())
            );
            Ok((None, Hashes::new()))
        }
        sound => sound,
    }
}

/// What is there already, and what vouches for it.
struct Here<'a> {
    local: &'a BTreeMap<String, (BlobName, u64)>,
    known: &'a Hashes,
    partial: Partial,
    full: bool,
}

impl Here<'_> {
    /// The hash of a blob that need not be fetched again. What a run that broke off has fetched may never have
    /// reached the medium whole, so it is read; what the last run signed is read only when all is.
    fn vouched(&self, text: &str, path: &str, file: &Path, bytes: u64) -> Outcome<Option<Digest>> {
        if self.local.get(text).is_none_or(|(_, here)| *here != bytes) {
            return Ok(None);
        }
        let signed = self.known.get(path);
        if let (Some(hash), false) = (signed, self.full) {
            return Ok(Some(*hash));
        }
        let Some(expected) = signed.or(self.partial.found.get(path)) else { return Ok(None) };
        Ok(Some(hash(file, u64::MAX)?.1).filter(|found| found == expected))
    }
}

/// Removes copies of keys that are older than allowed; but never that of the last whole run, without which
/// nothing could be restored.
fn prune_keys(folder: &Folder, id: RunId, whole: Option<RunId>, keys_days: u32) -> Outcome {
    let now = id.given_at();
    for run in folder.keys()? {
        if Some(run) != whole && now.since(run.given_at()) > u64::from(keys_days) * DAY_MS {
            remove(&folder.keys_file(run))?;
            settle(&folder.keys_file(run))?;
        }
    }
    Ok(())
}

fn tell_missing(missing: &[&String]) -> Outcome {
    if missing.is_empty() {
        return Ok(());
    }
    let shown: Vec<&str> = missing.iter().take(MISSING_SHOWN_MAX).map(|name| name.as_str()).collect();
    let message = format!(
        "the backup is whole as far as the appliance is, but {} blobs that its ledger names are not there, among them {}",
        missing.len(),
        shown.join(", ")
    );
    Err(Failure::new(Exit::Findings, message))
}

fn card(begun: &BeginBackupReply) -> Outcome<Card> {
    if begun.format != FORMAT {
        let message = format!(
            "the appliance makes backups of format {}, this program of format {FORMAT}; use the lazaretctl of its version",
            begun.format
        );
        return Err(Failure::new(Exit::Conflict, message));
    }
    let verifying_key = begun.verifying_key.parse().map_err(|_| strange("a public key"))?;
    Ok(Card {
        format: FORMAT,
        site: begun.site.parse().map_err(|_| strange("the name of a site"))?,
        verifying_key,
    })
}

fn strange(what: &str) -> Failure {
    Failure::new(Exit::Failure, format!("the appliance answered with something that is not {what}"))
}
