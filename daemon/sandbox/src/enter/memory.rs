//! What happens when memory runs out in a worker that reads: it ends, and its exit code says why.
//!
//! Leptonica goes on without the memory it was refused and finds fewer words, or none: identifiers would
//! stay unread and unredacted, and nobody would know. Tesseract throws through its C interface, and half
//! built objects are freed twice. So the C allocator, which every library of the process uses, is wrapped:
//! once armed, an allocation succeeds or the process is over. Unarmed (in roles that only run Rust
//! decoders, which may ask for too much and recover, and in the daemon) it is glibc's, unchanged.

use super::ConfineError;
use crate::{Exit, end};
use nix::errno::Errno;
use std::{
    ffi::c_void,
    sync::atomic::{AtomicBool, Ordering},
};

/// `mallopt` parameter: number of heaps (glibc `malloc.h`).
const M_ARENA_MAX: libc::c_int = -8;

static FATAL: AtomicBool = AtomicBool::new(false);

/// From here on a refused allocation ends the process.
pub(super) fn must_suffice() {
    FATAL.store(true, Ordering::Relaxed);
}

/// A second heap, opened when the first cannot grow, needs `mprotect` and the number of processors.
pub(super) fn keep_to_one_heap() -> Result<(), ConfineError> {
    // SAFETY: plain integers; the process has one thread and no allocation in progress.
    match unsafe { libc::mallopt(M_ARENA_MAX, 1) } {
        0 => Err(ConfineError::at("mallopt")(Errno::EINVAL)),
        _ => Ok(()),
    }
}

fn granted(memory: *mut c_void, bytes: usize) -> *mut c_void {
    if memory.is_null() && bytes > 0 && FATAL.load(Ordering::Relaxed) {
        end(Exit::Memory);
    }
    memory
}

// glibc's own allocator, under the names it keeps for wrappers.
// SAFETY: the signatures are those of malloc(3), calloc(3) and realloc(3).
unsafe extern "C" {
    fn __libc_malloc(bytes: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, bytes: usize) -> *mut c_void;
    fn __libc_realloc(memory: *mut c_void, bytes: usize) -> *mut c_void;
}

// SAFETY: a program may bring its own `malloc`; this one keeps glibc's promises, being glibc's. Memory
// from it is freed by glibc's `free`.
#[unsafe(no_mangle)]
extern "C" fn malloc(bytes: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    granted(unsafe { __libc_malloc(bytes) }, bytes)
}

// SAFETY: as `malloc`.
#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, bytes: usize) -> *mut c_void {
    // SAFETY: any size may be asked for; glibc checks the product.
    granted(unsafe { __libc_calloc(count, bytes) }, count.saturating_mul(bytes))
}

/// # Safety
/// As realloc(3): `memory` is null or from this allocator, and not freed.
// SAFETY: as `malloc`.
#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(memory: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise is passed on.
    granted(unsafe { __libc_realloc(memory, bytes) }, bytes)
}
