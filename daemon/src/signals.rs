//! SIGTERM and SIGINT drain, SIGHUP reads policy and certificates again.

use crate::notify;
use serve::ServeHandle;
use std::io;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// The signals, caught from now on.
pub(crate) struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    /// Catches them.
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    /// Reloads at each SIGHUP; turns `draining` true at the first SIGTERM or SIGINT and returns.
    pub(crate) async fn obey(mut self, doors: ServeHandle, draining: watch::Sender<bool>) {
        loop {
            tokio::select! {
                _ = self.term.recv() => break,
                _ = self.int.recv() => break,
                _ = self.hup.recv() => {
                    notify::reloading();
                    match doors.reload().await {
                        Ok(()) => tracing::info!("policy, roles and certificates were read again"),
                        Err(error) => tracing::error!(%error, "the new files are wrong; the old ones stay in force"),
                    }
                    notify::ready("ready");
                }
            }
        }
        tracing::info!("draining");
        notify::stopping();
        draining.send_replace(true);
    }
}
