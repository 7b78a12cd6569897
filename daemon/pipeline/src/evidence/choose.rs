//! Which documents a bundle is about.

use crate::{
    desk::Desk,
    queries::find,
    submit::refused,
    view::{Code, EvidenceOf, Refused},
};
use ::store::{Document, Query};
use std::collections::BTreeMap;
use types::{DocId, UnixMillis};

/// Documents of one export: their proofs are held in memory. A longer range is exported in parts.
const DOCUMENTS_MAX: usize = 1000;

/// Each document once, in the order of the ids, which is that of their coming.
pub(super) type Chosen = BTreeMap<DocId, Document>;

pub(super) fn choose(desk: &Desk, of: EvidenceOf) -> Result<Chosen, Refused> {
    let documents = match of {
        EvidenceOf::Documents(ids) if ids.len() <= DOCUMENTS_MAX => {
            ids.into_iter().map(|id| find(desk, id)).collect::<Result<Vec<_>, _>>()?
        }
        EvidenceOf::Documents(_) => return Err(too_many()),
        EvidenceOf::Received { from, to } => received(desk, from, to)?,
    };
    if documents.is_empty() {
        return Err(Refused::new(Code::NotFound, "no document was received in this range"));
    }
    Ok(documents.into_iter().map(|document| (document.id, document)).collect())
}

/// Ids begin with the time at which the document was claimed, so a range of time is a range of ids.
fn received(desk: &Desk, from: UnixMillis, to: UnixMillis) -> Result<Vec<Document>, Refused> {
    let before = DocId::from_parts(UnixMillis(from.0.saturating_sub(1)), u128::MAX);
    let found = desk.store.scan(&Query::default(), Some(before), DOCUMENTS_MAX + 1).map_err(refused)?;
    let end = DocId::from_parts(to, 0);
    let found: Vec<_> = found.into_iter().take_while(|document| document.id < end).collect();
    if found.len() > DOCUMENTS_MAX { Err(too_many()) } else { Ok(found) }
}

fn too_many() -> Refused {
    let message =
        format!("more than {DOCUMENTS_MAX} documents; name fewer, or export a shorter range at a time");
    Refused::new(Code::TooLarge, message)
}
