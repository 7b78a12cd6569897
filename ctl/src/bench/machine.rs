//! What `/proc` says of this machine and of the appliance's processes on it.

use serde::Serialize;
use std::{fs, path::Path, thread};

/// Resident memory, bytes, at one moment; zeros when the appliance runs elsewhere.
#[derive(Clone, Copy, Default)]
pub(super) struct Memory {
    /// The daemon.
    pub(super) daemon: u64,
    /// All workers together.
    pub(super) workers: u64,
    /// How many workers there were.
    pub(super) worker_count: u64,
    /// How many daemons; with more than one the figures are of all of them.
    pub(super) daemon_count: u64,
}

/// What the figures were measured on.
#[derive(Serialize)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: u64,
    pub(super) memory_bytes: u64,
    pub(super) kernel: String,
}

impl Memory {
    /// Looks at every process; shared pages are counted by share, so that the sum is what is really used.
    pub(super) fn now() -> Self {
        let mut memory = Self::default();
        let Ok(processes) = fs::read_dir("/proc") else { return memory };
        for process in processes.flatten().map(|entry| entry.path()) {
            match fs::read_to_string(process.join("comm")).unwrap_or_default().trim_end() {
                "lazaretd" => {
                    memory.daemon += proportional(&process);
                    memory.daemon_count += 1;
                }
                "lazaret-worker" => {
                    memory.workers += proportional(&process);
                    memory.worker_count += 1;
                }
                _ => {}
            }
        }
        memory
    }

    /// The appliance as a whole.
    pub(super) fn sum(self) -> u64 {
        self.daemon + self.workers
    }
}

impl Machine {
    pub(super) fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            cpu: model.map_or("unknown", |(_, model)| model.trim()).to_owned(),
            cores: thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
            memory_bytes: kilobytes(&read("/proc/meminfo"), "MemTotal:"),
            kernel: read("/proc/sys/kernel/osrelease").trim_end().to_owned(),
        }
    }
}

/// PSS where the kernel lets us see it (a locked-down worker is not dumpable: only root may), else RSS.
fn proportional(process: &Path) -> u64 {
    let rollup = fs::read_to_string(process.join("smaps_rollup")).unwrap_or_default();
    match kilobytes(&rollup, "Pss:") {
        0 => kilobytes(&fs::read_to_string(process.join("status")).unwrap_or_default(), "VmRSS:"),
        pss => pss,
    }
}

/// The value of a `Key:  123 kB` line, in bytes.
fn kilobytes(text: &str, key: &str) -> u64 {
    let value =
        text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse::<u64>().ok());
    value.unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_core_and_memory() {
        let here = Machine::here();
        assert!(here.cores > 0 && here.memory_bytes > 1 << 20);
        assert_eq!(kilobytes("VmPeak: 9 kB\nVmRSS:\t   12 kB\n", "VmRSS:"), 12 << 10);
        assert!(proportional(Path::new("/proc/self")) > 1 << 20);
    }
}
