//! Backup, as far as the appliance has a part in it: what a client may fetch, in an order that makes the
//! copy consistent. Latch, tip of the ledger, keys, blobs: every document of the ledger up to the tip has
//! its key in the escrow that is made later, and nothing of it disappears before the blobs are fetched.
//!
//! The client compares, writes and prunes; it gets ciphertext, and the keys only sealed to the
//! recipients that the configuration names.

use crate::{
    artefacts, checkpoints,
    desk::Desk,
    latch::LEASE,
    refusal::Refusal,
    retain::DAY_MS,
    submit::refused,
    view::{BackupBegun, BackupFile, BackupSigned, Caller, Code, Refused},
};
use ledger::{CHECKPOINT_LOG, Extent, Mark};
use lifecycle::{Actor, SystemEvent};
use serde::Serialize;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::mpsc;
use types::{Digest, DocId, Label, RunId, UnixMillis};
use vault::{BlobName, Recipient, VaultError};

/// Version of what is written, also of the manifest.
pub(crate) const BACKUP_FORMAT: u32 = 1;
/// Put before the manifest when it is signed, so that no signature is taken for another.
const SIGN_DOMAIN: &[u8] = b"lazaret backup run v1\n";
/// Bytes of a part of a file, and parts that wait for a slow reader.
const PART_BYTES: usize = 1 << 20;
const PARTS_WAITING_MAX: usize = 4;
/// Files in one part of the list: well within a message.
const LIST_PART_FILES: usize = 1000;

/// A stream of a backup.
pub type Parts<T> = mpsc::Receiver<Result<T, Refused>>;

/// The run under way, if any.
#[derive(Default)]
pub(crate) struct Runs(Mutex<Option<Run>>);

#[derive(Clone)]
struct Run {
    id: RunId,
    by: Actor,
    begun: UnixMillis,
    mark: Mark,
    /// Number of the checkpoint key that the log ends with.
    checkpoint_key: u64,
    /// What of the ledger's folder belongs to it.
    extents: Vec<Extent>,
    keys: Option<Keys>,
}

#[derive(Clone)]
struct Keys {
    sha256: Digest,
    bytes: u64,
    until: UnixMillis,
    recipients: Vec<Digest>,
    documents: Arc<Vec<DocId>>,
}

/// What is signed at the end of a run. Fields are added, never changed.
#[derive(Serialize)]
struct Manifest<'a> {
    format: u32,
    site: &'a Label,
    run: RunId,
    begun: String,
    finished: String,
    build: &'static str,
    verifying_key: Digest,
    ledger: ManifestLedger<'a>,
    keys: ManifestKeys<'a>,
    files: ManifestFiles,
}

#[derive(Serialize)]
struct ManifestLedger<'a> {
    records: u64,
    tip: Digest,
    root: Digest,
    files: Vec<ManifestExtent<'a>>,
}

#[derive(Serialize)]
struct ManifestExtent<'a> {
    name: &'a str,
    bytes: u64,
}

#[derive(Serialize)]
struct ManifestKeys<'a> {
    file: String,
    bytes: u64,
    sha256: Digest,
    documents: u64,
    until: String,
    recipients: &'a [Digest],
}

#[derive(Serialize)]
struct ManifestFiles {
    list: String,
    list_sha256: Digest,
    blobs: u64,
    bytes: u64,
}

/// Takes the latch and the tip. The same caller's earlier run ends; another's is in the way.
pub(crate) async fn begin(desk: &Arc<Desk>, caller: &Caller) -> Result<BackupBegun, Refused> {
    recipients(desk)?;
    let id = RunId::from_parts(desk.now(), u128::from_be_bytes(vault::random()));
    {
        let run = desk.runs.run();
        if let (Some(run), Some(left)) = (run.as_ref(), desk.latch.left())
            && !is_same(&run.by, &caller.actor)
        {
            let message =
                format!("backup {} is under way; it ends by itself within {} s", run.id, left.as_secs());
            return Err(Refused::new(Code::Conflict, message));
        }
        desk.latch.take(id);
    }
    // The log then ends with the key in force, which announces the next one, and covers no record behind
    // the tip that is taken after it.
    checkpoints::sign(desk).await;
    let checkpoint_key = desk.vault.checkpoint_keys().number;
    let checkpoints = Extent { name: CHECKPOINT_LOG.to_owned(), bytes: checkpoint_bytes(desk) };
    let tip = desk.book.tip().await.map_err(refused)?;
    let mut extents = tip.extents;
    if checkpoints.bytes > 0 {
        extents.push(checkpoints);
    }
    let run = Run {
        id,
        by: caller.actor.clone(),
        begun: desk.now(),
        mark: tip.mark,
        checkpoint_key,
        extents,
        keys: None,
    };
    *desk.runs.run() = Some(run);
    Ok(BackupBegun {
        run: id,
        site: desk.settings.site.clone(),
        format: BACKUP_FORMAT,
        records: tip.mark.size,
        tip: tip.mark.tip,
        keys_days: desk.settings.backup.keys_days,
        lease_s: LEASE.as_secs(),
        verifying_key: Digest(desk.vault.verifying_key()),
    })
}

/// The keys, sealed to the recipients of the configuration; written to the ledger before a byte leaves.
pub(crate) async fn keys(desk: &Arc<Desk>, caller: &Caller, id: RunId) -> Result<Parts<Vec<u8>>, Refused> {
    let run = desk.runs.live(desk, id)?;
    let recipients = recipients(desk)?;
    let fingerprints: Vec<Digest> = recipients.iter().map(Recipient::fingerprint).collect();
    let escrow = desk.blocking(move |desk| Ok(desk.vault.escrow(&recipients)?)).await.map_err(refused)?;
    if desk.vault.checkpoint_keys().number != run.checkpoint_key {
        // The copy of the log would not announce the key that goes along.
        let message = "the key of the checkpoints was replaced since this run began; begin a new one";
        return Err(Refused::new(Code::Temporary, message));
    }
    let until = desk.now().plus(u64::from(desk.settings.backup.keys_days) * DAY_MS);
    let event = SystemEvent::KeysEscrowed {
        documents: escrow.documents.len() as u64,
        keys_until: until,
        recipients: fingerprints.clone(),
    };
    desk.book.note(caller.actor.clone(), event).await.map_err(refused)?;
    let keys = Keys {
        sha256: vault::sha256(&escrow.file),
        bytes: escrow.file.len() as u64,
        until,
        recipients: fingerprints,
        documents: Arc::new(escrow.documents),
    };
    desk.runs.change(desk, id, |run| run.keys = Some(keys))?;
    let (send, receive) = mpsc::channel(PARTS_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        for part in escrow.file.chunks(PART_BYTES) {
            if send.blocking_send(Ok(part.to_vec())).is_err() {
                return;
            }
        }
    });
    Ok(receive)
}

/// Every file of the run with its size: the ledger up to the tip, then the sealed blobs of every document
/// whose key went along.
pub(crate) async fn list(desk: &Arc<Desk>, id: RunId) -> Result<Parts<Vec<BackupFile>>, Refused> {
    let run = desk.runs.live(desk, id)?;
    let documents = run.keys.map(|keys| keys.documents).ok_or_else(keys_first)?;
    let (send, receive) = mpsc::channel(PARTS_WAITING_MAX);
    let desk = desk.clone();
    tokio::task::spawn_blocking(move || {
        let ledger = run.extents.iter().map(|extent| BackupFile {
            path: format!("{LEDGER_PREFIX}{}", extent.name),
            bytes: extent.bytes,
        });
        let mut files: Vec<BackupFile> = ledger.collect();
        for doc in documents.iter() {
            match desk.vault.blobs(*doc) {
                Ok(sealed) => files.extend(
                    sealed
                        .into_iter()
                        .map(|(name, bytes)| BackupFile { path: format!("{BLOB_PREFIX}{name}"), bytes }),
                ),
                Err(error) => {
                    drop(send.blocking_send(Err(refused(Refusal::from(error)))));
                    return;
                }
            }
            if files.len() >= LIST_PART_FILES
                && (!desk.latch.renew(id) || send.blocking_send(Ok(std::mem::take(&mut files))).is_err())
            {
                return;
            }
        }
        drop(send.blocking_send(Ok(files)));
    });
    Ok(receive)
}

const LEDGER_PREFIX: &str = "ledger/";
const BLOB_PREFIX: &str = "blobs/";

/// The bytes of one file from an offset on. Only names that the run itself knows are looked for: nothing of
/// the request becomes part of a path.
pub(crate) async fn fetch(
    desk: &Arc<Desk>,
    id: RunId,
    path: &str,
    offset: u64,
) -> Result<Parts<Vec<u8>>, Refused> {
    let run = desk.runs.live(desk, id)?;
    let unknown = || Refused::new(Code::NotFound, "there is no such file in this run; see its list");
    let known = if let Some(name) = path.strip_prefix(LEDGER_PREFIX) {
        Known::Ledger(run.extents.into_iter().find(|extent| extent.name == name).ok_or_else(unknown)?)
    } else {
        let name: BlobName =
            path.strip_prefix(BLOB_PREFIX).and_then(|name| name.parse().ok()).ok_or_else(unknown)?;
        let documents = run.keys.map(|keys| keys.documents).ok_or_else(keys_first)?;
        documents.binary_search(&name.doc).map_err(|_| unknown())?;
        Known::Blob(name)
    };
    let (file, bytes) = desk.blocking(move |desk| open(desk, &known)).await.map_err(refused)?;
    let rest = bytes.checked_sub(offset).ok_or_else(|| {
        Refused::new(Code::Invalid, format!("offset: the file has {bytes} bytes in this run, not {offset}"))
    })?;
    let (send, receive) = mpsc::channel(PARTS_WAITING_MAX);
    let desk = desk.clone();
    tokio::task::spawn_blocking(move || pump(&desk, id, file, (offset, rest), &send));
    Ok(receive)
}

enum Known {
    Ledger(Extent),
    Blob(BlobName),
}

fn open(desk: &Desk, known: &Known) -> Result<(File, u64), Refusal> {
    match known {
        Known::Ledger(extent) => {
            let path = desk.settings.paths.state_dir.join(crate::appliance::LEDGER_DIR).join(&extent.name);
            Ok((File::open(path).map_err(artefacts::disk)?, extent.bytes))
        }
        Known::Blob(name) => {
            let file = desk.vault.open_ciphertext(*name)?;
            let bytes = file.metadata().map_err(artefacts::disk)?.len();
            Ok((file, bytes))
        }
    }
}

fn pump(
    desk: &Desk,
    id: RunId,
    mut file: File,
    (offset, mut rest): (u64, u64),
    send: &mpsc::Sender<Result<Vec<u8>, Refused>>,
) {
    if let Err(error) = file.seek(SeekFrom::Start(offset)) {
        drop(send.blocking_send(Err(refused(artefacts::disk(error)))));
        return;
    }
    while rest > 0 {
        let mut part = vec![0; PART_BYTES.min(usize::try_from(rest).unwrap_or(PART_BYTES))];
        let read = match file.read_exact(&mut part) {
            Ok(()) if desk.latch.renew(id) => Ok(part),
            Ok(()) => Err(over()),
            Err(error) => Err(refused(artefacts::disk(error))),
        };
        let (failed, length) = (read.is_err(), read.as_ref().map_or(0, Vec::len));
        if send.blocking_send(read).is_err() || failed {
            return;
        }
        rest -= length as u64;
    }
}

/// Ends the run: lets go of the latch, writes what was backed up, signs the manifest.
pub(crate) async fn finish(
    desk: &Arc<Desk>,
    caller: &Caller,
    id: RunId,
    blobs: u64,
    bytes: u64,
    list_sha256: Digest,
) -> Result<BackupSigned, Refused> {
    let run = desk.runs.live(desk, id)?;
    let keys = run.keys.ok_or_else(keys_first)?;
    let manifest = Manifest {
        format: BACKUP_FORMAT,
        site: &desk.settings.site,
        run: id,
        begun: run.begun.to_string(),
        finished: desk.now().to_string(),
        build: sandbox::BUILD,
        verifying_key: Digest(desk.vault.verifying_key()),
        ledger: ManifestLedger {
            records: run.mark.size,
            tip: run.mark.tip,
            root: run.mark.root,
            files: run
                .extents
                .iter()
                .map(|extent| ManifestExtent { name: &extent.name, bytes: extent.bytes })
                .collect(),
        },
        keys: ManifestKeys {
            file: format!("keys-{id}.age"),
            bytes: keys.bytes,
            sha256: keys.sha256,
            documents: keys.documents.len() as u64,
            until: keys.until.to_string(),
            recipients: &keys.recipients,
        },
        files: ManifestFiles { list: format!("{id}.sha256"), list_sha256, blobs, bytes },
    };
    let mut manifest = serde_json::to_vec_pretty(&manifest)
        .map_err(|_| Refused::new(Code::Internal, "the manifest cannot be written"))?;
    manifest.push(b'\n');
    let event = SystemEvent::BackedUp {
        records: run.mark.size,
        blobs,
        bytes,
        keys_until: keys.until,
        recipients: keys.recipients,
    };
    desk.book.note(caller.actor.clone(), event).await.map_err(refused)?;
    let signature = desk.vault.sign(&[SIGN_DOMAIN, &manifest].concat());
    *desk.runs.run() = None;
    let waited = desk.latch.release(id);
    let removed = desk.blocking(move |desk| {
        waited
            .into_iter()
            .try_for_each(|(doc, raster, pages)| artefacts::remove_raster(desk, doc, raster, pages))
    });
    if let Err(refusal) = removed.await {
        tracing::warn!(%refusal, "rasters that waited for the end of the backup are left");
    }
    Ok(BackupSigned { manifest, signature })
}

impl Runs {
    fn run(&self) -> MutexGuard<'_, Option<Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run, if it is the one under way; its time begins anew.
    fn live(&self, desk: &Desk, id: RunId) -> Result<Run, Refused> {
        let run = self.run().clone().filter(|run| run.id == id).ok_or_else(over)?;
        if desk.latch.renew(id) { Ok(run) } else { Err(over()) }
    }

    fn change(&self, desk: &Desk, id: RunId, change: impl FnOnce(&mut Run)) -> Result<(), Refused> {
        let mut run = self.run();
        let live = run.as_mut().filter(|run| run.id == id && desk.latch.renew(id)).ok_or_else(over)?;
        change(live);
        Ok(())
    }
}

fn over() -> Refused {
    let message = format!(
        "this run is not under way any more: another took its place, or nothing was asked for {} s; begin a new one",
        LEASE.as_secs()
    );
    Refused::new(Code::Conflict, message)
}

fn keys_first() -> Refused {
    Refused::new(Code::Conflict, "fetch the keys of the run first: what is listed depends on them")
}

fn recipients(desk: &Desk) -> Result<Vec<Recipient>, Refused> {
    let said = &desk.settings.backup.recipients;
    if said.is_empty() {
        let message = "backup.recipients is not set in lazaret.toml, so nobody could open the copy of the keys: make at \
                       least two with lazaretctl key escrow, keep them apart and off this machine, and set their recipients";
        return Err(Refused::new(Code::Conflict, message));
    }
    let parsed = said.iter().map(|text| text.parse()).collect::<Result<Vec<_>, VaultError>>();
    parsed.map_err(|error| Refused::new(Code::Conflict, format!("backup.recipients: {error}")))
}

/// One client, or one local user whatever their process.
fn is_same(one: &Actor, other: &Actor) -> bool {
    match (one, other) {
        (Actor::Local { uid: one, .. }, Actor::Local { uid: other, .. }) => one == other,
        _ => one == other,
    }
}

fn checkpoint_bytes(desk: &Desk) -> u64 {
    let log = desk.settings.paths.state_dir.join(crate::appliance::LEDGER_DIR).join(CHECKPOINT_LOG);
    std::fs::metadata(log).map_or(0, |facts| facts.len())
}
