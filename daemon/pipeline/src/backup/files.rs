//! The files of a run: their list, and their bytes as they lie on disk.

use super::{BackupFile, PART_BYTES, PARTS_WAITING_MAX, Parts, keys_first, over};
use crate::{
    artefacts,
    desk::Desk,
    refusal::Refusal,
    submit::refused,
    view::{Code, Refused},
};
use ledger::Extent;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    sync::Arc,
};
use tokio::sync::mpsc;
use types::RunId;
use vault::{BlobName, VaultError};

/// Files in one part of the list: well within a message.
const LIST_PART_FILES: usize = 1000;

/// Every file of the run with its size: the ledger up to the tip, then the sealed blobs of every document
/// whose key went along.
pub(crate) async fn list(desk: &Arc<Desk>, id: RunId) -> Result<Parts<Vec<BackupFile>>, Refused> {
    let run = desk.runs.live(desk, id)?;
    let documents = run.keys.map(|keys| keys.documents).ok_or_else(keys_first)?;
    let (send, receive) = mpsc::channel(PARTS_WAITING_MAX);
    let desk = desk.clone();
    tokio::task::spawn_blocking(move || {
        let ledger = run.extents.iter().map(|extent| BackupFile {
            path: format!("{LEDGER_PREFIX}{}", extent.name),
            bytes: extent.bytes,
        });
        let mut files: Vec<BackupFile> = ledger.collect();
        for doc in documents.iter() {
            match desk.vault.blobs(*doc) {
                Ok(sealed) => files.extend(
                    sealed
                        .into_iter()
                        .map(|(name, bytes)| BackupFile { path: format!("{BLOB_PREFIX}{name}"), bytes }),
                ),
                Err(error) => {
                    drop(send.blocking_send(Err(refused(Refusal::from(error)))));
                    return;
                }
            }
            if files.len() >= LIST_PART_FILES
                && (!desk.latch.renew(id) || send.blocking_send(Ok(std::mem::take(&mut files))).is_err())
            {
                return;
            }
        }
        drop(send.blocking_send(Ok(files)));
    });
    Ok(receive)
}

const LEDGER_PREFIX: &str = "ledger/";
const BLOB_PREFIX: &str = "blobs/";

/// The bytes of one file from an offset on. Only names that the run itself knows are looked for: nothing of
/// the request becomes part of a path.
pub(crate) async fn fetch(
    desk: &Arc<Desk>,
    id: RunId,
    path: &str,
    offset: u64,
) -> Result<Parts<Vec<u8>>, Refused> {
    let run = desk.runs.live(desk, id)?;
    let unknown = || Refused::new(Code::NotFound, "there is no such file in this run; see its list");
    let known = if let Some(name) = path.strip_prefix(LEDGER_PREFIX) {
        Known::Ledger(run.extents.into_iter().find(|extent| extent.name == name).ok_or_else(unknown)?)
    } else {
        let name: BlobName =
            path.strip_prefix(BLOB_PREFIX).and_then(|name| name.parse().ok()).ok_or_else(unknown)?;
        let documents = run.keys.map(|keys| keys.documents).ok_or_else(keys_first)?;
        documents.binary_search(&name.doc).map_err(|_| unknown())?;
        Known::Blob(name)
    };
    let opened = desk.blocking(move |desk| open(desk, &known)).await.map_err(refused)?;
    let (file, bytes) = opened.ok_or_else(unknown)?;
    let rest = bytes.checked_sub(offset).ok_or_else(|| {
        Refused::new(Code::Invalid, format!("offset: the file has {bytes} bytes in this run, not {offset}"))
    })?;
    let (send, receive) = mpsc::channel(PARTS_WAITING_MAX);
    let desk = desk.clone();
    tokio::task::spawn_blocking(move || pump(&desk, id, file, (offset, rest), &send));
    Ok(receive)
}

enum Known {
    Ledger(Extent),
    Blob(BlobName),
}

/// None when the file is gone since it was listed.
fn open(desk: &Desk, known: &Known) -> Result<Option<(File, u64)>, Refusal> {
    match known {
        Known::Ledger(extent) => {
            let path = desk.settings.paths.state_dir.join(crate::opening::LEDGER_DIR).join(&extent.name);
            Ok(Some((File::open(path).map_err(artefacts::disk)?, extent.bytes)))
        }
        Known::Blob(name) => {
            let file = match desk.vault.open_ciphertext(*name) {
                Err(VaultError::NoBlob { .. }) => return Ok(None),
                file => file?,
            };
            let bytes = file.metadata().map_err(artefacts::disk)?.len();
            Ok(Some((file, bytes)))
        }
    }
}

fn pump(
    desk: &Desk,
    id: RunId,
    mut file: File,
    (offset, mut rest): (u64, u64),
    send: &mpsc::Sender<Result<Vec<u8>, Refused>>,
) {
    if let Err(error) = file.seek(SeekFrom::Start(offset)) {
        drop(send.blocking_send(Err(refused(artefacts::disk(error)))));
        return;
    }
    while rest > 0 {
        let mut part = vec![0; PART_BYTES.min(usize::try_from(rest).unwrap_or(PART_BYTES))];
        let read = match file.read_exact(&mut part) {
            Ok(()) if desk.latch.renew(id) => Ok(part),
            Ok(()) => Err(over()),
            Err(error) => Err(refused(artefacts::disk(error))),
        };
        let (failed, length) = (read.is_err(), read.as_ref().map_or(0, Vec::len));
        if send.blocking_send(read).is_err() || failed {
            return;
        }
        rest -= length as u64;
    }
}
