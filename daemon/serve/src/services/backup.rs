//! `Backup`: copies for the day this machine is gone (A55, B54). Nothing here is in clear: blobs are
//! ciphertext, keys are sealed to the recipients of the appliance's own configuration.

use super::stream::{Answers, Readers, relay};
use crate::{
    answer::{caller, invalid, refused},
    door::Door,
};
use api::{server::backup_server, v1};
use pipeline::{Parts, Refused};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Request, Response, Status};
use types::{Digest, RunId};

/// The service.
pub(crate) struct Backup {
    pub(crate) door: Arc<Door>,
    pub(crate) readers: Readers,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl backup_server::Backup for Backup {
    type KeysStream = Answers<v1::Chunk>;
    type ListStream = Answers<v1::BackupFiles>;
    type FetchStream = Answers<v1::Chunk>;

    async fn begin(&self, request: Request<v1::BeginBackupRequest>) -> Answer<v1::BeginBackupReply> {
        let caller = caller(&request)?;
        let begun = self.door.appliance().backup_begin(&caller).await.map_err(|no| refused(&no))?;
        Ok(Response::new(v1::BeginBackupReply {
            run: begun.run.to_string(),
            site: begun.site.to_string(),
            format: begun.format,
            records: begun.records,
            tip: begun.tip.to_string(),
            keys_days: begun.keys_days,
            lease_s: begun.lease_s,
            verifying_key: begun.verifying_key.to_string(),
        }))
    }

    async fn keys(&self, request: Request<v1::BackupRequest>) -> Answer<Self::KeysStream> {
        let caller = caller(&request)?;
        let run = run(&request.get_ref().run)?;
        let place = self.readers.place().await?;
        let parts = self.door.appliance().backup_keys(&caller, run).await.map_err(|no| refused(&no))?;
        Ok(Response::new(chunks(parts, place)))
    }

    async fn list(&self, request: Request<v1::BackupRequest>) -> Answer<Self::ListStream> {
        let run = run(&request.get_ref().run)?;
        let place = self.readers.place().await?;
        let parts = self.door.appliance().backup_list(run).await.map_err(|no| refused(&no))?;
        Ok(Response::new(relay(parts, place, |part| {
            let message = |files: Vec<pipeline::BackupFile>| v1::BackupFiles {
                files: files
                    .into_iter()
                    .map(|file| v1::BackupFile { path: file.path, bytes: file.bytes })
                    .collect(),
            };
            vec![part.map(message).map_err(|no| refused(&no))]
        })))
    }

    async fn fetch(&self, request: Request<v1::FetchBackupRequest>) -> Answer<Self::FetchStream> {
        let asked = request.get_ref();
        let run = run(&asked.run)?;
        let place = self.readers.place().await?;
        let parts = self.door.appliance().backup_fetch(run, &asked.path, asked.offset).await;
        Ok(Response::new(chunks(parts.map_err(|no| refused(&no))?, place)))
    }

    async fn finish(&self, request: Request<v1::FinishBackupRequest>) -> Answer<v1::FinishBackupReply> {
        let (caller, asked) = (caller(&request)?, request.get_ref());
        let list: Digest =
            asked.list_sha256.parse().map_err(|error: types::BadDigest| invalid(&error.to_string()))?;
        let done =
            self.door.appliance().backup_finish(&caller, run(&asked.run)?, asked.blobs, asked.bytes, list);
        let signed = done.await.map_err(|no| refused(&no))?;
        Ok(Response::new(v1::FinishBackupReply {
            manifest: signed.manifest,
            signature: signed.signature.to_vec(),
        }))
    }
}

fn run(text: &str) -> Result<RunId, Status> {
    text.parse().map_err(|error: types::BadId| invalid(&error.to_string()))
}

/// Parts of the pipeline are at most a chunk long.
fn chunks(parts: Parts<Vec<u8>>, place: OwnedSemaphorePermit) -> Answers<v1::Chunk> {
    relay(parts, place, |part: Result<Vec<u8>, Refused>| {
        vec![part.map(|data| v1::Chunk { data, total_bytes: None }).map_err(|no| refused(&no))]
    })
}
