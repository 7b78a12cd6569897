//! Uploads over gRPC: the same door as the inbox, with the same checks (A10). The acknowledgement means
//! that the bytes are sealed and fsynced and the ledger event is fsynced.

use crate::{
    book::Admission,
    desk::Desk,
    facts::ArrivalFacts,
    intake,
    refusal::Refusal,
    turned_away,
    view::{Caller, Code, Receipt, Refused, Submission},
};
use lifecycle::{Actor, Channel};
use std::{io::Write, sync::Arc};
use tokio::sync::mpsc;
use types::{BlobId, Digest, DocId, Reason};
use vault::{Area, BlobFacts};

/// Codes of uploads that were not taken.
pub(crate) const UNKNOWN_SOURCE: &str = "unknown-source";
pub(crate) const CUT_OFF: &str = "cut-off";
pub(crate) const TOO_LARGE: &str = "file-too-large";

/// Takes an upload in, or writes down that it was not taken.
pub(crate) async fn submit(
    desk: &Arc<Desk>,
    caller: &Caller,
    submission: Submission,
    body: mpsc::Receiver<Vec<u8>>,
) -> Result<Receipt, Refused> {
    let source = Some(submission.source.clone()).filter(|source| desk.source(source).is_some());
    let taken = take(desk, caller, submission, body).await;
    let why = match &taken {
        Err(refused) if refused.code == Code::TooLarge => Some(TOO_LARGE),
        Err(refused) if refused.code == Code::Invalid && source.is_none() => Some(UNKNOWN_SOURCE),
        Err(refused) if refused.message == CUT_OFF_MESSAGE => Some(CUT_OFF),
        _ => None,
    };
    if let Some(why) = why {
        turned_away::note(desk, caller, source, why).await;
    }
    taken
}

const CUT_OFF_MESSAGE: &str = "the upload was cut off; nothing was kept, send it again";

/// Takes an upload in. An empty chunk ends the body; a body that ends without it was cut off and is dropped.
async fn take(
    desk: &Arc<Desk>,
    caller: &Caller,
    submission: Submission,
    body: mpsc::Receiver<Vec<u8>>,
) -> Result<Receipt, Refused> {
    let Some(source) = desk.source(&submission.source) else {
        return Err(Refused::new(Code::Invalid, "there is no such source; see lazaretctl status"));
    };
    if desk.is_draining() {
        return Err(Refused::new(Code::Temporary, "the daemon is stopping; send it again in a moment"));
    }
    if !desk.has_space() {
        return Err(Refused::because(Code::Full, Reason::DiskFull));
    }
    let limit = source.limits.file_bytes_max;
    let key = submission
        .idempotency_key
        .as_ref()
        .map(|key| intake::idempotency_digest(desk, &name_of(caller), key));
    let doc = desk.new_doc();
    let arriving = desk.arriving.begin(doc);
    let desk2 = desk.clone();
    let sealed = tokio::task::spawn_blocking(move || seal(&desk2, doc, body, limit)).await;
    let (blob, facts) = sealed.map_err(|_| Refused::because(Code::Internal, Reason::StorageError))??;
    let source = submission.source.clone();
    let known = ArrivalFacts::of_submission(submission, facts.sha256);
    let arrival = intake::arrival(desk, doc, &source, Channel::Grpc, blob, &facts, &known, key, desk.now());
    let arrival = arrival.map_err(refused)?;
    let content = arrival.content;
    let admission = match desk.book.admit(doc, caller.actor.clone(), arrival).await {
        Ok(admission) => admission,
        Err(error) => {
            intake::forget(desk, doc, Some(blob));
            return Err(refused(error));
        }
    };
    if let Err(refusal) = intake::drop_duplicate(desk, doc, Some(blob), &admission) {
        tracing::warn!(%doc, %refusal, "the bytes of a duplicate could not be removed");
    }
    drop(arriving);
    desk.wake.notify_one();
    match admission {
        Admission::New { duplicate_of } => {
            // The id is the correlation id of the journal; the caller's may name a patient and stays sealed (A25).
            tracing::info!(%doc, %source, "received");
            Ok(Receipt { doc, duplicate_of, repeated: false })
        }
        Admission::Repeated(first) => repeated(desk, first, content),
    }
}

/// The first answer again (A24), unless the key came with other bytes: those would be lost silently.
fn repeated(desk: &Desk, first: DocId, content: Digest) -> Result<Receipt, Refused> {
    let state = desk.store.get(first).map_err(refused)?.map(|document| document.state);
    if state.as_ref().is_some_and(|state| state.content != content) {
        let message = "this idempotency key was used for other bytes before; nothing was kept, send them with a new key";
        return Err(Refused::new(Code::Conflict, message));
    }
    Ok(Receipt { doc: first, duplicate_of: state.and_then(|state| state.duplicate_of), repeated: true })
}

fn seal(
    desk: &Desk,
    doc: DocId,
    mut body: mpsc::Receiver<Vec<u8>>,
    limit: u64,
) -> Result<(BlobId, BlobFacts), Refused> {
    let storage = |refusal: Refusal| refused(refusal);
    desk.vault.new_document(doc).map_err(|error| storage(error.into()))?;
    let blob = desk.new_blob();
    let mut writer = desk.vault.writer(doc, Area::Original, blob).map_err(|error| storage(error.into()))?;
    let mut bytes = 0_u64;
    loop {
        let Some(chunk) = body.blocking_recv() else {
            return Err(Refused::new(Code::Temporary, CUT_OFF_MESSAGE));
        };
        if chunk.is_empty() {
            break;
        }
        bytes += chunk.len() as u64;
        if bytes > limit {
            return Err(Refused::because(Code::TooLarge, Reason::FileTooLarge));
        }
        writer.write_all(&chunk).map_err(|error| storage(crate::artefacts::disk(error)))?;
    }
    let facts = writer.finish().map_err(|error| storage(error.into()))?;
    if let Err(refusal) = intake::verify_sealed(desk, doc, blob, facts.sha256) {
        intake::forget(desk, doc, Some(blob));
        return Err(storage(refusal));
    }
    Ok((blob, facts))
}

/// The principal's name, to which its idempotency keys are bound.
pub(crate) fn name_of(caller: &Caller) -> String {
    match &caller.actor {
        Actor::Client(name) => format!("client {name}"),
        Actor::Local { uid, .. } => format!("uid {uid}"),
        Actor::Inbox { source, .. } => format!("inbox {source}"),
        Actor::Daemon => "daemon".to_owned(),
    }
}

/// What a caller hears of a failure inside.
pub(crate) fn refused(refusal: impl Into<Refusal>) -> Refused {
    match refusal.into() {
        Refusal::Because(reason) | Refusal::Reject(reason) => Refused::because(Code::Internal, reason),
        Refusal::NotNow(Reason::DiskFull) => Refused::because(Code::Full, Reason::DiskFull),
        Refusal::NotNow(reason) => Refused::because(Code::Temporary, reason),
        Refusal::Worker(fault) => Refused::because(Code::Internal, fault.reason()),
        Refusal::Latched => {
            let message = "a backup is running, and nothing is destroyed until it ends; try again then";
            Refused::new(Code::Temporary, message)
        }
        Refusal::ClockInDoubt => {
            let message = "the wall clock is in doubt, see lazaretctl doctor; nothing was destroyed. Set the clock right, \
                           or say that it is right: lazaretctl retention run --clock-is-right";
            Refused::new(Code::Conflict, message)
        }
        Refusal::Overtaken => {
            Refused::new(Code::Conflict, "the document changed meanwhile; look at it again")
        }
    }
}
