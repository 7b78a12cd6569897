//! What systemd is told: ready, alive, stopping. Without systemd all of it is a no-op.

use std::time::Duration;
use systemd::daemon::{self, STATE_READY, STATE_RELOADING, STATE_STATUS, STATE_STOPPING, STATE_WATCHDOG};

/// The next step of a start takes no longer than this, µs; more than ten thousand records are applied in that time.
const START_STEP_USEC: &str = "60000000";

/// Everything is open.
pub(crate) fn ready(status: &str) {
    tell(&[(STATE_READY, "1"), (STATE_STATUS, status)]);
}

/// Not ready yet, but getting on: systemd must not give up.
pub(crate) fn starting(status: &str) {
    tell(&[("EXTEND_TIMEOUT_USEC", START_STEP_USEC), (STATE_STATUS, status)]);
}

/// Nothing new is started any more.
pub(crate) fn stopping() {
    tell(&[(STATE_STOPPING, "1"), (STATE_STATUS, "draining")]);
}

/// The configuration is read again; [`ready`] must follow.
pub(crate) fn reloading() {
    tell(&[(STATE_RELOADING, "1")]);
}

/// Feeds the watchdog as long as the commit path answers: not from a timer alone.
pub(crate) async fn watchdog(alive: impl AsyncFn() -> bool) {
    let Ok(usec @ 1..) = daemon::watchdog_enabled() else { return };
    let every = Duration::from_micros(usec / 3);
    loop {
        tokio::time::sleep(every).await;
        if alive().await {
            tell(&[(STATE_WATCHDOG, "1")]);
        }
    }
}

fn tell(state: &[(&str, &str)]) {
    if let Err(error) = daemon::notify(state.iter()) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
