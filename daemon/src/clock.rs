//! The clocks of the daemon: the one that tells the time, and the one that nobody can set.

use nix::time::{ClockId, clock_gettime};
use pipeline::Uptime;
use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use types::UnixMillis;

/// Set by the unit, which hides /proc/sys from the daemon.
const BOOT_ID_VARIABLE: &str = "LAZARET_BOOT_ID";
const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

/// The wall-clock time; a clock before 1970 reads as 1970.
#[expect(clippy::disallowed_methods, reason = "this is the one clock")]
pub(crate) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The time since the boot, and which boot.
pub(crate) fn uptime() -> Uptime {
    let told = std::env::var(BOOT_ID_VARIABLE).or_else(|_| fs::read_to_string(BOOT_ID_FILE));
    let boot = told.ok().map(|boot| boot.trim().to_owned()).filter(|boot| is_boot_id(boot));
    if boot.is_none() {
        tracing::warn!(
            "the boot cannot be told (LAZARET_BOOT_ID); each start is taken for one after a reboot"
        );
    }
    Uptime { boot, now_ms: up_ms }
}

/// 128 bits in hex, with or without hyphens.
fn is_boot_id(boot: &str) -> bool {
    let digits = boot.bytes().filter(u8::is_ascii_hexdigit).count();
    digits == 32 && boot.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// With the time that the machine slept: the wall clock goes on then too.
fn up_ms() -> u64 {
    let up = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default();
    u64::try_from(up.as_millis()).unwrap_or(u64::MAX)
}
