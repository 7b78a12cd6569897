//! A test appliance: the real daemon, worker and command line, in a folder of its own, with real
//! certificates, a real sandbox and a real disk. Nothing is simulated here.

mod appliance;
mod build;
mod outcome;

pub use appliance::{Appliance, Plan};
pub use build::programs;
pub use outcome::Outcome;

/// SHA-256 in hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
