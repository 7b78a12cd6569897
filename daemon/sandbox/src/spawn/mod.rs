//! The daemon's half: starts a worker, looks at it, talks to it with a deadline, ends it and says how it
//! ended. A worker that lies, hangs, floods or dies costs the daemon nothing but the document's turn.

mod child;
mod launcher;
mod look;
mod pipes;
mod verdict;
mod worker;

pub use launcher::{LaunchError, Launcher};
pub use worker::{Usage, Worker};
