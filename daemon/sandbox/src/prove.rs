//! Shows at start that the confinement holds on this very kernel, by an attempt that must be fatal.

use crate::{LaunchError, Launcher, Worker, digest_of};
use types::Digest;
use wire::{Done, Fault, FrameError, Job, Kind, ProbeAction, Role, decode, encode};

/// Address space of a probe: the libraries that the worker program is linked with, and some room.
const PROBE_MEMORY_BYTES: u64 = 1 << 30;

/// Seconds for a probe, of processor and of wall clock: it does one thing.
const PROBE_SECONDS: u32 = 10;

/// What was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Landlock ABI in force; 0 only where the operator accepted that.
    pub landlock_abi: u32,
    /// Every right of that ABI is denied.
    pub landlock_full: bool,
    /// Digest of the probe's seccomp program.
    pub seccomp: Digest,
}

/// Why the confinement was not shown to hold. The daemon must not take documents.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// No probe could be started.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// A forbidden attempt was not punished.
    #[error("a probe that tried {tried:?} must die by SIGSYS, but {found}: the sandbox does not hold")]
    Unpunished {
        /// What it tried.
        tried: ProbeAction,
        /// What happened instead.
        found: Found,
    },
    /// A harmless probe did not answer.
    #[error("a probe that tried nothing forbidden must answer, but {0}")]
    Mute(Found),
    /// The order could not be written down.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It answered that it had done as told.
    Answered,
    /// It failed in this way.
    Failed(Fault),
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answered => f.write_str("it answered"),
            Self::Failed(fault) => write!(f, "it ended with {fault:?}"),
        }
    }
}

/// A probe that opens a file must die by SIGSYS; one that does nothing must answer, else the first could
/// have died of anything.
///
/// # Errors
/// [`ProveError`]: refuse to run.
pub fn prove(launcher: &Launcher) -> Result<Proof, ProveError> {
    let tried = ProbeAction::Open;
    match attempt(&mut probe(launcher)?, tried)? {
        Found::Failed(Fault::SandboxViolation) => {}
        found => return Err(ProveError::Unpunished { tried, found }),
    }
    let mut harmless = probe(launcher)?;
    match attempt(&mut harmless, ProbeAction::Nothing)? {
        Found::Answered => {}
        found @ Found::Failed(_) => return Err(ProveError::Mute(found)),
    }
    let enforcement = harmless.enforcement();
    Ok(Proof {
        landlock_abi: enforcement.landlock_abi,
        landlock_full: enforcement.landlock_full,
        seccomp: digest_of(Role::Probe),
    })
}

fn probe(launcher: &Launcher) -> Result<Worker, LaunchError> {
    let mut worker = launcher.spawn(Role::Probe, PROBE_MEMORY_BYTES)?;
    worker.allow(1, PROBE_SECONDS, u64::from(PROBE_SECONDS) * 1000);
    Ok(worker)
}

fn attempt(worker: &mut Worker, action: ProbeAction) -> Result<Found, FrameError> {
    let order = encode(&Job::Probe(action))?;
    let answer = worker.send(Kind::Job, &order).and_then(|()| worker.recv());
    Ok(match answer {
        Ok(frame) if frame.kind == Kind::Done && matches!(decode(&frame.payload), Ok(Done::Probed)) => {
            Found::Answered
        }
        Ok(_) => Found::Failed(Fault::Protocol),
        Err(fault) => Found::Failed(fault),
    })
}
