//! What a restore could not make, when it was told to go on without.

use crate::{
    fail::{Exit, Failure, Outcome},
    output,
};
use std::collections::BTreeSet;
use vault::BlobName;

/// Blobs that are named one by one; more are counted.
const SHOWN_MAX: usize = 20;

/// Blobs that the ledger names and that are not there.
pub(super) struct Lost {
    accept: bool,
    blobs: BTreeSet<String>,
}

impl Lost {
    pub(super) fn new(accept: bool) -> Self {
        Self { accept, blobs: BTreeSet::new() }
    }

    /// Goes on without a blob, if that was wanted and the medium is what fails, not this machine.
    pub(super) fn take(&mut self, name: BlobName, failure: Failure) -> Outcome {
        if !matches!(failure.exit, Exit::Findings | Exit::NotFound) {
            return Err(failure);
        }
        if !self.accept {
            let more = "--accept-missing makes everything else and names what is lost; remove the state directory first";
            return Err(Failure::new(failure.exit, format!("{failure}\n{more}")));
        }
        if self.blobs.len() < SHOWN_MAX {
            eprintln!("lost: {}", output::plain(&failure.to_string()));
        }
        self.blobs.insert(name.to_string());
        Ok(())
    }

    pub(super) fn has(&self, name: BlobName) -> bool {
        self.blobs.contains(&name.to_string())
    }

    /// Says at the end that it is not all.
    pub(super) fn tell(&self) -> Outcome {
        if self.blobs.is_empty() {
            return Ok(());
        }
        let documents: BTreeSet<&str> = self.blobs.iter().filter_map(|name| name.split('/').next()).collect();
        let shown: Vec<&str> = documents.iter().take(SHOWN_MAX).copied().collect();
        let message = format!(
            "everything else was made, but {} blobs of {} documents are lost, among them of {}",
            self.blobs.len(),
            documents.len(),
            shown.join(", ")
        );
        Err(Failure::new(Exit::Findings, message))
    }
}
