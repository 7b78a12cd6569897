//! Puts the rooms together, in the order in which they need each other.

use crate::{clock, journal, notify, signals::Signals};
use anyhow::{Context, bail};
use config::Settings;
use pipeline::{Appliance, Opening, StartError};
use serve::Server;
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::sync::watch;
use vault::MasterKey;

/// First argument of the child that opens the index on trial.
pub(crate) const PROBE_INDEX: &str = "--probe-index";
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
    let master = master_key(&settings)?;
    let policy = pipeline::read_policy(&settings.policy.dir).map_err(|errors| {
        BadSetup(format!("policy in {}: {}", settings.policy.dir.display(), errors.join("; ")))
    })?;
    let (drain, draining) = watch::channel(false);
    let mut drained = draining.clone();
    let opening = Opening {
        settings: settings.clone(),
        policy,
        master,
        clock: clock::now,
        probe_index,
        progress: index_progress,
        draining,
    };
    let appliance = Appliance::open(opening).await?;
    let server = Server::bind(&settings, appliance.clone()).await?;
    if let Some(address) = server.tcp_address() {
        tracing::info!(what = %address, "listening");
    }
    let handle = server.handle();
    let mut stop_serving = drained.clone();
    let mut serving = tokio::spawn(server.run(async move {
        drop(stop_serving.wait_for(|draining| *draining).await);
    }));
    let obeying = tokio::spawn(signals.obey(handle, drain.clone()));
    let feeding = tokio::spawn(notify::watchdog(appliance.clone()));
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

fn master_key(settings: &Settings) -> anyhow::Result<MasterKey> {
    let file = match (&settings.keys.master_key_file, &settings.keys.credential) {
        (Some(file), _) => file.clone(),
        (None, Some(credential)) => {
            let dir = std::env::var_os("CREDENTIALS_DIRECTORY")
                .context("keys.credential is set, but systemd handed over no credentials; see LoadCredentialEncrypted=")?;
            PathBuf::from(dir).join(credential)
        }
        (None, None) => bail!("no master key: set keys.master-key-file or keys.credential"),
    };
    MasterKey::from_file(&file).with_context(|| format!("master key {}", file.display()))
}

/// Says how far the index is, and has systemd wait for it.
fn index_progress(seq: u64, of: u64) {
    /// Between two lines in the journal, records.
    const LINE_EVERY: u64 = 50_000;
    static SAID: AtomicU64 = AtomicU64::new(0);
    notify::starting(&format!("index: {seq} of {of} records"));
    if seq / LINE_EVERY != SAID.swap(seq, Ordering::Relaxed) / LINE_EVERY || seq == of {
        tracing::info!(seq, of, "the index follows the ledger");
    }
}

/// Opens the index in a child process: sled may panic or take all memory.
fn probe_index(dir: &Path) -> bool {
    let child = Command::new("/proc/self/exe")
        .arg(PROBE_INDEX)
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    child.is_ok_and(|status| status.success())
}
