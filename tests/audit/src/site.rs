//! An appliance's ledger, checkpoints and keys, written by the code of the product.

use anyhow::{Context, Result};
use ledger::{Checkpoint, CheckpointLog, Ledger, Mark, NewRecord, Signed, VerifyingKey};
use lifecycle::{Actor, Body, Event, SystemEvent};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use types::{Digest, DocId, UnixMillis};
use vault::{MasterKey, Vault};

/// A time in November 2026.
const START: u64 = 1_795_502_192_007;

/// A vault that signs checkpoints.
pub struct Signer {
    vault: Vault,
    _root: TempDir,
}

impl Signer {
    /// With keys of its own.
    ///
    /// # Errors
    /// When the disk does.
    pub fn new() -> Result<Self> {
        let root = tempfile::tempdir()?;
        let (key, dir) = (root.path().join("key"), root.path().join("vault"));
        MasterKey::generate_file(&key)?;
        let master = MasterKey::from_file(&key)?;
        Vault::create(&dir, &master, clock)?;
        Ok(Self { vault: Vault::open(&dir, &master, clock)?, _root: root })
    }

    /// Signs with the key in force.
    ///
    /// # Errors
    /// When the signature does not fit.
    pub fn sign(&self, mark: Mark, at: u64, prev: Digest, is_handover: bool) -> Result<Signed> {
        let keys = self.vault.checkpoint_keys();
        let key = |public| -> Result<VerifyingKey> { Ok(VerifyingKey { site: "ward-7".parse()?, public }) };
        let next = is_handover.then(|| key(keys.next)).transpose()?;
        let key = key(keys.current)?;
        let checkpoint = Checkpoint { mark, at: UnixMillis(at), prev, key, next };
        let signature = self.vault.sign_checkpoint(checkpoint.text().as_bytes());
        Ok(Signed::new(checkpoint, &signature)?)
    }

    /// The next key takes over.
    ///
    /// # Errors
    /// When the disk does.
    pub fn rotate(&self) -> Result<()> {
        Ok(self.vault.rotate_checkpoint_key()?)
    }
}

fn clock() -> UnixMillis {
    UnixMillis(START)
}

/// What an auditor has in hand.
#[derive(Clone)]
pub struct Papers {
    /// The first key, pinned at the beginning.
    pub pinned: VerifyingKey,
    /// The last checkpoint, taken away.
    pub external: Signed,
}

/// A ledger and who signs for it.
pub struct Site {
    root: TempDir,
    ledger: Ledger,
    log: CheckpointLog,
    /// Holds the key of the last day; those before are erased.
    pub signer: Signer,
    number: u64,
    /// What the clock shows beyond the time that records take, ms.
    pub later_ms: u64,
}

impl Site {
    /// An empty one, with the checkpoint of its first start.
    ///
    /// # Errors
    /// When the disk does.
    pub fn new() -> Result<Self> {
        let root = tempfile::tempdir()?;
        let dir = root.path().join("ledger");
        let (ledger, _) = Ledger::open(&dir)?;
        let log = CheckpointLog::open(&dir)?;
        let mut site = Self { root, ledger, log, signer: Signer::new()?, number: 0, later_ms: 0 };
        site.checkpoint(false)?;
        Ok(site)
    }

    /// One of many days: records, a checkpoint every seven, a new key at the end.
    ///
    /// # Errors
    /// When the disk does.
    pub fn day(&mut self, records: u64) -> Result<()> {
        for number in 1..=records {
            self.record()?;
            if number % 7 == 0 {
                self.checkpoint(false)?;
            }
        }
        self.hand_over()
    }

    /// The next key takes over, now.
    ///
    /// # Errors
    /// When the disk does.
    pub fn hand_over(&mut self) -> Result<()> {
        self.checkpoint(true)?;
        self.signer.rotate()?;
        self.checkpoint(false)
    }

    /// One more record.
    ///
    /// # Errors
    /// When the disk does.
    pub fn record(&mut self) -> Result<()> {
        self.batch(1)
    }

    /// So many records, written at once.
    ///
    /// # Errors
    /// When the disk does.
    pub fn batch(&mut self, records: u64) -> Result<()> {
        let batch = (0..records).map(|_| self.next()).collect::<Result<_>>()?;
        self.ledger.append(batch)?;
        Ok(())
    }

    fn next(&mut self) -> Result<NewRecord> {
        self.number += 1;
        let doc = DocId::from_parts(UnixMillis(START), u128::from(self.number % 5));
        let body = match self.number % 4 {
            0 => Body::System(SystemEvent::Audited),
            1 => Body::Document { doc, event: Event::Approved },
            2 => Body::Document { doc, event: Event::Released },
            _ => Body::Document {
                doc,
                event: Event::HoldPlaced { hold: format!("case-{}", self.number).parse()? },
            },
        };
        Ok(NewRecord { at: UnixMillis(START + self.number), by: Actor::Daemon, body })
    }

    /// Signs with the key in force, whatever the time is.
    ///
    /// # Errors
    /// When the disk does.
    pub fn checkpoint(&mut self, is_handover: bool) -> Result<()> {
        let prev = self.log.last().map_or(Digest([0; 32]), Signed::hash);
        let at = START + self.later_ms + self.number;
        let signed = self.signer.sign(self.ledger.mark(), at, prev, is_handover)?;
        Ok(self.log.append(signed)?)
    }

    /// Folder of the segments.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.root.path().join("ledger")
    }

    /// What an auditor would take away now.
    ///
    /// # Errors
    /// When there is no checkpoint.
    pub fn papers(&self) -> Result<Papers> {
        papers(&self.dir())
    }
}

fn papers(dir: &Path) -> Result<Papers> {
    let pinned = CheckpointLog::first_of(dir)?.context("a first checkpoint")?.checkpoint.key;
    Ok(Papers { pinned, external: CheckpointLog::last_of(dir)?.context("a last checkpoint")? })
}
