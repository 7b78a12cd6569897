//! What the index keeps of a document: its state without what only the ledger needs to hold (sealed bytes, ids of
//! blobs, digests). Of those it keeps that they are there, and which records carry them.

use crate::{StoreError, names::Names, values};
use lifecycle::{Blobs, Body, Event, Outcome, Record, Sealed, State};
use serde::{Deserialize, Serialize};
use types::{BlobId, Digest};

/// Bytes of the content's digest that stay: enough to find who may have the same.
pub(crate) const CONTENT_BYTES: usize = 16;
/// Stands for sealed bytes of the arrival, which are always there until they are destroyed.
const TAKEN: &[u8] = &[0];
/// Stands for a digest.
const NO_DIGEST: Digest = Digest([0; 32]);

/// A document in the index.
#[derive(Clone)]
pub(crate) struct Kept {
    /// The state, hollow.
    pub(crate) state: State,
    /// It came with an idempotency key.
    pub(crate) keyed: bool,
    carriers: Carriers,
}

/// The last records that carried what was taken out; 0 is none. Later ones are counted from the arrival, to be
/// short.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Carriers {
    arrival: u64,
    raster: u64,
    text: u64,
    product: u64,
    manifest: u64,
    receipt: u64,
}

impl Kept {
    /// After the arrival.
    pub(crate) fn arrived(mut state: State, seq: u64, keyed: bool) -> Self {
        hollow(&mut state);
        Self { state, keyed, carriers: Carriers { arrival: seq, ..Carriers::default() } }
    }

    /// After one more record.
    pub(crate) fn apply(self, event: &Event, record: &Record) -> Result<Self, StoreError> {
        let failed = |cause| StoreError::Illegal { seq: record.seq, cause };
        let Self { state, keyed, mut carriers } = self;
        let mut state = state.apply(event, record.at).map_err(failed)?;
        hollow(&mut state);
        let later = record.seq - carriers.arrival;
        match event {
            Event::Finished(Outcome::Normalised { .. }) => carriers.raster = later,
            Event::Finished(Outcome::Read { .. }) => carriers.text = later,
            Event::Finished(Outcome::Redacted { .. }) => carriers.product = later,
            Event::Finished(Outcome::Stored { .. }) => carriers.manifest = later,
            Event::Finished(Outcome::Delivered { .. }) => carriers.receipt = later,
            // Whatever another event brings stays in the state.
            _ => {}
        }
        Ok(Self { state, keyed, carriers })
    }

    /// The records that are needed to make the state whole.
    pub(crate) fn carriers(&self) -> Vec<u64> {
        let State { blobs, sealed_text, sealed_product, receipt, .. } = &self.state;
        let Carriers { arrival, raster, text, product, manifest, receipt: delivered } = self.carriers;
        let product_lives = blobs.product.is_some() || blobs.map.is_some() || sealed_product.is_some();
        let needed = [
            (true, 0),
            (blobs.raster.is_some(), raster),
            (blobs.text.is_some() || sealed_text.is_some(), text),
            (product_lives, product),
            (blobs.manifest.is_some(), manifest),
            (receipt.is_some(), delivered),
        ];
        needed.into_iter().filter(|(needed, _)| *needed).map(|(_, later)| arrival + later).collect()
    }

    /// Its bytes.
    pub(crate) fn encode(&self, names: &Names) -> Result<Vec<u8>, StoreError> {
        let mut state = self.state.clone();
        let short = names.shorten(&mut state);
        Ok(values::squeeze(&values::encode(&(short, state, self.keyed, self.carriers))?))
    }

    /// What some bytes keep.
    pub(crate) fn decode(bytes: &[u8], names: &Names) -> Result<Self, StoreError> {
        let (short, mut state, keyed, carriers): (bool, State, bool, Carriers) =
            values::decode(&values::unsqueeze(bytes)?)?;
        if short {
            names.lengthen(&mut state)?;
        }
        Ok(Self { state, keyed, carriers })
    }
}

/// Takes out what records carry.
fn hollow(state: &mut State) {
    let State { content, receipt, blobs, sealed_arrival, sealed_text, sealed_product, .. } = state;
    content.0[CONTENT_BYTES..].fill(0);
    if !sealed_arrival.0.is_empty() {
        sealed_arrival.0 = TAKEN.to_vec();
    }
    [sealed_text, sealed_product].into_iter().flatten().for_each(|sealed| *sealed = Sealed::default());
    receipt.iter_mut().for_each(|receipt| *receipt = NO_DIGEST);
    let Blobs { original, raster, text, product, map, manifest } = blobs;
    let blobs = [original, raster, text, product, map, manifest];
    blobs.into_iter().flatten().for_each(|blob| *blob = BlobId::from_bytes([0; 16]));
}

/// Puts back what a record carries, where the state says that it is still there.
pub(crate) fn put_back(state: &mut State, record: Record) {
    let Body::Document { event, .. } = record.body else { return };
    let State { content, receipt, blobs, sealed_arrival, sealed_text, sealed_product, .. } = state;
    match event {
        Event::Arrived(arrival) => {
            *content = arrival.content;
            put(&mut blobs.original, arrival.original);
            if !sealed_arrival.0.is_empty() {
                *sealed_arrival = arrival.sealed;
            }
        }
        Event::Finished(Outcome::Normalised { raster, .. }) => put(&mut blobs.raster, Some(raster)),
        Event::Finished(Outcome::Read { text, sealed, .. }) => {
            put(&mut blobs.text, Some(text));
            put(sealed_text, Some(sealed));
        }
        Event::Finished(Outcome::Redacted { product, map, sealed, .. }) => {
            put(&mut blobs.product, Some(product));
            put(&mut blobs.map, Some(map));
            put(sealed_product, Some(sealed));
        }
        Event::Finished(Outcome::Stored { manifest }) => put(&mut blobs.manifest, Some(manifest)),
        Event::Finished(Outcome::Delivered { receipt: signed, .. }) => put(receipt, Some(signed)),
        _ => {}
    }
}

fn put<T>(place: &mut Option<T>, found: Option<T>) {
    if place.is_some() {
        *place = found;
    }
}
