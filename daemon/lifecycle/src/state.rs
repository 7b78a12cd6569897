//! What the events of a document fold to, and what is due next.

use crate::{Arrival, Event, Finding, Schedules, Sealed, Stage, Status, Trip};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use types::{BlobId, Confidence, Digest, DocClass, DocId, Label, Reason, Schedule, UnixMillis};

/// Where the document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    /// This station is next.
    At(Stage),
    /// Waiting in quarantine for a person, before this station.
    Stopped(Stage),
    /// Waiting for a reviewer, before the station `route`.
    Review,
    /// Delivered and kept.
    Kept,
    /// Refused; kept in quarantine until retention is over.
    Rejected,
    /// Destroyed.
    Gone,
}

/// Sealed artefacts that exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blobs {
    /// The file as it came.
    pub original: Option<BlobId>,
    /// Page rasters; removed once the document is kept.
    pub raster: Option<BlobId>,
    /// Words.
    pub text: Option<BlobId>,
    /// Redacted PDF.
    pub product: Option<BlobId>,
    /// Redaction map.
    pub map: Option<BlobId>,
    /// Signed manifest.
    pub manifest: Option<BlobId>,
}

/// A document, as its events tell it. No PHI.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each field is that of the event which set it")]
pub struct State {
    pub version: u64,
    pub trip: Trip,
    pub position: Position,
    pub source: Label,
    pub bytes: u64,
    pub content: Digest,
    pub received_at: UnixMillis,
    pub updated_at: UnixMillis,
    pub failures: u32,
    pub accepted: BTreeSet<Reason>,
    pub reason: Option<Reason>,
    pub format: Option<Label>,
    pub pages: Option<u32>,
    pub findings: Vec<Finding>,
    pub words: u32,
    pub reading: Option<Confidence>,
    pub unread_pages: u32,
    pub class: Option<DocClass>,
    /// Every class it ever had: a hold on a class is not lost by a correction.
    pub classes: BTreeSet<DocClass>,
    /// Every label it ever got, for the same reason.
    pub sensitivity: Vec<Label>,
    pub confidence: Option<Confidence>,
    pub rules: Vec<Label>,
    pub mixed: bool,
    pub decided_by_person: bool,
    pub black_pages: u32,
    pub boxes: u32,
    pub route: Option<Label>,
    pub owner: Option<Label>,
    pub receipt: Option<Digest>,
    pub duplicate_of: Option<DocId>,
    pub destroyed_before: Option<DocId>,
    pub resent_of: Option<DocId>,
    pub holds: BTreeSet<Label>,
    pub schedules: Schedules,
    /// How long its copies are kept: no later rule shortens it.
    pub asked: Option<Schedules>,
    /// Parts that were destroyed before the whole.
    pub destroyed: BTreeSet<Schedule>,
    pub forgotten: bool,
    pub blobs: Blobs,
    pub sealed_arrival: Sealed,
    pub sealed_text: Option<Sealed>,
    pub sealed_product: Option<Sealed>,
}

/// How often a station is tried.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Tries of one station, the first included.
    pub tries_max: u32,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Run this station.
    Run(Stage),
    /// This station was tried often enough: stop.
    Stop(Stage),
    /// A person must act.
    Person,
    /// Nothing before this time (retention).
    Clock(UnixMillis),
    /// Nothing ever.
    Nothing,
}

/// An event that cannot follow what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this event cannot happen to a document that is {status}")]
pub struct IllegalEvent {
    /// Its status.
    pub status: Status,
}

impl State {
    /// The state after `Arrived`.
    #[must_use]
    pub fn arrived(arrival: &Arrival, at: UnixMillis) -> Self {
        Self {
            version: 1,
            trip: arrival.trip,
            position: Position::At(Stage::Quarantine),
            source: arrival.source.clone(),
            bytes: arrival.bytes,
            content: arrival.content,
            received_at: arrival.received_at.map_or(at, |received| received.min(at)),
            updated_at: at,
            failures: 0,
            accepted: BTreeSet::new(),
            reason: None,
            format: None,
            pages: None,
            findings: Vec::new(),
            words: 0,
            reading: None,
            unread_pages: 0,
            class: None,
            classes: BTreeSet::new(),
            sensitivity: Vec::new(),
            confidence: None,
            rules: Vec::new(),
            mixed: false,
            decided_by_person: false,
            black_pages: 0,
            boxes: 0,
            route: None,
            owner: None,
            receipt: None,
            duplicate_of: arrival.duplicate_of,
            destroyed_before: arrival.destroyed_before,
            resent_of: arrival.resent_of,
            holds: BTreeSet::new(),
            schedules: Schedules::given(
                arrival.schedules.as_deref(),
                &arrival.retention,
                arrival.retain_until,
            ),
            asked: None,
            destroyed: BTreeSet::new(),
            forgotten: false,
            blobs: Blobs { original: arrival.original, ..Blobs::default() },
            sealed_arrival: arrival.sealed.clone(),
            sealed_text: None,
            sealed_product: None,
        }
    }

    /// Folds one more event. Consults nothing but the event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when it cannot follow what is known.
    pub fn apply(mut self, event: &Event, at: UnixMillis) -> Result<Self, IllegalEvent> {
        if !self.allows(event) {
            return Err(IllegalEvent { status: self.status() });
        }
        // Being read changes nothing, and a copy only how long it is kept: a station under way must not be thrown
        // away for either.
        if !matches!(
            event,
            Event::Read { .. } | Event::AlsoDelivered { .. } | Event::RetentionExtended { .. }
        ) {
            self.version += 1;
            self.updated_at = at;
        }
        match event {
            Event::Arrived(_) | Event::Read { .. } | Event::AlsoDelivered { .. } => {}
            Event::Finished(outcome) => self.finish(outcome),
            Event::Failed { reason, .. } => {
                self.failures += 1;
                self.reason = Some(*reason);
            }
            Event::Stopped { stage, reason } => self.rest(Position::Stopped(*stage), Some(*reason)),
            Event::Referred { reason, .. } => self.rest(Position::Review, Some(*reason)),
            Event::Rejected { reason, .. } => self.rest(Position::Rejected, Some(*reason)),
            Event::Released => {
                self.accepted.extend(self.reason);
                let stage = match self.position {
                    Position::Stopped(stage) => stage,
                    _ => Stage::Quarantine,
                };
                self.rest(Position::At(stage), None);
            }
            Event::Approved => {
                self.decided_by_person = true;
                self.rest(Position::At(Stage::Route), None);
            }
            Event::Reclassified { class, schedules } => {
                self.decided_by_person = true;
                self.is_of(*class, schedules.as_deref());
                self.confidence = Some(Confidence::new(1.0));
                self.route = None;
                self.owner = None;
                self.rest(Position::At(Stage::Route), None);
            }
            Event::Rerouted { route, owner, .. } => {
                self.decided_by_person = true;
                self.route = Some(route.clone());
                self.owner = Some(owner.clone());
                self.rest(Position::At(Stage::Deliver), None);
            }
            Event::HoldPlaced { hold } => {
                self.holds.insert(hold.clone());
            }
            Event::HoldLifted { hold } => {
                self.holds.remove(hold);
            }
            Event::RetentionExtended { schedules, .. } => {
                self.schedules = self.schedules.longest(schedules);
                self.asked = Some(match self.asked {
                    Some(asked) => asked.longest(schedules),
                    None => (**schedules).clone(),
                });
            }
            Event::Destroyed { areas, .. } if !areas.is_empty() => {
                self.destroyed.extend(areas);
                areas.iter().for_each(|area| self.blobs.forget(*area));
            }
            Event::Expired { .. } | Event::Destroyed { .. } => {
                self.blobs = Blobs::default();
                self.sealed_arrival = Sealed::default();
                self.sealed_text = None;
                self.sealed_product = None;
                self.rest(Position::Gone, Some(Reason::RetentionOver));
            }
            Event::Forgotten => self.forgotten = true,
        }
        Ok(self)
    }

    fn allows(&self, event: &Event) -> bool {
        let stored = self.blobs.manifest.is_some();
        match event {
            Event::Arrived(_) => false,
            Event::Finished(outcome) => self.position == Position::At(outcome.stage()),
            Event::Failed { stage, .. } | Event::Stopped { stage, .. } => {
                self.position == Position::At(*stage)
            }
            Event::Referred { .. } => self.position == Position::At(Stage::Route),
            Event::Rejected { stage, .. } => match self.position {
                Position::At(here) | Position::Stopped(here) => here == *stage,
                Position::Review => *stage == Stage::Route,
                Position::Kept | Position::Rejected | Position::Gone => false,
            },
            Event::Released => match self.position {
                Position::Stopped(_) => self.destroyed.is_empty(),
                Position::Rejected => self.duplicate_of.is_none() && !stored && self.destroyed.is_empty(),
                Position::At(_) | Position::Review | Position::Kept | Position::Gone => false,
            },
            Event::Approved => self.position == Position::Review,
            Event::Reclassified { .. } => {
                stored
                    && matches!(
                        self.position,
                        Position::Review | Position::Kept | Position::At(Stage::Deliver)
                    )
            }
            Event::Rerouted { .. } => {
                stored
                    && matches!(
                        self.position,
                        Position::Review | Position::Kept | Position::At(Stage::Deliver)
                    )
            }
            Event::HoldPlaced { hold } => self.position != Position::Gone && !self.holds.contains(hold),
            Event::HoldLifted { hold } => self.holds.contains(hold),
            Event::Read { .. } | Event::AlsoDelivered { .. } | Event::RetentionExtended { .. } => {
                self.position != Position::Gone
            }
            Event::Expired { .. } => self.holds.is_empty() && self.is_resting(),
            Event::Destroyed { areas, .. } => {
                self.holds.is_empty()
                    && self.is_resting()
                    && areas.iter().all(|area| *area != Schedule::Log && !self.destroyed.contains(area))
            }
            Event::Forgotten => self.position == Position::Gone && !self.forgotten,
        }
    }

    pub(crate) fn rest(&mut self, position: Position, reason: Option<Reason>) {
        self.position = position;
        self.reason = reason;
        self.failures = 0;
    }

    /// The word that callers see.
    #[must_use]
    pub fn status(&self) -> Status {
        let status = match self.position {
            Position::At(Stage::Quarantine) => Status::Received,
            Position::At(Stage::Deliver) => Status::Routed,
            Position::At(Stage::Retain) | Position::Kept => Status::Delivered,
            Position::At(_) => Status::Processing,
            Position::Stopped(_) => Status::Quarantined,
            Position::Review => Status::Review,
            Position::Rejected => Status::Rejected,
            Position::Gone => Status::Expired,
        };
        if self.holds.is_empty() || status == Status::Expired { status } else { Status::Held }
    }

    /// What to do next.
    #[must_use]
    pub fn due(&self, patience: Patience) -> Due {
        match self.position {
            Position::At(Stage::Deliver) if !self.holds.is_empty() => Due::Person,
            // Delivery waits for its target as long as it takes; giving up would lose the document.
            Position::At(Stage::Deliver) => Due::Run(Stage::Deliver),
            Position::At(stage) if self.failures >= patience.tries_max => Due::Stop(stage),
            Position::At(stage) => Due::Run(stage),
            Position::Review | Position::Stopped(_) => Due::Person,
            Position::Kept | Position::Rejected if self.holds.is_empty() => {
                Due::Clock(self.over_next().unwrap_or(self.schedules.last().until))
            }
            Position::Kept | Position::Rejected => Due::Person,
            Position::Gone => Due::Nothing,
        }
    }
}
