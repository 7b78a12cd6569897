//! Routes: which class goes where, and when a person decides instead (A36, A37).

use crate::{
    Problem, Route, RouteFacts, RouteRendition, Verdict,
    tables::{Ids, Reader, Rows},
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Component, PathBuf},
};
use types::{DocClass, Label, Reason};

/// Everything that `routes.toml` says.
pub(crate) struct RouteRules {
    routes: Vec<Route>,
    by_class: BTreeMap<DocClass, usize>,
    thresholds: Vec<Threshold>,
    review: Review,
}

/// Rules that ask for a person, by reason.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Review {
    /// Classes that a person always decides.
    classes: Vec<DocClass>,
    /// Mean confidence of the words below which identifiers may have been missed.
    reading_below: f32,
    rules: ReviewIds,
}

/// The id that a verdict names for each reason.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ReviewIds {
    no_text: Label,
    poor_reading: Label,
    residue: Label,
    mixed: Label,
    class: Label,
    confidence: Label,
    person: Label,
}

/// From which confidence a document goes without a person.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Threshold {
    id: Label,
    automatic_at: f32,
    #[serde(default)]
    classes: Vec<DocClass>,
    #[serde(default)]
    sources: Vec<Label>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RouteRow {
    name: Label,
    owner: Label,
    sla_hours: u32,
    folder: PathBuf,
    rendition: RouteRendition,
    classes: Vec<DocClass>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Outline {
    review: Review,
    #[serde(default)]
    route: Rows,
    #[serde(default)]
    threshold: Rows,
}

impl RouteRules {
    /// Reads the rules; mistakes go to the reader.
    pub(crate) fn read(reader: &mut Reader<'_>, ids: &mut Ids) -> Option<Self> {
        let Outline { review, route, threshold } = reader.outline()?;
        let before = &review.rules;
        for id in [&before.no_text, &before.poor_reading, &before.residue, &before.mixed, &before.class] {
            ids.take(reader, 1, id);
        }
        ids.take(reader, 1, &before.confidence);
        ids.take(reader, 1, &before.person);
        reader.check_range(1, "reading-below", review.reading_below, 0.0, 1.0);
        let mut rules =
            Self { routes: Vec::new(), by_class: BTreeMap::new(), thresholds: Vec::new(), review };
        for (line, row) in reader.entries::<RouteRow>(route) {
            ids.take(reader, line, &row.name);
            rules.add(reader, line, row);
        }
        for (line, row) in reader.entries::<Threshold>(threshold) {
            ids.take(reader, line, &row.id);
            reader.check_range(line, "automatic-at", row.automatic_at, 0.5, 1.0);
            rules.thresholds.push(row);
        }
        for class in DocClass::ALL.into_iter().filter(|class| !rules.by_class.contains_key(class)) {
            reader.report(1, Problem::ClassWithoutRoute(class));
        }
        if !rules.thresholds.iter().any(|row| row.classes.is_empty() && row.sources.is_empty()) {
            reader.report(1, Problem::Empty("threshold"));
        }
        Some(rules)
    }

    fn add(&mut self, reader: &mut Reader<'_>, line: usize, row: RouteRow) {
        if row.sla_hours == 0 {
            reader.report(line, Problem::NoSla(row.name.clone()));
        }
        let plain = row.folder.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || row.folder.as_os_str().is_empty() {
            reader.report(line, Problem::BadFolder(row.name.clone()));
        }
        for &class in &row.classes {
            if self.by_class.insert(class, self.routes.len()).is_some() {
                reader.report(line, Problem::ClassWithTwoRoutes(class));
            }
        }
        let RouteRow { name, owner, sla_hours, folder, rendition, classes } = row;
        self.routes.push(Route { name, owner, sla_hours, folder, rendition, classes });
    }

    pub(crate) fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Sends a document, or says why a person must look at it first.
    pub(crate) fn verdict(&self, facts: &RouteFacts<'_>) -> Verdict {
        if let Some((reason, rule)) = self.why_review(facts) {
            return Verdict::Review { reason, rule: rule.clone() };
        }
        let route = self.by_class.get(&facts.class).map(|&at| &self.routes[at]);
        let rule = if facts.decided_by_person { &self.review.rules.person } else { self.threshold(facts).0 };
        match route {
            Some(route) => {
                Verdict::Send { route: route.name.clone(), owner: route.owner.clone(), rule: rule.clone() }
            }
            None => {
                Verdict::Review { reason: Reason::ClassNeedsReview, rule: self.review.rules.class.clone() }
            }
        }
    }

    fn why_review(&self, facts: &RouteFacts<'_>) -> Option<(Reason, &Label)> {
        let rules = &self.review.rules;
        let (_, automatic_at) = self.threshold(facts);
        if facts.decided_by_person {
            None
        } else if facts.words == 0 {
            Some((Reason::NoText, &rules.no_text))
        } else if facts.unread_pages > 0 || facts.reading.get() < self.review.reading_below {
            Some((Reason::PoorReading, &rules.poor_reading))
        } else if facts.black_pages > 0 {
            Some((Reason::RedactionResidue, &rules.residue))
        } else if facts.mixed {
            Some((Reason::MixedClasses, &rules.mixed))
        } else if self.review.classes.contains(&facts.class) {
            Some((Reason::ClassNeedsReview, &rules.class))
        } else if facts.confidence.get() < automatic_at {
            Some((Reason::LowConfidence, &rules.confidence))
        } else {
            None
        }
    }

    /// The strictest threshold that applies.
    fn threshold(&self, facts: &RouteFacts<'_>) -> (&Label, f32) {
        let applies = |row: &&Threshold| {
            (row.classes.is_empty() || row.classes.contains(&facts.class))
                && (row.sources.is_empty() || row.sources.contains(facts.source))
        };
        self.thresholds
            .iter()
            .filter(applies)
            .max_by(|a, b| a.automatic_at.total_cmp(&b.automatic_at))
            .map_or((&self.review.rules.confidence, 1.0), |row| (&row.id, row.automatic_at))
    }
}
