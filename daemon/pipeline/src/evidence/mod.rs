//! Evidence about documents for somebody who does not trust us: their records with proofs, hashes,
//! disclosures and signed manifests, in one list that the site signs. No content, no name of a patient.
//! `docs/reference/evidence-format.md` describes the files.
//!
//! What is handed out is written to the ledger before its first byte. A checkpoint is signed for each export, so
//! that it covers what happened until then; what comes while the bundle is made is listed and not proven.

mod choose;
mod document;
mod folder;
mod proven;

use crate::{
    checkpoints,
    desk::Desk,
    opening::LEDGER_DIR,
    submit::refused,
    view::{Caller, Code, EvidenceFile, EvidenceOf, Refused},
};
use choose::{Chosen, choose};
use document::about;
use folder::Folder;
use ledger::Signed;
use lifecycle::SystemEvent;
use proven::{Proven, prove};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Files that wait for a slow reader.
const FILES_WAITING_MAX: usize = 4;

/// Chooses the documents, writes the export to the ledger, and hands out file by file. One at a time: each
/// walks the whole ledger and holds its proofs in memory.
pub(crate) async fn export(
    desk: &Arc<Desk>,
    caller: &Caller,
    of: EvidenceOf,
) -> Result<mpsc::Receiver<Result<EvidenceFile, Refused>>, Refused> {
    let documents = desk.blocking(move |desk| Ok(choose(desk, of))).await.map_err(refused)??;
    let busy = |_| Refused::new(Code::Temporary, "another bundle of evidence is being made; try again later");
    let turn = desk.exporting.clone().try_lock_owned().map_err(busy)?;
    let count = u32::try_from(documents.len()).unwrap_or(u32::MAX);
    let event = SystemEvent::EvidenceExported { documents: count };
    desk.book.note(caller.actor.clone(), event).await.map_err(refused)?;
    checkpoints::sign(desk).await;
    let (send, receive) = mpsc::channel(FILES_WAITING_MAX);
    let desk = desk.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(no) = gather(&desk, documents, &send) {
            drop(send.blocking_send(Err(no)));
        }
        drop(turn);
    });
    Ok(receive)
}

fn gather(
    desk: &Desk,
    documents: Chosen,
    send: &mpsc::Sender<Result<EvidenceFile, Refused>>,
) -> Result<(), Refused> {
    let ledger_dir = desk.settings.paths.state_dir.join(LEDGER_DIR);
    let Proven { proofs, site_key, turns, growth, size } = prove(&ledger_dir, &documents)?;
    let mut folder = Folder::new(send);
    for proof in proofs {
        folder.put_json(format!("documents/{}/events.json", proof.document), &proof)?;
    }
    let (ids, mut newer) = (documents.keys().copied().collect(), Vec::new());
    for document in documents.into_values() {
        newer.extend(about(desk, document, size, &mut folder)?);
    }
    let notes = turns.iter().map(Signed::note).collect::<Vec<_>>().join("%%\n");
    folder.put("keys.notes".to_owned(), notes.into())?;
    folder.put_json("consistency.json".to_owned(), &growth)?;
    folder.put_json("site-key.json".to_owned(), &site_key)?;
    folder.close(desk, ids, newer)
}
