//! The class rules as the file gives them, checked.

use super::cues::Cue;
use crate::{
    Problem, fold,
    sensitivity::SensitivityRules,
    tables::{Ids, Reader, Rows},
};
use serde::Deserialize;
use types::{DocClass, Label};

/// Everything that `classes.toml` says.
pub(crate) struct ClassRules {
    pub(crate) calibration: Calibration,
    pub(crate) expected: Expected,
    pub(crate) fallback: Fallback,
    pub(crate) mixed_at: f32,
    pub(crate) rules: Vec<Rule>,
}

/// Confidence = logistic(margin × lead over the second class + evidence × evidence − offset).
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Calibration {
    pub(crate) margin: f32,
    pub(crate) evidence: f32,
    pub(crate) evidence_max: f32,
    pub(crate) offset: f32,
}

/// What the sender's word adds.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) id: Label,
    pub(crate) weight: f32,
}

/// What is said when no rule spoke.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Fallback {
    pub(crate) id: Label,
    pub(crate) confidence: f32,
}

/// Evidence for one class.
pub(crate) struct Rule {
    pub(crate) id: Label,
    pub(crate) class: DocClass,
    pub(crate) weight: f32,
    pub(crate) at_most: u32,
    pub(crate) cover: bool,
    pub(crate) look: Look,
}

/// Where a rule looks.
pub(crate) enum Look {
    /// At titles: phrases without spaces, folded.
    Titles(Vec<String>),
    /// At the running text: phrases between single spaces.
    Body(Vec<String>),
    /// At how the page looks.
    Layout(Cue),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Row {
    id: Label,
    class: DocClass,
    weight: f32,
    /// How many different phrases count.
    #[serde(default = "one")]
    at_most: u32,
    /// A page of this rule only covers others.
    #[serde(default)]
    cover: bool,
    titles: Option<Vec<String>>,
    body: Option<Vec<String>>,
    layout: Option<Cue>,
}

fn one() -> u32 {
    1
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Outline {
    calibration: Calibration,
    expected: Expected,
    fallback: Fallback,
    mixed_at: f32,
    #[serde(default)]
    rule: Rows,
    #[serde(default)]
    sensitivity: Rows,
}

impl ClassRules {
    /// Reads the rules, and those of sensitivity that stand in the same file; mistakes go to the reader.
    pub(crate) fn read(reader: &mut Reader<'_>, ids: &mut Ids) -> Option<(Self, SensitivityRules)> {
        let Outline { calibration, expected, fallback, mixed_at, rule, sensitivity } = reader.outline()?;
        reader.check_range(1, "mixed-at", mixed_at, 0.0, 1.0);
        reader.check_range(1, "fallback.confidence", fallback.confidence, 0.0, 1.0);
        ids.take(reader, 1, &expected.id);
        ids.take(reader, 1, &fallback.id);
        let mut rules = Vec::new();
        for (line, row) in reader.entries::<Row>(rule) {
            ids.take(reader, line, &row.id);
            reader.check_range(line, "weight", row.weight, 0.0, 20.0);
            let Row { id, class, weight, at_most, cover, .. } = row;
            match look(row.titles, row.body, row.layout) {
                Some(look) => rules.push(Rule { id, class, weight, at_most, cover, look }),
                None => reader.report(line, Problem::Empty("titles, body or layout (exactly one of them)")),
            }
        }
        for class in DocClass::ALL.into_iter().filter(|class| !rules.iter().any(|rule| rule.class == *class))
        {
            reader.report(1, Problem::ClassWithoutRule(class));
        }
        let sensitivity = SensitivityRules::read(reader, sensitivity);
        Some((Self { calibration, expected, fallback, mixed_at, rules }, sensitivity))
    }
}

fn look(titles: Option<Vec<String>>, body: Option<Vec<String>>, layout: Option<Cue>) -> Option<Look> {
    match (titles, body, layout) {
        (Some(titles), None, None) if !titles.is_empty() => {
            Some(Look::Titles(titles.iter().map(|title| fold::letters(title)).collect()))
        }
        (None, Some(body), None) if !body.is_empty() => {
            Some(Look::Body(body.iter().map(|phrase| format!(" {} ", plain_words(phrase))).collect()))
        }
        (None, None, Some(cue)) => Some(Look::Layout(cue)),
        _ => None,
    }
}

/// Lower-case words between single spaces, hyphens and slashes taken for spaces.
pub(crate) fn plain_words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for word in
        text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '%').filter(|word| !word.is_empty())
    {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&word.to_lowercase());
    }
    words
}
