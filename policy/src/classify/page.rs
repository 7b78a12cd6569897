//! Weighs one page: which rules speak, and how much for each class.

use super::{
    rules::{ClassRules, Look, Rule, plain_words},
    title::{self, Title},
};
use crate::{PageView, sheet::Sheet};
use types::{DocClass, Label};

/// Most that the running text and the look of a page can say for a class: they support a title, they
/// do not replace it.
const BODY_MAX: f32 = 5.0;

/// What a title counts when a stronger one of another class stands on the page.
const LESSER_TITLE_SHARE: f32 = 0.35;

/// What one page says.
pub(crate) struct Evidence<'a> {
    titles: [f32; DocClass::ALL.len()],
    body: [f32; DocClass::ALL.len()],
    /// Every rule that spoke, with its class.
    pub(crate) spoke: Vec<(DocClass, &'a Label)>,
    /// The page only covers others.
    pub(crate) cover: bool,
}

impl Evidence<'_> {
    /// The sum for each class.
    pub(crate) fn totals(&self) -> [f32; DocClass::ALL.len()] {
        let strongest = self.titles.iter().copied().fold(0.0, f32::max);
        std::array::from_fn(|at| {
            let share = if self.titles[at] < strongest { LESSER_TITLE_SHARE } else { 1.0 };
            self.titles[at] * share + self.body[at].min(BODY_MAX)
        })
    }
}

/// Applies every rule to a page.
pub(crate) fn weigh<'a>(rules: &'a ClassRules, page: &PageView<'_>) -> Evidence<'a> {
    let sheet = Sheet::new(page.words, Some(page.geometry));
    let titles = title::titles(&sheet, page.geometry);
    let body = format!(" {} ", plain_words(&sheet.text));
    let mut evidence = Evidence { titles: [0.0; 11], body: [0.0; 11], spoke: Vec::new(), cover: false };
    let mut cover_weight = 0.0;
    for rule in &rules.rules {
        let weight = weight(rule, page, &sheet, &titles, &body);
        if weight <= 0.0 {
            continue;
        }
        let at = rule.class as usize;
        match rule.look {
            Look::Titles(_) => evidence.titles[at] = evidence.titles[at].max(weight),
            Look::Body(_) | Look::Layout(_) => evidence.body[at] += weight,
        }
        if rule.cover {
            cover_weight += weight;
        }
        evidence.spoke.push((rule.class, &rule.id));
    }
    let strongest = evidence.totals().into_iter().fold(0.0, f32::max);
    evidence.cover = cover_weight > 0.0 && 2.0 * cover_weight >= strongest;
    evidence
}

fn weight(rule: &Rule, page: &PageView<'_>, sheet: &Sheet, titles: &[Title], body: &str) -> f32 {
    match &rule.look {
        Look::Titles(phrases) => rule.weight * title::strength(titles, phrases),
        Look::Body(phrases) => {
            let present = phrases.iter().filter(|phrase| body.contains(phrase.as_str())).count();
            rule.weight * present.min(rule.at_most as usize) as f32
        }
        Look::Layout(cue) => rule.weight * cue.strength(page, sheet),
    }
}
