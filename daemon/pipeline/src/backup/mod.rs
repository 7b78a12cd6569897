//! Backup, as far as the appliance has a part in it: what a client may fetch, in an order that makes the
//! copy consistent. Latch, tip of the ledger, keys, blobs: every document of the ledger up to the tip has
//! its key in the escrow that is made later, and nothing of it disappears before the blobs are fetched.
//!
//! The client compares, writes and prunes; it gets ciphertext, and the keys only sealed to the
//! recipients that the configuration names.

mod files;
mod manifest;
mod tip;
mod view;

pub(crate) use files::{fetch, list};
pub(crate) use tip::Tip;
pub use view::{BackupBegun, BackupFile, BackupSigned};

use crate::{
    artefacts, checkpoints,
    desk::Desk,
    latch::LEASE,
    retain::DAY_MS,
    submit::refused,
    view::{Caller, Code, Refused},
};
use ledger::{CHECKPOINT_LOG, Extent, Mark};
use lifecycle::{Actor, SystemEvent};
use manifest::{Manifest, ManifestExtent, ManifestFiles, ManifestKeys, ManifestLedger};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use types::{Digest, DocId, RunId, UnixMillis};
use vault::{Recipient, VaultError};

/// Version of what is written, also of the manifest.
pub(crate) const BACKUP_FORMAT: u32 = 1;
/// Put before the manifest when it is signed, so that no signature is taken for another.
const SIGN_DOMAIN: &[u8] = b"lazaret backup run v1\n";
/// Bytes of a part of a file, and parts that wait for a slow reader.
const PART_BYTES: usize = 1 << 20;
const PARTS_WAITING_MAX: usize = 4;

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
    // The log then covers no record behind the tip that is taken after it.
    checkpoints::sign(desk).await;
    let checkpoints = Extent { name: CHECKPOINT_LOG.to_owned(), bytes: desk.checkpoints.bytes().await };
    let tip = desk.book.tip().await.map_err(refused)?;
    let mut extents = tip.extents;
    if checkpoints.bytes > 0 {
        extents.push(checkpoints);
    }
    let run = Run { id, by: caller.actor.clone(), begun: desk.now(), mark: tip.mark, extents, keys: None };
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
    desk.runs.live(desk, id)?;
    let recipients = recipients(desk)?;
    let fingerprints: Vec<Digest> = recipients.iter().map(Recipient::fingerprint).collect();
    let escrow = desk.blocking(move |desk| Ok(desk.vault.escrow(&recipients)?)).await.map_err(refused)?;
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
