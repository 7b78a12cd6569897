//! What proves a destruction: its certificates, and the vain attempt to open what was kept of the ciphertext.

use crate::{
    artefacts::hex,
    desk::Desk,
    queries::find,
    submit::refused,
    told,
    view::{Caller, Certificates, Code, Refused, SignedCertificate, Trial},
};
use lifecycle::{Body, Event, Record, SystemEvent};
use std::sync::Arc;
use types::{DocId, Schedule};

/// Every certificate of a document.
pub(crate) fn certificates(desk: &Desk, doc: DocId) -> Result<Certificates, Refused> {
    find(desk, doc)?;
    let certificate = |record: Record| match record.body {
        Body::Document { event: Event::Destroyed { certificate, signature, .. }, .. } => {
            Some(SignedCertificate { at: record.at, seq: record.seq, certificate, signature })
        }
        _ => None,
    };
    let mut certificates: Vec<SignedCertificate> = Vec::new();
    let look = |record| {
        certificates.extend(certificate(record));
        true
    };
    told::each(&*desk.store, doc, look).map_err(refused)?;
    if certificates.is_empty() {
        return Err(never_destroyed());
    }
    Ok(Certificates { pubkey: hex(&desk.vault.verifying_key()), certificates })
}

/// Tries every key that is held on what was kept of the ciphertext of a destroyed document. With `control`, on a
/// document that is not destroyed, of which a sample is taken for it: that shows that the attempt can succeed.
pub(crate) async fn verify(
    desk: &Arc<Desk>,
    caller: &Caller,
    doc: DocId,
    control: bool,
) -> Result<Trial, Refused> {
    let state = find(desk, doc)?.state;
    let destroyed = Schedule::CONTENT.iter().any(|part| state.is_destroyed(*part));
    if control && destroyed {
        let message = "something of this document is destroyed already; take a document that is whole";
        return Err(Refused::new(Code::Conflict, message));
    }
    if !control && !destroyed {
        return Err(never_destroyed());
    }
    desk.book.note(caller.actor.clone(), SystemEvent::Audited).await.map_err(refused)?;
    let trial = desk.blocking(move |desk| {
        if control {
            desk.vault.portray(doc, None)?;
        }
        let trial = desk.vault.try_sample(doc)?;
        if control {
            desk.vault.remove_samples(doc)?;
        }
        Ok(trial)
    });
    let trial = trial.await.map_err(refused)?;
    if trial.samples == 0 {
        let message = "no ciphertext of this document is kept: it had none, its destruction was cut off, or the time of its log is over";
        return Err(Refused::new(Code::NotFound, message));
    }
    Ok(Trial { samples: trial.samples, keys_tried: trial.keys_tried, opened: trial.opened })
}

fn never_destroyed() -> Refused {
    Refused::new(Code::NotFound, "nothing of this document was ever destroyed")
}
