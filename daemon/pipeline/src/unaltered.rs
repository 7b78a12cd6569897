//! Is a document what its records say (B29)? Its records are proven against the last checkpoint and folded anew; what is
//! kept of it is read back and compared with what they, and the manifest that was signed, say of it. No content is shown.

use crate::{
    artefacts::{self, TextPages, hex, sha256_of},
    checkpoints,
    desk::Desk,
    explain,
    facts::{self, ArrivalFacts},
    ocr::text_of,
    opening::LEDGER_DIR,
    store::{Manifest, Signed},
    submit::refused,
    view::{Caller, Check, Code, Refused},
};
use ledger::{Proof, ProofFault};
use lifecycle::{Actor, Body, Event, Record, Sealed, State, SystemEvent};
use std::{collections::BTreeSet, sync::Arc};
use types::{BlobId, Digest, DocId, Schedule};
use vault::Area;

/// Reads everything that is kept of it, and the whole ledger; audited.
pub(crate) async fn verify(desk: &Arc<Desk>, caller: &Caller, doc: DocId) -> Result<Vec<Check>, Refused> {
    // Not `find`, which reads its records: whether these can be read is what is asked.
    let version =
        || desk.store.peek(doc).map(|found| found.map(|document| document.state.version)).map_err(refused);
    let before = version()?.ok_or_else(|| Refused::new(Code::NotFound, "there is no document of this id"))?;
    let busy = |_| Refused::new(Code::Temporary, "evidence is being made; try again later");
    let turn = desk.exporting.clone().try_lock_owned().map_err(busy)?;
    desk.book.note(caller.actor.clone(), SystemEvent::Audited).await.map_err(refused)?;
    checkpoints::sign(desk).await;
    let checks = desk.blocking(move |desk| Ok(checks(desk, doc))).await.map_err(refused)?;
    drop(turn);
    // What a station or retention does meanwhile must not look like an alteration.
    if version()? != Some(before) {
        return Err(Refused::new(Code::Temporary, "the document moved meanwhile; ask again"));
    }
    Ok(checks)
}

fn checks(desk: &Desk, doc: DocId) -> Vec<Check> {
    let ledger_dir = desk.settings.paths.state_dir.join(LEDGER_DIR);
    match ledger::prove(&ledger_dir, doc, None).map(|(proof, _)| proof).and_then(proven) {
        Ok((records, state, proof)) => {
            let under = proof.checkpoint.lines().nth(1).unwrap_or_default();
            let detail = format!("{} records, proven under the checkpoint over {under}", records.len());
            let mut checks = vec![Check { name: "records", ok: true, detail }];
            checks.extend(Kept { desk, doc, state: &state }.checks());
            checks.push(Check { name: "hands", ok: true, detail: hands(&records) });
            checks
        }
        Err(fault) => vec![Check { name: "records", ok: false, detail: fault.to_string() }],
    }
}

/// The records of the proof, and what they fold to.
fn proven(proof: Proof) -> Result<(Vec<Record>, State, Proof), ProofFault> {
    let wrong = |seq| ProofFault::Record { seq, document: proof.document };
    let (mut records, mut folded) = (Vec::new(), None::<State>);
    for leaf in &proof.leaves {
        let record: Record = serde_json::from_str(&leaf.record).map_err(|_| wrong(leaf.seq))?;
        let Body::Document { event, .. } = &record.body else { return Err(wrong(leaf.seq)) };
        folded = Some(match (folded, event) {
            (None, Event::Arrived(arrival)) => State::arrived(arrival, record.at),
            (Some(state), event) => state.apply(event, record.at).map_err(|_| wrong(leaf.seq))?,
            (None, _) => return Err(wrong(leaf.seq)),
        });
        records.push(record);
    }
    let state = folded.ok_or(ProofFault::NoRecord(proof.document))?;
    Ok((records, state, proof))
}

/// A document, as its records have it, and where the rest of it lies.
struct Kept<'a> {
    desk: &'a Desk,
    doc: DocId,
    state: &'a State,
}

/// What a part was found to be, or what is wrong with it.
type Found = Result<String, &'static str>;

impl Kept<'_> {
    /// A line for each part that there is or was.
    fn checks(&self) -> Vec<Check> {
        let blobs = &self.state.blobs;
        let parts = [
            ("original", Schedule::Original, blobs.original.map(|blob| self.original(blob))),
            ("text", Schedule::Text, blobs.text.map(|blob| self.text(blob))),
            ("redacted copy", Schedule::Redacted, blobs.product.map(|blob| self.product(blob))),
            ("manifest", Schedule::Redacted, blobs.manifest.map(|blob| self.manifest(blob))),
        ];
        let line = |(name, schedule, found): (&'static str, Schedule, Option<Found>)| match found {
            Some(Ok(detail)) => Some(Check { name, ok: true, detail }),
            Some(Err(wrong)) => Some(Check { name, ok: false, detail: wrong.to_owned() }),
            None if self.state.is_destroyed(schedule) => {
                Some(Check { name, ok: true, detail: DESTROYED.to_owned() })
            }
            None => None,
        };
        parts.into_iter().filter_map(line).collect()
    }

    fn original(&self, blob: BlobId) -> Found {
        let known = ArrivalFacts::open(&self.desk.vault, self.doc, &self.state.sealed_arrival.0);
        same(known.ok().map(|facts| facts.sha256), self.hash(Area::Original, blob))
    }

    fn text(&self, blob: BlobId) -> Found {
        let pages = artefacts::open_json::<TextPages>(self.desk, self.doc, Area::Text, Some(blob)).ok();
        let found = pages.map(|pages| vault::sha256(text_of(&pages.pages).as_bytes()));
        same(self.known(facts::TEXT, self.state.sealed_text.as_ref()), found)
    }

    fn product(&self, blob: BlobId) -> Found {
        let known = self.known(facts::PRODUCT, self.state.sealed_product.as_ref());
        same(known, self.hash(Area::Redacted, blob))
    }

    /// Its signature, and that it speaks of this document, this product and this map (B27).
    fn manifest(&self, blob: BlobId) -> Found {
        let signed: Signed =
            artefacts::open_json(self.desk, self.doc, Area::Redacted, Some(blob)).map_err(|_| UNREADABLE)?;
        // Ed25519 signs the same bytes the same way each time.
        if signed.signature != hex(&self.desk.vault.sign(signed.manifest.as_bytes())) {
            return Err("its signature is not one of this site over it");
        }
        let said: Manifest = serde_json::from_str(&signed.manifest).map_err(|_| UNREADABLE)?;
        let product = self.known(facts::PRODUCT, self.state.sealed_product.as_ref());
        let map = self.state.blobs.map.and_then(|map| self.hash(Area::Redacted, map));
        if said.id != self.doc || Some(said.sha256.redacted) != product {
            return Err("it is signed, but for another document or another redacted copy");
        }
        if said.sha256_redaction_map.is_some() && said.sha256_redaction_map != map {
            return Err("the redaction map is not the one that the manifest was signed for");
        }
        let (boxes, black) = (said.boxes, said.black_pages);
        Ok(format!("signed by this site; made by {}, {boxes} boxes, {black} black pages", said.build))
    }

    fn known(&self, purpose: &'static str, sealed: Option<&Sealed>) -> Option<Digest> {
        facts::open_digest(&self.desk.vault, self.doc, purpose, &sealed?.0)
    }

    fn hash(&self, area: Area, blob: BlobId) -> Option<Digest> {
        sha256_of(self.desk.vault.reader(self.doc, area, blob).ok()?).ok()
    }
}

const DESTROYED: &str =
    "destroyed, as its records say; lazaretctl deletion certificate shows the certificate";
const UNREADABLE: &str =
    "it cannot be opened: its bytes or its key are missing, or were changed; restore it from a backup";

fn same(known: Option<Digest>, found: Option<Digest>) -> Found {
    match (known, found) {
        (Some(known), Some(found)) if known == found => Ok(format!("SHA-256 {found}, as it was recorded")),
        (Some(_), Some(_)) => Err("its bytes are not those that were recorded; restore it from a backup"),
        (None, _) | (_, None) => Err(UNREADABLE),
    }
}

/// Who had a hand in it beside the appliance, each once.
fn hands(records: &[Record]) -> String {
    let acted = records.iter().filter(|record| record.by != Actor::Daemon);
    let acts = acted.filter_map(|record| match &record.body {
        Body::Document { event: Event::Read { .. }, .. } => None,
        _ => explain::line(record).map(|line| format!("{} ({})", explain::name(&record.by), line.station)),
    });
    acts.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}
