//! The worker's half: gives up, step by step, everything it will not need.
//!
//! The order is fixed by the types: [`prepare`] before anything else, then the role loads its tools,
//! then [`Prepared::confine`], and only a [`Confined`] process has pipes to talk through. Nothing here
//! trusts the daemon to have started the process well: it looks.

mod door;
mod filter;
mod limits;
mod memory;
mod pipes;
mod privileges;
mod surroundings;

pub use filter::map_executable;
pub use limits::SelfLimits;
pub use pipes::{PipeIn, PipeOut};

use nix::errno::Errno;
use std::io;
use wire::{Enforcement, Role};

/// Why the process may not take a document.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// Standard input, output or error is not a pipe: this is not how the daemon starts a worker.
    #[error("descriptor {0} is not a pipe: the worker is started by lazaretd only")]
    NotAPipe(i32),
    /// The environment holds something that could change what libraries do.
    #[error("the environment must hold OMP_THREAD_LIMIT=1 and nothing else")]
    Environment,
    /// The daemon went away before it looked at this process.
    #[error("the daemon closed the pipe before the document")]
    Abandoned,
    /// The kernel has no landlock, or not enabled.
    #[error("the kernel offers no landlock (ABI 1, Linux 5.13, is the least): boot with lsm=landlock,...")]
    NoLandlock,
    /// The kernel offers landlock but did not enforce it whole.
    #[error("landlock ABI {0} was not fully enforced")]
    Landlock(u32),
    /// The kernel refused the filter.
    #[error("the seccomp filter was refused")]
    Seccomp,
    /// A system call of the preparation failed.
    #[error("{what}: {error}")]
    Kernel {
        /// Which step.
        what: &'static str,
        /// What the kernel said.
        error: io::Error,
    },
}

impl ConfineError {
    fn at(what: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| Self::Kernel { what, error: errno.into() }
    }
}

/// Limits are set, descriptors closed, the daemon's death is ours; files can still be opened.
#[must_use]
pub struct Prepared {
    role: Role,
    without_landlock: bool,
}

/// First step, before anything is loaded.
///
/// # Errors
/// [`ConfineError`] when the process was not started as a worker, or the kernel refuses a limit.
pub fn prepare(role: Role, limits: &SelfLimits) -> Result<Prepared, ConfineError> {
    surroundings::close_all_but_stdio()?;
    surroundings::demand_pipes()?;
    surroundings::demand_empty_environment()?;
    surroundings::die_with_the_daemon()?;
    limits.apply()?;
    memory::keep_to_one_heap()?;
    if matches!(role, Role::Ocr | Role::Verify) {
        memory::must_suffice();
    }
    surroundings::settle_libraries()?;
    Ok(Prepared { role, without_landlock: limits.without_landlock })
}

impl Prepared {
    /// Last step: from here on the process can read one pipe, write two, and use memory.
    ///
    /// # Errors
    /// [`ConfineError`] when any layer could not be enforced; the process must end then.
    pub fn confine(self) -> Result<Confined, ConfineError> {
        surroundings::wait_until_looked_at()?;
        privileges::give_up()?;
        let landlock_abi = door::close(self.without_landlock)?;
        limits::open_no_more_files()?;
        let seccomp = filter::load(self.role)?;
        let enforcement =
            Enforcement { landlock_abi, landlock_full: landlock_abi > 0, no_new_privs: true, seccomp };
        Ok(Confined { enforcement })
    }
}

/// A process that can do no harm.
#[must_use]
pub struct Confined {
    enforcement: Enforcement,
}

impl Confined {
    /// How it is confined.
    #[must_use]
    pub fn enforcement(&self) -> &Enforcement {
        &self.enforcement
    }

    /// Its way to hear, and its way to speak.
    #[must_use]
    pub fn into_pipes(self) -> (PipeIn, PipeOut) {
        (PipeIn(()), PipeOut(()))
    }
}
