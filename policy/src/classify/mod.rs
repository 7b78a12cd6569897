//! Decides what kind of document pages are: evidence by rule, summed per class, turned into a
//! calibrated confidence. It says nothing about where the document goes.

mod cues;
mod page;
mod rules;
mod title;

pub(crate) use rules::{ClassRules, plain_words};

use crate::{Classification, PageView};
use page::Evidence;
use types::{Confidence, DocClass, Label};

/// What pages beyond the strongest add to a class, as a share of their evidence.
const FURTHER_PAGES_SHARE: f32 = 0.25;

/// Evidence below which a class is not even a guess.
const GUESS_MIN: f32 = 1.0;

/// The class of a document and of each of its pages.
pub(crate) fn classify(
    rules: &ClassRules,
    pages: &[PageView<'_>],
    expected: Option<DocClass>,
) -> Classification {
    let evidence: Vec<Evidence> = pages.iter().map(|page| page::weigh(rules, page)).collect();
    let judged: Vec<(DocClass, Confidence)> =
        evidence.iter().map(|page| judge(rules, &page.totals())).collect();
    // A cover sheet says nothing about what it covers.
    let counted: Vec<usize> = (0..pages.len()).filter(|&page| !evidence[page].cover).collect();
    let counted = if counted.is_empty() { (0..pages.len()).collect() } else { counted };
    let mut totals = [0.0; DocClass::ALL.len()];
    for (at, total) in totals.iter_mut().enumerate() {
        let strongest = counted.iter().map(|&page| evidence[page].totals()[at]).fold(0.0, f32::max);
        let sum: f32 = counted.iter().map(|&page| evidence[page].totals()[at]).sum();
        *total = strongest + FURTHER_PAGES_SHARE * (sum - strongest);
    }
    let mut named = Vec::new();
    if let Some(expected) = expected {
        let total = &mut totals[expected as usize];
        if *total > 0.0 {
            *total += rules.expected.weight;
            named.push((expected, &rules.expected.id));
        }
    }
    let (class, confidence) = judge(rules, &totals);
    let clear = |page: &&usize| judged[**page].1.get() >= rules.mixed_at;
    let mixed = counted
        .iter()
        .filter(clear)
        .any(|&page| counted.iter().filter(clear).any(|&other| judged[page].0 != judged[other].0));
    let spoke = counted.iter().flat_map(|&page| evidence[page].spoke.iter().copied()).chain(named);
    let rules = reasons(rules, class, spoke);
    Classification { class, confidence, rules, mixed, pages: judged }
}

/// The class with the most evidence, and how often such evidence is right.
fn judge(rules: &ClassRules, totals: &[f32; DocClass::ALL.len()]) -> (DocClass, Confidence) {
    let mut ranked: Vec<(DocClass, f32)> = DocClass::ALL.into_iter().zip(totals.iter().copied()).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let [(class, most), (_, second), ..] = ranked[..] else { return unknown(rules) };
    if most < GUESS_MIN {
        return unknown(rules);
    }
    let curve = &rules.calibration;
    let logit = curve.margin * (most - second) + curve.evidence * most.min(curve.evidence_max) - curve.offset;
    (class, Confidence::new(1.0 / (1.0 + (-logit).exp())))
}

fn unknown(rules: &ClassRules) -> (DocClass, Confidence) {
    (DocClass::Miscellaneous, Confidence::new(rules.fallback.confidence))
}

/// The rules that spoke for the class, each once; the fallback when none did.
fn reasons<'a>(
    rules: &ClassRules,
    class: DocClass,
    spoke: impl Iterator<Item = (DocClass, &'a Label)>,
) -> Vec<Label> {
    let mut reasons: Vec<Label> = Vec::new();
    for (_, rule) in spoke.filter(|(other, _)| *other == class) {
        if !reasons.contains(rule) {
            reasons.push(rule.clone());
        }
    }
    if reasons.is_empty() {
        reasons.push(rules.fallback.id.clone());
    }
    reasons
}
