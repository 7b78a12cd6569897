//! A sealed start looks at the ledger as an open one does: it must hold what checkpoints were signed over, and must
//! not be empty where records were. Public keys are enough for that. What it cannot see, an unsealing sees.

use super::{Inner, SealedAppliance, SealedOpening, Unsealing, scribe::Scribe};
use crate::{
    checkpoints, mark,
    opening::{LEDGER_DIR, StartError, Step, VAULT_DIR},
    queue::Queue,
    watch::Place,
    workers::prove,
};
use ledger::{Ledger, LedgerError};
use lifecycle::{Actor, SystemEvent};
use std::{
    path::Path,
    sync::{Arc, Mutex},
};
use tokio::sync::{Mutex as Turn, mpsc, watch};
use vault::{IntakeKey, Vault};

pub(super) fn open(
    opening: SealedOpening,
) -> Result<(SealedAppliance, mpsc::Receiver<Unsealing>), StartError> {
    let SealedOpening { settings, clock, progress, draining } = opening;
    let (_, proof) = prove(&settings)?;
    let state_dir = &settings.paths.state_dir;
    let vault_dir = state_dir.join(VAULT_DIR);
    let key = if Vault::exists(&vault_dir) { Some(IntakeKey::read(&vault_dir)?) } else { None };
    let queue = Queue::open(state_dir)?;
    let ledger_dir = state_dir.join(LEDGER_DIR);
    refuse_a_lost_ledger(state_dir, &ledger_dir, &queue)?;
    // Without a vault nothing was ever signed here: what lies in the spool folder is another appliance's.
    let known =
        if key.is_some() { checkpoints::known_without_keys(&settings, &ledger_dir)? } else { Vec::new() };
    let (ledger, recovery) =
        Ledger::open_telling(&ledger_dir, &known, |records| progress(Step::Checked(records)))?;
    let folders = settings
        .sources
        .iter()
        .filter_map(|source| Place::open(source, true).transpose())
        .map(|folder| folder.map(Arc::new))
        .collect::<Result<Vec<_>, _>>()?;
    let (unsealed, asks) = mpsc::channel(1);
    let inner = Inner {
        key,
        queue,
        scribe: Scribe::new(ledger, clock),
        folders: Mutex::new(folders),
        gauges: Arc::default(),
        clock,
        draining,
        closing: watch::Sender::new(false),
        wrong: Arc::new(Turn::new(0)),
        unsealed,
        started_at: clock(),
        proof,
        settings,
    };
    if recovery.cut_bytes > 0 {
        inner.start_note(SystemEvent::TailCut { bytes: recovery.cut_bytes })?;
    }
    inner.start_note(SystemEvent::Sealed)?;
    Ok((SealedAppliance(Arc::new(inner)), asks))
}

impl Inner {
    fn start_note(&self, event: SystemEvent) -> Result<(), StartError> {
        let written = self.scribe.note(Actor::Daemon, event);
        written.map_err(|_| StartError::Book("the start could not be written to the ledger"))
    }
}

/// Before the ledger is opened, which would begin a new one in place of the one that is missing.
fn refuse_a_lost_ledger(state_dir: &Path, ledger_dir: &Path, queue: &Queue) -> Result<(), StartError> {
    if has_records(ledger_dir)? {
        return Ok(());
    }
    let trace = if Vault::holds_documents(&state_dir.join(VAULT_DIR)) {
        "ciphertext of documents"
    } else if queue.files() > 0 {
        "a queue of files that were taken in while sealed"
    } else if mark::was_written(state_dir) {
        "the file ledger-mark"
    } else {
        return Ok(());
    };
    Err(StartError::LedgerGone { trace })
}

fn has_records(ledger_dir: &Path) -> Result<bool, LedgerError> {
    if !ledger_dir.exists() {
        return Ok(false);
    }
    Ok(Ledger::read_from(ledger_dir, 1)?.next().transpose()?.is_some())
}
