//! Senders: some drop files into inboxes, some upload over gRPC, each notes what it may rely on.

use crate::{
    Dice, Load, Promise, Promises, Station,
    station::{SOURCES, UPLOADS},
};
use anyhow::{Context as _, Result, ensure};
use kit::Outcome;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::Duration,
};
use tempfile::TempDir;

/// Pauses of those who drop files, ms.
const DROP_MS: (u64, u64) = (100, 1200);
/// Pauses of those who upload, ms.
const UPLOAD_MS: (u64, u64) = (50, 500);
/// Tries of one upload before it is given up.
const UPLOAD_TRIES_MAX: usize = 200;

/// All senders, at work until they are stopped.
pub struct Senders {
    stop: Arc<AtomicBool>,
    gate: Arc<RwLock<()>>,
    threads: Vec<JoinHandle<()>>,
    _files: TempDir,
}

impl Senders {
    /// One for each inbox, and `uploaders` that upload.
    ///
    /// # Errors
    /// When there is no room for their files.
    pub fn start(
        station: &Station,
        promises: &Promises,
        load: &Arc<Load>,
        dice: &mut Dice,
        uploaders: u32,
        droppers: bool,
    ) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let gate: Arc<RwLock<()>> = Arc::default();
        let files = tempfile::Builder::new().prefix("lazaret-sender-").tempdir()?;
        let mut threads = Vec::new();
        for source in SOURCES.iter().take(if droppers { SOURCES.len() } else { 0 }) {
            let (inbox, promises) = (station.appliance.inbox(source), promises.clone());
            let (load, mut dice) = (load.clone(), dice.split());
            let (stop, gate) = (stop.clone(), gate.clone());
            threads.push(thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let open = gate.read().unwrap_or_else(PoisonError::into_inner);
                    let (name, bytes) = load.next();
                    // A disk that refuses promises nothing.
                    if drop_durably(&inbox, &name, &bytes).is_ok() {
                        let sha256 = kit::sha256_hex(&bytes);
                        promises.note(Promise { source: (*source).to_owned(), sha256, id: None });
                    }
                    drop(open);
                    sleep(dice.ms(DROP_MS.0, DROP_MS.1));
                }
            }));
        }
        for number in 0..uploaders {
            let uploader = Uploader {
                ctl: kit::programs()?.join("lazaretctl"),
                client: station.client(),
                file: files.path().join(number.to_string()),
                promises: promises.clone(),
            };
            let (load, mut dice) = (load.clone(), dice.split());
            let (stop, gate) = (stop.clone(), gate.clone());
            threads.push(thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    uploader.upload(&load.next().1, &stop, &gate);
                    sleep(dice.ms(UPLOAD_MS.0, UPLOAD_MS.1));
                }
            }));
        }
        Ok(Self { stop, gate, threads, _files: files })
    }

    /// Lets every sender finish what it is doing, and keeps them from beginning anything until dropped.
    pub fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends them.
    ///
    /// # Errors
    /// When one of them failed.
    pub fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            ensure!(thread.join().is_ok(), "a sender panicked");
        }
        Ok(())
    }
}

/// Drops a file as a careful sender does: it is durable in the inbox on return.
pub(crate) fn drop_durably(inbox: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let temp = inbox.join(format!(".{name}.part"));
    fs::write(&temp, bytes)?;
    File::open(&temp)?.sync_all()?;
    fs::rename(temp, inbox.join(name))?;
    File::open(inbox)?.sync_all()?;
    Ok(())
}

struct Uploader {
    ctl: PathBuf,
    client: PathBuf,
    file: PathBuf,
    promises: Promises,
}

impl Uploader {
    /// Uploads until the appliance says that it has it.
    fn upload(&self, bytes: &[u8], stop: &AtomicBool, gate: &RwLock<()>) {
        if fs::write(&self.file, bytes).is_err() {
            return;
        }
        for _ in 0..UPLOAD_TRIES_MAX {
            let open = gate.read().unwrap_or_else(PoisonError::into_inner);
            if let Ok(id) = self.once() {
                let sha256 = kit::sha256_hex(bytes);
                self.promises.note(Promise { source: UPLOADS.to_owned(), sha256, id: Some(id) });
                return;
            }
            drop(open);
            if stop.load(Ordering::Relaxed) {
                return;
            }
            sleep(Duration::from_millis(40));
        }
    }

    fn once(&self) -> Result<String> {
        let output = Command::new(&self.ctl)
            .arg("--config")
            .arg(&self.client)
            .args(["submit", "--source", UPLOADS, "-o", "name"])
            .arg(&self.file)
            .stdin(Stdio::null())
            .output()?;
        let outcome = Outcome::from(output);
        ensure!(outcome.code == 0, "{}", outcome.stderr);
        outcome.text().lines().next().map(str::to_owned).context("an id")
    }
}
