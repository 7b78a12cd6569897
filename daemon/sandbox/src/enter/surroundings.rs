//! What the process finds around itself: descriptors, environment, parent, library state.

use super::ConfineError;
use nix::{
    errno::Errno,
    sys::{prctl, signal::Signal, stat},
};
use std::{
    collections::hash_map::RandomState,
    hint::black_box,
    io::{Read, stderr, stdin, stdout},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

/// First descriptor that is not one of the three pipes.
const FIRST_OTHER_DESCRIPTOR: libc::c_uint = 3;

/// Whatever the daemon forgot to mark close-on-exec goes before anything else happens.
pub(super) fn close_all_but_stdio() -> Result<(), ConfineError> {
    // SAFETY: no descriptor above 2 is owned by anything yet: this is the first thing the process does,
    // and the arguments are plain integers.
    let closed =
        unsafe { libc::syscall(libc::SYS_close_range, FIRST_OTHER_DESCRIPTOR, libc::c_uint::MAX, 0) };
    Errno::result(closed).map(drop).map_err(ConfineError::at("close_range"))
}

/// A regular file as stderr would kill the worker by SIGXFSZ; a socket or a terminal would be a way out.
pub(super) fn demand_pipes() -> Result<(), ConfineError> {
    [stdin().as_fd(), stdout().as_fd(), stderr().as_fd()].into_iter().try_for_each(demand_pipe)
}

fn demand_pipe(descriptor: BorrowedFd<'_>) -> Result<(), ConfineError> {
    let mode = stat::fstat(descriptor).map_err(ConfineError::at("fstat"))?.st_mode;
    let is_pipe = stat::SFlag::from_bits_truncate(mode & libc::S_IFMT) == stat::SFlag::S_IFIFO;
    if is_pipe { Ok(()) } else { Err(ConfineError::NotAPipe(descriptor.as_raw_fd())) }
}

/// `OMP_THREAD_LIMIT` must be there from the start: libgomp reads it when it is loaded, and without it
/// starts a thread that the filter kills. Anything else could steer the loader, locale or allocator.
pub(super) fn demand_empty_environment() -> Result<(), ConfineError> {
    let mut variables = std::env::vars_os();
    let only = variables.next().is_some_and(|(name, value)| name == "OMP_THREAD_LIMIT" && value == "1");
    if only && variables.next().is_none() { Ok(()) } else { Err(ConfineError::Environment) }
}

/// Should the daemon have died before this call, its end of the pipe is closed and
/// [`wait_until_looked_at`] ends the process instead.
pub(super) fn die_with_the_daemon() -> Result<(), ConfineError> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(ConfineError::at("PDEATHSIG"))
}

/// Makes libraries do now what they would do at first use: after confinement each would be a violation.
pub(super) fn settle_libraries() -> Result<(), ConfineError> {
    // Rust's handler turns itself off with sigaction when a crash is not a stack overflow. Without it a
    // crash ends as a crash.
    for crash in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: SIG_DFL is no handler, so no code of ours runs in signal context.
        if unsafe { libc::signal(crash, libc::SIG_DFL) } == libc::SIG_ERR {
            return Err(ConfineError::at("signal")(Errno::last()));
        }
    }
    // Hash maps take their seed from the kernel, once for each thread.
    black_box(RandomState::new());
    Ok(())
}

/// The daemon opens `/proc/PID/status` while it still may, sets the processor limit, and then sends one
/// byte. Only after that does the process make itself invisible.
pub(super) fn wait_until_looked_at() -> Result<(), ConfineError> {
    super::PipeIn(()).read_exact(&mut [0]).map_err(|_| ConfineError::Abandoned)
}
