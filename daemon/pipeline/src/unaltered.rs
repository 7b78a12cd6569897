//! Is a document what its records say (B29)? Its records are proven under a checkpoint signed for that and folded anew; what
//! is kept of it is read back and compared with what they, and the manifest that was signed, say of it. No content is shown.

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
use ledger::{ProofFault, Signed as Checkpoint};
use lifecycle::{Actor, Body, Event, Record, State, SystemEvent};
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
    let signed = checkpoints::try_sign(desk).await.map_err(|error| {
        tracing::error!(%error, "no checkpoint could be signed to verify a document under");
        Refused::new(Code::Temporary, "no checkpoint could be signed; see the journal, then ask again")
    })?;
    let looked = desk.blocking(move |desk| {
        // Here, for the look goes on when whoever asked goes away.
        let _turn = turn;
        Ok(checks(desk, doc, signed))
    });
    let checks = looked.await.map_err(refused)??;
    // A destruction that was under way is written down now; what it, or a station, did must not look like an alteration.
    desk.book.mark().await.map_err(refused)?;
    if version()? != Some(before) {
        return Err(moved());
    }
    for check in checks.iter().filter(|check| !check.ok) {
        tracing::error!(%doc, part = check.name, "a document is not what its records say");
    }
    Ok(checks)
}

fn moved() -> Refused {
    Refused::new(Code::Temporary, "the document moved meanwhile; ask again")
}

fn checks(desk: &Desk, doc: DocId, signed: Checkpoint) -> Result<Vec<Check>, Refused> {
    let ledger_dir = desk.settings.paths.state_dir.join(LEDGER_DIR);
    let size = signed.checkpoint.mark.size;
    let records = match ledger::records_under(&ledger_dir, doc, signed) {
        Ok((records, 0)) => records,
        Ok(_) => return Err(moved()),
        Err(fault @ ProofFault::TooMany(_)) => return Err(Refused::new(Code::Conflict, fault.to_string())),
        Err(fault) => return Ok(vec![Check { name: "records", ok: false, detail: fault.to_string() }]),
    };
    let Some(state) = folded(&records) else {
        let detail = "they do not follow from each other: see lazaretctl ledger verify".to_owned();
        return Ok(vec![Check { name: "records", ok: false, detail }]);
    };
    let detail = format!("{} records, proven under a checkpoint over {size}", records.len());
    let mut checks = vec![Check { name: "records", ok: true, detail }, index(desk, doc, &state)];
    checks.extend(Kept { desk, doc, state: &state }.checks());
    checks.push(Check { name: "hands", ok: true, detail: hands(&records) });
    Ok(checks)
}

/// What the records make of it; none when one of them cannot follow those before.
fn folded(records: &[Record]) -> Option<State> {
    let mut folded = None::<State>;
    for record in records {
        let Body::Document { event, .. } = &record.body else { return None };
        folded = Some(match (folded, event) {
            (None, Event::Arrived(arrival)) => State::arrived(arrival, record.at),
            (Some(state), event) => state.apply(event, record.at).ok()?,
            (None, _) => return None,
        });
    }
    folded
}

/// Readers and deliveries go by the index.
fn index(desk: &Desk, doc: DocId, state: &State) -> Check {
    let agrees = desk.store.get(doc).is_ok_and(|found| found.is_some_and(|found| found.state == *state));
    let detail = if agrees {
        "says of it what the records say"
    } else {
        "says something else: lazaretctl store rebuild"
    };
    Check { name: "index", ok: agrees, detail: detail.to_owned() }
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
            ("redaction map", Schedule::Redacted, blobs.map.map(|blob| self.map(blob))),
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
        same(self.known_original(), self.hash(Area::Original, blob))
    }

    fn text(&self, blob: BlobId) -> Found {
        let pages = artefacts::open_json::<TextPages>(self.desk, self.doc, Area::Text, Some(blob)).ok();
        let found = pages.map(|pages| vault::sha256(text_of(&pages.pages).as_bytes()));
        same(self.known_text(), found)
    }

    fn product(&self, blob: BlobId) -> Found {
        same(self.known_product(), self.hash(Area::Redacted, blob))
    }

    fn map(&self, blob: BlobId) -> Found {
        let found = self.hash(Area::Redacted, blob).ok_or(UNREADABLE)?;
        let signed = self.state.blobs.manifest.map(|blob| self.signed(blob)).transpose()?;
        match signed.map(|(_, said)| said.sha256_redaction_map) {
            Some(Some(said)) if said == found => {
                Ok(format!("SHA-256 {found}, as the signed manifest has it"))
            }
            Some(Some(_)) => Err("it is not the one that the manifest was signed for"),
            Some(None) => {
                Ok(format!("SHA-256 {found}, which this manifest, of an older version, does not name"))
            }
            None => Ok(format!("SHA-256 {found}; no manifest is signed yet")),
        }
    }

    /// Its signature, and that it speaks of this document and of what is kept of it (B27).
    fn manifest(&self, blob: BlobId) -> Found {
        let (signed, said) = self.signed(blob)?;
        // Ed25519 signs the same bytes the same way each time.
        if signed.signature != hex(&self.desk.vault.sign(signed.manifest.as_bytes())) {
            return Err("its signature is not one of this site over it");
        }
        let (state, hashes) = (self.state, &said.sha256);
        let known = [
            (self.known_original(), hashes.original),
            (self.known_text(), hashes.text),
            (self.known_product(), hashes.redacted),
        ];
        // The hash of a part that was destroyed went with it.
        let hashes_differ = known.iter().any(|(known, said)| known.is_some_and(|known| known != *said));
        let told = (said.id, &said.source, said.pages, said.boxes, said.black_pages);
        if hashes_differ || told != (self.doc, &state.source, state.pages, state.boxes, state.black_pages) {
            return Err("it is signed, but says something else than the records");
        }
        let (boxes, black) = (said.boxes, said.black_pages);
        Ok(format!("signed by this site; made by {}, {boxes} boxes, {black} black pages", said.build))
    }

    fn signed(&self, blob: BlobId) -> Result<(Signed, Manifest), &'static str> {
        let signed: Signed =
            artefacts::open_json(self.desk, self.doc, Area::Redacted, Some(blob)).map_err(|_| UNREADABLE)?;
        let said = serde_json::from_str(&signed.manifest).map_err(|_| UNREADABLE)?;
        Ok((signed, said))
    }

    fn known_original(&self) -> Option<Digest> {
        let facts = ArrivalFacts::open(&self.desk.vault, self.doc, &self.state.sealed_arrival.0);
        Some(facts.ok()?.sha256)
    }

    fn known_text(&self) -> Option<Digest> {
        facts::open_digest(&self.desk.vault, self.doc, facts::TEXT, self.state.sealed_text.as_ref())
    }

    fn known_product(&self) -> Option<Digest> {
        facts::open_digest(&self.desk.vault, self.doc, facts::PRODUCT, self.state.sealed_product.as_ref())
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
