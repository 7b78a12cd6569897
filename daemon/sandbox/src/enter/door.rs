//! Landlock: every right the kernel knows is taken, and no rule gives one back.
//!
//! Seccomp already removes every call that could use such a right; this is the second lock on the door.

use super::ConfineError;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError,
    RulesetStatus, Scope,
};

/// `LANDLOCK_CREATE_RULESET_VERSION`: asks for the ABI instead of making a ruleset.
const ASK_VERSION: libc::c_uint = 1;

/// Closes it and says with which ABI; 0 only if the operator accepted a kernel without landlock.
pub(super) fn close(without_landlock: bool) -> Result<u32, ConfineError> {
    match kernel_abi() {
        0 if without_landlock => Ok(0),
        0 => Err(ConfineError::NoLandlock),
        version => deny_all(version),
    }
}

/// The kernel's ABI; 0 when landlock is missing or off.
fn kernel_abi() -> u32 {
    let (no_attributes, no_bytes) = (std::ptr::null::<libc::c_void>(), 0_usize);
    // SAFETY: with this flag the kernel reads no memory: a null pointer and size 0 are what it asks for.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, no_attributes, no_bytes, ASK_VERSION) };
    u32::try_from(version).unwrap_or_default()
}

fn deny_all(version: u32) -> Result<u32, ConfineError> {
    let (abi, known) = abi_of(version);
    match restrict(abi) {
        Ok(RulesetStatus::FullyEnforced) => Ok(known),
        Ok(_) | Err(_) => Err(ConfineError::Landlock(known)),
    }
}

/// Hard requirement: a right that this ABI has and the kernel does not take is an error, not a shrug.
fn restrict(abi: ABI) -> Result<RulesetStatus, RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi))?;
    if abi >= ABI::V4 {
        rules = rules.handle_access(AccessNet::from_all(abi))?;
    }
    if abi >= ABI::V6 {
        rules = rules.scope(Scope::from_all(abi))?;
    }
    Ok(rules.create()?.restrict_self()?.ruleset)
}

/// The crate's name for an ABI, and its number: the kernel may be ahead of what we know.
fn abi_of(version: u32) -> (ABI, u32) {
    match version {
        0 | 1 => (ABI::V1, 1),
        2 => (ABI::V2, 2),
        3 => (ABI::V3, 3),
        4 => (ABI::V4, 4),
        5 => (ABI::V5, 5),
        6 => (ABI::V6, 6),
        7 => (ABI::V7, 7),
        8 => (ABI::V8, 8),
        9 => (ABI::V9, 9),
        _ => (ABI::V10, 10),
    }
}
