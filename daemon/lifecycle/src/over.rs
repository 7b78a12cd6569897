//! What of a document may be destroyed, and when.

use crate::{Blobs, Position, State};
use types::{Schedule, UnixMillis};

/// What is over at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// Nothing yet, or not while the document is under way or under review.
    Nothing,
    /// These parts, which hold something.
    Parts(Vec<Schedule>),
    /// All of it.
    Whole,
    /// It is destroyed, and the time of its log is over too.
    Log,
}

impl Over {
    /// The schedules whose time is over.
    #[must_use]
    pub fn schedules(&self) -> Vec<Schedule> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Parts(parts) => parts.clone(),
            Self::Whole => Schedule::CONTENT.to_vec(),
            Self::Log => vec![Schedule::Log],
        }
    }
}

impl State {
    /// What is over now. Holds are not looked at: they stop what is over.
    #[must_use]
    pub fn over(&self, now: UnixMillis) -> Over {
        if self.position == Position::Gone {
            let log = !self.forgotten && self.schedules.log.until <= now;
            return if log { Over::Log } else { Over::Nothing };
        }
        if !self.is_resting() {
            return Over::Nothing;
        }
        if self.schedules.last().until <= now {
            return Over::Whole;
        }
        let parts: Vec<Schedule> =
            self.parts_left().filter(|part| self.schedules.of(*part).until <= now).collect();
        if parts.is_empty() { Over::Nothing } else { Over::Parts(parts) }
    }

    /// When something will be over next; none while the document moves or waits for a reviewer, and at the end.
    #[must_use]
    pub fn over_next(&self) -> Option<UnixMillis> {
        if self.position == Position::Gone {
            return Some(self.schedules.log.until).filter(|_| !self.forgotten);
        }
        if !self.is_resting() {
            return None;
        }
        let parts = self.parts_left().map(|part| self.schedules.of(part).until);
        Some(parts.fold(self.schedules.last().until, UnixMillis::min))
    }

    /// Was this part destroyed, alone or with the whole?
    #[must_use]
    pub fn is_destroyed(&self, part: Schedule) -> bool {
        self.position == Position::Gone || self.destroyed.contains(&part)
    }

    pub(crate) fn is_resting(&self) -> bool {
        matches!(self.position, Position::Kept | Position::Rejected | Position::Stopped(_))
    }

    fn parts_left(&self) -> impl Iterator<Item = Schedule> {
        Schedule::CONTENT.into_iter().filter(|part| self.blobs.has(*part))
    }
}

impl Blobs {
    /// Is there anything of this part?
    #[must_use]
    pub const fn has(&self, part: Schedule) -> bool {
        match part {
            Schedule::Original => self.original.is_some(),
            Schedule::Redacted => self.product.is_some() || self.map.is_some() || self.manifest.is_some(),
            Schedule::Text => self.text.is_some() || self.raster.is_some(),
            // Nothing of the trip is kept for reviewers beyond the text and its rasters.
            Schedule::Review | Schedule::Log => false,
        }
    }

    /// Names nothing of this part any more.
    pub(crate) fn forget(&mut self, part: Schedule) {
        match part {
            Schedule::Original => self.original = None,
            Schedule::Redacted => {
                self.product = None;
                self.map = None;
                self.manifest = None;
            }
            Schedule::Text => {
                self.text = None;
                self.raster = None;
            }
            Schedule::Review | Schedule::Log => {}
        }
    }
}
