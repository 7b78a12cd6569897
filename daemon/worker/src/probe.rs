//! Does one forbidden thing on demand, so that the daemon can see it die of it.
//!
//! The role sees no document. Its profile is the strictest of all, and nothing here is reachable from
//! another role.

use std::{hint::black_box, thread};
use wire::{Done, ProbeAction};

/// Bytes asked for at a time by [`ProbeAction::Memory`]: small enough to hit the limit, not the type.
const GULP_BYTES: usize = 16 << 20;

/// Does it. Returns only for [`ProbeAction::Nothing`], or where the confinement failed.
pub(crate) fn run(action: ProbeAction) -> Done {
    match action {
        ProbeAction::Nothing => {}
        // Whether the attempt would have succeeded does not matter: the process must not survive it.
        ProbeAction::Open => drop(std::fs::File::open("/etc/hostname")),
        ProbeAction::Socket => drop(std::net::UdpSocket::bind("127.0.0.1:0")),
        ProbeAction::Fork => drop(std::process::Command::new("/bin/true").spawn()),
        ProbeAction::Thread => drop(thread::Builder::new().spawn(|| ())),
        ProbeAction::ExecutableMemory => drop(sandbox::map_executable()),
        ProbeAction::Panic => panic!("asked to"),
        ProbeAction::Memory => devour(),
        ProbeAction::Hang => hang(),
    }
    Done::Probed
}

fn devour() -> ! {
    let mut eaten = Vec::new();
    loop {
        eaten.push(black_box(vec![1_u8; GULP_BYTES]));
    }
}

/// Spins instead of sleeping: sleeping is a system call that no profile allows.
fn hang() -> ! {
    loop {
        std::hint::spin_loop();
    }
}
