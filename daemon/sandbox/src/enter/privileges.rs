//! Capabilities, `no_new_privs`, dumpability: what the process could do by who it is.

use super::ConfineError;
use nix::{errno::Errno, sys::prctl};

/// `_LINUX_CAPABILITY_VERSION_3`: 64 capabilities in two words of 32.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapabilityWord {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

pub(super) fn give_up() -> Result<(), ConfineError> {
    drop_capabilities()?;
    prctl::set_no_new_privs().map_err(ConfineError::at("NO_NEW_PRIVS"))?;
    // Not readable through /proc, not traceable, no core.
    prctl::set_dumpable(false).map_err(ConfineError::at("DUMPABLE"))
}

fn drop_capabilities() -> Result<(), ConfineError> {
    let header = CapabilityHeader { version: CAPABILITY_VERSION, pid: 0 };
    let none = [CapabilityWord::default(); 2];
    // SAFETY: both pointers are to live values laid out as capset(2) wants them for this version; the
    // kernel only reads them.
    let set = unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) };
    Errno::result(set).map(drop).map_err(ConfineError::at("capset"))
}
