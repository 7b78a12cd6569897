//! Models of three protocols, checked in every interleaving with crashes: taking a file in, destroying a key,
//! and two who work on one document.
//!
//! Each step names the function that does it. The models prove the order of the steps, not the code: the code is
//! attacked in `tests/reliability`.

pub mod disk;
pub mod intake;
pub mod lease;
pub mod purge;
pub mod way;
