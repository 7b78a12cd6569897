//! What the balance begins with on a restored appliance. A backup holds the ledger and not what the inboxes saw, for
//! those are other inboxes now: up to the restore the ledger's word is taken, and `restored` in it says so.
//!
//! Only then. An appliance that loses its journals in any other way does not balance, and says so.

use crate::{
    closing::{Closed, Day, Totals},
    opening::StartError,
    retain::DAY_MS,
    sightings,
};
use ::store::{Contract, StoreError};
use lifecycle::{Body, Event, SystemEvent};
use std::{collections::BTreeMap, fs, path::Path};
use types::Label;

/// Folder of the journals while they are made.
const STAGED: &str = "seen.part";

/// Makes journals and balance if the appliance was restored and never started since.
pub(crate) fn begin(state_dir: &Path, store: &dyn Contract) -> Result<(), StartError> {
    let seen = sightings::folder(state_dir);
    if seen.exists() {
        return Ok(());
    }
    let Some(past) = Past::read(store)? else { return Ok(()) };
    let staged = state_dir.join(STAGED);
    if staged.exists() {
        fs::remove_dir_all(&staged)?;
    }
    fs::create_dir(&staged)?;
    for (source, resolved) in &past.resolved {
        let path = staged.join(source.as_str());
        let next = past.next_entry.max(past.closed.files(source) + resolved.len() as u64 + 1);
        sightings::begin(&path, past.closed.through, past.closed.files(source), resolved, next)?;
    }
    past.closed.write(state_dir)?;
    // The folder's name is what the next start goes by.
    fs::rename(staged, seen)?;
    Ok(())
}

/// What the ledger says of files up to the restore.
struct Past {
    /// The days that were signed.
    closed: Closed,
    /// Records since, that say of a file what became of it; every source that ever had a file is named.
    resolved: BTreeMap<Label, Vec<u64>>,
    /// No file of the past has this number, or a higher one.
    next_entry: u64,
}

impl Past {
    /// None when the ledger knows of no restore.
    fn read(store: &dyn Contract) -> Result<Option<Self>, StoreError> {
        let (mut restored, mut signed, mut last_signed) = (0, 0, 0);
        for record in store.log(1)? {
            let record = record?;
            match &record.body {
                Body::System(SystemEvent::Balanced(statement)) => last_signed = statement.through,
                Body::System(SystemEvent::Restored { .. }) => (restored, signed) = (record.seq, last_signed),
                _ => {}
            }
        }
        if restored == 0 {
            return Ok(None);
        }
        let mut past = Self { closed: Closed::default(), resolved: BTreeMap::new(), next_entry: 1 };
        let (mut day, mut latest) = (Day::default(), 0);
        for record in store.log(1)? {
            let record = record?;
            if record.seq > restored {
                break;
            }
            let about = about(&record.body);
            let before = about.map_or(0, |(source, _)| files(&day, source));
            day.add(&record);
            latest = latest.max(record.at.0 / DAY_MS);
            if record.seq == signed {
                past.closed = Closed::up_to(latest, signed, day.totals.clone());
            }
            let Some((source, entry)) = about else { continue };
            past.next_entry = past.next_entry.max(entry.unwrap_or(0) + 1);
            let resolved = past.resolved.entry(source.clone()).or_default();
            if record.seq > signed && before < files(&day, source) {
                resolved.push(record.seq);
            }
        }
        Ok(Some(past))
    }
}

/// The source of a record that says of a file what became of it, and the file's number where it has one.
fn about(body: &Body) -> Option<(&Label, Option<u64>)> {
    match body {
        Body::Document { event: Event::Arrived(arrival), .. } => Some((&arrival.source, None)),
        Body::System(
            SystemEvent::Refused { source, entry, .. } | SystemEvent::Vanished { source, entry, .. },
        ) => Some((source, *entry)),
        _ => None,
    }
}

fn files(day: &Day, source: &Label) -> u64 {
    day.totals.get(source).map_or(0, Totals::files)
}
