//! Where the files of a bundle go, and the list of them that the site signs.

use super::document::Newer;
use crate::{
    artefacts,
    desk::Desk,
    view::{Code, EvidenceFile, Refused},
};
use serde::Serialize;
use tokio::sync::mpsc;
use types::{Digest, DocId, Label, Reason};

/// First field of the manifest: the site's key signs other things too, and none of them begins so.
const KIND: &str = "lazaret-evidence";
const SCHEMA_VERSION: u32 = 1;

/// `manifest.json`: every other file with its hash. Its signature lies beside it.
#[derive(Serialize)]
struct Manifest {
    kind: &'static str,
    schema_version: u32,
    site: Label,
    made_at: String,
    /// Ed25519 public key of the site, hex; `site-key.json` proves that the ledger names it.
    site_key: Digest,
    documents: Vec<DocId>,
    /// Records of these documents that came after the checkpoint, so that nothing seems to be left out.
    newer: Vec<Newer>,
    files: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    path: String,
    bytes: usize,
    sha256: Digest,
}

/// Hands file by file to whoever asked.
pub(super) struct Folder<'a> {
    send: &'a mpsc::Sender<Result<EvidenceFile, Refused>>,
    listed: Vec<Listed>,
}

impl<'a> Folder<'a> {
    pub(super) fn new(send: &'a mpsc::Sender<Result<EvidenceFile, Refused>>) -> Self {
        Self { send, listed: Vec::new() }
    }

    pub(super) fn put(&mut self, path: String, bytes: Vec<u8>) -> Result<(), Refused> {
        let listed = Listed { path: path.clone(), bytes: bytes.len(), sha256: vault::sha256(&bytes) };
        self.listed.push(listed);
        self.hand(path, bytes)
    }

    pub(super) fn put_json(&mut self, path: String, value: &impl Serialize) -> Result<(), Refused> {
        self.put(path, json(value)?)
    }

    /// Signs the list of everything that was put.
    pub(super) fn close(self, desk: &Desk, documents: Vec<DocId>, newer: Vec<Newer>) -> Result<(), Refused> {
        let manifest = json(&Manifest {
            kind: KIND,
            schema_version: SCHEMA_VERSION,
            site: desk.settings.site.clone(),
            made_at: desk.now().to_string(),
            site_key: Digest(desk.vault.verifying_key()),
            documents,
            newer,
            files: self.listed,
        })?;
        let signature = artefacts::hex(&desk.vault.sign(&manifest));
        let folder = Folder { send: self.send, listed: Vec::new() };
        folder.hand("manifest.json".to_owned(), manifest)?;
        folder.hand("manifest.sig".to_owned(), signature.into_bytes())
    }

    fn hand(&self, path: String, bytes: Vec<u8>) -> Result<(), Refused> {
        let gone = |_| Refused::new(Code::Temporary, "nobody listens any more");
        self.send.blocking_send(Ok(EvidenceFile { path, bytes })).map_err(gone)
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Refused> {
    serde_json::to_vec_pretty(value).map_err(|_| Refused::because(Code::Internal, Reason::StorageError))
}
