//! What a run says of itself, and whether the site signed it.

use super::{folder::Folder, medium};
use crate::{
    fail::{Exit, Failure, Outcome},
    hex,
};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use ledger::{CHECKPOINT_LOG, is_segment_name};
use serde::{Deserialize, Serialize};
use std::{fs, path::Path};
use types::{Digest, Label, RunId};

/// The format that this program writes, and the newest it reads. Every older one stays readable.
pub(crate) const FORMAT: u32 = 1;
/// Put before the manifest when it is signed.
const SIGN_DOMAIN: &[u8] = b"lazaret backup run v1\n";

/// `lazaret-backup.json`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Card {
    pub(crate) format: u32,
    pub(crate) site: Label,
    pub(crate) verifying_key: Digest,
}

/// `runs/RUN.json`. Members that a later version adds are not looked at.
#[derive(Deserialize)]
pub(crate) struct Manifest {
    pub(crate) site: Label,
    pub(crate) run: RunId,
    pub(crate) verifying_key: Digest,
    pub(crate) ledger: Ledger,
    pub(crate) keys: Keys,
    pub(crate) files: Files,
}

/// The ledger up to its tip.
#[derive(Deserialize)]
pub(crate) struct Ledger {
    pub(crate) records: u64,
    pub(crate) tip: Digest,
    pub(crate) files: Vec<LedgerFile>,
}

/// A segment, or the log of checkpoints.
#[derive(Deserialize)]
pub(crate) struct LedgerFile {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// The escrow.
#[derive(Deserialize)]
pub(crate) struct Keys {
    pub(crate) bytes: u64,
    pub(crate) sha256: Digest,
    pub(crate) until: String,
}

/// The blobs, by the hash of their list.
#[derive(Deserialize)]
pub(crate) struct Files {
    pub(crate) list_sha256: Digest,
    pub(crate) blobs: u64,
    pub(crate) bytes: u64,
}

impl Manifest {
    /// The last whole run of a folder, with a signature that fits; none before the first.
    pub(crate) fn last(folder: &Folder, pinned: Option<&Digest>) -> Outcome<Option<Self>> {
        let Some(run) = folder.runs()?.pop() else { return Ok(None) };
        let path = folder.run_file(run, "json");
        let bytes = medium::read(&path)?;
        let found = |what: &str| Failure::new(Exit::Findings, what.to_owned()).about(&path);
        // The format first: what else a later one says cannot be known.
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let version: Version =
            serde_json::from_slice(&bytes).map_err(|_| found("it is no manifest of a run"))?;
        readable(version.format).map_err(|failure| failure.about(&path))?;
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|error| found(&format!("it is no manifest of a run: {error}")))?;
        if manifest.run != run {
            return Err(found("it names another run: the file was renamed"));
        }
        let card = folder.card()?;
        if manifest.verifying_key != card.verifying_key || manifest.site != card.site {
            return Err(found("it is of another site than lazaret-backup.json says"));
        }
        if pinned.is_some_and(|pinned| *pinned != manifest.verifying_key) {
            return Err(found("it was signed by another site than the one whose key was given"));
        }
        let signature = folder.run_file(run, "sig");
        let text = medium::read(&signature)?;
        std::str::from_utf8(&text)
            .ok()
            .and_then(|text| hex::decode(text.trim()))
            .ok_or(())
            .and_then(|signature| check(&manifest.verifying_key, &bytes, &signature))
            .map_err(|()| found("its signature does not fit: it was changed, or the signature was"))?;
        // Names of the medium become names on this machine. A signature is no reason to believe them: the key that
        // it is compared with may lie on the medium too.
        if manifest
            .ledger
            .files
            .iter()
            .any(|file| !is_segment_name(&file.name) && file.name != CHECKPOINT_LOG)
        {
            return Err(found(
                "it names a file that is neither a segment of a ledger nor its log of checkpoints",
            ));
        }
        Ok(Some(manifest))
    }
}

/// Is this format one that this version reads?
pub(crate) fn readable(format: u32) -> Outcome {
    if (1..=FORMAT).contains(&format) {
        return Ok(());
    }
    let message = format!(
        "the backup has format {format}, this version reads 1 to {FORMAT}; use the version that made it, or a later one"
    );
    Err(Failure::new(Exit::Conflict, message))
}

/// Does the signature fit?
pub(crate) fn check(key: &Digest, manifest: &[u8], signature: &[u8]) -> Result<(), ()> {
    let message = [SIGN_DOMAIN, manifest].concat();
    UnparsedPublicKey::new(&ED25519, key.0).verify(&message, signature).map_err(|_| ())
}

/// A public key in hex from a file.
pub(crate) fn public_key(path: &Path) -> Outcome<Digest> {
    let text = fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    let wrong = |_| Failure::new(Exit::Usage, "expected a public key: 64 hex digits").about(path);
    text.trim().parse().map_err(wrong)
}
