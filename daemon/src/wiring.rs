//! Puts the rooms together, in the order in which they need each other.

use crate::{clock, journal, memory, notify, probe, signals::Signals};
use anyhow::{Context, bail};
use config::Settings;
use pipeline::{Appliance, Opening, SealedAppliance, SealedOpening, StartError, Step, Unsealing};
use policy::Policy;
use serve::{Inside, ServeHandle, Server};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::sync::{mpsc, watch};
use vault::MasterKey;

/// sysexits.h: the configuration is wrong.
const EX_CONFIG: u8 = 78;

/// Runs the daemon until it is told to stop.
pub(crate) fn serve(config: &Path) -> ExitCode {
    journal::start();
    let settings = match config::load(config) {
        Ok(settings) => settings,
        Err(errors) => {
            errors.iter().for_each(|error| journal::say(&error.to_string()));
            return ExitCode::from(EX_CONFIG);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            journal::say(&format!("lazaretd: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "lazaretd does not run");
            if is_set_up_wrong(&error) { ExitCode::from(EX_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

/// Would the next start fail in the same way? Then systemd must not try again (RestartPreventExitStatus).
fn is_set_up_wrong(error: &anyhow::Error) -> bool {
    let start = error.downcast_ref::<StartError>();
    error.is::<BadSetup>() || matches!(start, Some(StartError::Sandbox(_) | StartError::Landlock))
}

/// Policy, keys or certificates that a person must correct.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BadSetup(String);

async fn run(settings: Settings) -> anyhow::Result<()> {
    let signals = Signals::catch()?;
    let start = Start::new(settings)?;
    let (drain, draining) = watch::channel(false);
    let mut drained = draining.clone();
    let mut sealed = None;
    let inside = match master_key(&start.settings)? {
        Some(master) => Inside::Open(start.open(master, &draining).await?),
        None => {
            let SealedParts { appliance, asks } = start.open_sealed(&draining).await?;
            sealed = Some(SealedParts { appliance: appliance.clone(), asks });
            Inside::Sealed(appliance)
        }
    };
    let open = if let Inside::Open(appliance) = &inside { Some(appliance.clone()) } else { None };
    let server = Server::bind(&start.settings, inside).await?;
    if let Some(address) = server.tcp_address() {
        tracing::info!(what = %address, "listening");
    }
    let handle = server.handle();
    let mut stop_serving = drained.clone();
    let mut serving = tokio::spawn(server.run(async move {
        drop(stop_serving.wait_for(|draining| *draining).await);
    }));
    let obeying = tokio::spawn(signals.obey(handle.clone(), drain.clone()));
    let open = match (open, sealed) {
        (Some(appliance), _) => Some(appliance),
        (None, Some(sealed)) => tokio::select! {
            opened = wait_sealed(&start, sealed, &handle, draining) => opened?,
            ended = &mut serving => return Ok(ended.context("the doors")??),
        },
        (None, None) => None,
    };
    let Some(appliance) = open else {
        serving.await.context("the doors")??;
        tracing::info!("stopped");
        return Ok(());
    };
    let feeding = tokio::spawn(notify::watchdog({
        let appliance = appliance.clone();
        async move || appliance.is_alive().await
    }));
    let mut working = tokio::spawn({
        let appliance = appliance.clone();
        async move { appliance.work().await }
    });
    notify::ready("ready");
    tracing::info!("ready");
    // Stations or doors that end by themselves end the daemon: half of it must not look alive.
    let (mut worked, mut served) = (None, None);
    tokio::select! {
        _ = drained.wait_for(|draining| *draining) => {}
        ended = &mut working => worked = Some(ended),
        ended = &mut serving => served = Some(ended),
    }
    drain.send_replace(true);
    let worked = match worked {
        Some(ended) => ended,
        None => working.await,
    }
    .context("the stations")?;
    let served = match served {
        Some(ended) => ended,
        None => serving.await,
    }
    .context("the doors")?;
    appliance.close().await;
    feeding.abort();
    obeying.abort();
    worked?;
    served?;
    tracing::info!("stopped");
    Ok(())
}

/// What a start needs, with or without a key at hand.
struct Start {
    settings: Settings,
    clear_swap: bool,
}

/// A sealed appliance, and where it tells that somebody brought the key.
struct SealedParts {
    appliance: SealedAppliance,
    asks: mpsc::Receiver<Unsealing>,
}

impl Start {
    /// Looks after memory before any key is read, and checks the policy.
    fn new(settings: Settings) -> anyhow::Result<Self> {
        memory::never_dump().context("core dumps could not be switched off")?;
        let clear_swap = memory::clear_swap().context("swap could not be looked at")?;
        if let (Some(area), false) = (&clear_swap, settings.keys.allow_swap) {
            let area = area.display();
            return Err(BadSetup(format!("keys could be swapped to {area} in clear: encrypt it, switch it off, set MemorySwapMax=0 in the unit, or set keys.allow-swap")).into());
        }
        let start = Self { settings, clear_swap: clear_swap.is_some() };
        start.policy()?;
        Ok(start)
    }

    fn policy(&self) -> Result<Policy, BadSetup> {
        let dir = &self.settings.policy.dir;
        pipeline::read_policy(dir)
            .map_err(|errors| BadSetup(format!("policy in {}: {}", dir.display(), errors.join("; "))))
    }

    async fn open(&self, master: MasterKey, draining: &watch::Receiver<bool>) -> anyhow::Result<Appliance> {
        let opening = Opening {
            settings: self.settings.clone(),
            policy: self.policy()?,
            master,
            clock: clock::now,
            uptime: clock::uptime(),
            probe_index: probe::survives,
            progress,
            draining: draining.clone(),
            clear_swap: self.clear_swap,
        };
        Ok(Appliance::open(opening).await?)
    }

    async fn open_sealed(&self, draining: &watch::Receiver<bool>) -> anyhow::Result<SealedParts> {
        let (settings, draining) = (self.settings.clone(), draining.clone());
        let opening = SealedOpening { settings, clock: clock::now, progress, draining };
        let (appliance, asks) = SealedAppliance::open(opening).await?;
        Ok(SealedParts { appliance, asks })
    }
}

/// Takes files in until somebody brings the key, then opens the appliance behind the same doors; none
/// when the daemon drains before that.
async fn wait_sealed(
    start: &Start,
    sealed: SealedParts,
    doors: &ServeHandle,
    draining: watch::Receiver<bool>,
) -> anyhow::Result<Option<Appliance>> {
    let SealedParts { appliance: sealed, mut asks } = sealed;
    let feeding = tokio::spawn(notify::watchdog({
        let sealed = sealed.clone();
        async move || sealed.is_alive().await
    }));
    let working = tokio::spawn({
        let sealed = sealed.clone();
        async move { sealed.work().await }
    });
    notify::ready("sealed: run lazaretctl unseal");
    tracing::info!("sealed: files are taken in and none is read until lazaretctl unseal");
    let mut drained = draining.clone();
    let asked = tokio::select! {
        asked = asks.recv() => asked,
        _ = drained.wait_for(|draining| *draining) => None,
    };
    sealed.stop();
    working.await.context("sealed intake")?;
    feeding.abort();
    let Some(Unsealing { master, reply }) = asked else {
        sealed.stopped().await;
        return Ok(None);
    };
    sealed.close();
    notify::starting("opening");
    // Systemd's watchdog runs since the sealed start, and no EXTEND_TIMEOUT_USEC holds it.
    let feeding = tokio::spawn(notify::watchdog(async || notify::gets_on()));
    let opened = start.open(master, &draining).await;
    feeding.abort();
    let appliance = opened?;
    doors.opened(appliance.clone());
    // Whoever asked may be gone; the appliance is open all the same.
    drop(reply.send(Ok(())));
    Ok(Some(appliance))
}

/// None when a person has to bring it.
fn master_key(settings: &Settings) -> anyhow::Result<Option<MasterKey>> {
    let keys = &settings.keys;
    let file = match (&keys.master_key_file, &keys.credential) {
        (Some(file), _) => Some(file.clone()),
        (None, Some(credential)) => match std::env::var_os("CREDENTIALS_DIRECTORY") {
            Some(dir) => Some(PathBuf::from(dir).join(credential)),
            None if keys.sealed_start => None,
            None => bail!(
                "keys.credential is set, but systemd handed over no credentials; see LoadCredentialEncrypted="
            ),
        },
        (None, None) if keys.passphrase => None,
        (None, None) => bail!("no master key: set keys.master-key-file, keys.credential or keys.passphrase"),
    };
    let Some(file) = file else { return Ok(None) };
    if keys.sealed_start && !file.exists() {
        return Ok(None);
    }
    MasterKey::from_file(&file).map(Some).with_context(|| format!("master key {}", file.display()))
}

/// Says how far the opening is, and has systemd wait for it.
fn progress(step: Step) {
    /// Between two lines in the journal, records.
    const LINE_EVERY: u64 = 50_000;
    static SAID: AtomicU64 = AtomicU64::new(0);
    match step {
        Step::Next => notify::starting("opening"),
        Step::Checked(records) => notify::starting(&format!("ledger: {records} records checked")),
        Step::Indexed(seq, of) => {
            notify::starting(&format!("index: {seq} of {of} records"));
            if seq / LINE_EVERY != SAID.swap(seq, Ordering::Relaxed) / LINE_EVERY || seq == of {
                tracing::info!(seq, of, "the index follows the ledger");
            }
        }
    }
}
