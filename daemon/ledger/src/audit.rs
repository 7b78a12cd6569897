//! The whole audit, offline: every byte of the segments, and every checkpoint of the log against them.
//!
//! What a chain of hashes cannot show alone (an end that was cut off, a ledger written anew) shows
//! against a key that was pinned and a checkpoint that was taken away earlier. Nothing is changed here,
//! no key and no daemon is needed.

use crate::checkpoint::{NoteFault, Signed, VerifyingKey};
use crate::checkpoint_log::{CHECKPOINT_LOG, Entries};
use crate::keychain::{KeyChain, KeyFault};
use crate::merkle::{Frontier, leaf_hash};
use crate::read::Frames;
use crate::{Damage, Mark, Report};
use std::fs::File;
use std::io;
use std::path::Path;
use types::Digest;

/// What an auditor brings along.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trust<'a> {
    /// A key noted earlier: the chain of checkpoints must hold it.
    pub pinned: Option<&'a VerifyingKey>,
    /// A checkpoint taken away earlier: log and ledger must hold it.
    pub external: Option<&'a Signed>,
    /// Number of records and root, noted earlier: the ledger must hold them.
    pub noted: Option<(u64, Digest)>,
}

/// What a sound ledger holds.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The segments.
    pub report: Report,
    /// Merkle root over all records.
    pub root: Digest,
    /// Checkpoints in the log.
    pub checkpoints: u64,
    /// Keys that signed them, the first one first.
    pub keys: Vec<VerifyingKey>,
    /// The last of them.
    pub last: Option<Signed>,
}

/// What does not hold, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum AuditFault {
    #[error(transparent)]
    Ledger(#[from] Damage),
    #[error("{CHECKPOINT_LOG} cannot be read: {0}. See whether the disk is sound")]
    Unreadable(io::Error),
    #[error(
        "there is no {CHECKPOINT_LOG} beside the segments: it was removed, or this is not the folder of an appliance. Restore it from backup"
    )]
    NoLog,
    #[error(
        "{CHECKPOINT_LOG}, checkpoint {number} at byte {offset}: {fault}. Restore the file from backup and find out who wrote to it"
    )]
    Note { number: u64, offset: u64, fault: NoteFault },
    #[error(
        "{CHECKPOINT_LOG}, checkpoint {number} at byte {offset}: {fault}. Restore the file from backup and find out who wrote to it"
    )]
    Chain { number: u64, offset: u64, fault: KeyFault },
    #[error(
        "{CHECKPOINT_LOG}, checkpoint {number} at byte {offset} was signed over {size} records, but the ledger holds {found}: its end was cut off or an older ledger put back. Restore it from backup"
    )]
    Short { number: u64, offset: u64, size: u64, found: u64 },
    #[error(
        "{CHECKPOINT_LOG}, checkpoint {number} at byte {offset}: the first {size} records are not those it was signed over: a record up to {size} was changed and the chain written anew. Restore the ledger from backup; the last checkpoint that fits is over {good} records"
    )]
    Rewritten { number: u64, offset: u64, size: u64, good: u64 },
    #[error(
        "the checkpoint you brought is over {size} records, but the ledger holds {found}: its end was cut off or an older ledger put back. Restore it from backup"
    )]
    ExternalShort { size: u64, found: u64 },
    #[error(
        "the first {size} records are not those that the checkpoint you brought was signed over: records were changed. Restore the ledger from backup"
    )]
    ExternalRewritten { size: u64 },
    #[error(
        "the root you noted is over {size} records, but the ledger holds {found}: its end was cut off or an older ledger put back. Restore it from backup"
    )]
    NotedShort { size: u64, found: u64 },
    #[error(
        "the root over the first {size} records is {found}, not the one you noted: records were changed, or the note is not right. Compare with the journal and with other copies before you restore the ledger from backup"
    )]
    NotedRewritten { size: u64, found: Digest },
    #[error(
        "the checkpoint you brought is signed with a key that never signed in {CHECKPOINT_LOG}: the log was written anew, or the checkpoint is of another appliance. The key: {key}"
    )]
    ExternalStranger { key: Box<VerifyingKey> },
    #[error(
        "the checkpoint you brought, over {size} records, is not in {CHECKPOINT_LOG}: checkpoints were removed from it. Restore the file from backup"
    )]
    ExternalMissing { size: u64 },
    #[error(
        "the pinned key never signed in {CHECKPOINT_LOG}: the log was written anew with other keys, or is of another appliance. The first key there: {first}"
    )]
    NotPinned { first: Box<VerifyingKey> },
}

/// Checks a ledger with its checkpoints. Works beside a daemon that appends.
///
/// # Errors
/// The first [`AuditFault`].
pub fn audit(dir: &Path, trust: Trust<'_>) -> Result<Audit, AuditFault> {
    // The log first: what it promises now is on disk already.
    let entries = Entries::of(dir).map_err(AuditFault::Unreadable)?;
    if entries.is_none() && (trust.pinned.is_some() || trust.external.is_some()) {
        return Err(AuditFault::NoLog);
    }
    let mut log =
        Log { entries, number: 0, offset: 0, good: 0, chain: None, due: None, trust, is_met: false };
    let mut frames = Frames::from(dir, 0)?;
    let mut tree = Frontier::default();
    log.advance()?;
    log.compare(&tree, frames.link.prev)?;
    while let Some(leaf) = frames.next(|frame| frame.record().map(|_| leaf_hash(frame.payload)))? {
        tree.push(leaf);
        log.compare(&tree, frames.link.prev)?;
    }
    let report = Report {
        records: tree.size(),
        segments: frames.entered,
        tip: frames.link.prev,
        unfinished_bytes: frames.torn_bytes,
    };
    log.end(report, tree.root())
}

/// The log of checkpoints, read in step with the ledger.
struct Log<'a> {
    entries: Option<Entries<File>>,
    /// Which checkpoint is due next, from 1, and where it begins.
    number: u64,
    offset: u64,
    /// Records of the last one that fitted.
    good: u64,
    chain: Option<KeyChain>,
    due: Option<Mark>,
    trust: Trust<'a>,
    /// The external checkpoint was seen in the log.
    is_met: bool,
}

impl Log<'_> {
    /// Reads the next checkpoint and sees that it follows the one before.
    fn advance(&mut self) -> Result<(), AuditFault> {
        self.due = None;
        let Some(entries) = &mut self.entries else { return Ok(()) };
        let Some(entry) = entries.next().map_err(AuditFault::Unreadable)? else { return Ok(()) };
        let (number, offset) = (self.number + 1, entry.offset);
        let note = entry.read().map_err(|fault| AuditFault::Note { number, offset, fault })?;
        let Some(signed) = note else { return Ok(()) };
        self.is_met |= self.trust.external == Some(&signed);
        self.due = Some(signed.checkpoint.mark);
        let followed = match self.chain.take() {
            None => KeyChain::begin(signed),
            Some(mut chain) => chain.follow(signed).map(|()| chain),
        };
        let chain = followed.map_err(|fault| AuditFault::Chain { number, offset, fault })?;
        (self.number, self.offset, self.chain) = (number, offset, Some(chain));
        Ok(())
    }

    /// Compares the ledger at this size with all that was signed over it.
    fn compare(&mut self, tree: &Frontier, tip: Digest) -> Result<(), AuditFault> {
        let size = tree.size();
        let is_same = |mark: Mark| mark == Mark { size, root: tree.root(), tip };
        if let Some(external) = self.trust.external.map(|signed| signed.checkpoint.mark)
            && external.size == size
            && !is_same(external)
        {
            return Err(AuditFault::ExternalRewritten { size });
        }
        if let Some((_, root)) = self.trust.noted.filter(|(noted, _)| *noted == size)
            && root != tree.root()
        {
            return Err(AuditFault::NotedRewritten { size, found: tree.root() });
        }
        while let Some(due) = self.due.filter(|due| due.size == size) {
            if !is_same(due) {
                let (number, offset, good) = (self.number, self.offset, self.good);
                return Err(AuditFault::Rewritten { number, offset, size, good });
            }
            self.good = size;
            self.advance()?;
        }
        Ok(())
    }

    fn end(self, report: Report, root: Digest) -> Result<Audit, AuditFault> {
        let found = report.records;
        if let Some(size) = self.trust.external.map(|signed| signed.checkpoint.mark.size)
            && size > found
        {
            return Err(AuditFault::ExternalShort { size, found });
        }
        if let Some((size, _)) = self.trust.noted.filter(|(size, _)| *size > found) {
            return Err(AuditFault::NotedShort { size, found });
        }
        if let Some(due) = self.due {
            return Err(AuditFault::Short {
                number: self.number,
                offset: self.offset,
                size: due.size,
                found,
            });
        }
        let keys = self.chain.as_ref().map(|chain| chain.keys().to_vec()).unwrap_or_default();
        if let Some(pinned) = self.trust.pinned
            && !keys.contains(pinned)
        {
            return Err(keys.first().map_or(AuditFault::NoLog, |first| AuditFault::NotPinned {
                first: Box::new(first.clone()),
            }));
        }
        if let Some(external) = self.trust.external.filter(|_| !self.is_met) {
            let (key, size) = (&external.checkpoint.key, external.checkpoint.mark.size);
            return Err(if keys.contains(key) {
                AuditFault::ExternalMissing { size }
            } else {
                AuditFault::ExternalStranger { key: Box::new(key.clone()) }
            });
        }
        let last = self.chain.map(|chain| chain.last().clone());
        Ok(Audit { report, root, checkpoints: self.number, keys, last })
    }
}
