//! Proof that the records of one document are in a ledger, without showing the others (RFC 9162 §2.1.3).

use crate::checkpoint::{NoteFault, Signed, VerifyingKey};
use crate::checkpoint_log::CheckpointLog;
use crate::merkle::{PROOF_HASHES_MAX, is_consistent, is_included, leaf_hash};
use crate::paths::Paths;
use crate::read::Frames;
use crate::{LedgerError, Mark};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use lifecycle::{Body, Record, SystemEvent};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use types::{Digest, DocId};

const SCHEMA_VERSION: u32 = 1;
/// Records that one proof, or all those that are made together, may hold. A document has a few dozen, but each reading of
/// it adds one: so many that reading it again and again does not soon keep its evidence from being made. They take about 150 MB.
pub const PROOF_LEAVES_MAX: usize = 100_000;

/// The file of `lazaretctl audit prove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// 1.
    pub schema_version: u32,
    /// The document.
    pub document: DocId,
    /// The newest checkpoint, as a signed note.
    pub checkpoint: String,
    /// Every record of the document up to it.
    pub leaves: Vec<Leaf>,
    /// That the ledger of an earlier checkpoint is the beginning of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// Every handover of the log, as signed notes: they lead from a key that was pinned to the checkpoint's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

/// A record and its way to the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// Number of the record, from 1.
    pub seq: u64,
    /// Its JSON, exactly as in the ledger.
    pub record: String,
    /// Inclusion proof, base64.
    pub hashes: Vec<String>,
}

/// An earlier checkpoint and the way from its root to the newer one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// The signed note.
    pub checkpoint: String,
    /// Consistency proof, base64.
    pub hashes: Vec<String>,
}

/// Why there is no proof, or why one does not hold.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ProofFault {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("no checkpoint was signed yet; the daemon signs one when it starts")]
    NoCheckpoint,
    #[error(
        "no record of document {0} is covered by the last checkpoint; a new one is signed within a minute"
    )]
    NoRecord(DocId),
    #[error(
        "more than {PROOF_LEAVES_MAX} records, too many for one walk: the last was one of document {0}; ask for fewer documents, or see lazaretctl doc events and accounting"
    )]
    TooMany(DocId),
    #[error("the earlier checkpoint is over {since} records, the newest one over {size}")]
    Newer { since: u64, size: u64 },
    #[error("checkpoint: {0}")]
    Note(#[from] NoteFault),
    #[error("expected schema_version {SCHEMA_VERSION} and 1 to {PROOF_LEAVES_MAX} leaves")]
    Form,
    #[error("record {seq}: it is not one of document {document} with this number, or not in order")]
    Record { seq: u64, document: DocId },
    #[error(
        "record {seq}: its hashes do not lead to the root of the checkpoint; record or proof was changed"
    )]
    Excluded { seq: u64 },
    #[error("no handover leads from the pinned key to the one that signed its checkpoint: {key}")]
    Stranger { key: Box<VerifyingKey> },
    #[error("the ledger of the checkpoint over {since} records is not the beginning of the one over {size}")]
    Inconsistent { since: u64, size: u64 },
    #[error("expected schema_version {SCHEMA_VERSION} and a proof between each two of {notes} checkpoints")]
    Growth { notes: usize },
}

/// Makes the proof for one document against the last checkpoint, and says how many newer records of
/// the document that does not cover.
///
/// # Errors
/// When there is no checkpoint or no record, or the ledger is not what was signed.
pub fn prove(dir: &Path, document: DocId, since: Option<&Signed>) -> Result<(Proof, u64), ProofFault> {
    let about = |record: &Record| is_about(record, document).then_some(Some(document));
    let mut picked = pick(dir, last_of(dir)?, since, about)?;
    let records = picked.records.remove(&Some(document)).ok_or(ProofFault::NoRecord(document))?;
    let leaves = picked.leaves(records);
    let since = since.map(|earlier| Since {
        checkpoint: earlier.note().to_owned(),
        hashes: encode(picked.paths.growth(earlier.checkpoint.mark.size, picked.last.checkpoint.mark.size)),
    });
    let checkpoint = picked.last.note().to_owned();
    let turns = CheckpointLog::turns_of(dir, &picked.last)?.ok_or(ProofFault::NoCheckpoint)?;
    let keys = turns.iter().filter(|turn| turn.checkpoint.next.is_some()).map(|turn| turn.note().to_owned());
    let keys = keys.collect();
    Ok((Proof { schema_version: SCHEMA_VERSION, document, checkpoint, leaves, since, keys }, picked.newer))
}

/// Every record of a document up to a checkpoint that the caller knows to be true, whatever the log says, and how many
/// newer ones there are.
///
/// # Errors
/// When there is none, or the ledger is not what was signed.
pub fn records_under(dir: &Path, document: DocId, last: Signed) -> Result<(Vec<Record>, u64), ProofFault> {
    let about = |record: &Record| is_about(record, document).then_some(Some(document));
    let mut picked = pick(dir, last, None, about)?;
    let records = picked.records.remove(&Some(document)).ok_or(ProofFault::NoRecord(document))?;
    let read = |(seq, payload): Payload| {
        serde_json::from_slice(&payload).map_err(|_| ProofFault::Record { seq, document })
    };
    Ok((records.into_iter().map(read).collect::<Result<_, _>>()?, picked.newer))
}

/// Makes the proofs for many documents, and the leaf of the last record about the appliance that
/// `appliance` picks, all against the last checkpoint and in one walk. Documents without a record up to
/// it are left out.
///
/// # Errors
/// Those of [`prove`].
pub fn prove_many(
    dir: &Path,
    documents: &BTreeSet<DocId>,
    appliance: impl Fn(&SystemEvent) -> bool,
) -> Result<(Vec<Proof>, Option<Leaf>), ProofFault> {
    let wanted = |record: &Record| match &record.body {
        Body::Document { doc, .. } => documents.contains(doc).then_some(Some(*doc)),
        Body::System(event) => appliance(event).then_some(None),
    };
    let mut picked = pick(dir, last_of(dir)?, None, wanted)?;
    let system = picked.records.remove(&None).and_then(|mut records| records.pop());
    let system = picked.leaves(system.into_iter().collect()).pop();
    let proofs = std::mem::take(&mut picked.records).into_iter().filter_map(|(document, records)| {
        let (document, leaves) = (document?, picked.leaves(records));
        let checkpoint = picked.last.note().to_owned();
        // A bundle of many proofs has the handovers once.
        let (since, keys) = (None, Vec::new());
        Some(Proof { schema_version: SCHEMA_VERSION, document, checkpoint, leaves, since, keys })
    });
    Ok((proofs.collect(), system))
}

/// Number and JSON of a record.
type Payload = (u64, Vec<u8>);

/// The records that somebody wanted, and their ways to the root.
struct Picked {
    /// Of each document; of the appliance only the last one.
    records: BTreeMap<Option<DocId>, Vec<Payload>>,
    /// How many more there are that the checkpoint does not cover.
    newer: u64,
    paths: Paths,
    last: Signed,
}

fn last_of(dir: &Path) -> Result<Signed, ProofFault> {
    CheckpointLog::last_of(dir)?.ok_or(ProofFault::NoCheckpoint)
}

/// Walks the ledger once; it must be what the last checkpoint was signed over, and the earlier one.
fn pick(
    dir: &Path,
    last: Signed,
    since: Option<&Signed>,
    wanted: impl Fn(&Record) -> Option<Option<DocId>>,
) -> Result<Picked, ProofFault> {
    let size = last.checkpoint.mark.size;
    let mut frames = Frames::from(dir, 0).map_err(LedgerError::from)?;
    let mut wanted_records = 0;
    let (mut paths, mut records, mut newer) = (Paths::over(size), BTreeMap::<_, Vec<Payload>>::new(), 0);
    let since = since.map(|earlier| earlier.checkpoint.mark);
    if let Some(earlier) = since {
        if earlier.size > size {
            return Err(ProofFault::Newer { since: earlier.size, size });
        }
        paths.want_growth(earlier.size, size);
        holds(&paths, earlier)?;
    }
    loop {
        let next = frames.next(|frame| {
            let found = wanted(&frame.record()?).map(|key| (key, frame.payload.to_vec()));
            Ok((frame.seq, leaf_hash(frame.payload), found))
        });
        let Some((seq, leaf, found)) = next.map_err(LedgerError::from)? else { break };
        match found {
            Some(_) if seq > size => newer += 1,
            Some((key, payload)) => {
                let of_one = records.entry(key).or_default();
                match key {
                    Some(document) if wanted_records == PROOF_LEAVES_MAX => {
                        return Err(ProofFault::TooMany(document));
                    }
                    Some(_) => wanted_records += 1,
                    None => of_one.clear(),
                }
                of_one.push((seq, payload));
                paths.want_next();
            }
            None => {}
        }
        if seq <= size {
            paths.push(leaf);
            since.iter().try_for_each(|earlier| holds(&paths, *earlier))?;
        }
    }
    if paths.walked() < size {
        return Err(LedgerError::RolledBack { found: paths.walked(), known: size }.into());
    }
    holds(&paths, last.checkpoint.mark)?;
    Ok(Picked { records, newer, paths, last })
}

/// At the size of the mark the walk must have its root.
pub(crate) fn holds(paths: &Paths, mark: Mark) -> Result<(), LedgerError> {
    if paths.walked() != mark.size || paths.root() == mark.root {
        return Ok(());
    }
    Err(LedgerError::Rewritten { size: mark.size })
}

impl Picked {
    fn leaves(&self, records: Vec<Payload>) -> Vec<Leaf> {
        let prove = |(seq, payload): Payload| Leaf {
            seq,
            record: String::from_utf8_lossy(&payload).into_owned(),
            hashes: encode(self.paths.inclusion(seq - 1)),
        };
        records.into_iter().map(prove).collect()
    }
}

impl Leaf {
    /// Do its hashes lead from its record to the root?
    #[must_use]
    pub fn is_in(&self, mark: Mark) -> bool {
        let leaf = leaf_hash(self.record.as_bytes());
        let index = self.seq.checked_sub(1);
        let hashes = decode(&self.hashes);
        index
            .zip(hashes)
            .is_some_and(|(index, hashes)| is_included(leaf, index, mark.size, &hashes, mark.root))
    }
}

impl Proof {
    /// Checks the proof in itself; gives the checkpoint that it rests on, and the earlier one. Whether
    /// these are to be believed is for the caller to know.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self) -> Result<(Signed, Option<Signed>), ProofFault> {
        if self.schema_version != SCHEMA_VERSION || !(1..=PROOF_LEAVES_MAX).contains(&self.leaves.len()) {
            return Err(ProofFault::Form);
        }
        let checkpoint = Signed::parse(&self.checkpoint)?;
        let mark = checkpoint.checkpoint.mark;
        let mut before = 0;
        for leaf in &self.leaves {
            let Leaf { seq, record, .. } = leaf;
            let told = serde_json::from_str::<Record>(record).ok();
            let fits = told.is_some_and(|told| told.seq == *seq && is_about(&told, self.document));
            if !fits || *seq <= before {
                return Err(ProofFault::Record { seq: *seq, document: self.document });
            }
            if !leaf.is_in(mark) {
                return Err(ProofFault::Excluded { seq: *seq });
            }
            before = *seq;
        }
        for note in &self.keys {
            Signed::parse(note)?;
        }
        let Some(since) = &self.since else { return Ok((checkpoint, None)) };
        let earlier = Signed::parse(&since.checkpoint)?;
        let old = earlier.checkpoint.mark;
        let consistent = decode(&since.hashes)
            .is_some_and(|hashes| is_consistent((old.size, old.root), (mark.size, mark.root), &hashes));
        if consistent {
            Ok((checkpoint, Some(earlier)))
        } else {
            Err(ProofFault::Inconsistent { since: old.size, size: mark.size })
        }
    }
}

impl Proof {
    /// Do the handovers lead from the pinned key to that of the checkpoint?
    ///
    /// # Errors
    /// When they do not, or one of them is no note.
    pub fn follows_from(&self, pinned: &VerifyingKey) -> Result<(), ProofFault> {
        let mut reached = BTreeSet::from([pinned.clone()]);
        for note in &self.keys {
            let turn = Signed::parse(note)?.checkpoint;
            if reached.contains(&turn.key) {
                reached.extend(turn.next);
            }
        }
        let key = Signed::parse(&self.checkpoint)?.checkpoint.key;
        if reached.contains(&key) { Ok(()) } else { Err(ProofFault::Stranger { key: Box::new(key) }) }
    }
}

fn is_about(record: &Record, document: DocId) -> bool {
    matches!(record.body, Body::Document { doc, .. } if doc == document)
}

pub(crate) fn encode(hashes: Vec<Digest>) -> Vec<String> {
    hashes.into_iter().map(|hash| BASE64.encode(hash.0)).collect()
}

pub(crate) fn decode(hashes: &[String]) -> Option<Vec<Digest>> {
    if hashes.len() > PROOF_HASHES_MAX {
        return None;
    }
    hashes.iter().map(|hash| Some(Digest(BASE64.decode(hash).ok()?.try_into().ok()?))).collect()
}
