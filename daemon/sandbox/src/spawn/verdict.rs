//! From the way a worker ended to the fault that a document's record carries.

use super::child::End;
use crate::Exit;
use std::os::unix::process::ExitStatusExt;
use wire::Fault;

/// What Rust's allocator says before it aborts. Everything else that aborts (an assertion of Tesseract, a
/// heap that glibc found damaged) is a crash.
const OUT_OF_MEMORY: &[u8] = b"memory allocation of ";

/// Why a worker that was not killed by us is gone without an answer.
pub(super) fn of(end: &End, last_words: &[u8], cpu_seconds_granted: u64) -> Fault {
    match (end.status.signal(), end.status.code()) {
        (Some(libc::SIGSYS), _) => Fault::SandboxViolation,
        (Some(libc::SIGXCPU), _) => Fault::Cpu,
        (Some(libc::SIGABRT), _) if says_out_of_memory(last_words) => Fault::Memory,
        // Nobody but us and the kernel kills a worker: it is past its time, or the machine is out of memory.
        (Some(libc::SIGKILL), _) if end.cpu_ms >= cpu_seconds_granted * 1000 => Fault::Cpu,
        (Some(libc::SIGKILL), _) => Fault::Memory,
        (Some(_), _) => Fault::Crash,
        (None, Some(code)) if code == Exit::Panic as i32 => Fault::Panic,
        (None, Some(code)) if code == Exit::Memory as i32 => Fault::Memory,
        // It ended by its own will, but without the last frame.
        (None, Some(code)) if code == Exit::Done as i32 || code == Exit::Pipe as i32 => Fault::Protocol,
        (None, _) => Fault::Crash,
    }
}

fn says_out_of_memory(last_words: &[u8]) -> bool {
    last_words.windows(OUT_OF_MEMORY.len()).any(|window| window == OUT_OF_MEMORY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::ExitStatus;

    /// A second granted, half of it used.
    fn fault(raw_status: i32, last_words: &[u8]) -> Fault {
        let end = End { status: ExitStatus::from_raw(raw_status), cpu_ms: 500, peak_rss_bytes: 0 };
        of(&end, last_words, 1)
    }

    #[test]
    fn every_way_to_end_has_its_fault() {
        assert_eq!(fault(libc::SIGSYS, b""), Fault::SandboxViolation);
        assert_eq!(fault(libc::SIGXCPU, b""), Fault::Cpu);
        assert_eq!(fault(libc::SIGSEGV, b""), Fault::Crash);
        assert_eq!(fault(libc::SIGKILL, b""), Fault::Memory);
        assert_eq!(fault(70 << 8, b""), Fault::Panic);
        assert_eq!(fault(71 << 8, b""), Fault::Memory);
        assert_eq!(fault(72 << 8, b""), Fault::Protocol);
        assert_eq!(fault(0, b""), Fault::Protocol);
        assert_eq!(fault(3 << 8, b""), Fault::Crash);
    }

    #[test]
    fn an_abort_is_a_lack_of_memory_only_when_the_allocator_says_so() {
        assert_eq!(fault(libc::SIGABRT, b"memory allocation of 16777216 bytes failed\n"), Fault::Memory);
        assert_eq!(fault(libc::SIGABRT, b"free(): invalid pointer\n"), Fault::Crash);
    }
}
