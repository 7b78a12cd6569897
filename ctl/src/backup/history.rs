//! What a copied ledger says of the documents: which live, and which blobs they need.

use crate::fail::{Exit, Failure, Outcome};
use ledger::Ledger;
use lifecycle::{Body, Event, Position, Sealed, State};
use std::{collections::BTreeMap, path::Path};
use types::{BlobId, Digest, DocId, Schedule};
use vault::{Area, BlobName, Victim};

/// Every document, as its events tell it; what is sealed in them is left out (some 600 bytes each).
pub(crate) struct History {
    pub(crate) documents: BTreeMap<DocId, State>,
    pub(crate) records: u64,
    pub(crate) tip: Digest,
}

impl History {
    /// Reads and checks the whole ledger.
    pub(crate) fn read(dir: &Path) -> Outcome<Self> {
        let finding = |error: String| Failure::new(Exit::Findings, error);
        let report = ledger::verify(dir).map_err(|damage| finding(damage.to_string()))?;
        let mut documents: BTreeMap<DocId, State> = BTreeMap::new();
        for record in Ledger::read_from(dir, 1).map_err(|error| finding(error.to_string()))? {
            let record = record.map_err(|error| finding(error.to_string()))?;
            let Body::Document { doc, event } = record.body else { continue };
            let illegal =
                || finding(format!("record {}: it cannot follow what the ledger said before", record.seq));
            let mut state = match (&event, documents.remove(&doc)) {
                (Event::Arrived(arrival), None) => State::arrived(arrival, record.at),
                (event, Some(state)) => state.apply(event, record.at).map_err(|_| illegal())?,
                (_, None) => return Err(illegal()),
            };
            state.sealed_arrival = Sealed::default();
            state.sealed_text = None;
            state.sealed_product = None;
            documents.insert(doc, state);
        }
        Ok(Self { documents, records: report.records, tip: report.tip })
    }

    /// Does it live: known, and not destroyed?
    pub(crate) fn lives(&self, doc: DocId) -> bool {
        self.documents.get(&doc).is_some_and(|state| state.position != Position::Gone)
    }

    /// Documents that live.
    pub(crate) fn living(&self) -> impl Iterator<Item = (DocId, &State)> {
        let lives = |(_, state): &(&DocId, &State)| state.position != Position::Gone;
        self.documents.iter().filter(lives).map(|(doc, state)| (*doc, state))
    }

    /// Parts of living documents that were destroyed alone: an older copy of the keys still has theirs.
    pub(crate) fn destroyed_parts(&self) -> Vec<Victim> {
        let areas = |state: &State| -> Vec<Area> {
            let gone = Schedule::CONTENT.into_iter().filter(|part| state.is_destroyed(*part));
            gone.flat_map(areas_of).copied().collect()
        };
        let victims = self.living().map(|(doc, state)| Victim { doc, areas: Some(areas(state)) });
        victims.filter(|victim| victim.areas.as_ref().is_some_and(|areas| !areas.is_empty())).collect()
    }

    /// Does a blob belong to what the ledger says? What a station has made and no event names yet may still
    /// be made anew under the same name, so it is not copied.
    pub(crate) fn names(&self, name: BlobName) -> bool {
        let Some(state) = self.documents.get(&name.doc).filter(|_| self.lives(name.doc)) else {
            return false;
        };
        let number = |blob: BlobId| u128::from_be_bytes(blob.to_bytes());
        // Pages of a raster have the numbers behind that of its index.
        let is_page = |index: BlobId| {
            let page = number(name.blob).wrapping_sub(number(index));
            (1..=u128::from(state.pages.unwrap_or_default())).contains(&page)
        };
        match name.area {
            Area::Review => true,
            Area::Normalised if state.blobs.raster.is_some_and(is_page) => true,
            _ => needed(name.doc, state).any(|needed| needed == name),
        }
    }

    /// Every blob that a living document needs; of a raster its index only.
    pub(crate) fn needed(&self) -> impl Iterator<Item = BlobName> {
        self.living().flat_map(|(doc, state)| needed(doc, state))
    }
}

/// The blobs that its events name.
fn needed(doc: DocId, state: &State) -> impl Iterator<Item = BlobName> {
    let blobs = &state.blobs;
    [
        (Area::Original, blobs.original),
        (Area::Normalised, blobs.raster),
        (Area::Text, blobs.text),
        (Area::Redacted, blobs.product),
        (Area::Redacted, blobs.map),
        (Area::Redacted, blobs.manifest),
    ]
    .into_iter()
    .filter_map(move |(area, blob)| Some(BlobName { doc, area, blob: blob? }))
}

/// Where a part lies.
const fn areas_of(part: Schedule) -> &'static [Area] {
    match part {
        Schedule::Original => &[Area::Original],
        Schedule::Text => &[Area::Normalised, Area::Text],
        Schedule::Redacted => &[Area::Redacted],
        Schedule::Review => &[Area::Review],
        Schedule::Log => &[],
    }
}
