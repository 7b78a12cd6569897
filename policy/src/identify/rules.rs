//! The identifier rules as the file gives them, checked and compiled.

use super::labels::Phrases;
use crate::{
    Problem,
    tables::{Ids, Reader, Rows},
};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use std::collections::BTreeSet;
use types::{IdKind, Label};

/// Largest compiled pattern, in bytes: bounds memory and the time to compile a rule file.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// In a pattern `<9>` stands for a digit as a reader may have read it.
const DIGIT_CLASS: &str = "[0-9OoQIl|SsBZ]";

/// Everything that `identifiers.toml` says.
pub(crate) struct IdentifierRules {
    pub(crate) staff_names: StaffNames,
    pub(crate) unread_below: f32,
    pub(crate) words: Words,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) labels: Vec<LabelRule>,
    pub(crate) phrases: Phrases,
    detectors: Vec<Detector>,
}

/// What happens to names of staff.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StaffNames {
    /// Hidden like any name.
    Hide,
    /// Shown, unless a patient or relative has the same name.
    Show,
}

/// Lists of words in lower case that detectors read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Words {
    pub(crate) titles: BTreeSet<String>,
    pub(crate) staff_titles: BTreeSet<String>,
    pub(crate) staff_suffixes: BTreeSet<String>,
    pub(crate) name_suffixes: BTreeSet<String>,
    pub(crate) particles: BTreeSet<String>,
    pub(crate) relations: BTreeSet<String>,
    pub(crate) organisations: BTreeSet<String>,
    pub(crate) never_names: BTreeSet<String>,
    pub(crate) connectors: BTreeSet<String>,
    pub(crate) streets: BTreeSet<String>,
    pub(crate) weak_streets: BTreeSet<String>,
    pub(crate) units: BTreeSet<String>,
    pub(crate) directions: BTreeSet<String>,
    pub(crate) states: BTreeSet<String>,
    pub(crate) state_names: BTreeSet<String>,
}

/// A detector that is written in code; the file names it, weighs it and can leave it out.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Detector {
    pub(crate) id: Label,
    pub(crate) how: How,
    pub(crate) confidence: f32,
}

/// Which detector.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum How {
    /// `Mr. Smith`.
    Title,
    /// `Dr. Smith`, `Ann Smith, MD`.
    Staff,
    /// `daughter Ann Smith`.
    Relation,
    /// A given name and a surname of the lexicon.
    Pair,
    /// `SMITH, ANN`.
    Reversed,
    /// A value found elsewhere in the document or given at upload.
    Known,
    /// House number, name and suffix of a street.
    Street,
    /// City before state and ZIP, ZIP after state.
    CityStateZip,
    /// A word that was read too badly to tell.
    Unread,
}

/// What follows a label.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Shape {
    Name,
    Date,
    Number,
    Phone,
    Address,
    City,
    Zip,
    Contact,
    /// The label only ends the value before it.
    Nothing,
}

/// A label and what stands beside or beneath it.
pub(crate) struct LabelRule {
    pub(crate) id: Label,
    pub(crate) kind: IdKind,
    pub(crate) value: Shape,
    pub(crate) confidence: f32,
    pub(crate) staff: bool,
    pub(crate) bare: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LabelRow {
    id: Label,
    kind: IdKind,
    value: Shape,
    confidence: f32,
    phrases: Vec<String>,
    #[serde(default)]
    staff: bool,
    #[serde(default)]
    bare: bool,
}

/// A pattern and the check its matches must pass.
pub(crate) struct Pattern {
    pub(crate) id: Label,
    pub(crate) kind: IdKind,
    pub(crate) regex: Regex,
    pub(crate) check: Check,
    pub(crate) confidence: f32,
    /// Looked for again in the redacted product.
    pub(crate) again: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PatternRow {
    id: Label,
    kind: IdKind,
    regex: String,
    #[serde(default)]
    check: Check,
    confidence: f32,
    #[serde(default)]
    again: bool,
}

/// What a match must be besides matching.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Check {
    #[default]
    None,
    Date,
    Phone,
    Ssn,
    Npi,
    Dea,
    Mbi,
    LongNumber,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Outline {
    staff_names: StaffNames,
    unread_below: f32,
    words: Words,
    #[serde(default)]
    pattern: Rows,
    #[serde(default)]
    label: Rows,
    #[serde(default)]
    detector: Rows,
}

impl IdentifierRules {
    /// Reads the rules; mistakes go to the reader.
    pub(crate) fn read(reader: &mut Reader<'_>, ids: &mut Ids) -> Option<Self> {
        let outline: Outline = reader.outline()?;
        reader.check_range(1, "unread-below", outline.unread_below, 0.0, 1.0);
        let mut phrases = Phrases::default();
        let mut labels = Vec::new();
        for (line, row) in reader.entries::<LabelRow>(outline.label) {
            ids.take(reader, line, &row.id);
            reader.check_range(line, "confidence", row.confidence, 0.0, 1.0);
            if row.phrases.is_empty() {
                reader.report(line, Problem::Empty("phrases"));
            }
            for phrase in row.phrases.iter().filter(|phrase| !phrases.add(phrase, labels.len())) {
                reader.report(line, Problem::DuplicatePhrase(phrase.clone()));
            }
            let LabelRow { id, kind, value, confidence, staff, bare, .. } = row;
            labels.push(LabelRule { id, kind, value, confidence, staff, bare });
        }
        let mut patterns = Vec::new();
        for (line, row) in reader.entries::<PatternRow>(outline.pattern) {
            ids.take(reader, line, &row.id);
            patterns.extend(pattern(reader, line, row));
        }
        let mut detectors = Vec::new();
        for (line, row) in reader.entries::<Detector>(outline.detector) {
            ids.take(reader, line, &row.id);
            reader.check_range(line, "confidence", row.confidence, 0.0, 1.0);
            detectors.push(row);
        }
        let Outline { staff_names, unread_below, words, .. } = outline;
        Some(Self { staff_names, unread_below, words, patterns, labels, phrases, detectors })
    }

    /// The detector, unless the file leaves it out.
    pub(crate) fn detector(&self, how: How) -> Option<&Detector> {
        self.detectors.iter().find(|detector| detector.how == how)
    }
}

fn pattern(reader: &mut Reader<'_>, line: usize, row: PatternRow) -> Option<Pattern> {
    reader.check_range(line, "confidence", row.confidence, 0.0, 1.0);
    let source = row.regex.replace("<9>", DIGIT_CLASS);
    let built =
        RegexBuilder::new(&source).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX).build();
    let regex = match built {
        Ok(regex) => regex,
        Err(problem) => {
            reader.report(line, Problem::Pattern(Box::new(problem)));
            return None;
        }
    };
    if regex.is_match("") {
        reader.report(line, Problem::Empty("regex"));
    }
    let has = |wanted: &str| regex.capture_names().flatten().any(|name| name == wanted);
    if row.check == Check::Date && !has("y") && !has("d") {
        reader.report(line, Problem::MissingGroup("d"));
    }
    let PatternRow { id, kind, check, confidence, again, .. } = row;
    Some(Pattern { id, kind, regex, check, confidence, again })
}
