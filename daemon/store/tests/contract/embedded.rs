//! The engine that ships, on a real disk.

use crate::Site;
use ledger::Ledger;
use std::{mem, path::Path, time::Duration};
use store::{Contract, Embedded, Store, StoreError};
use tempfile::TempDir;

/// Looks at an index before it is called damaged.
const PROBES_MAX: u32 = 500;

pub(crate) struct OnDisk {
    home: TempDir,
    engine: Option<Embedded>,
}

impl OnDisk {
    fn open(&mut self) {
        let (ledger_dir, index_dir) = (self.home.path().join("ledger"), self.home.path().join("index"));
        let (ledger, _) = Ledger::open(&ledger_dir).unwrap();
        // sled's threads let go of its file a moment after the handle is gone; a probe that comes too early would
        // set a sound index aside.
        let probe = |dir: &Path| {
            (0..PROBES_MAX).any(|_| {
                let sound = Store::probe_open(dir).is_ok();
                std::thread::sleep(Duration::from_millis(2));
                sound
            })
        };
        let store = loop {
            match Store::open(&index_dir, &ledger_dir, probe) {
                Ok((store, _)) => break store,
                Err(StoreError::InUse { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        };
        self.engine = Some(Embedded::new(ledger, store));
    }
}

impl Site for OnDisk {
    fn new() -> Self {
        let mut site = Self { home: tempfile::tempdir().unwrap(), engine: None };
        site.open();
        site
    }

    fn engine(&self) -> &dyn Contract {
        self.engine.as_ref().unwrap()
    }

    fn crash(&mut self) {
        // Without settling: what sled has not written is replayed from the ledger.
        drop(mem::take(&mut self.engine));
        self.open();
    }
}
