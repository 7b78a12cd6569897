//! `lazaretctl restore`: a new state directory out of a backup and one escrow identity, offline.
//!
//! In this order: signature and list, ledger, keys of documents that the ledger calls alive and no others,
//! blobs, and only then a look into them. What was destroyed has no key before anything could be read.

use super::{
    Place, Summary,
    folder::{Folder, Hashes},
    history::History,
    lost::Lost,
    manifest::Manifest,
    medium::{hash, open, remove, settle},
    verify::{compare, same, signed},
};
use crate::{
    fail::{Exit, Failure, Outcome},
    setup::files,
};
use clap::Args;
use indicatif::ProgressBar;
use ledger::{CHECKPOINT_LOG, Ledger, NewRecord};
use lifecycle::{Actor, Body, Event, SystemEvent};
use serde::Deserialize;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};
use types::{Digest, DocId, UnixMillis};
use vault::{
    Area, BlobName, Identity, MasterKey, OpenedEscrow, Vault, VaultError, place_sealed, sealed_path,
    settle_sealed,
};

/// Largest file of keys: a million documents have 80 MB.
const KEYS_BYTES_MAX: u64 = 4 << 30;
/// Originals that are opened unless all are.
const SAMPLE: usize = 20;

/// Make the state of an appliance out of a backup.
#[derive(Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    place: Place,
    /// File of an escrow identity, as key escrow or age-keygen made it
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    /// lazaret.toml of the new appliance: says where state and master key lie
    #[arg(long, value_name = "FILE", conflicts_with_all = ["state", "master_key_file"], required_unless_present_all = ["state", "master_key_file"])]
    settings: Option<PathBuf>,
    /// State directory to make; it must not exist, or be empty
    #[arg(long, value_name = "DIR", requires = "master_key_file")]
    state: Option<PathBuf>,
    /// Its master key: used if the file is there, else made
    #[arg(long, value_name = "FILE", requires = "state")]
    master_key_file: Option<PathBuf>,
    /// Another file of keys than that of the last run
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Open every original and compare it, not only twenty
    #[arg(long)]
    full: bool,
    /// Make everything else when blobs are absent or damaged, and name them; exit 6
    #[arg(long)]
    accept_missing: bool,
}

/// Of the facts that were sealed with an arrival: what its original must be.
#[derive(Deserialize)]
struct ArrivalHash {
    sha256: Digest,
}

/// Gives what was made, and what of it is lost.
pub(super) fn restore(what: &Restore) -> Outcome<(Summary, Lost)> {
    let folder = Folder::open(&what.place)?;
    let (state_dir, master_key_file) = target(what)?;
    refuse_used(&state_dir)?;
    let (manifest, list) = signed(&folder, None)?;
    let identity = Identity::from_file(&what.identity).map_err(|error| refused(&error))?;
    let keys_file = what.keys.clone().unwrap_or_else(|| folder.keys_file(manifest.run));
    let escrow = open_escrow(&keys_file, &identity, what.keys.is_none().then_some(&manifest))?;
    if escrow.verifying_key().map_err(|error| refused(&error))? != manifest.verifying_key {
        let message = "expected the signature of the site whose keys these are, found that of another: ledger or \
                       manifest was written anew, or the file of keys is of another backup. Nothing was made";
        return Err(Failure::new(Exit::Findings, message).about(&folder.dir));
    }

    files::folder(&state_dir)?;
    let ledger_dir = state_dir.join("ledger");
    copy_ledger(&folder, &manifest, &list, &ledger_dir)?;
    let history = History::read(&ledger_dir)?;
    if (history.records, history.tip) != (manifest.ledger.records, manifest.ledger.tip) {
        return Err(Failure::new(Exit::Findings, "it does not hold the records that were signed")
            .about(&folder.ledger()));
    }
    let master = master_key(&master_key_file)?;
    let vault_dir = state_dir.join("vault");
    let restored = escrow
        .restore(&vault_dir, &master, now(), |doc| history.lives(doc))
        .map_err(|error| refused(&error))?;
    let mut lost = Lost::new(what.accept_missing);
    let (blobs, bytes) = copy_blobs(&folder, &list, &vault_dir, &history, &mut lost)?;
    let vault = Vault::open(&vault_dir, &master, now).map_err(|error| refused(&error))?;
    let parts = history.destroyed_parts();
    if !parts.is_empty() {
        vault.destroy(&parts).map_err(|error| refused(&error))?;
    }
    check_whole(&vault, &history, &list, &mut lost)?;
    let opened = check_originals(&vault, &history, &ledger_dir, what.full, &lost)?;
    let event = SystemEvent::Restored {
        records: history.records,
        documents: restored.documents.len() as u64,
        dropped: restored.dropped,
    };
    note(&ledger_dir, event)?;
    eprintln!(
        "lazaretctl: checkpoints so far lie in {OLD_CHECKPOINTS}; pin the new key with `lazaretctl audit pubkey`"
    );
    let summary = Summary {
        run: manifest.run.to_string(),
        records: history.records,
        documents: restored.documents.len() as u64,
        blobs,
        bytes,
        fetched_blobs: None,
        fetched_bytes: None,
        removed_blobs: None,
        dropped_keys: Some(restored.dropped),
        opened_originals: Some(opened),
        keys_until: manifest.keys.until,
    };
    Ok((summary, lost))
}

fn target(what: &Restore) -> Outcome<(PathBuf, PathBuf)> {
    if let (Some(state), Some(master)) = (&what.state, &what.master_key_file) {
        return Ok((state.clone(), master.clone()));
    }
    let file = what
        .settings
        .as_deref()
        .ok_or_else(|| Failure::new(Exit::Usage, "give --settings, or --state and --master-key-file"))?;
    let settings = config::load(file).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::new(Exit::InvalidConfiguration, errors.join("\n"))
    })?;
    let no_file = "its master key is no file: give --state and --master-key-file, then hand that key to systemd (docs/guide/backup.md)";
    let master =
        settings.keys.master_key_file.ok_or_else(|| Failure::new(Exit::Usage, no_file).about(file))?;
    Ok((settings.paths.state_dir, master))
}

fn refuse_used(dir: &Path) -> Outcome {
    match fs::read_dir(dir).map(Iterator::count) {
        Ok(0) => Ok(()),
        Ok(_) => {
            let message = "it is not empty; a restore makes a state directory and never changes one";
            Err(Failure::new(Exit::Conflict, message).about(dir))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::file(dir, &error)),
    }
}

fn open_escrow(path: &Path, identity: &Identity, signed: Option<&Manifest>) -> Outcome<OpenedEscrow> {
    if let Some(manifest) = signed {
        compare(path, manifest.keys.bytes, &manifest.keys.sha256)?;
    }
    let mut file = Vec::new();
    let read = open(path)?.take(KEYS_BYTES_MAX).read_to_end(&mut file);
    read.map_err(|error| Failure::file(path, &error))?;
    OpenedEscrow::open(identity, &file).map_err(|error| refused(&error).about(path))
}

fn master_key(path: &Path) -> Outcome<MasterKey> {
    if !path.exists() {
        MasterKey::generate_file(path).map_err(|error| refused(&error))?;
        eprintln!("lazaretctl: made the master key {}", path.display());
    }
    MasterKey::from_file(path).map_err(|error| refused(&error))
}

/// The log of checkpoints under a name of its own: the key that signed it is in no backup, so the daemon begins a
/// new chain.
const OLD_CHECKPOINTS: &str = "checkpoints-before-restore.log";

/// Copies the ledger as far as the run signed it.
fn copy_ledger(folder: &Folder, manifest: &Manifest, list: &Hashes, to: &Path) -> Outcome {
    files::folder(to)?;
    for ledger::Extent { name, bytes } in extents(manifest) {
        let put = if name == CHECKPOINT_LOG { OLD_CHECKPOINTS } else { name.as_str() };
        let (from, path) = (folder.ledger().join(&name), to.join(put));
        let mut bytes_left = open(&from)?.take(bytes);
        let copied = File::options().write(true).create_new(true).open(&path).and_then(|mut file| {
            io::copy(&mut bytes_left, &mut file)?;
            file.sync_all()
        });
        copied.map_err(|error| Failure::file(&path, &error))?;
        let expected = list.get(&format!("ledger/{name}"));
        let expected =
            expected.ok_or_else(|| Failure::new(Exit::Findings, "its list does not name it").about(&from))?;
        same(&from, expected, &hash(&path, u64::MAX)?.1)?;
        settle(&path)?;
    }
    Ok(())
}

fn extents(manifest: &Manifest) -> impl Iterator<Item = ledger::Extent> {
    manifest.ledger.files.iter().map(|file| ledger::Extent { name: file.name.clone(), bytes: file.bytes })
}

/// Copies the blobs of living documents, each compared with its hash on the way.
fn copy_blobs(
    folder: &Folder,
    list: &Hashes,
    vault_dir: &Path,
    history: &History,
    lost: &mut Lost,
) -> Outcome<(u64, u64)> {
    let progress = ProgressBar::new(list.len() as u64);
    let (mut blobs, mut bytes, mut last) = (0, 0, None::<DocId>);
    for (path, expected) in progress.wrap_iter(list.iter()) {
        let Some(name) = path.strip_prefix("blobs/").and_then(|name| name.parse::<BlobName>().ok()) else {
            continue;
        };
        if !history.lives(name.doc) {
            continue;
        }
        let copied = match copy_blob(&folder.blob(name), name, vault_dir, expected) {
            Ok(copied) => copied,
            Err(failure) => {
                lost.take(name, failure)?;
                continue;
            }
        };
        if let Some(doc) = last.replace(name.doc).filter(|doc| *doc != name.doc) {
            settle_sealed(vault_dir, doc).map_err(|error| refused(&error))?;
        }
        blobs += 1;
        bytes += copied;
    }
    if let Some(doc) = last {
        settle_sealed(vault_dir, doc).map_err(|error| refused(&error))?;
    }
    progress.finish_and_clear();
    Ok((blobs, bytes))
}

/// A blob that is not what was signed is not left there.
fn copy_blob(from: &Path, name: BlobName, vault_dir: &Path, expected: &Digest) -> Outcome<u64> {
    let (copied, found) = place_sealed(vault_dir, name, &mut open(from)?).map_err(|error| refused(&error))?;
    if let Err(damaged) = same(from, expected, &found) {
        remove(&sealed_path(vault_dir, name))?;
        return Err(damaged);
    }
    Ok(copied)
}

/// Every living document has its key, and every blob that its events name is there.
fn check_whole(vault: &Vault, history: &History, list: &Hashes, lost: &mut Lost) -> Outcome {
    let keyless = history.living().filter(|(doc, _)| !vault.knows(*doc)).count();
    if keyless > 0 {
        let message = format!(
            "{keyless} documents live by the ledger and have no key in the file of keys; give that of the last run"
        );
        return Err(Failure::new(Exit::Findings, message));
    }
    let absent = |name: &BlobName| !list.contains_key(&format!("blobs/{name}"));
    for name in history.needed().filter(absent) {
        let message = format!("blobs/{name}: the ledger names it, and it is not in the backup");
        lost.take(name, Failure::new(Exit::Findings, message))?;
    }
    Ok(())
}

/// Opens originals and compares them with what was sealed at their arrival: all, or some at random.
fn check_originals(
    vault: &Vault,
    history: &History,
    ledger_dir: &Path,
    full: bool,
    lost: &Lost,
) -> Outcome<u64> {
    let finding = |error: String| Failure::new(Exit::Findings, error);
    let mut candidates: Vec<DocId> = history
        .needed()
        .filter(|name| name.area == Area::Original && !lost.has(*name))
        .map(|name| name.doc)
        .collect();
    if !full {
        while candidates.len() > SAMPLE {
            let at = u64::from_be_bytes(vault::random()) % candidates.len() as u64;
            candidates.swap_remove(at as usize);
        }
        candidates.sort();
    }
    let mut opened = 0;
    for record in Ledger::read_from(ledger_dir, 1).map_err(|error| finding(error.to_string()))? {
        let Body::Document { doc, event: Event::Arrived(arrival) } =
            record.map_err(|error| finding(error.to_string()))?.body
        else {
            continue;
        };
        let Some(blob) = arrival.original.filter(|_| candidates.binary_search(&doc).is_ok()) else {
            continue;
        };
        let facts = vault.open_facts(doc, "arrival", &arrival.sealed.0).map_err(|error| refused(&error))?;
        let expected: ArrivalHash = serde_json::from_slice(&facts)
            .map_err(|_| finding(format!("document {doc}: its sealed facts are not those of an arrival")))?;
        let mut reader = vault.reader(doc, Area::Original, blob).map_err(|error| refused(&error))?;
        let (_, sha256) = vault::sha256_of(&mut reader).map_err(|error| finding(error.to_string()))?;
        if sha256 != expected.sha256 {
            return Err(finding(format!("document {doc}: its original is not what arrived")));
        }
        opened += 1;
    }
    Ok(opened)
}

/// Writes the first record of the restored appliance.
fn note(ledger_dir: &Path, event: SystemEvent) -> Outcome {
    let failed = |error: ledger::LedgerError| Failure::new(Exit::Failure, error.to_string());
    let (mut ledger, _) = Ledger::open(ledger_dir).map_err(failed)?;
    let record = NewRecord { at: now(), by: Actor::Daemon, body: Body::System(event) };
    ledger.append(vec![record]).map(drop).map_err(failed)
}

#[expect(clippy::disallowed_methods, reason = "a restore runs where no daemon does")]
fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// What the vault refuses, with the exit code of its kind.
fn refused(error: &VaultError) -> Failure {
    let exit = match error {
        VaultError::WrongIdentity | VaultError::WrongMasterKey { .. } => Exit::NotAuthorised,
        VaultError::BadIdentity { .. } | VaultError::BadMasterKey { .. } => Exit::Usage,
        VaultError::NotEmpty { .. } | VaultError::InUse { .. } => Exit::Conflict,
        VaultError::NotEscrow { .. }
        | VaultError::Tampered { .. }
        | VaultError::Damaged { .. }
        | VaultError::FactsTampered { .. } => Exit::Findings,
        _ => Exit::Failure,
    };
    Failure::new(exit, error.to_string())
}

#[cfg(test)]
mod tests;
