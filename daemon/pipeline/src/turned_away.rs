//! Uploads that were begun and not taken: written down, but never so often that a caller could fill the ledger.

use crate::{desk::Desk, view::Caller};
use lifecycle::{Actor, SystemEvent};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use types::Label;

/// Refusals of one caller for one reason that get a record of their own within a minute; the rest share one.
const SINGLE_MAX: u64 = 10;
/// Callers and reasons kept apart within a minute; callers have certificates, so there are few.
const KINDS_MAX: usize = 1000;
const MINUTE: Duration = Duration::from_secs(60);

/// Whose, for which source, and why.
type Kind = (String, Option<Label>, &'static str);

/// What was refused in this minute.
#[derive(Default)]
pub(crate) struct TurnedAway(Mutex<BTreeMap<Kind, (Actor, u64)>>);

impl TurnedAway {
    /// Counts one more; true when it gets a record of its own.
    fn count(&self, who: &Actor, source: &Option<Label>, why: &'static str) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (format!("{who:?}"), source.clone(), why);
        if !counts.contains_key(&key) && counts.len() >= KINDS_MAX {
            return false;
        }
        let (_, count) = counts.entry(key).or_insert((who.clone(), 0));
        *count += 1;
        *count <= SINGLE_MAX
    }

    /// What has no record yet; a new minute begins.
    fn rest(&self) -> Vec<(Actor, SystemEvent)> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let more = counts.into_iter().filter(|(_, (_, count))| *count > SINGLE_MAX);
        more.map(|((_, source, why), (who, count))| (who, event(source, why, count - SINGLE_MAX))).collect()
    }
}

/// Writes that an upload was not taken, now or with others of this minute.
pub(crate) async fn note(desk: &Arc<Desk>, caller: &Caller, source: Option<Label>, why: &'static str) {
    if desk.turned_away.count(&caller.actor, &source, why) {
        write(desk, caller.actor.clone(), event(source, why, 1)).await;
    }
}

/// Writes each minute what has no record of its own, until the daemon drains.
pub(crate) async fn run(desk: Arc<Desk>) {
    let mut draining = desk.draining.clone();
    while !desk.is_draining() {
        tokio::select! {
            () = tokio::time::sleep(MINUTE) => {}
            _ = draining.changed() => {}
        }
        for (who, event) in desk.turned_away.rest() {
            write(&desk, who, event).await;
        }
    }
}

fn event(source: Option<Label>, why: &'static str, count: u64) -> SystemEvent {
    let why = why.parse().expect("the codes of this crate are labels; a test holds them to it");
    SystemEvent::UploadsRefused { source, why, count }
}

async fn write(desk: &Arc<Desk>, who: Actor, event: SystemEvent) {
    if let Err(error) = desk.book.note(who, event).await {
        tracing::warn!(%error, "a refused upload could not be written to the ledger");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    // "rate-bounded so that a hostile client cannot fill the ledger"
    #[test]
    fn a_caller_that_is_refused_all_the_time_gets_few_records_and_is_counted_in_full() {
        let away = TurnedAway::default();
        let (who, other) = (Actor::Client("portal".parse().unwrap()), Actor::Client("fax".parse().unwrap()));
        let source: Option<Label> = Some("partner".parse().unwrap());
        let single = (0..1000).filter(|_| away.count(&who, &source, "cut-off")).count();
        assert_eq!(single, 10);
        assert!(away.count(&other, &source, "cut-off"), "others are heard");
        let rest = away.rest();
        let expected = SystemEvent::UploadsRefused { source, why: "cut-off".parse().unwrap(), count: 990 };
        assert_eq!(rest, [(who, expected)]);
        assert!(away.rest().is_empty());
    }

    #[test]
    fn every_code_is_a_label() {
        for why in [crate::submit::UNKNOWN_SOURCE, crate::submit::CUT_OFF, crate::submit::TOO_LARGE] {
            event(None, why, 1);
        }
    }
}
