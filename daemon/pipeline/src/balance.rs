//! The balance as callers ask for it: of everything so far, or of a day as it was signed.

use crate::{
    closing::{all_looked, close_days, counts, day_name, read_days, stated},
    desk::Desk,
    refusal::Refusal,
    retain::DAY_MS,
    sightings::{self, Counts},
    submit::refused,
    view::{BalanceView, Caller, Code, Refused, VanishedView},
    watch::Folder,
};
use lifecycle::{Body, Event, Status, SystemEvent};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use types::Label;

/// The balance of everything so far, or of a day.
pub(crate) async fn balance(
    desk: &Arc<Desk>,
    folders: &[Arc<Folder>],
    day: Option<Label>,
) -> Result<Vec<BalanceView>, Refused> {
    if !all_looked(folders) {
        let message = "the inboxes were not looked at since the start; try again in a moment";
        return Err(Refused::new(Code::Temporary, message));
    }
    if let Some(day) = &day {
        let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
        let (text, today) = (day.as_str(), day_name(desk.now().0 / DAY_MS).map_err(refused)?);
        let well_formed = matches!(text.as_bytes(), [y @ .., b'-', m1, m2, b'-', d1, d2]
            if y.len() == 4 && digits(y) && digits(&[*m1, *m2, *d1, *d2]));
        if !well_formed || *day >= today {
            let message = "expected a day that is over, such as 2026-11-24 (UTC); without it everything so far is shown";
            return Err(Refused::new(Code::Invalid, message));
        }
    }
    close_days(desk, folders).await.map_err(refused)?;
    match day {
        None => so_far(desk, folders).await.map_err(refused),
        Some(day) => {
            let views = desk.blocking(move |desk| signed_on(desk, &day)).await.map_err(refused)?;
            if views.is_empty() {
                let message = "no statement was signed for this day: nothing came and nothing waited, or the appliance was not set up yet";
                return Err(Refused::new(Code::NotFound, message));
            }
            Ok(views)
        }
    }
}

async fn so_far(desk: &Arc<Desk>, folders: &[Arc<Folder>]) -> Result<Vec<BalanceView>, Refusal> {
    let closing = desk.closing.lock().await;
    let closed = closing.closed.clone();
    let configured = desk.settings.sources.iter().map(|source| source.name.clone());
    let sources: BTreeSet<Label> = configured.chain(closed.totals.keys().cloned()).collect();
    let known: Vec<Label> = sources.iter().cloned().collect();
    let (up_to, mut census, figures) = desk
        .blocking(move |desk| {
            let (up_to, census) = desk.store.census(&known)?;
            let (days, _) = read_days(desk, &closed, up_to)?;
            let mut figures = closed.totals;
            for (source, totals) in days.values().flat_map(|day| &day.totals) {
                figures.entry(source.clone()).or_default().add(totals);
            }
            Ok((up_to, census, figures))
        })
        .await?;
    let today = day_name(desk.now().0 / DAY_MS)?;
    let mut views = Vec::with_capacity(sources.len());
    for source in sources {
        let counts = counts(desk, folders, &source, up_to).await?;
        let counts = Counts { opening: 0, seen: counts.ever, ..counts };
        let totals = figures.get(&source).copied().unwrap_or_default();
        let states = census.remove(&source).unwrap_or_default();
        let statement = stated(today.clone(), source, up_to, counts, totals);
        let holds = statement.holds() && states.values().sum::<u64>() == statement.arrived;
        views.push(BalanceView { statement, holds, states: states.into_iter().collect() });
    }
    Ok(views)
}

/// The statements of a day, and where the documents that came on it are now.
fn signed_on(desk: &Desk, day: &Label) -> Result<Vec<BalanceView>, Refusal> {
    let (mut arrivals, mut found) = (Vec::new(), Vec::new());
    for record in desk.store.log(1)? {
        let record = record?;
        match record.body {
            Body::Document { doc, event: Event::Arrived(arrival) } => {
                arrivals.push((record.seq, doc, arrival.source))
            }
            Body::System(SystemEvent::Balanced(statement)) if statement.day < *day => {
                arrivals.retain(|(seq, ..)| *seq > statement.through);
            }
            Body::System(SystemEvent::Balanced(statement)) if statement.day == *day => found.push(*statement),
            Body::System(SystemEvent::Balanced(_)) => break,
            _ => {}
        }
    }
    let mut views = Vec::with_capacity(found.len());
    for statement in found {
        let mut states: BTreeMap<Status, u64> = BTreeMap::new();
        let came = arrivals
            .iter()
            .filter(|(seq, _, source)| *seq <= statement.through && *source == statement.source);
        for (_, doc, _) in came {
            if let Some(document) = desk.store.get(*doc)? {
                *states.entry(document.state.status()).or_default() += 1;
            }
        }
        let holds = statement.holds() && states.values().sum::<u64>() == statement.arrived;
        views.push(BalanceView { statement, holds, states: states.into_iter().collect() });
    }
    Ok(views)
}

/// The files that vanished last, by name; audited.
pub(crate) async fn vanished(
    desk: &Arc<Desk>,
    folders: &[Arc<Folder>],
    caller: &Caller,
) -> Result<Vec<VanishedView>, Refused> {
    desk.book.note(caller.actor.clone(), SystemEvent::Audited).await.map_err(refused)?;
    let view = |source: &Label, gone: &sightings::Vanished| VanishedView {
        source: source.clone(),
        at: gone.at,
        name: inbox::Name::new(&sightings::open_name(&desk.vault, &gone.name).unwrap_or_default()).display(),
    };
    let each = |folder: &Arc<Folder>| {
        folder
            .sightings(|seen| seen.last_vanished().map(|gone| view(&folder.source, gone)).collect::<Vec<_>>())
    };
    Ok(folders.iter().flat_map(each).collect())
}
