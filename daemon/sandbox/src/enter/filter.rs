//! Seccomp: the last step, after which the process can do what its profile lists and nothing else.

use super::ConfineError;
use crate::profile;
use nix::sys::mman;
use std::{ffi::c_void, num::NonZeroUsize, ptr::NonNull};
use wire::Role;

/// One page: enough to see whether executable memory can be had.
const PAGE_BYTES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// Loads the role's filter and says which one it was.
pub(super) fn load(role: Role) -> Result<[u8; 32], ConfineError> {
    let profile = profile::of(role);
    let program = profile.program_for(std::process::id());
    seccompiler::apply_filter(&program).map_err(|_| ConfineError::Seccomp)?;
    Ok(profile.sha256)
}

/// Asks for memory that can be written and executed, as injected code would. For the probe role: no
/// process that is confined gets past this call.
///
/// # Errors
/// The kernel's, in a process that is not confined.
pub fn map_executable() -> nix::Result<NonNull<c_void>> {
    let protection = mman::ProtFlags::PROT_READ | mman::ProtFlags::PROT_WRITE | mman::ProtFlags::PROT_EXEC;
    // SAFETY: a fresh private mapping at an address the kernel chooses overlaps nothing; nobody uses it.
    unsafe { mman::mmap_anonymous(None, PAGE_BYTES, protection, mman::MapFlags::MAP_PRIVATE) }
}
