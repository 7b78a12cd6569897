//! Standard input and output of a confined process, unbuffered and unlocked: the worker has one thread.

use std::{
    io::{self, Read, Write, stdin, stdout},
    os::fd::AsFd,
};

/// Descriptor 0.
pub struct PipeIn(pub(super) ());

/// Descriptor 1.
pub struct PipeOut(pub(super) ());

impl Read for PipeIn {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(nix::unistd::read(stdin().as_fd(), buffer)?)
    }
}

impl Write for PipeOut {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(nix::unistd::write(stdout().as_fd(), buffer)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
