//! A key that passes through this program stays in its memory.

use crate::fail::{Exit, Failure, Outcome};
use nix::sys::{
    prctl,
    resource::{Resource, setrlimit},
};

/// Forbids core dumps of this process, and that others of the same user attach to it. To be called before a key
/// is read; a verb that cannot have it does not go on.
pub(crate) fn never_dump() -> Outcome {
    let closed = setrlimit(Resource::RLIMIT_CORE, 0, 0).and_then(|()| prctl::set_dumpable(false));
    closed.map_err(|error| {
        Failure::new(
            Exit::Failure,
            format!("core dumps of a program that reads keys could not be forbidden: {error}"),
        )
    })
}
