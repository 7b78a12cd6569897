//! What is known of a document from outside and may be PHI: sealed under its key, never in clear on disk.

use crate::{refusal::Refusal, view::Submission};
use inbox::{Claimed, Sidecar};
use lifecycle::Sealed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::{Digest, DocClass, DocId, Label, Phi};
use vault::Vault;

/// Purposes keep one kind of sealed facts from being taken for another.
pub(crate) const ARRIVAL: &str = "arrival";
pub(crate) const TEXT: &str = "text-hash";
pub(crate) const PRODUCT: &str = "product-hash";

/// Sealed with the arrival. Holds PHI: no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ArrivalFacts {
    /// Of the original.
    pub(crate) sha256: Digest,
    /// As the sender named it, made displayable.
    pub(crate) file_name: Phi,
    /// The caller's trace id.
    pub(crate) correlation_id: Option<Label>,
    /// What the sender thinks it is.
    pub(crate) expected_class: Option<DocClass>,
    /// What the sender knows of the patient.
    pub(crate) patient_context: BTreeMap<String, Phi>,
    /// Facility or department.
    pub(crate) tenant: Option<Label>,
    /// Retention rule asked for.
    pub(crate) retention: Option<Label>,
    /// Route that wants to be told.
    pub(crate) callback: Option<Label>,
    /// The sidecar was there and not valid.
    pub(crate) bad_sidecar: bool,
}

impl ArrivalFacts {
    /// Of a claimed file: its name and its sidecar.
    pub(crate) fn of_claimed(claimed: &Claimed, sha256: Digest) -> Self {
        let (sidecar, bad_sidecar) = match claimed.sidecar() {
            None => (Sidecar::default(), false),
            Some(Ok(sidecar)) => (sidecar, false),
            Some(Err(_)) => (Sidecar::default(), true),
        };
        Self {
            sha256,
            file_name: claimed.name(),
            correlation_id: None,
            expected_class: sidecar.expected_type,
            patient_context: sidecar.patient_context,
            tenant: sidecar.tenant,
            retention: sidecar.retention,
            callback: sidecar.callback,
            bad_sidecar,
        }
    }

    /// Of an upload: what its caller says of it.
    pub(crate) fn of_submission(submission: Submission, sha256: Digest) -> Self {
        Self {
            sha256,
            file_name: submission.file_name,
            correlation_id: submission.correlation_id,
            expected_class: submission.expected_class,
            patient_context: submission.patient_context,
            tenant: submission.tenant,
            retention: submission.retention,
            callback: submission.callback,
            bad_sidecar: false,
        }
    }

    /// Seals them under the document's key.
    pub(crate) fn seal(&self, vault: &Vault, doc: DocId) -> Result<Vec<u8>, Refusal> {
        let plain = serde_json::to_vec(self).map_err(|_| Refusal::Because(types::Reason::StorageError))?;
        Ok(vault.seal_facts(doc, ARRIVAL, &plain)?)
    }

    /// Opens them.
    pub(crate) fn open(vault: &Vault, doc: DocId, sealed: &[u8]) -> Result<Self, Refusal> {
        let plain = vault.open_facts(doc, ARRIVAL, sealed)?;
        serde_json::from_slice(&plain).map_err(|_| Refusal::Because(types::Reason::StorageError))
    }
}

/// Seals the hash of an artefact.
pub(crate) fn seal_digest(
    vault: &Vault,
    doc: DocId,
    purpose: &'static str,
    digest: Digest,
) -> Result<Vec<u8>, Refusal> {
    Ok(vault.seal_facts(doc, purpose, &digest.0)?)
}

/// Opens the hash of an artefact; none if there is none, or it cannot be opened.
pub(crate) fn open_digest(
    vault: &Vault,
    doc: DocId,
    purpose: &'static str,
    sealed: Option<&Sealed>,
) -> Option<Digest> {
    let plain = vault.open_facts(doc, purpose, &sealed?.0).ok()?;
    plain.try_into().ok().map(Digest)
}
