//! What a sender may rely on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One file that must never be lost again.
#[derive(Clone, Debug)]
pub struct Promise {
    /// Its source.
    pub source: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// The id that the appliance gave for it; none for a file that lies in an inbox, durably.
    pub id: Option<String>,
}

/// All promises so far, shared by the senders.
#[derive(Clone, Default)]
pub struct Promises(Arc<Mutex<Vec<Promise>>>);

impl Promises {
    /// Notes one.
    pub fn note(&self, promise: Promise) {
        self.lock().push(promise);
    }

    /// What was promised until now.
    #[must_use]
    pub fn so_far(&self) -> Vec<Promise> {
        self.lock().clone()
    }

    /// Goes on from an earlier moment: what came later was lost by right, for example with the power.
    pub fn go_back_to(&self, then: &[Promise]) {
        *self.lock() = then.to_vec();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Promise>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
