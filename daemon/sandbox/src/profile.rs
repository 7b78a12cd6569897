//! The compiled profiles: one seccomp program per role, and its digest.

use seccompiler::{BpfProgram, sock_filter};
use wire::Role;

/// What a role may do.
pub(crate) struct Profile {
    program: &'static [sock_filter],
    /// Of the program before the process id is filled in, so that both sides know it.
    pub(crate) sha256: [u8; 32],
}

mod compiled {
    use super::{Profile, sock_filter};
    include!(concat!(env!("OUT_DIR"), "/profiles.rs"));
}

/// The profile of a role. A role without a file in `policy/confinement` does not compile.
pub(crate) fn of(role: Role) -> &'static Profile {
    match role {
        Role::Probe => &compiled::PROBE,
        Role::Parse => &compiled::PARSE,
        Role::Normalise => &compiled::NORMALISE,
        Role::Ocr => &compiled::OCR,
        Role::Redact => &compiled::REDACT,
        Role::Verify => &compiled::VERIFY,
    }
}

/// SHA-256 of the seccomp program that a worker of this role must have loaded.
#[must_use]
pub fn digest_of(role: Role) -> types::Digest {
    types::Digest(of(role).sha256)
}

impl Profile {
    /// The program for the process with this id.
    pub(crate) fn program_for(&self, pid: u32) -> BpfProgram {
        let fill = |step: &sock_filter| match step.k {
            compiled::SELF_PLACEHOLDER => sock_filter { k: pid, ..step.clone() },
            _ => step.clone(),
        };
        self.program.iter().map(fill).collect()
    }
}
