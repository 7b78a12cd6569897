//! How a worker ends when it ends by itself: the codes are the last thing the daemon hears.

/// Exit codes of the worker, shared by both halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The job was done, or the document refused with a reason.
    Done = 0,
    /// The command line is not one the daemon writes.
    Usage = 64,
    /// A panic. Its message may quote the document and is not written.
    Panic = 70,
    /// Memory ran out while reading. Other roles abort with a message of Rust's allocator instead.
    Memory = 71,
    /// The pipe failed or the daemon spoke out of turn.
    Pipe = 72,
    /// The process could not be prepared or confined, so it took no document.
    CannotConfine = 78,
}

/// Ends the process at once: no destructor, no `atexit` handler (Tesseract's complain, and call what the
/// profile forbids).
pub fn end(exit: Exit) -> ! {
    // SAFETY: `_exit` takes any integer, touches no memory of ours and does not return.
    unsafe { libc::_exit(i32::from(exit as u8)) }
}
