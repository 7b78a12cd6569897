//! The worker's side of the conversation: takes the job and its data, gives results.
//!
//! It can only be made from a process that is already confined. It decides nothing: the order of
//! frames is the roles' business and the daemon checks it.

use sandbox::{Confined, PipeIn, PipeOut};
use serde::Serialize;
use std::{
    convert::Infallible,
    io::{BufReader, BufWriter, Write},
};
use types::Reason;
use wire::{
    Done, FrameError, Hello, Job, Kind, PageJob, PageResult, Refusal, read_frame, write_data, write_frame,
};

/// Bytes held back in each direction: as much as a pipe takes at once.
const BUFFER_BYTES: usize = 64 << 10;

/// Most bytes reserved on the word of an announcement; what really comes decides the rest.
const RESERVE_BYTES_MAX: u64 = 4 << 20;

/// Why a role ended without its result.
pub(crate) enum Stop {
    /// The document cannot be handled; the daemon learns why.
    Refuse(Reason),
    /// The daemon cannot be talked to any more, or has no more to say.
    Pipe(FrameError),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Refuse(reason)
    }
}

impl From<FrameError> for Stop {
    fn from(error: FrameError) -> Self {
        Self::Pipe(error)
    }
}

/// The confined stdin and stdout of this process.
pub(crate) struct Talk {
    input: BufReader<PipeIn>,
    output: BufWriter<PipeOut>,
}

impl Talk {
    /// Takes over the pipes of a confined process.
    pub(crate) fn new(confined: Confined) -> Self {
        let (input, output) = confined.into_pipes();
        Self {
            input: BufReader::with_capacity(BUFFER_BYTES, input),
            output: BufWriter::with_capacity(BUFFER_BYTES, output),
        }
    }

    /// The first frame, once.
    pub(crate) fn hello(&mut self, hello: &Hello) -> Result<(), Stop> {
        self.say(Kind::Hello, hello)
    }

    /// Waits for the job.
    pub(crate) fn job(&mut self) -> Result<Job, Stop> {
        Ok(wire::decode(&self.hear(Kind::Job)?)?)
    }

    /// Waits for the next page of the job.
    pub(crate) fn page_job(&mut self) -> Result<PageJob, Stop> {
        Ok(wire::decode(&self.hear(Kind::PageJob)?)?)
    }

    /// Takes data frames until exactly `bytes` have come; memory grows with what arrives.
    pub(crate) fn data(&mut self, bytes: u64) -> Result<Vec<u8>, Stop> {
        let reserve = usize::try_from(bytes.min(RESERVE_BYTES_MAX)).unwrap_or_default();
        let mut data = Vec::with_capacity(reserve);
        while (data.len() as u64) < bytes {
            let chunk = self.hear(Kind::Data)?;
            let total = data.len() as u64 + chunk.len() as u64;
            if chunk.is_empty() || total > bytes {
                return Err(FrameError::Payload.into());
            }
            data.extend_from_slice(&chunk);
        }
        Ok(data)
    }

    /// Gives one page's result.
    pub(crate) fn page(&mut self, result: &PageResult) -> Result<(), Stop> {
        self.say(Kind::PageResult, result)
    }

    /// Gives the data that the frame before announced.
    pub(crate) fn send_data(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        write_data(&mut self.output, bytes)?;
        self.flush()
    }

    /// Says that the job is done.
    pub(crate) fn done(&mut self, done: &Done) -> Result<(), Stop> {
        self.say(Kind::Done, done)
    }

    /// Says that the document is refused, and why.
    pub(crate) fn refuse(&mut self, reason: Reason) -> Result<(), Stop> {
        self.say(Kind::Refusal, &Refusal { reason })
    }

    /// Waits for the daemon to close the pipe, so that it can look at what this process used. What still
    /// comes was sent before it heard the last frame, and is dropped.
    pub(crate) fn until_dismissed(&mut self) -> Result<Infallible, Stop> {
        loop {
            drop(read_frame(&mut self.input)?);
        }
    }

    fn say<T: Serialize>(&mut self, kind: Kind, message: &T) -> Result<(), Stop> {
        write_frame(&mut self.output, kind, &wire::encode(message)?)?;
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Stop> {
        self.output.flush().map_err(|error| Stop::Pipe(error.into()))
    }

    /// The payload of the next frame, which must be of this kind.
    fn hear(&mut self, kind: Kind) -> Result<Vec<u8>, Stop> {
        let frame = read_frame(&mut self.input)?;
        if frame.kind == kind { Ok(frame.payload) } else { Err(FrameError::Header.into()) }
    }
}
