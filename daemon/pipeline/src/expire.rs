//! The end: retention that is over. What is destroyed is portrayed first, so that the certificate can name it;
//! then the writer destroys and writes, unless a hold came in between.

use crate::{
    certificate::areas_of,
    desk::Desk,
    destruction::{Doomed, Fate},
    holds,
    queries::find,
    refusal::Refusal,
    submit::refused,
    view::{Caller, Code, Expiry, Refused, TermView},
};
use ::store::{Document, Due, Hold, Query};
use lifecycle::{Actor, Over, State};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use types::{DocId, Reason, Schedule, UnixMillis};

/// Documents destroyed in one go: they share one rewriting of the keystore, and the writer writes nothing else
/// meanwhile.
const BATCH_MAX: usize = 100;
/// Documents that are told in one answer: so many that are free, and so many that are held.
const TOLD_MAX: usize = 50_000;
/// Pages that are looked at in one go, a million documents; the daemon's next look goes on behind them.
const PAGES_MAX: usize = 1000;
/// Documents that a caller may name.
const NAMED_MAX: usize = 1000;
/// Documents of one page, of the list and of what is due.
const PAGE_MAX: usize = 1000;
/// How often the daemon looks for what is over.
const LOOK_EVERY: Duration = Duration::from_secs(15 * 60);

/// Destroys what is due, until the daemon drains.
pub(crate) async fn run(desk: Arc<Desk>) {
    let mut draining = desk.draining.clone();
    let mut place = None;
    while !desk.is_draining() {
        desk.clock.keep_or_say();
        if let Some(ms) = desk.clock.differs_by_ms() {
            tracing::error!(
                ms,
                "nothing is destroyed while the wall clock is in doubt; see lazaretctl doctor"
            );
        } else if let Err(refusal) = destroy_due(&desk, &mut place).await {
            tracing::error!(%refusal, "retention could not be carried out; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = draining.changed() => {}
        }
    }
}

/// How long each part of a document is kept.
pub(crate) fn terms(state: &State) -> Vec<TermView> {
    let term = |schedule: Schedule| TermView {
        schedule,
        until: state.schedules.of(schedule).until,
        rule: state.schedules.of(schedule).rule.clone(),
        destroyed: match schedule {
            Schedule::Log => state.forgotten,
            _ => state.is_destroyed(schedule),
        },
    };
    Schedule::ALL.map(term).to_vec()
}

/// What is due now, and what keeps it.
pub(crate) async fn due(desk: &Arc<Desk>) -> Result<Vec<Expiry>, Refused> {
    looked_up(desk, desk.now()).await.map_err(refused)
}

/// What is over at a time, as far as one answer goes.
async fn looked_up(desk: &Arc<Desk>, at: UnixMillis) -> Result<Vec<Expiry>, Refusal> {
    let (mut told, mut free, mut held, mut place) = (Vec::new(), 0, 0, None);
    for _ in 0..PAGES_MAX {
        let (page, next) = due_page(desk, at, place).await?;
        for expiry in page {
            let kind = if expiry.holds.is_empty() { &mut free } else { &mut held };
            *kind += 1;
            if *kind <= TOLD_MAX {
                told.push(expiry);
            }
        }
        place = next;
        // Those that are held must not hide the free ones behind them.
        if place.is_none() || free >= TOLD_MAX {
            break;
        }
    }
    Ok(told)
}

/// A page of all documents with how long each is kept, behind `after`.
pub(crate) async fn all(desk: &Arc<Desk>, after: Option<DocId>) -> Result<Vec<Expiry>, Refused> {
    let found = desk.blocking(move |desk| {
        let in_force = desk.store.holds()?;
        let page = desk.store.scan(&Query::default(), after, PAGE_MAX)?;
        let at = desk.now();
        page.into_iter().map(|document| expiry(desk, at, &in_force, document)).collect()
    });
    found.await.map_err(refused)
}

/// Destroys what is due on somebody's behalf, or only says what would be. With documents named, only these, and
/// nothing at all unless each of them is due and free. A wall clock in doubt is believed only when `clock_is_right`
/// says so, and only after everything that was asked proved to be possible.
pub(crate) async fn retention_run(
    desk: &Arc<Desk>,
    caller: &Caller,
    docs: &[DocId],
    dry_run: bool,
    clock_is_right: bool,
) -> Result<Vec<Expiry>, Refused> {
    let in_doubt = desk.clock.differs_by_ms().is_some();
    if in_doubt && !dry_run && !clock_is_right {
        return Err(refused(Refusal::ClockInDoubt));
    }
    let at = if clock_is_right { desk.clock.wall() } else { desk.now() };
    let expiries = if docs.is_empty() {
        looked_up(desk, at).await.map_err(refused)?
    } else {
        named(desk, docs, dry_run, at)?
    };
    if dry_run {
        return Ok(expiries);
    }
    if in_doubt {
        tracing::warn!("a person said that the wall clock is right; it is believed");
        desk.clock.believe();
    }
    carry_out(desk, &caller.actor, expiries).await.map_err(refused)
}

fn named(desk: &Arc<Desk>, docs: &[DocId], dry_run: bool, at: UnixMillis) -> Result<Vec<Expiry>, Refused> {
    if docs.len() > NAMED_MAX {
        return Err(Refused::new(Code::Invalid, "more than 1000 documents named; run it in parts"));
    }
    let in_force = desk.store.holds().map_err(refused)?;
    let mut expiries = Vec::with_capacity(docs.len());
    for doc in docs.iter().collect::<BTreeSet<_>>() {
        let document = find(desk, *doc)?;
        let next = document.state.over_next();
        let expiry = expiry(desk, at, &in_force, document).map_err(refused)?;
        if !dry_run && !expiry.holds.is_empty() {
            let names: Vec<&str> = expiry.holds.iter().map(types::Label::as_str).collect();
            let message = format!("{doc} is kept by {}; nothing was destroyed", names.join(", "));
            return Err(Refused { code: Code::Conflict, reason: Some(Reason::LegalHold), message });
        }
        if !dry_run && expiry.over.is_empty() {
            let message = match next {
                Some(next) => format!("nothing of {doc} is over before {next}; nothing was destroyed"),
                None => format!(
                    "{doc} is {}, and nothing of it can be destroyed; nothing was destroyed",
                    expiry.state
                ),
            };
            return Err(Refused::new(Code::Conflict, message));
        }
        expiries.push(expiry);
    }
    Ok(expiries)
}

/// Goes on at `place`, and from the beginning after the end. A page that cannot be destroyed does not keep the next
/// look from those behind it.
async fn destroy_due(desk: &Arc<Desk>, place: &mut Option<Due>) -> Result<(), Refusal> {
    for _ in 0..PAGES_MAX {
        let (mut page, next) = due_page(desk, desk.now(), *place).await?;
        *place = next;
        page.retain(|expiry| expiry.holds.is_empty());
        carry_out(desk, &Actor::Daemon, page).await?;
        if place.is_none() || desk.is_draining() {
            break;
        }
    }
    Ok(())
}

/// What is over at a time behind `after`, held or free, and where the next page begins; none at the end.
async fn due_page(
    desk: &Arc<Desk>,
    at: UnixMillis,
    after: Option<Due>,
) -> Result<(Vec<Expiry>, Option<Due>), Refusal> {
    desk.blocking(move |desk| {
        let in_force = desk.store.holds()?;
        let page = desk.store.due_for_expiry(at, after, PAGE_MAX)?;
        let next = page.last().copied().filter(|_| page.len() == PAGE_MAX);
        let mut expiries = Vec::with_capacity(page.len());
        for (_, doc) in page {
            let Some(document) = desk.store.peek(doc)? else { continue };
            let expiry = expiry(desk, at, &in_force, document)?;
            // It moved since the look at what is due.
            if !expiry.over.is_empty() {
                expiries.push(expiry);
            }
        }
        Ok((expiries, next))
    })
    .await
}

fn expiry(desk: &Desk, at: UnixMillis, in_force: &[Hold], document: Document) -> Result<Expiry, Refusal> {
    let Document { id, state } = document;
    let over = state.over(at);
    Ok(Expiry {
        doc: id,
        state: state.status(),
        until: state.schedules.last().until,
        rule: state.schedules.last().rule.clone(),
        schedules: terms(&state),
        over: over.schedules(),
        whole: over == Over::Whole,
        holds: holds::keeping(&*desk.store, in_force, id, &state)?,
        destroyed: false,
    })
}

/// Destroys what is over and free; a hold that came in between is told in the answer.
async fn carry_out(desk: &Arc<Desk>, by: &Actor, mut expiries: Vec<Expiry>) -> Result<Vec<Expiry>, Refusal> {
    let free: Vec<DocId> =
        expiries.iter().filter(|expiry| expiry.holds.is_empty()).map(|expiry| expiry.doc).collect();
    let mut fates: BTreeMap<DocId, Fate> = BTreeMap::new();
    for batch in free.chunks(BATCH_MAX) {
        if desk.is_draining() {
            break;
        }
        // Before anything is sampled; the writer looks again.
        desk.latch.stands_aside()?;
        let batch = batch.to_vec();
        let doomed = desk.blocking(move |desk| portray(desk, &batch)).await?;
        let done = desk.book.destroy(doomed, by.clone()).await?;
        let spared: Vec<DocId> =
            done.iter().filter(|(_, fate)| *fate != Fate::Done).map(|(doc, _)| *doc).collect();
        desk.blocking(move |desk| drop_samples(desk, &spared)).await?;
        fates.extend(done);
    }
    for expiry in &mut expiries {
        match fates.remove(&expiry.doc) {
            Some(Fate::Done) => expiry.destroyed = true,
            Some(Fate::Held(names)) => expiry.holds = names,
            // Another run at the same time may have done it.
            Some(Fate::Changed) => expiry.destroyed = is_done(desk, expiry)?,
            None => {}
        }
    }
    Ok(expiries)
}

fn is_done(desk: &Desk, expiry: &Expiry) -> Result<bool, Refusal> {
    let Some(Document { state, .. }) = desk.store.get(expiry.doc)? else { return Ok(false) };
    let now = terms(&state);
    Ok(now.iter().filter(|term| expiry.over.contains(&term.schedule)).all(|term| term.destroyed))
}

/// Reads the ciphertext of what is over and keeps a sample of it.
fn portray(desk: &Desk, docs: &[DocId]) -> Result<Vec<Doomed>, Refusal> {
    let mut doomed = Vec::with_capacity(docs.len());
    for doc in docs {
        let Some(Document { state, .. }) = desk.store.get(*doc)? else { continue };
        let over = state.over(desk.now());
        let portraits = match &over {
            Over::Parts(parts) => desk.vault.portray(*doc, Some(&areas_of(parts)))?,
            Over::Whole => desk.vault.portray(*doc, None)?,
            Over::Nothing | Over::Log => Vec::new(),
        };
        doomed.push(Doomed { doc: *doc, over, portraits });
    }
    Ok(doomed)
}

/// The samples of what was not destroyed after all would open, as they should; they prove nothing and go.
fn drop_samples(desk: &Desk, docs: &[DocId]) -> Result<(), Refusal> {
    for doc in docs {
        let untouched = desk
            .store
            .get(*doc)?
            .is_some_and(|document| Schedule::CONTENT.iter().all(|part| !document.state.is_destroyed(*part)));
        if untouched {
            desk.vault.remove_samples(*doc)?;
        }
    }
    Ok(())
}
