//! Proof that the records of one document are in a ledger, without showing the others (RFC 9162 §2.1.3).

use crate::checkpoint::{NoteFault, Signed};
use crate::checkpoint_log::CheckpointLog;
use crate::merkle::{PROOF_HASHES_MAX, Tree, is_consistent, is_included, leaf_hash};
use crate::read::Frames;
use crate::{LedgerError, Mark};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use lifecycle::{Body, Record, SystemEvent};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use types::{Digest, DocId};

const SCHEMA_VERSION: u32 = 1;
/// Records of one document that a proof may hold; a document has a few dozen.
pub const PROOF_LEAVES_MAX: usize = 10_000;

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
    #[error("a document has more than {PROOF_LEAVES_MAX} records")]
    TooMany,
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
    let mut picked = pick(dir, |record| is_about(record, document).then_some(document))?;
    let records = picked.records.remove(&document).ok_or(ProofFault::NoRecord(document))?;
    let leaves = picked.leaves(records);
    let since = since.map(|earlier| prove_since(&picked.tree, earlier)).transpose()?;
    let checkpoint = picked.last.note().to_owned();
    Ok((Proof { schema_version: SCHEMA_VERSION, document, checkpoint, leaves, since }, picked.newer))
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
    let mut picked = pick(dir, wanted)?;
    let system = picked.records.remove(&None).and_then(|mut records| records.pop());
    let system = picked.leaves(system.into_iter().collect()).pop();
    let proofs = std::mem::take(&mut picked.records).into_iter().filter_map(|(document, records)| {
        let (document, leaves) = (document?, picked.leaves(records));
        let checkpoint = picked.last.note().to_owned();
        Some(Proof { schema_version: SCHEMA_VERSION, document, checkpoint, leaves, since: None })
    });
    Ok((proofs.collect(), system))
}

/// Number and JSON of a record.
type Payload = (u64, Vec<u8>);

/// The records that somebody wanted, and the tree that they are leaves of.
struct Picked<K> {
    records: BTreeMap<K, Vec<Payload>>,
    /// How many more there are that the checkpoint does not cover.
    newer: u64,
    tree: Tree,
    last: Signed,
}

/// Walks the ledger once; it must be what the last checkpoint was signed over.
fn pick<K: Ord>(dir: &Path, wanted: impl Fn(&Record) -> Option<K>) -> Result<Picked<K>, ProofFault> {
    let last = CheckpointLog::last_of(dir)?.ok_or(ProofFault::NoCheckpoint)?;
    let Mark { size, root, tip: _ } = last.checkpoint.mark;
    let mut frames = Frames::from(dir, 0).map_err(LedgerError::from)?;
    let (mut leaves, mut records, mut newer) = (Vec::new(), BTreeMap::<K, Vec<Payload>>::new(), 0);
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
                if of_one.len() == PROOF_LEAVES_MAX {
                    return Err(ProofFault::TooMany);
                }
                of_one.push((seq, payload));
            }
            None => {}
        }
        if seq <= size {
            leaves.push(leaf);
        }
    }
    let tree = Tree::new(leaves);
    if (tree.size() as u64) < size {
        return Err(LedgerError::RolledBack { found: tree.size() as u64, known: size }.into());
    }
    if tree.root_at(tree.size()) != root {
        return Err(LedgerError::Rewritten { size }.into());
    }
    Ok(Picked { records, newer, tree, last })
}

impl<K> Picked<K> {
    fn leaves(&self, records: Vec<Payload>) -> Vec<Leaf> {
        let prove = |(seq, payload): Payload| Leaf {
            seq,
            record: String::from_utf8_lossy(&payload).into_owned(),
            hashes: encode(self.tree.inclusion(seq as usize - 1).expect("the record is one of the tree's")),
        };
        records.into_iter().map(prove).collect()
    }
}

fn prove_since(tree: &Tree, earlier: &Signed) -> Result<Since, ProofFault> {
    let (mark, size) = (earlier.checkpoint.mark, tree.size() as u64);
    let hashes = usize::try_from(mark.size).ok().and_then(|since| tree.consistency(since));
    let hashes = hashes.ok_or(ProofFault::Newer { since: mark.size, size })?;
    if tree.root_at(mark.size as usize) != mark.root {
        return Err(LedgerError::Rewritten { size: mark.size }.into());
    }
    Ok(Since { checkpoint: earlier.note().to_owned(), hashes: encode(hashes) })
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
