//! One child process: killed and reaped whatever happens, and what it used.

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io, mem,
    os::{
        fd::{AsFd, FromRawFd, OwnedFd, RawFd},
        unix::process::ExitStatusExt,
    },
    process::ExitStatus,
    time::{Duration, Instant},
};

/// How a process ended, and what it used until then.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) status: ExitStatus,
    pub(super) cpu_ms: u64,
    /// Includes what the daemon had when it started the process: the kernel counts across exec.
    pub(super) peak_rss_bytes: u64,
}

/// A child nobody else waits for. Dropping it kills and reaps it.
pub(super) struct Child {
    pid: Pid,
    /// Becomes readable when the process ends.
    ended: OwnedFd,
    end: Option<End>,
}

impl Child {
    /// Takes over a process that was just started; a process that cannot be watched is killed.
    pub(super) fn adopt(mut started: std::process::Child) -> io::Result<Self> {
        let pid = Pid::from_raw(started.id().cast_signed());
        match pidfd_open(pid) {
            Ok(ended) => Ok(Self { pid, ended, end: None }),
            Err(errno) => {
                started.kill()?;
                started.wait()?;
                Err(errno.into())
            }
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Grants processor time in all, in whole seconds; the kernel sends SIGXCPU when it is used up.
    pub(super) fn limit_cpu(&self, seconds: u64) -> io::Result<()> {
        // SAFETY: `rlimit` is two integers, for which zero is a value.
        let mut limit: libc::rlimit = unsafe { mem::zeroed() };
        // SAFETY: the new limit is null, so the kernel only writes the old one, into a live value. The pid is
        // a child not yet reaped, so it is still that process.
        Errno::result(unsafe {
            libc::prlimit(self.pid.as_raw(), libc::RLIMIT_CPU, std::ptr::null(), &raw mut limit)
        })?;
        limit.rlim_cur = seconds.min(limit.rlim_max);
        // SAFETY: the kernel reads a live value and writes nothing.
        Errno::result(unsafe {
            libc::prlimit(self.pid.as_raw(), libc::RLIMIT_CPU, &raw const limit, std::ptr::null_mut())
        })?;
        Ok(())
    }

    /// Waits until `deadline` for the process to end by itself.
    pub(super) fn wait_until(&mut self, deadline: Instant) -> io::Result<Option<End>> {
        if self.end.is_none() && self.has_ended_by(deadline)? {
            self.end = Some(reap(self.pid)?);
        }
        Ok(self.end)
    }

    /// Is it running still?
    pub(super) fn is_alive(&self) -> bool {
        self.end.is_none() && matches!(self.has_ended_by(Instant::now()), Ok(false))
    }

    /// Ends it now, if it has not ended.
    pub(super) fn kill(&mut self) -> io::Result<End> {
        if let Some(end) = self.end {
            return Ok(end);
        }
        kill(self.pid, Signal::SIGKILL)?;
        let end = reap(self.pid)?;
        self.end = Some(end);
        Ok(end)
    }

    fn has_ended_by(&self, deadline: Instant) -> io::Result<bool> {
        loop {
            let mut fds = [PollFd::new(self.ended.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, time_left(deadline)) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Only a process that somebody else reaped could fail here, and then there is nothing left to end.
        self.kill().map(drop).unwrap_or_default();
    }
}

/// Time until a deadline for `poll`, rounded up so that waking is never early.
pub(super) fn time_left(deadline: Instant) -> PollTimeout {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return PollTimeout::ZERO;
    }
    PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
}

fn pidfd_open(pid: Pid) -> nix::Result<OwnedFd> {
    // SAFETY: takes two integers.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
    // SAFETY: the kernel has just opened this descriptor for us (it fits an int) and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

fn reap(pid: Pid) -> io::Result<End> {
    let mut status = 0;
    // SAFETY: `rusage` is made of integers, for which zero is a value.
    let mut used: libc::rusage = unsafe { mem::zeroed() };
    loop {
        // SAFETY: the kernel writes into two live values; the pid is our own child, reaped nowhere else.
        match Errno::result(unsafe { libc::wait4(pid.as_raw(), &raw mut status, 0, &raw mut used) }) {
            Ok(_) => break,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(End {
        status: ExitStatus::from_raw(status),
        cpu_ms: ms(used.ru_utime) + ms(used.ru_stime),
        peak_rss_bytes: u64::try_from(used.ru_maxrss).unwrap_or_default() << 10,
    })
}

fn ms(time: libc::timeval) -> u64 {
    let part = |value: i64| u64::try_from(value).unwrap_or_default();
    part(time.tv_sec) * 1000 + part(time.tv_usec) / 1000
}
