//! Care of the index: settled on disk every few seconds, examined every night, built anew when it is wrong.

use crate::{ballast, desk::Desk, status::own_rss_bytes};
use ::store::{Examined, StoreError};
use lifecycle::{Actor, SystemEvent};
use std::{sync::Arc, time::Duration};
use types::{Label, UnixMillis};

/// The index is written out so often: what a power cut takes from it is replayed from the ledger, so that this
/// bounds the time of a start.
const SETTLE_EVERY: Duration = Duration::from_secs(5);
/// Memory is looked at so often.
const MEMORY_LOOK_EVERY: Duration = Duration::from_secs(5);
/// Growth since then that is worth the look of the allocator at all its heaps, bytes.
const MEMORY_GROWTH_BYTES: u64 = 32 << 20;
/// The hour of the day, UTC, from which the index is examined: no clinic is busy then in Europe or America.
const EXAMINE_HOUR: u64 = 2;
const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// Between two looks whether a rebuild of the index gets on.
const REBUILD_LOOK_EVERY: Duration = Duration::from_millis(500);
/// The clock is looked at so often; it may jump.
const LOOK_EVERY: Duration = Duration::from_secs(10 * 60);

/// Has sled write out what it learnt, until the daemon drains; closing does it a last time.
pub(crate) async fn settle(desk: Arc<Desk>) {
    let (mut settled, mut had_room) = (0, true);
    while wait(&desk, SETTLE_EVERY).await {
        // A clock that jumps is noticed within one turn, also when nothing arrives.
        desk.now();
        let seq = desk.store.applied_seq();
        if seq == settled {
            continue;
        }
        // What is not written out is replayed from the ledger; a write that fails costs the whole process.
        let has_room = ballast::has_room_for_index(&desk).await;
        if had_room && !has_room {
            tracing::warn!("the index is not written out while the disk is full");
        }
        had_room = has_room;
        if !has_room {
            continue;
        }
        match desk.blocking(|desk| Ok(desk.store.settle()?)).await {
            Ok(()) => settled = seq,
            Err(refusal) => tracing::warn!(%refusal, "the index could not be settled; it is tried again"),
        }
    }
}

/// Gives freed memory back when the process has grown. sled frees a page on another thread than the one that read it;
/// glibc has a heap for each, keeps what lies free between pages in use, and grows beside it: after a list of a million
/// documents most of what was held was free.
pub(crate) async fn give_back_memory(desk: Arc<Desk>) {
    let mut known = own_rss_bytes();
    while wait(&desk, MEMORY_LOOK_EVERY).await {
        if own_rss_bytes() > known.saturating_add(MEMORY_GROWTH_BYTES) {
            drop(tokio::task::spawn_blocking(sandbox::sys::give_back_memory).await);
            known = own_rss_bytes();
        }
    }
}

/// Examines the index once a day, until the daemon drains. A start has examined it too.
pub(crate) async fn examine(desk: Arc<Desk>) {
    let mut night = night_of(desk.now());
    while wait(&desk, LOOK_EVERY).await {
        if night_of(desk.now()) != night {
            night = night_of(desk.now());
            examine_now(&desk).await;
        }
    }
}

/// Answers when the writer of ledger and index does, or builds the index anew and gets on with it.
pub(crate) async fn is_alive(desk: &Desk) -> bool {
    let rebuilt = desk.store.rebuilt_seq();
    let rebuild_goes_on = async {
        while desk.store.rebuilt_seq() == rebuilt {
            tokio::time::sleep(REBUILD_LOOK_EVERY).await;
        }
    };
    tokio::select! {
        answer = desk.book.destroy(Vec::new(), Actor::Daemon) => answer.is_ok(),
        () = rebuild_goes_on => true,
    }
}

async fn examine_now(desk: &Arc<Desk>) {
    let looking = desk.clone();
    let looked = tokio::task::spawn_blocking(move || looking.store.examine()).await;
    match looked {
        Ok(Ok(Examined { records, documents, refolded })) => {
            tracing::info!(records, documents, refolded, "the index agrees with the ledger");
        }
        Ok(Err(error)) if error.is_cured_by_a_rebuild() => {
            tracing::error!(%error, "the index is wrong; it is built anew from the ledger");
            rebuild(desk, &error).await;
        }
        Ok(Err(error)) => tracing::error!(%error, "the index could not be examined; look at the ledger"),
        Err(_) => tracing::error!("the examination of the index did not finish"),
    }
}

async fn rebuild(desk: &Arc<Desk>, error: &StoreError) {
    let Ok(why) = error.code().parse::<Label>() else { return };
    let faulty = desk.book.note(Actor::Daemon, SystemEvent::IndexFaulty { why }).await;
    let rebuilt = match faulty {
        Ok(()) => desk.book.rebuild().await,
        Err(error) => Err(error),
    };
    let noted = match rebuilt {
        Ok(records) => desk.book.note(Actor::Daemon, SystemEvent::IndexRebuilt { records }).await,
        Err(error) => Err(error),
    };
    if let Err(error) = noted {
        tracing::error!(%error, "the index was not built anew; it is tried again the next night");
    }
}

/// The night that a time belongs to.
fn night_of(now: UnixMillis) -> u64 {
    now.0.saturating_sub(EXAMINE_HOUR * HOUR_MS) / DAY_MS
}

/// False once the daemon drains.
async fn wait(desk: &Desk, time: Duration) -> bool {
    let mut draining = desk.draining.clone();
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        _ = draining.wait_for(|draining| *draining) => {}
    }
    !desk.is_draining()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_begins_at_two() {
        let at = |day: u64, hour: u64, minute: u64| {
            night_of(UnixMillis(day * DAY_MS + hour * HOUR_MS + minute * 60_000))
        };
        assert_eq!(at(20_000, 1, 59), at(19_999, 2, 0));
        assert_eq!(at(20_000, 2, 0), at(20_000, 1, 59) + 1);
        assert_eq!(night_of(UnixMillis(0)), 0);
    }
}
