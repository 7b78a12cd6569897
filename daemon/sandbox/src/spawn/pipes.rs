//! The daemon's ends of a worker's three pipes. Never blocks past a deadline, in either direction, and
//! never deadlocks with a worker that speaks while it is spoken to.

use super::child::time_left;
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, poll},
};
use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    os::fd::AsFd,
    process::{ChildStderr, ChildStdin, ChildStdout},
    time::Instant,
};

/// Room in a pipe: a page's px in a dozen steps instead of a hundred. The kernel's default where refused.
const PIPE_BYTES: i32 = 512 << 10;

/// Bytes of results kept while the worker takes data: more than its largest frame. Beyond that it has to
/// wait for us to listen, and if it does not listen either, for the deadline.
const INBOUND_BYTES_MAX: usize = 20 << 20;

/// Bytes of stderr kept: enough for the last words of an allocator. All else is read and dropped.
const LAST_WORDS_BYTES: usize = 512;

/// Reads of stderr at a time: what a pipe holds. Then the deadline is looked at again.
const DRAIN_SIPS_MAX: usize = 128;

/// Bytes of results read at a time while the worker takes data.
const SIP_BYTES: usize = 64 << 10;

pub(super) struct Pipes {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    /// Results that came while data was being sent.
    inbound: VecDeque<u8>,
    last_words: VecDeque<u8>,
}

/// What the caller waits for.
#[derive(Clone, Copy, PartialEq)]
enum Want {
    Room,
    Bytes,
}

impl Pipes {
    /// Takes the pipes out of a child that was started with all three.
    pub(super) fn of(child: &mut std::process::Child) -> io::Result<Self> {
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        never_block(&stdin)?;
        never_block(&stdout)?;
        never_block(&stderr)?;
        make_roomy(&stdin);
        make_roomy(&stdout);
        Ok(Self {
            stdin: Some(stdin),
            stdout: Some(stdout),
            stderr: Some(stderr),
            inbound: VecDeque::new(),
            last_words: VecDeque::new(),
        })
    }

    /// Both directions, until a deadline.
    pub(super) fn until(&mut self, deadline: Instant) -> Timed<'_> {
        Timed { pipes: self, deadline }
    }

    /// Tells the worker that nothing more will come.
    pub(super) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The end of what the worker wrote on stderr, once it has ended. May hold PHI after the first job.
    pub(super) fn last_words(&mut self) -> Vec<u8> {
        self.drain_stderr();
        self.last_words.iter().copied().collect()
    }

    /// Waits for what the caller wants; meanwhile takes what the worker says so that it is never stuck.
    fn wait(&mut self, want: Want, deadline: Instant) -> io::Result<()> {
        let listen = want == Want::Bytes || self.inbound.len() < INBOUND_BYTES_MAX;
        let stdin = self.stdin.as_ref().filter(|_| want == Want::Room);
        let stdout = self.stdout.as_ref().filter(|_| listen);
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(3);
        fds.extend(stdin.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLOUT)));
        fds.extend(stdout.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        fds.extend(self.stderr.as_ref().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        match poll(&mut fds, time_left(deadline)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        self.drain_stderr();
        if want == Want::Room && listen {
            self.sip_stdout();
        }
        // A worker that feeds stderr without pause must not hold the deadline off.
        if Instant::now() >= deadline { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    fn drain_stderr(&mut self) {
        let mut sip = [0; LAST_WORDS_BYTES];
        for _ in 0..DRAIN_SIPS_MAX {
            let Some(pipe) = &mut self.stderr else { return };
            match pipe.read(&mut sip) {
                Ok(0) => self.stderr = None,
                Ok(n) => {
                    self.last_words.extend(&sip[..n]);
                    let excess = self.last_words.len().saturating_sub(LAST_WORDS_BYTES);
                    self.last_words.drain(..excess);
                    if n < sip.len() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    }

    fn sip_stdout(&mut self) {
        let mut sip = vec![0; SIP_BYTES];
        if let Some(pipe) = &mut self.stdout {
            match pipe.read(&mut sip) {
                Ok(0) => self.stdout = None,
                Ok(n) => self.inbound.extend(&sip[..n]),
                Err(_) => {}
            }
        }
    }
}

/// A worker's pipes with a deadline: [`io::ErrorKind::TimedOut`] when it passes.
pub(super) struct Timed<'a> {
    pipes: &'a mut Pipes,
    deadline: Instant,
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.pipes.inbound.is_empty() {
            return self.pipes.inbound.read(buffer);
        }
        loop {
            let Some(pipe) = &mut self.pipes.stdout else { return Ok(0) };
            match pipe.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.pipes.wait(Want::Bytes, self.deadline)?;
                }
                other => return other,
            }
        }
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        loop {
            let Some(pipe) = &mut self.pipes.stdin else { return Err(io::ErrorKind::BrokenPipe.into()) };
            match pipe.write(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.pipes.wait(Want::Room, self.deadline)?;
                }
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn never_block(pipe: &impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(pipe, FcntlArg::F_GETFL)?);
    fcntl(pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// An unprivileged user has a budget of pipe memory; a smaller pipe is only slower.
fn make_roomy(pipe: &impl AsFd) {
    fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES)).map(drop).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{process::Command, process::Stdio, time::Duration};

    fn shell(script: &str) -> (std::process::Child, Pipes) {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = shell.spawn().unwrap();
        let pipes = Pipes::of(&mut child).unwrap();
        (child, pipes)
    }

    fn stop(mut child: std::process::Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(300)
    }

    #[test]
    fn a_worker_that_answers_while_it_is_spoken_to_is_not_stuck() {
        let (child, mut pipes) = shell("cat");
        let much: Vec<u8> = (0..5_000_000_u32).map(|n| n as u8).collect();
        let later = Instant::now() + Duration::from_secs(20);
        pipes.until(later).write_all(&much).unwrap();
        pipes.close_stdin();
        let mut back = Vec::new();
        pipes.until(later).read_to_end(&mut back).unwrap();
        assert!(back == much, "what came back differs");
        stop(child);
    }

    #[test]
    fn a_worker_that_does_not_listen_cannot_hold_the_daemon() {
        let (child, mut pipes) = shell("exec sleep 60");
        let error = pipes.until(soon()).write_all(&vec![0; 4 << 20]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        stop(child);
    }

    #[test]
    fn a_worker_that_complains_without_end_cannot_hold_the_daemon() {
        let (child, mut pipes) = shell("yes complaint >&2; :");
        let error = pipes.until(soon()).read_exact(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        stop(child);
        assert!(pipes.last_words().len() <= LAST_WORDS_BYTES);
    }
}
