//! One confined worker, from its first frame to its reaping. For one document.

use super::{child::Child, launcher::Starter, look::Look, pipes::Pipes, verdict};
use std::{
    io::{self, Write},
    time::{Duration, Instant},
};
use wire::{Conversation, Enforcement, Fault, Frame, FrameError, Hello, Kind, Role};

/// A worker that said its last frame, or closed its pipes, ends within this time or is killed.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(2);

/// What a worker used, and whether it left as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, user and system.
    pub cpu_ms: u64,
    /// Most memory in use at once.
    pub peak_rss_bytes: u64,
    /// What was wrong with it, if anything was, even after its last frame.
    pub fault: Option<Fault>,
}

/// A confined process of one role. It does nothing without [`Worker::allow`]: until then every exchange
/// times out. Dropping it kills and reaps it.
pub struct Worker {
    role: Role,
    child: Child,
    pipes: Pipes,
    look: Look,
    conversation: Conversation,
    enforcement: Enforcement,
    deadline: Instant,
    cpu_seconds: u64,
    fault: Option<Fault>,
    /// The thread that started it: the kernel kills the worker when that ends.
    _starter: Starter,
}

impl Worker {
    /// Takes over a process that was just started, and lets it go on to confine itself.
    pub(super) fn adopt(
        role: Role,
        mut started: std::process::Child,
        grant: Grant,
        starter: Starter,
    ) -> io::Result<Self> {
        let pipes = Pipes::of(&mut started);
        let child = Child::adopt(started)?;
        let look = Look::at(child.pid())?;
        child.limit_cpu(grant.cpu_seconds)?;
        let mut worker = Self {
            role,
            child,
            pipes: pipes?,
            look,
            conversation: Conversation::new(role),
            enforcement: Enforcement {
                landlock_abi: 0,
                landlock_full: false,
                no_new_privs: false,
                seccomp: [0; 32],
            },
            deadline: Instant::now() + grant.wall,
            cpu_seconds: grant.cpu_seconds,
            fault: None,
            _starter: starter,
        };
        // One byte: it was looked at, and may make itself invisible. A worker that is gone is found by the
        // next call.
        worker.pipes.until(worker.deadline).write_all(&[1]).unwrap_or_default();
        Ok(worker)
    }

    /// Waits for the first frame. The time granted for the start ends here.
    pub(super) fn greet(&mut self) -> Result<Hello, Fault> {
        let frame = self.recv()?;
        let hello: Hello = match frame.kind {
            Kind::Hello => wire::decode(&frame.payload).map_err(|_| self.give_up(Fault::Protocol))?,
            _ => return Err(self.give_up(Fault::Protocol)),
        };
        self.enforcement = hello.enforcement.clone();
        self.deadline = Instant::now();
        Ok(hello)
    }

    /// The first thing the kernel does not confirm about its confinement.
    pub(super) fn unconfirmed(&mut self) -> io::Result<Option<&'static str>> {
        self.look.missing()
    }

    /// Exit code of a worker that ended by itself.
    pub(super) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait_until(Instant::now()).ok().flatten().and_then(|end| end.status.code())
    }

    /// The end of its stderr: only before its first job is it sure to hold no PHI.
    pub(super) fn last_words(&mut self) -> Vec<u8> {
        self.pipes.last_words()
    }

    /// What it was started for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// How it is confined: as it said, and as the daemon found confirmed.
    #[must_use]
    pub fn enforcement(&self) -> &Enforcement {
        &self.enforcement
    }

    /// Its process id, for whoever wants to look at it from outside.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid().as_raw().cast_unsigned()
    }

    /// Is the process there still? For a pool of workers that wait.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.fault.is_none() && self.child.is_alive()
    }

    /// Grants time for `pages` more pages, so much for each: processor time and wall-clock time add to
    /// what is left of earlier grants. Says nothing to the [`Conversation`].
    pub fn allow(&mut self, pages: u32, page_cpu_seconds: u32, page_wall_ms: u64) {
        let wall = Duration::from_millis(page_wall_ms.saturating_mul(pages.into()));
        let start = self.deadline.max(Instant::now());
        self.deadline = start.checked_add(wall).unwrap_or(start);
        self.cpu_seconds += u64::from(pages) * u64::from(page_cpu_seconds);
        if self.fault.is_none() && self.child.limit_cpu(self.cpu_seconds).is_err() {
            self.give_up(Fault::Crash);
        }
    }

    /// What it may say next; tell it how many pages and how much data the job asks for.
    pub fn conversation(&mut self) -> &mut Conversation {
        &mut self.conversation
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// How the worker failed; it is dead then, and every later call says the same.
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Fault> {
        self.still_good()?;
        wire::write_frame(&mut self.pipes.until(self.deadline), kind, payload)
            .map_err(|error| self.judge(&error))
    }

    /// Sends data that the frame before announced.
    ///
    /// # Errors
    /// As [`Worker::send`].
    pub fn send_data(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.still_good()?;
        wire::write_data(&mut self.pipes.until(self.deadline), bytes).map_err(|error| self.judge(&error))
    }

    /// Takes the next frame, if it is one that may come now.
    ///
    /// # Errors
    /// As [`Worker::send`].
    pub fn recv(&mut self) -> Result<Frame, Fault> {
        self.still_good()?;
        let frame =
            wire::read_frame(&mut self.pipes.until(self.deadline)).map_err(|error| self.judge(&error))?;
        match self.conversation.admit(frame.kind, frame.payload.len()) {
            Ok(()) => Ok(frame),
            Err(_) => Err(self.give_up(Fault::Protocol)),
        }
    }

    /// Lets it go, or kills it if it does not; also for one that failed.
    #[must_use]
    pub fn end(mut self) -> Usage {
        let peak_rss_bytes = self.look.peak_rss_bytes();
        if self.fault.is_none() {
            self.pipes.close_stdin();
            self.fault = self.leave();
        }
        let Ok(end) = self.child.kill() else {
            return Usage { cpu_ms: 0, peak_rss_bytes: 0, fault: self.fault };
        };
        Usage {
            cpu_ms: end.cpu_ms,
            peak_rss_bytes: peak_rss_bytes.unwrap_or(end.peak_rss_bytes),
            fault: self.fault,
        }
    }

    fn still_good(&self) -> Result<(), Fault> {
        self.fault.map_or(Ok(()), Err)
    }

    /// What a failed exchange says about the worker, which does not survive it.
    fn judge(&mut self, error: &FrameError) -> Fault {
        let fault = match error {
            FrameError::Io(error) if error.kind() == io::ErrorKind::TimedOut => Fault::Timeout,
            FrameError::Closed | FrameError::Io(_) => self.ended().unwrap_or(Fault::Protocol),
            FrameError::Header | FrameError::TooLong { .. } | FrameError::Payload => Fault::Protocol,
        };
        self.give_up(fault)
    }

    /// How it ended, if it did: the pipe is closed, so it should be about to.
    fn ended(&mut self) -> Option<Fault> {
        let end = self.child.wait_until(Instant::now() + LEAVE_TIME_MAX).ok().flatten()?;
        Some(verdict::of(&end, &self.pipes.last_words(), self.cpu_seconds))
    }

    /// After the last frame a worker leaves with exit code 0; anything else is a fault even now.
    fn leave(&mut self) -> Option<Fault> {
        match self.child.wait_until(Instant::now() + LEAVE_TIME_MAX) {
            Ok(Some(end)) if end.status.success() => None,
            Ok(Some(end)) => Some(verdict::of(&end, &self.pipes.last_words(), self.cpu_seconds)),
            Ok(None) | Err(_) => Some(Fault::Timeout),
        }
    }

    fn give_up(&mut self, fault: Fault) -> Fault {
        // Should killing fail, the drop of the child tries again.
        self.child.kill().map(drop).unwrap_or_default();
        self.fault = Some(fault);
        fault
    }
}

/// Time for a start.
#[derive(Clone, Copy)]
pub(super) struct Grant {
    pub(super) cpu_seconds: u64,
    pub(super) wall: Duration,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{path::Path, process::Command, process::Stdio};

    /// A process that is no worker at all, with a start that is over soon.
    fn impostor(script: &str) -> Worker {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let grant = Grant { cpu_seconds: 1, wall: Duration::from_millis(500) };
        Worker::adopt(Role::Ocr, shell.spawn().unwrap(), grant, Starter::new()).unwrap()
    }

    #[test]
    fn every_way_to_fail_is_told_apart() {
        let fault = |script| impostor(script).greet().unwrap_err();
        assert_eq!(fault("exec sleep 60"), Fault::Timeout);
        assert_eq!(fault("exec yes"), Fault::Protocol);
        assert_eq!(fault("exit 0"), Fault::Protocol);
        assert_eq!(fault("exit 70"), Fault::Panic);
        assert_eq!(fault("kill -SYS $$"), Fault::SandboxViolation);
        assert_eq!(fault("kill -SEGV $$"), Fault::Crash);
        assert_eq!(fault("echo memory allocation of 5 bytes failed >&2; kill -ABRT $$"), Fault::Memory);
        assert_eq!(fault("kill -ABRT $$"), Fault::Crash);
    }

    #[test]
    fn processor_time_ends_before_wall_clock_time() {
        let mut worker = impostor("while :; do :; done");
        worker.allow(1, 0, 20_000);
        assert_eq!(worker.greet().unwrap_err(), Fault::Cpu);
    }

    #[test]
    fn no_process_outlives_its_worker_and_a_failed_one_stays_failed() {
        let mut worker = impostor("exec sleep 60");
        let process = format!("/proc/{}", worker.pid());
        assert!(worker.is_alive());
        assert_eq!(worker.recv().err(), Some(Fault::Timeout));
        assert!(!Path::new(&process).exists(), "killed and reaped at the fault");
        assert_eq!(worker.send(Kind::Job, &[]).err(), Some(Fault::Timeout));
        assert_eq!(worker.end().fault, Some(Fault::Timeout));

        let worker = impostor("exec sleep 60");
        let process = format!("/proc/{}", worker.pid());
        drop(worker);
        assert!(!Path::new(&process).exists(), "killed and reaped on drop");
    }

    #[test]
    fn a_worker_that_does_not_leave_is_ended_and_counted() {
        let usage = impostor("exec sleep 60").end();
        assert_eq!(usage.fault, Some(Fault::Timeout));
        assert!(usage.peak_rss_bytes > 0);
    }
}
