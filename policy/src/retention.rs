//! Retention is a property of the document (A45): for each schedule, of all rules that apply the longest wins.

use crate::{
    Kept, Problem, Retention, RetentionFacts,
    tables::{Ids, Reader, Rows},
};
use serde::Deserialize;
use types::{DocClass, Label, Schedule};

/// Longest period, in days (100 years): a longer one is a typing error.
const DAYS_MAX: u32 = 36_525;

/// A rule that says nothing of the log keeps it so many days at least: six years (45 CFR 164.316(b)(2)).
const LOG_DAYS_DEFAULT: u32 = 2192;

/// Everything that the retention rules say.
pub(crate) struct RetentionRules {
    rules: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Row {
    id: Label,
    /// For each schedule that has no days of its own.
    days: Option<u32>,
    original_days: Option<u32>,
    redacted_days: Option<u32>,
    text_days: Option<u32>,
    review_days: Option<u32>,
    log_days: Option<u32>,
    /// Empty: every class, also an unknown one.
    #[serde(default)]
    classes: Vec<DocClass>,
    /// Empty: every source.
    #[serde(default)]
    sources: Vec<Label>,
    /// Empty: every document, sensitive or not.
    #[serde(default)]
    sensitivity: Vec<Label>,
    /// Applies only to a document whose sender asks for it.
    #[serde(default)]
    on_request: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outline {
    #[serde(default)]
    rule: Rows,
}

impl RetentionRules {
    /// Reads the rules; mistakes go to the reader. `sensitivities` are the labels that documents can have.
    pub(crate) fn read(reader: &mut Reader<'_>, ids: &mut Ids, sensitivities: &[Label]) -> Option<Self> {
        let outline: Outline = reader.outline()?;
        let mut rules = Vec::new();
        for (line, row) in reader.entries::<Row>(outline.rule) {
            ids.take(reader, line, &row.id);
            for (key, days) in row.given() {
                if days.is_some_and(|days| days > DAYS_MAX) {
                    reader.report(line, Problem::OutOfRange { key, low: 0.0, high: DAYS_MAX as f32 });
                }
            }
            if row.given().iter().all(|(_, days)| days.is_none()) {
                reader.report(line, Problem::Empty("days, or the days of one schedule at least"));
            }
            for label in row.sensitivity.iter().filter(|label| !sensitivities.contains(label)) {
                reader.report(line, Problem::UnknownSensitivity(label.clone()));
            }
            rules.push(row);
        }
        let for_all = |schedule: &Schedule| {
            rules.iter().any(|row: &Row| row.is_for_all() && row.days_of(*schedule).is_some())
        };
        if let Some(schedule) = Schedule::ALL.iter().find(|schedule| !for_all(schedule)) {
            reader.report(1, Problem::NoDefaultRetention(*schedule));
        }
        Some(Self { rules })
    }

    /// For each schedule the longest period of the rules that apply.
    pub(crate) fn longest(&self, facts: &RetentionFacts<'_>) -> Retention {
        let kept = |schedule| {
            let mut longest: Option<Kept> = None;
            for row in self.rules.iter().filter(|row| row.applies(facts)) {
                let Some(days) = row.days_of(schedule) else { continue };
                if longest.as_ref().is_none_or(|kept| kept.days < days) {
                    longest = Some(Kept { rule: row.id.clone(), days });
                }
            }
            longest.expect("a rule for every document and schedule was demanded when the file was read")
        };
        Retention {
            original: kept(Schedule::Original),
            redacted: kept(Schedule::Redacted),
            text: kept(Schedule::Text),
            review: kept(Schedule::Review),
            log: kept(Schedule::Log),
        }
    }
}

impl Row {
    fn given(&self) -> [(&'static str, Option<u32>); 6] {
        [
            ("days", self.days),
            ("original-days", self.original_days),
            ("redacted-days", self.redacted_days),
            ("text-days", self.text_days),
            ("review-days", self.review_days),
            ("log-days", self.log_days),
        ]
    }

    /// None: the rule says nothing of this schedule.
    fn days_of(&self, schedule: Schedule) -> Option<u32> {
        match schedule {
            Schedule::Original => self.original_days.or(self.days),
            Schedule::Redacted => self.redacted_days.or(self.days),
            Schedule::Text => self.text_days.or(self.days),
            Schedule::Review => self.review_days.or(self.days),
            Schedule::Log => self.log_days.or(self.days.map(|days| days.max(LOG_DAYS_DEFAULT))),
        }
    }

    fn is_for_all(&self) -> bool {
        self.classes.is_empty() && self.sources.is_empty() && self.sensitivity.is_empty() && !self.on_request
    }

    fn applies(&self, facts: &RetentionFacts<'_>) -> bool {
        let fits = || {
            !self.on_request
                && (self.classes.is_empty() || facts.class.is_some_and(|class| self.classes.contains(&class)))
                && (self.sources.is_empty() || self.sources.contains(facts.source))
                && (self.sensitivity.is_empty()
                    || facts.sensitivity.iter().any(|label| self.sensitivity.contains(label)))
        };
        facts.requested.contains(&&self.id) || fits()
    }
}
