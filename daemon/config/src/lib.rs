//! The configuration file, read whole and refused whole: every error is reported at once, each with
//! file, line, key, what was expected and what was found.
//!
//! Name, default, range and meaning of a key are written once, in `sections.rs`; the reference file
//! ([`example`]) is printed from them. This room checks what a file says, not whether the paths in it
//! exist: that is a question for the machine the daemon starts on.

#[macro_use]
mod section;
mod check;
mod error;
mod example;
mod load;
mod rule;
mod sections;
mod source;
mod table;

#[cfg(test)]
mod tests;

pub use error::ConfigError;
pub use example::example;
pub use load::{Settings, load, parse};
pub use sections::{Audit, Backup, Keys, Listen, Paths, PolicyFiles, SandboxSettings, Space, Tls, Workers};
pub use source::{FindingAction, FindingRules, Source, UnknownAction};
