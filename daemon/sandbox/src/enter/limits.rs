//! Resource limits: the layer that also holds while a library misbehaves before confinement.

use super::ConfineError;
use nix::sys::resource::{Resource, setrlimit};

/// Descriptors a worker may have while it loads its tools: three pipes, and a data file at a time.
const LOADING_FILES_MAX: u64 = 16;

/// Descriptors after that: the three pipes.
const PIPES: u64 = 3;

/// Stack: the usual 8 MiB. Decoders recurse, and a runaway one should end early.
const STACK_BYTES_MAX: u64 = 8 << 20;

/// What the daemon grants on the command line. Processor time it sets from outside.
#[derive(Clone, Debug)]
pub struct SelfLimits {
    /// Address space.
    pub memory_bytes: u64,
    /// Landlock may be missing: the operator accepted it in writing.
    pub without_landlock: bool,
}

impl SelfLimits {
    pub(super) fn apply(&self) -> Result<(), ConfineError> {
        for (resource, limit) in [
            (Resource::RLIMIT_CORE, 0),
            (Resource::RLIMIT_FSIZE, 0),
            (Resource::RLIMIT_NPROC, 0),
            (Resource::RLIMIT_MEMLOCK, 0),
            (Resource::RLIMIT_MSGQUEUE, 0),
            (Resource::RLIMIT_NOFILE, LOADING_FILES_MAX),
            (Resource::RLIMIT_STACK, STACK_BYTES_MAX),
            (Resource::RLIMIT_AS, self.memory_bytes),
        ] {
            setrlimit(resource, limit, limit).map_err(ConfineError::at("setrlimit"))?;
        }
        Ok(())
    }
}

/// No descriptor beyond the pipes can exist any more, not even by a hole in the filter.
pub(super) fn open_no_more_files() -> Result<(), ConfineError> {
    setrlimit(Resource::RLIMIT_NOFILE, PIPES, PIPES).map_err(ConfineError::at("setrlimit NOFILE"))
}
