//! Taking files in while sealed: from inboxes and from callers, to the queue.

use super::Inner;
use crate::{
    facts::ArrivalFacts,
    queue::Taken,
    refusal::Refusal,
    submit::{name_of, refused},
    view::{Caller, Code, Refused, Submission},
    watch::Place,
};
use inbox::{Candidate, Claimed};
use lifecycle::{Actor, Channel, SystemEvent};
use std::{
    io::{Read, Write},
    sync::Arc,
    time::Duration,
};
use tokio::sync::mpsc;
use types::{Digest, DocId, Label, Reason};
use vault::{IntakeKey, SealedWriter};

/// Bytes copied at a time.
const COPY_CHUNK_BYTES: usize = 256 << 10;
/// Files of one inbox that are taken in before it is looked at again.
const TAKE_MAX: usize = 64;
/// Shortest pause between two looks at a folder.
const LOOK_PAUSE_MIN: Duration = Duration::from_millis(50);
/// The hash of the plain bytes is taken when they are read again.
const UNKNOWN: Digest = Digest([0; 32]);

/// Watches one folder until the appliance is opened or drains.
pub(super) async fn watch(inner: Arc<Inner>, folder: Arc<Place>) {
    let (mut closing, mut draining) = (inner.closing.subscribe(), inner.draining.clone());
    let mut first = true;
    while !inner.is_closing() {
        let (work, own, leftovers) = (inner.clone(), folder.clone(), std::mem::take(&mut first));
        let looked = tokio::task::spawn_blocking(move || work.look(&own, leftovers)).await;
        let wait = looked.ok().flatten().unwrap_or(folder.scan_every).min(folder.scan_every);
        tokio::select! {
            () = tokio::time::sleep(wait.max(LOOK_PAUSE_MIN)) => {}
            _ = closing.changed() => {}
            _ = draining.changed() => {}
        }
    }
}

impl Inner {
    /// One look at a folder; gives when the next is due.
    fn look(&self, folder: &Place, leftovers: bool) -> Option<Duration> {
        let key = self.key?;
        if !self.has_space() {
            return None;
        }
        if leftovers {
            match folder.with(|inbox| inbox.leftovers()) {
                Ok(claimed) => claimed.into_iter().for_each(|claimed| self.take(&key, folder, claimed)),
                Err(error) => {
                    tracing::error!(source = %folder.source, %error, "claimed files cannot be listed")
                }
            }
        }
        let scan = match folder.with(|inbox| inbox.scan()) {
            Ok(scan) => scan,
            Err(error) => {
                tracing::warn!(source = %folder.source, %error, "the inbox cannot be scanned; its files wait");
                return None;
            }
        };
        let more = scan.more || scan.ready.len() > TAKE_MAX;
        for candidate in scan.ready.into_iter().take(TAKE_MAX) {
            if self.is_closing() || !self.has_space() {
                break;
            }
            self.claim(&key, folder, candidate);
        }
        if more { Some(Duration::ZERO) } else { scan.next_due }
    }

    fn claim(&self, key: &IntakeKey, folder: &Place, candidate: Candidate) {
        let _in_intake = self.gauges.intake();
        match folder.with(|inbox| inbox.claim(candidate, self.new_doc())) {
            Ok(Some(claimed)) => self.take(key, folder, claimed),
            // It changed or went since the scan: the next scan sees what it is now.
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(source = %folder.source, %error, "a file could not be claimed; it waits");
            }
        }
    }

    fn take(&self, key: &IntakeKey, folder: &Place, mut claimed: Claimed) {
        let doc = claimed.id;
        match self.seal_claimed(key, &folder.source, &mut claimed) {
            Ok(true) => {
                tracing::info!(%doc, source = %folder.source, "taken in while sealed");
                if let Err(error) = claimed.remove() {
                    // The ledger has it: the next start takes it in again under the same id.
                    tracing::error!(%doc, %error, "a claimed file could not be removed");
                }
                return;
            }
            Ok(false) => {
                tracing::info!(source = %folder.source, "the file was still being written; it waits")
            }
            Err(refusal) => tracing::warn!(%doc, %refusal, "a file could not be taken in; it waits"),
        }
        if let Err(error) = claimed.put_back() {
            tracing::error!(%doc, %error, "a claimed file could not be put back");
        }
    }

    /// False when the file was still being written.
    fn seal_claimed(&self, key: &IntakeKey, source: &Label, claimed: &mut Claimed) -> Result<bool, Refusal> {
        let doc = claimed.id;
        let by = Actor::Inbox { source: source.clone(), uid: claimed.owner_uid() };
        let facts = ArrivalFacts::of_claimed(claimed, UNKNOWN);
        let taken = Taken {
            by: by.clone(),
            source: source.clone(),
            channel: Channel::Inbox,
            name: Some(claimed.name_bytes().to_vec()),
            facts,
            idempotency: None,
            at: Some((self.clock)()),
        };
        let mut writer = self.queue.seal(key, doc, &taken)?;
        let (mut bytes, mut from, mut chunk) = (0, claimed.open(), vec![0; COPY_CHUNK_BYTES]);
        loop {
            let read = from.read(&mut chunk).map_err(crate::artefacts::disk)?;
            if read == 0 {
                break;
            }
            writer.write_all(&chunk[..read]).map_err(crate::artefacts::disk)?;
            bytes += read as u64;
        }
        drop(from);
        if !claimed.unchanged().unwrap_or(false) || claimed.is_too_large() {
            return Ok(false);
        }
        self.finish(doc, writer, bytes, by, source).map(|()| true)
    }

    pub(super) fn submit(
        &self,
        caller: &Caller,
        what: Submission,
        mut body: mpsc::Receiver<Vec<u8>>,
    ) -> Result<DocId, Refused> {
        let no_key = || Refused::new(Code::Sealed, "no key was ever set; run lazaretctl unseal first");
        let key = self.key.ok_or_else(no_key)?;
        let Some(source) = self.settings.sources.iter().find(|source| source.name == what.source) else {
            return Err(Refused::new(Code::Invalid, "there is no such source; see lazaretctl status"));
        };
        may_take(self.is_closing(), self.has_space())?;
        let (doc, by) = (self.new_doc(), caller.actor.clone());
        let idempotency = what.idempotency_key.clone().map(|key| (name_of(caller), key));
        let source_name = what.source.clone();
        let facts = ArrivalFacts::of_submission(what, UNKNOWN);
        let taken = Taken {
            by: by.clone(),
            source: source_name.clone(),
            channel: Channel::Grpc,
            name: None,
            facts,
            idempotency,
            at: Some((self.clock)()),
        };
        let mut writer = self.queue.seal(&key, doc, &taken).map_err(refused)?;
        let mut bytes = 0_u64;
        loop {
            let Some(chunk) = body.blocking_recv() else {
                let message = "the upload was cut off; nothing was kept, send it again";
                return Err(Refused::new(Code::Temporary, message));
            };
            if chunk.is_empty() {
                break;
            }
            bytes += chunk.len() as u64;
            if bytes > source.limits.file_bytes_max {
                return Err(Refused::because(Code::TooLarge, Reason::FileTooLarge));
            }
            writer.write_all(&chunk).map_err(|error| refused(crate::artefacts::disk(error)))?;
        }
        self.finish(doc, writer, bytes, by, &source_name).map_err(refused)?;
        Ok(doc)
    }

    /// The sealed file is durable and reads back, then the ledger says so.
    fn finish(
        &self,
        doc: DocId,
        writer: SealedWriter,
        bytes: u64,
        by: Actor,
        source: &Label,
    ) -> Result<(), Refusal> {
        let facts = writer.finish()?;
        let (source, sha256) = (source.clone(), facts.sha256);
        let noted = self
            .queue
            .verify(doc, &facts)
            .and_then(|()| self.scribe.note(by, SystemEvent::TakenSealed { id: doc, source, bytes, sha256 }));
        // Nobody was told of it: what stays in the inbox, or with the caller, comes again.
        noted.inspect_err(|_| drop(self.queue.remove(doc)))
    }
}

/// What an upload hears before its bytes are read: the same as from an open appliance.
fn may_take(is_closing: bool, has_space: bool) -> Result<(), Refused> {
    if is_closing {
        let message = "the daemon is stopping or is being opened; send it again in a moment";
        return Err(Refused::new(Code::Temporary, message));
    }
    if has_space { Ok(()) } else { Err(Refused::because(Code::Full, Reason::DiskFull)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Issue 3, 8: below the floor gRPC answers RESOURCE_EXHAUSTED, which is what `Full` is on the wire.
    #[test]
    fn a_full_disk_is_told_as_such_also_while_sealed() {
        let said =
            |closing, space| may_take(closing, space).err().map(|refused| (refused.code, refused.reason));
        assert_eq!(said(false, true), None);
        assert_eq!(said(false, false), Some((Code::Full, Some(Reason::DiskFull))));
        assert_eq!(said(true, true), Some((Code::Temporary, None)), "the disk is not to blame");
    }
}
