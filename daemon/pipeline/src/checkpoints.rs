//! Checkpoints of the ledger: signed when there is something new, written to their log, then carried out
//! of the appliance. They are no records of the ledger, else there would always be something new.
//!
//! On another day (UTC) the key in force signs a last note, the handover, which announces the next key;
//! then it is erased, and the next key signs. No earlier note announces that key, else who finds it could
//! claim that it took over earlier.

use crate::{book::BookError, desk::Desk, opening::StartError, refusal::Refusal, retain::DAY_MS, spool};
use config::Settings;
use ledger::{Checkpoint, CheckpointLog, LedgerError, Mark, NoteFault, Signed, VerifyingKey};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::OwnedMutexGuard, time::MissedTickBehavior};
use types::{Digest, Label, UnixMillis};
use vault::{CheckpointKeys, VaultError};

/// Records after which a checkpoint is signed.
const RECORDS_MAX: u64 = 1_000;
/// Time after which one is signed, if there are new records.
const SIGN_EVERY: Duration = Duration::from_secs(60);
/// Age of records without a checkpoint at which the doctor calls it a fault.
pub(crate) const LATE_MS: u64 = 5 * 60 * 1000;
const SPOOL_DIR: &str = "spool";

/// Why none was signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("book: {0}")]
    Book(#[from] BookError),
    #[error("log: {0}")]
    Log(#[from] LedgerError),
    #[error("keys: {0}")]
    Keys(#[from] VaultError),
    #[error("note: {0}")]
    Note(#[from] NoteFault),
    #[error("{0}")]
    Work(#[from] Refusal),
}

/// The log, and where copies go.
pub(crate) struct Checkpoints {
    /// Who holds it may sign: sizes in the log must not fall.
    log: Arc<tokio::sync::Mutex<CheckpointLog>>,
    last: Mutex<Option<(Mark, UnixMillis)>>,
    site: Label,
    spool_dir: PathBuf,
    /// Why the last one could not be put there.
    spooled: Mutex<Option<String>>,
    syslog: bool,
}

/// What the ledger must still hold, by its own log and by the copies in the spool folder.
pub(crate) fn known(
    settings: &Settings,
    ledger_dir: &Path,
    keys: CheckpointKeys,
) -> Result<Vec<Mark>, StartError> {
    let (marks, strange) = known_in(&spool_dir(settings), ledger_dir, keys)?;
    tell_strange(strange);
    Ok(marks)
}

/// And how many files of the folder are no checkpoints of ours.
pub(crate) fn known_in(
    spool_dir: &Path,
    ledger_dir: &Path,
    keys: CheckpointKeys,
) -> Result<(Vec<Mark>, usize), StartError> {
    let last = CheckpointLog::last_of(ledger_dir)?;
    // As many as the folder keeps: files of keys before those were of use to nobody.
    let recent = CheckpointLog::recent(ledger_dir, spool::FILES_MAX)?;
    let signers = recent.iter().map(|signed| signed.checkpoint.key.public);
    let mut trusted: BTreeSet<_> = signers.chain([keys.current]).collect();
    match &last {
        Some(Signed { checkpoint, .. }) => {
            let signers: Vec<_> = std::iter::once(&checkpoint.key).chain(&checkpoint.next).collect();
            if signers.iter().all(|key| key.public != keys.current) {
                return Err(StartError::CheckpointKeys);
            }
            trusted.extend(signers.iter().map(|key| key.public));
        }
        None if keys.number > 1 => {
            tracing::warn!("the log of checkpoints is gone; a new one begins, and pinned keys are not in it");
        }
        None => {}
    }
    let (copies, strange) = spooled(spool_dir, Some(trusted));
    Ok((last.iter().map(|signed| signed.checkpoint.mark).chain(copies).collect(), strange))
}

/// [`known`], while the keys are not at hand: the public keys of the log are trusted, as its own notes name them.
pub(crate) fn known_without_keys(settings: &Settings, ledger_dir: &Path) -> Result<Vec<Mark>, StartError> {
    let recent = CheckpointLog::recent(ledger_dir, spool::FILES_MAX)?;
    let mut trusted = BTreeSet::new();
    for Signed { checkpoint, .. } in &recent {
        trusted.extend(std::iter::once(&checkpoint.key).chain(&checkpoint.next).map(|key| key.public));
    }
    if recent.is_empty() {
        tracing::warn!("the log of checkpoints is gone; every checkpoint in the spool folder is believed");
    }
    let (copies, strange) = spooled(&spool_dir(settings), (!recent.is_empty()).then_some(trusted));
    tell_strange(strange);
    Ok(recent.last().map(|signed| signed.checkpoint.mark).into_iter().chain(copies).collect())
}

/// What the copies in the spool folder were signed over, of those that are ours, and how many files are not. Ours are
/// those of trusted keys and of keys that these announce; without any to trust, all are.
fn spooled(spool_dir: &Path, mut trusted: Option<BTreeSet<[u8; 32]>>) -> (Vec<Mark>, usize) {
    let spool::Found { notes, mut strange, unread, fault } = spool::read(spool_dir);
    if let Some(error) = fault {
        tracing::warn!(%error, count = unread, "files of the spool folder cannot be read; the ledger is not compared with them");
    }
    let mut marks = Vec::with_capacity(notes.len());
    for Signed { checkpoint, .. } in notes {
        match &mut trusted {
            Some(keys) if !keys.contains(&checkpoint.key.public) => strange += 1,
            keys => {
                keys.iter_mut().for_each(|keys| keys.extend(checkpoint.next.as_ref().map(|key| key.public)));
                marks.push(checkpoint.mark);
            }
        }
    }
    (marks, strange)
}

fn tell_strange(count: usize) {
    if count > 0 {
        tracing::warn!(count, "files in the spool folder are no checkpoints of ours; they are ignored");
    }
}

fn spool_dir(settings: &Settings) -> PathBuf {
    settings.audit.spool_dir.clone().unwrap_or_else(|| settings.paths.state_dir.join(SPOOL_DIR))
}

impl Checkpoints {
    /// Opens the log. The ledger is open, so nobody else has it.
    pub(crate) fn open(settings: &Settings, ledger_dir: &Path) -> Result<Self, LedgerError> {
        let log = CheckpointLog::open(ledger_dir)?;
        let last = log.last().map(|signed| &signed.checkpoint);
        // Keys carry the name of the site: a chain keeps the one it began with.
        let site = last.map_or_else(|| settings.site.clone(), |last| last.key.site.clone());
        if site != settings.site {
            tracing::warn!(%site, "the site has another name now; checkpoints keep the one they began with");
        }
        Ok(Self {
            last: Mutex::new(last.map(|last| (last.mark, last.at))),
            log: Arc::new(tokio::sync::Mutex::new(log)),
            site,
            spool_dir: spool_dir(settings),
            spooled: Mutex::default(),
            syslog: settings.audit.syslog,
        })
    }

    /// Bytes of the log, all of them acknowledged.
    pub(crate) async fn bytes(&self) -> u64 {
        self.log.lock().await.bytes()
    }

    /// The last checkpoint: over what, and when by the clock.
    pub(crate) fn last(&self) -> Option<(Mark, UnixMillis)> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is there something new, or another day?
    fn is_due(&self, size: u64, now: UnixMillis) -> bool {
        self.last().is_none_or(|(mark, _)| size > mark.size) || self.is_other_day(now)
    }

    /// Is there something wrong with the spool folder? Looks now, and remembers whether the last checkpoint could be
    /// put there; that it is still there is not asked, for somebody may collect them.
    pub(crate) fn spool_fault(&self) -> Option<String> {
        let found = spool::read(&self.spool_dir);
        if let Some(error) = found.fault {
            return Some(format!("{} files of the spool folder cannot be read: {error}", found.unread));
        }
        let fault = self.spooled.lock().unwrap_or_else(PoisonError::into_inner).clone();
        fault.map(|error| format!("the last one could not be put into the spool folder: {error}"))
    }

    /// By the clock: with one that was set back, the notes stay on a day that is to come, and keys must be
    /// replaced daily all the same.
    fn is_other_day(&self, now: UnixMillis) -> bool {
        self.last().is_some_and(|(_, signed_at)| day(signed_at) != day(now))
    }

    fn write(&self, desk: &Desk, log: &mut CheckpointLog, mark: Mark) -> Result<Signed, Fault> {
        let now = desk.now();
        let last = log.last().map(|signed| &signed.checkpoint);
        // A clock that was set back stays behind the notes: they never go back.
        let at = last.map_or(now, |last| last.at.max(now));
        let is_other_day = |last: &Checkpoint| day(last.at) != day(at) || self.is_other_day(now);
        if last.is_some_and(|last| last.next.is_none() && is_other_day(last)) {
            self.append(desk, log, mark, at, true)?;
        }
        let current = desk.vault.checkpoint_keys().current;
        // After a crash behind the handover, too.
        if log
            .last()
            .is_some_and(|last| last.checkpoint.next.is_some() && last.checkpoint.key.public == current)
        {
            desk.vault.rotate_checkpoint_key()?;
        }
        self.append(desk, log, mark, at, false)
    }

    fn append(
        &self,
        desk: &Desk,
        log: &mut CheckpointLog,
        mark: Mark,
        at: UnixMillis,
        is_handover: bool,
    ) -> Result<Signed, Fault> {
        let keys = desk.vault.checkpoint_keys();
        let key = |public| VerifyingKey { site: self.site.clone(), public };
        let prev = log.last().map_or(Digest([0; 32]), Signed::hash);
        let next = is_handover.then(|| key(keys.next));
        let checkpoint = Checkpoint { mark, at, prev, key: key(keys.current), next };
        let signature = desk.vault.sign_checkpoint(checkpoint.text().as_bytes());
        let signed = Signed::new(checkpoint, &signature)?;
        log.append(signed.clone())?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((mark, desk.now()));
        let fault = spool::put(&self.spool_dir, &signed, keys.number).err();
        if let Some(error) = &fault {
            tracing::warn!(%error, "a checkpoint could not be put into the spool folder");
        }
        *self.spooled.lock().unwrap_or_else(PoisonError::into_inner) = fault.map(|error| error.to_string());
        if self.syslog {
            spool::tell_syslog(&signed);
        }
        Ok(signed)
    }
}

/// Signs until the daemon drains.
pub(crate) async fn run(desk: Arc<Desk>) {
    let (mut draining, mut sizes) = (desk.draining.clone(), desk.book.sizes());
    let mut tick = tokio::time::interval(SIGN_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tried = *sizes.borrow();
    while !desk.is_draining() {
        let is_due = tokio::select! {
            _ = tick.tick() => desk.checkpoints.is_due(*sizes.borrow(), desk.now()),
            changed = sizes.changed() => changed.is_ok() && *sizes.borrow() >= tried + RECORDS_MAX,
            _ = draining.changed() => false,
        };
        if is_due {
            tried = *sizes.borrow();
            sign(&desk).await;
            tick.reset();
        }
    }
}

/// Signs a checkpoint now. A failure is logged; the next one makes up for it.
pub(crate) async fn sign(desk: &Arc<Desk>) {
    if let Err(error) = try_sign(desk).await {
        tracing::error!(%error, "no checkpoint could be signed; it is tried again");
    }
}

/// Signs a checkpoint over all that is durable, and gives it: unlike the log on disk it can be no other's.
pub(crate) async fn try_sign(desk: &Arc<Desk>) -> Result<Signed, Fault> {
    let mut log: OwnedMutexGuard<CheckpointLog> = desk.checkpoints.log.clone().lock_owned().await;
    let mark = desk.book.mark().await?;
    desk.blocking(move |desk| Ok(desk.checkpoints.write(desk, &mut log, mark))).await?
}

fn day(at: UnixMillis) -> u64 {
    at.0 / DAY_MS
}
