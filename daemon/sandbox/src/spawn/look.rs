//! What the kernel says about a worker, whatever the worker says about itself.

use std::{
    fs::File,
    io::{self, Read, Seek},
};

/// `/proc/PID/status`, opened while the process is still visible: a process that is not dumpable hides
/// from other users, and behind `ProtectProc=invisible` from everybody.
pub(super) struct Look {
    status: File,
}

/// What must be so before a worker gets a document.
const DEMANDS: [(&str, &str, &str); 4] = [
    ("Seccomp:", "2", "a seccomp filter is in force"),
    ("NoNewPrivs:", "1", "no_new_privs is set"),
    ("Threads:", "1", "there is one thread"),
    ("CapEff:", "0000000000000000", "there is no capability"),
];

impl Look {
    pub(super) fn at(pid: nix::unistd::Pid) -> io::Result<Self> {
        Ok(Self { status: File::open(format!("/proc/{pid}/status"))? })
    }

    /// The first demand that the kernel does not confirm.
    pub(super) fn missing(&mut self) -> io::Result<Option<&'static str>> {
        let status = self.read()?;
        let met = |(key, expected, _): &(&str, &str, &str)| field(&status, key) == Some(expected);
        Ok(DEMANDS.iter().find(|demand| !met(demand)).map(|(_, _, what)| *what))
    }

    /// Most memory it had in use at once, as long as it lives.
    pub(super) fn peak_rss_bytes(&mut self) -> Option<u64> {
        let status = self.read().ok()?;
        let kib: u64 = field(&status, "VmHWM:")?.strip_suffix(" kB")?.parse().ok()?;
        Some(kib << 10)
    }

    fn read(&mut self) -> io::Result<String> {
        let mut text = String::new();
        self.status.rewind()?;
        self.status.read_to_string(&mut text)?;
        Ok(text)
    }
}

fn field<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim)
}
