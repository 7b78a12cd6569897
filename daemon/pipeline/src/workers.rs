//! Sandboxed workers: a bounded number at work, a few warm ones waiting, each used once.

use crate::{gauges::Gauges, opening::StartError, refusal::Refusal};
use config::Settings;
use sandbox::{Launcher, Worker};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Semaphore;
use types::{Limits, Reason};
use wire::{Fault, FrameError, Job, Kind, Role, encode};

/// Roles kept warm: every role a document needs. Initialising OCR takes 0.1 to 0.9 s.
const WARM_ROLES: [Role; 5] = [Role::Parse, Role::Normalise, Role::Ocr, Role::Redact, Role::Verify];

/// Starts a probe worker and sees it die; nothing is opened without that.
pub(crate) fn prove(settings: &Settings) -> Result<(Launcher, sandbox::Proof), StartError> {
    let launcher =
        Launcher::new(settings.paths.worker.clone(), settings.paths.tessdata.clone(), sandbox::BUILD);
    let proof = sandbox::prove(&launcher)?;
    if !proof.landlock_full && !settings.sandbox.allow_degraded {
        return Err(StartError::Landlock);
    }
    Ok((launcher, proof))
}

/// The pool.
#[derive(Clone)]
pub(crate) struct Workers {
    launcher: Arc<Launcher>,
    slots: Arc<Semaphore>,
    processes: usize,
    warm_max: usize,
    warm: Arc<Mutex<BTreeMap<Role, Vec<Worker>>>>,
    memory_bytes: u64,
    gauges: Arc<Gauges>,
}

impl Workers {
    /// A pool of `processes` busy and `warm_max` waiting workers of each role.
    pub(crate) fn new(launcher: Launcher, processes: usize, warm_max: usize, gauges: Arc<Gauges>) -> Self {
        Self {
            launcher: Arc::new(launcher),
            slots: Arc::new(Semaphore::new(processes)),
            processes,
            warm_max,
            warm: Arc::default(),
            memory_bytes: Limits::default().worker_memory_bytes_max,
            gauges,
        }
    }

    /// Workers that may be busy at once.
    pub(crate) fn processes(&self) -> usize {
        self.processes
    }

    /// The launcher, for proofs.
    pub(crate) fn launcher(&self) -> &Arc<Launcher> {
        &self.launcher
    }

    /// Starts the warm workers in the background; a failure shows when one is needed.
    pub(crate) fn warm_up_later(&self) {
        let pool = self.clone();
        tokio::task::spawn_blocking(move || WARM_ROLES.into_iter().for_each(|role| pool.refill(role)));
    }

    /// Lets the warm ones go.
    pub(crate) fn cool_down(&self) {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Has one worker of this role do one job. `talk` holds the conversation; it runs on a blocking thread.
    pub(crate) async fn with<T, F>(&self, role: Role, limits: Limits, talk: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&mut Worker) -> Result<T, Refusal> + Send + 'static,
    {
        let slot = self
            .slots
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Refusal::NotNow(Reason::WorkerUnavailable))?;
        let pool = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            let mut worker = pool.take(role, limits.worker_memory_bytes_max)?;
            let said = talk(&mut worker);
            let usage = worker.end();
            pool.gauges.worker(role.name(), usage.cpu_ms, usage.peak_rss_bytes);
            drop(slot);
            match usage.fault {
                // Even after its last word: what it said is not used.
                Some(fault @ Fault::SandboxViolation) => Err(Refusal::Worker(fault)),
                _ => said,
            }
        });
        work.await.unwrap_or(Err(Refusal::NotNow(Reason::WorkerUnavailable)))
    }

    fn take(&self, role: Role, memory_bytes: u64) -> Result<Worker, Refusal> {
        let warm = || {
            let mut warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
            let waiting = warm.get_mut(&role)?;
            std::iter::from_fn(|| waiting.pop()).find_map(|worker| worker.is_alive().then_some(worker))
        };
        let worker = if memory_bytes == self.memory_bytes { warm() } else { None };
        if worker.is_some() {
            let pool = self.clone();
            tokio::task::spawn_blocking(move || pool.refill(role));
        }
        worker.map_or_else(|| self.spawn(role, memory_bytes), Ok)
    }

    fn spawn(&self, role: Role, memory_bytes: u64) -> Result<Worker, Refusal> {
        self.launcher.spawn(role, memory_bytes).map_err(|error| {
            tracing::error!(role = role.name(), %error, "no worker could be started");
            Refusal::NotNow(Reason::WorkerUnavailable)
        })
    }

    fn refill(&self, role: Role) {
        while self.warm.lock().unwrap_or_else(PoisonError::into_inner).get(&role).map_or(0, Vec::len)
            < self.warm_max
        {
            let Ok(worker) = self.spawn(role, self.memory_bytes) else { return };
            self.warm.lock().unwrap_or_else(PoisonError::into_inner).entry(role).or_default().push(worker);
        }
    }
}

/// Sends the job.
pub(crate) fn send_job(worker: &mut Worker, job: &Job) -> Result<(), Refusal> {
    Ok(worker.send(Kind::Job, &encode(job)?)?)
}

/// Reads so many bytes of data as the worker announced; its frames are bounded by `Conversation`.
pub(crate) fn read_data(
    worker: &mut Worker,
    bytes: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    worker.conversation().expect_data(bytes);
    while worker.conversation().data_left() > 0 {
        take(&worker.recv()?.payload)?;
    }
    Ok(())
}

/// The frame was not the one that had to come.
pub(crate) fn out_of_turn() -> Refusal {
    Refusal::from(FrameError::Payload)
}
