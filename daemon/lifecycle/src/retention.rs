//! How long what is kept of a document stays: one term for each schedule.

use serde::{Deserialize, Serialize};
use types::{Label, Schedule, UnixMillis};

/// What a record without schedules means for the log: six years after the content.
const LOG_MS_DEFAULT: u64 = 2192 * 24 * 60 * 60 * 1000;

/// Until when, and which rule says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// The rule.
    pub rule: Label,
    /// Kept until then.
    pub until: UnixMillis,
}

/// The term of each schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each field is the schedule of its name")]
pub struct Schedules {
    pub original: Term,
    pub redacted: Term,
    pub text: Term,
    pub review: Term,
    pub log: Term,
}

impl Schedules {
    /// The terms of a record; one written before there were schedules has one term for everything.
    pub(crate) fn given(terms: Option<&Self>, rule: &Label, until: UnixMillis) -> Self {
        let term = |until| Term { rule: rule.clone(), until };
        terms.cloned().unwrap_or_else(|| Self {
            original: term(until),
            redacted: term(until),
            text: term(until),
            review: term(until),
            log: term(until.plus(LOG_MS_DEFAULT)),
        })
    }

    /// The term of one schedule.
    #[must_use]
    pub const fn of(&self, schedule: Schedule) -> &Term {
        match schedule {
            Schedule::Original => &self.original,
            Schedule::Redacted => &self.redacted,
            Schedule::Text => &self.text,
            Schedule::Review => &self.review,
            Schedule::Log => &self.log,
        }
    }

    /// The term that ends last among those of sealed bytes: the whole document goes with it.
    #[must_use]
    pub fn last(&self) -> &Term {
        let mut last = &self.original;
        for schedule in Schedule::CONTENT {
            let term = self.of(schedule);
            if term.until > last.until {
                last = term;
            }
        }
        last
    }

    /// For each schedule the longer term of the two.
    #[must_use]
    pub fn longest(self, other: &Self) -> Self {
        let longer = |own: Term, other: &Term| if other.until > own.until { other.clone() } else { own };
        Self {
            original: longer(self.original, &other.original),
            redacted: longer(self.redacted, &other.redacted),
            text: longer(self.text, &other.text),
            review: longer(self.review, &other.review),
            log: longer(self.log, &other.log),
        }
    }
}
