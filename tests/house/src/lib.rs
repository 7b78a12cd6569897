//! Reads the house as files and as Cargo sees it, for the tests beside this library that keep its rules.
//!
//! Changes nothing, and judges nothing: the rules are in `tests/`, one file per subject.

mod cargo;
mod source;

pub use cargo::{Package, closure, packages};
pub use source::{File, code_only, files, root, rust_files};

/// Fails a test with every breach at once.
///
/// # Panics
/// When there is a breach.
pub fn none_of(breaches: Vec<String>) {
    assert!(breaches.is_empty(), "\n  {}\n", breaches.join("\n  "));
}
