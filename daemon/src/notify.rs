//! What systemd is told: ready, alive, stopping. Without systemd all of it is a no-op.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use systemd::daemon::{self, STATE_READY, STATE_RELOADING, STATE_STATUS, STATE_STOPPING, STATE_WATCHDOG};

/// The next step of a start takes no longer than this; more than ten thousand records are applied in that time.
const START_STEP_MAX: Duration = Duration::from_secs(60);
/// When the start last got on.
static GOT_ON: Mutex<Option<Instant>> = Mutex::new(None);

/// Everything is open.
pub(crate) fn ready(status: &str) {
    tell(&[(STATE_READY, "1"), (STATE_STATUS, status)]);
}

/// Not ready yet, but getting on: systemd must not give up.
pub(crate) fn starting(status: &str) {
    *GOT_ON.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    let usec = START_STEP_MAX.as_micros().to_string();
    tell(&[("EXTEND_TIMEOUT_USEC", usec.as_str()), (STATE_STATUS, status)]);
}

/// Did a start get on of late? One that hangs is not alive.
pub(crate) fn gets_on() -> bool {
    let got_on = *GOT_ON.lock().unwrap_or_else(PoisonError::into_inner);
    got_on.is_some_and(|at| at.elapsed() < START_STEP_MAX)
}

/// Nothing new is started any more.
pub(crate) fn stopping() {
    tell(&[(STATE_STOPPING, "1"), (STATE_STATUS, "draining")]);
}

/// The configuration is read again; [`ready`] must follow.
pub(crate) fn reloading() {
    tell(&[(STATE_RELOADING, "1")]);
}

/// Feeds the watchdog as long as the commit path answers: not from a timer alone. At once, because whoever fed it
/// before may have done so some time ago.
pub(crate) async fn watchdog(alive: impl AsyncFn() -> bool) {
    let Ok(usec @ 1..) = daemon::watchdog_enabled() else { return };
    let every = Duration::from_micros(usec / 3);
    loop {
        if alive().await {
            tell(&[(STATE_WATCHDOG, "1")]);
        }
        tokio::time::sleep(every).await;
    }
}

fn tell(state: &[(&str, &str)]) {
    if let Err(error) = daemon::notify(state.iter()) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
