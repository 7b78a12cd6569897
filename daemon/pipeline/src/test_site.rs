//! What tests of the writer and of journals stand on: a real vault, ledger, index and book in a folder of their own.
#![allow(clippy::unwrap_used)]

use crate::{
    arriving::Arriving,
    book::Book,
    certificate::Certifier,
    clockwatch::{ClockWatch, Uptime},
    latch::Latch,
};
use ::store::{Contract, Embedded, Store};
use ledger::Ledger;
use std::{path::Path, sync::Arc};
use tempfile::TempDir;
use types::UnixMillis;
use vault::{MasterKey, Vault};

/// A new vault in `dir/vault`.
pub(crate) fn vault_in(dir: &Path, clock: fn() -> UnixMillis) -> Vault {
    let (dir, master) = (dir.join("vault"), MasterKey::from_bytes(&[7; 32]).unwrap());
    Vault::create(&dir, &master, clock).unwrap();
    Vault::open(&dir, &master, clock).unwrap()
}

/// A writer and all that it writes to.
pub(crate) struct Written {
    _root: TempDir,
    pub(crate) vault: Arc<Vault>,
    pub(crate) store: Arc<dyn Contract>,
    pub(crate) latch: Arc<Latch>,
    pub(crate) arriving: Arriving,
    pub(crate) book: Book,
}

impl Written {
    /// Starts the writer; needs a runtime.
    pub(crate) fn new(clock: fn() -> UnixMillis) -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = |name: &str| root.path().join(name);
        let vault = Arc::new(vault_in(root.path(), clock));
        let (ledger, _) = Ledger::open(&dir("ledger")).unwrap();
        let (index, _) = Store::open(&dir("index"), &dir("ledger"), |_| true).unwrap();
        let store: Arc<dyn Contract> = Arc::new(Embedded::new(ledger, index));
        let certifier = Certifier { site: "test".parse().unwrap(), backups_ms: 0 };
        let uptime = Uptime { boot: None, now_ms: || 0 };
        let clock = Arc::new(ClockWatch::open(root.path(), clock, uptime, None).unwrap());
        let (latch, arriving) = (Arc::new(Latch::default()), Arriving::default());
        let (kept, keys) = (store.clone(), vault.clone());
        let book = Book::open(kept, keys, certifier, latch.clone(), arriving.clone(), clock).unwrap();
        Self { _root: root, vault, store, latch, arriving, book }
    }
}
