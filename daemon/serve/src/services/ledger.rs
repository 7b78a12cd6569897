//! `Ledger`: what can be proven. The same check runs offline in `lazaretctl ledger verify --dir`.

use super::stream::{Answers, Readers, relay};
use crate::{
    answer::{caller, doc_id, invalid, refused},
    door::Door,
};
use api::{CHUNK_BYTES_MAX, server::ledger_server, v1};
use pipeline::{EvidenceFile, EvidenceOf, Refused};
use std::sync::Arc;
use tonic::{Request, Response, Status};
use types::UnixMillis;

/// The service.
pub(crate) struct Ledger {
    door: Arc<Door>,
    readers: Readers,
}

impl Ledger {
    pub(crate) fn new(door: Arc<Door>, readers: Readers) -> Self {
        Self { door, readers }
    }
}

#[tonic::async_trait]
impl ledger_server::Ledger for Ledger {
    type EvidenceStream = Answers<v1::EvidencePart>;

    async fn verify(&self, request: Request<v1::VerifyRequest>) -> Result<Response<v1::VerifyReply>, Status> {
        let caller = caller(&request)?;
        let report = self.door.appliance().ledger_verify(&caller).await.map_err(|no| refused(&no))?;
        let (records, segments, tip) = (report.records, report.segments, report.tip.to_string());
        Ok(Response::new(v1::VerifyReply { records, segments, tip }))
    }

    async fn evidence(
        &self,
        request: Request<v1::EvidenceRequest>,
    ) -> Result<Response<Self::EvidenceStream>, Status> {
        let (caller, asked) = (caller(&request)?, request.into_inner());
        let place = self.readers.place().await?;
        let files =
            self.door.appliance().evidence(&caller, wanted(&asked)?).await.map_err(|no| refused(&no))?;
        Ok(Response::new(relay(files, place, parts)))
    }
}

fn wanted(asked: &v1::EvidenceRequest) -> Result<EvidenceOf, Status> {
    if !asked.ids.is_empty() {
        return asked.ids.iter().map(|id| doc_id(id)).collect::<Result<_, _>>().map(EvidenceOf::Documents);
    }
    if asked.from_ms >= asked.to_ms {
        return Err(invalid("expected ids, or a range that begins before it ends"));
    }
    Ok(EvidenceOf::Received { from: UnixMillis(asked.from_ms), to: UnixMillis(asked.to_ms) })
}

/// A file in as many messages as it needs, at least one.
fn parts(file: Result<EvidenceFile, Refused>) -> Vec<Result<v1::EvidencePart, Status>> {
    let EvidenceFile { path, bytes } = match file {
        Ok(file) => file,
        Err(no) => return vec![Err(refused(&no))],
    };
    let part = |data: &[u8]| Ok(v1::EvidencePart { path: path.clone(), data: data.to_vec() });
    if bytes.is_empty() { vec![part(&[])] } else { bytes.chunks(CHUNK_BYTES_MAX).map(part).collect() }
}
