//! Files that were taken in while the appliance was sealed: one sealed file each in `sealed/`, until
//! they become documents through the ordinary intake.
//!
//! A crash may leave a file whose document exists already: it is only removed. It may leave a file that
//! no event names: it was not acknowledged, and becomes a document all the same.

use crate::{
    book::Admission, copies, desk::Desk, facts::ArrivalFacts, intake, refusal::Refusal, watch::Folder,
};
use lifecycle::{Actor, Channel};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use types::{DocId, Label, Phi, Reason, UnixMillis};
use vault::{IntakeKey, SealedFacts, SealedReader, SealedWriter, VaultError};

/// The folder under the state directory.
const DIR: &str = "sealed";
/// Ends the name of a file that is whole; anything else is left over from a crash.
const ENDING: &str = ".lz";
/// Pauses between two tries to take in what could not be; the last one stays.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(15), Duration::from_secs(300)];

/// The folder of sealed files.
pub(crate) struct Queue {
    dir: PathBuf,
}

/// What is sealed with the bytes. Holds PHI: no `Debug`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Taken {
    /// Who handed it in.
    pub(crate) by: Actor,
    /// Through which door.
    pub(crate) source: Label,
    /// How.
    pub(crate) channel: Channel,
    /// Its name in the inbox, byte for byte; none for an upload.
    pub(crate) name: Option<Vec<u8>>,
    /// What came with it; the hash is not known yet.
    pub(crate) facts: ArrivalFacts,
    /// The principal and its idempotency key.
    pub(crate) idempotency: Option<(String, Phi)>,
    /// When it was taken in; the files of earlier versions do not say.
    #[serde(default)]
    pub(crate) at: Option<UnixMillis>,
}

impl Queue {
    /// Opens the folder, makes it when it is missing, and removes what a crash left unfinished.
    pub(crate) fn open(state_dir: &Path) -> io::Result<Self> {
        let queue = Self { dir: state_dir.join(DIR) };
        DirBuilder::new().recursive(true).mode(0o700).create(&queue.dir)?;
        for entry in fs::read_dir(&queue.dir)? {
            let entry = entry?;
            if document_of(&entry.file_name()).is_none() {
                fs::remove_file(entry.path())?;
            }
        }
        File::open(state_dir)?.sync_all()?;
        Ok(queue)
    }

    /// The documents that files will become, the oldest first.
    pub(crate) fn documents(&self) -> io::Result<Vec<DocId>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            found.extend(document_of(&entry?.file_name()));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// How many files lie here; none when the folder cannot be listed.
    pub(crate) fn files(&self) -> u64 {
        self.documents().map_or(0, |documents| documents.len() as u64)
    }

    /// Does a file lie here that will become this document?
    pub(crate) fn holds(&self, doc: DocId) -> bool {
        self.path(doc).exists()
    }

    /// Starts to seal a file.
    pub(crate) fn seal(&self, key: &IntakeKey, doc: DocId, taken: &Taken) -> Result<SealedWriter, Refusal> {
        let metadata = serde_json::to_vec(taken).map_err(|_| Refusal::Because(Reason::StorageError))?;
        Ok(key.seal(doc, &metadata, &self.dir)?)
    }

    /// Reads a sealed file back and compares it with what was written.
    pub(crate) fn verify(&self, doc: DocId, written: &SealedFacts) -> Result<(), Refusal> {
        let file = File::open(self.path(doc)).map_err(crate::artefacts::disk)?;
        let sha256 = crate::artefacts::sha256_of(file)?;
        if sha256 == written.sha256 { Ok(()) } else { Err(Reason::StorageError.into()) }
    }

    /// Removes a file, durably; one that is not there is fine.
    pub(crate) fn remove(&self, doc: DocId) -> io::Result<()> {
        match fs::remove_file(self.path(doc)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => File::open(&self.dir)?.sync_all(),
        }
    }

    fn path(&self, doc: DocId) -> PathBuf {
        self.dir.join(format!("{doc}{ENDING}"))
    }
}

fn document_of(name: &std::ffi::OsStr) -> Option<DocId> {
    name.to_str()?.strip_suffix(ENDING)?.parse().ok()
}

/// Writes down that the files of the queue were seen in their inboxes and taken, before the folders are looked at:
/// a file that is gone and not accounted for would look like one that vanished.
pub(crate) async fn recognise(desk: &Arc<Desk>, folders: &[Arc<Folder>]) {
    let folders = folders.to_vec();
    let recognised = desk.blocking(move |desk| {
        for doc in desk.queue.documents().map_err(crate::artefacts::disk)? {
            match opened(desk, doc) {
                Ok((taken, _)) => recognise_one(desk, &folders, doc, &taken)?,
                Err(refusal) => {
                    tracing::error!(%doc, %refusal, "a file that was taken in while sealed does not open");
                }
            }
        }
        Ok(())
    });
    if let Err(refusal) = recognised.await {
        tracing::warn!(%refusal, "files that were taken in while sealed may be counted as vanished");
    }
}

fn recognise_one(desk: &Desk, folders: &[Arc<Folder>], doc: DocId, taken: &Taken) -> Result<(), Refusal> {
    let (Some(name), Some(folder)) = (&taken.name, place_of(folders, &taken.source)) else { return Ok(()) };
    let seq = desk.store.applied_seq();
    let seen = folder.sightings(|sightings| {
        if sightings.number(name).is_none() {
            sightings.sight([name.as_slice()], seq, &desk.vault)?;
        }
        sightings.claim(name, doc);
        Ok(())
    });
    seen.map_err(crate::artefacts::disk)
}

fn place_of<'f>(folders: &'f [Arc<Folder>], source: &Label) -> Option<&'f Arc<Folder>> {
    folders.iter().find(|folder| folder.source == *source)
}

/// Takes in what was sealed, until nothing is left or the daemon drains.
pub(crate) async fn drain(desk: Arc<Desk>, folders: Arc<Vec<Arc<Folder>>>) {
    let mut draining = desk.draining.clone();
    for round in 0.. {
        let left = drain_once(&desk, &folders).await;
        if left == 0 || desk.is_draining() {
            return;
        }
        let pause = PAUSES.get(round).copied().unwrap_or(PAUSES[PAUSES.len() - 1]);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = draining.changed() => {}
        }
    }
}

/// Gives how many files are left.
async fn drain_once(desk: &Arc<Desk>, folders: &[Arc<Folder>]) -> usize {
    let documents = match desk.queue.documents() {
        Ok(documents) => documents,
        Err(error) => {
            tracing::error!(%error, "the files that were taken in while sealed cannot be listed");
            return 1;
        }
    };
    let mut left = 0;
    for doc in documents {
        if desk.is_draining() || !desk.has_space() {
            left += 1;
            continue;
        }
        match take(desk, folders, doc).await {
            Ok(()) => desk.wake.notify_one(),
            Err(refusal) => {
                left += 1;
                tracing::error!(%doc, %refusal, "a file that was taken in while sealed could not become a document; it is kept");
            }
        }
    }
    left
}

async fn take(desk: &Arc<Desk>, folders: &[Arc<Folder>], doc: DocId) -> Result<(), Refusal> {
    // The sweeper must not take the key for one that no document needs, before the document is admitted.
    let arriving = desk.arriving.begin(doc);
    if let Some(known) = desk.store.peek(doc)? {
        copies::settle(&*desk.store, &desk.book, &known).await;
    } else {
        let (by, arrival) = desk.blocking(move |desk| reseal(desk, doc)).await?;
        let original = arrival.original;
        let mut admission = desk.book.admit(doc, by.clone(), arrival.clone()).await;
        if let Ok(Admission::Repeated(_)) = admission {
            // Its caller was promised this id: the repetition becomes a document, and a duplicate.
            let arrival = lifecycle::Arrival { idempotency: None, ..arrival };
            admission = desk.book.admit(doc, by, arrival).await;
        }
        let admission = match admission {
            Ok(admission) => admission,
            Err(error) => {
                intake::forget(desk, doc, original);
                return Err(error.into());
            }
        };
        if let Err(refusal) = intake::drop_duplicate(desk, doc, original, &admission) {
            tracing::warn!(%doc, %refusal, "the bytes of a duplicate could not be removed");
        }
        tracing::info!(%doc, "received, after it was taken in while sealed");
    }
    drop(arriving);
    let source = desk.store.peek(doc)?.map(|document| document.state.source);
    if let Some(folder) = source.and_then(|source| place_of(folders, &source)) {
        intake::account(desk, folder, doc).await;
    }
    desk.queue.remove(doc).map_err(crate::artefacts::disk)
}

/// What came with a file of the queue, and its bytes.
fn opened(desk: &Desk, doc: DocId) -> Result<(Taken, SealedReader), Refusal> {
    let reader = desk.vault.open_sealed(doc, &desk.queue.dir).map_err(|error| match error {
        // Room on the disk may come back; a file that was changed will not.
        full @ VaultError::Full { .. } => Refusal::from(full),
        other => {
            tracing::error!(%doc, error = %other, "vault");
            Refusal::Because(Reason::StorageError)
        }
    })?;
    let taken =
        serde_json::from_slice(&reader.metadata).map_err(|_| Refusal::Because(Reason::StorageError))?;
    Ok((taken, reader))
}

/// From the site's public key to the document's own.
fn reseal(desk: &Desk, doc: DocId) -> Result<(Actor, lifecycle::Arrival), Refusal> {
    let (taken, mut reader) = opened(desk, doc)?;
    let (blob, facts) = intake::seal_original(desk, doc, &mut reader)?;
    let known = ArrivalFacts { sha256: facts.sha256, ..taken.facts };
    let key = taken.idempotency.map(|(caller, key)| intake::idempotency_digest(desk, &caller, &key));
    // Retention and holds count from then, not from when somebody brought the key.
    let received = taken.at.unwrap_or_else(|| doc.given_at());
    match intake::arrival(desk, doc, &taken.source, taken.channel, blob, &facts, &known, key, received) {
        Ok(arrival) => Ok((taken.by, lifecycle::Arrival { received_at: Some(received), ..arrival })),
        Err(refusal) => {
            intake::forget(desk, doc, Some(blob));
            Err(refusal)
        }
    }
}
