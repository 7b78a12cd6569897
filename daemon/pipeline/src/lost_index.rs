//! An index that can no longer be used: sled keeps the first error of its writer for ever. Only a start, which
//! makes the index anew from the ledger, helps; so the process ends at once and is started again, instead of
//! letting documents wait for a person.

use ::store::StoreError;

/// Ends the process when only a new index helps.
pub(crate) fn stop_if_lost(error: &StoreError) {
    if error.is_cured_by_a_rebuild() {
        tracing::error!(%error, "the index is lost; stopping, the next start makes it anew");
        std::process::abort();
    }
}
