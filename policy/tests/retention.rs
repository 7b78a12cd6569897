//! How long what is kept of a document stays, and which labels make it stay longer.
#![allow(clippy::unwrap_used)]

use policy::{PageView, Policy, PolicyTexts, Retention, RetentionFacts};
use types::{Confidence, DocClass, Label, PageGeometry, PageWords, Phi, Rect, Schedule, Transform, Word};

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

fn policy(retention: &str) -> Policy {
    let texts = PolicyTexts { retention, ..Policy::shipped_texts() };
    Policy::parse(&texts).unwrap_or_else(|errors| panic!("{}", errors[0]))
}

fn mistakes(texts: PolicyTexts<'_>) -> String {
    let errors = Policy::parse(&texts).err().unwrap_or_default();
    errors.iter().map(|error| format!("{error}\n")).collect()
}

/// Rule and days of each schedule, in the order of [`Schedule::ALL`].
fn told(kept: &Retention) -> Vec<(&str, u32)> {
    let all = [&kept.original, &kept.redacted, &kept.text, &kept.review, &kept.log];
    all.map(|kept| (kept.rule.as_str(), kept.days)).to_vec()
}

fn asked(policy: &Policy, class: Option<DocClass>, sensitivity: &[&str], requested: &[&str]) -> Retention {
    let (source, sensitivity) =
        (label("scanner"), sensitivity.iter().map(|it| label(it)).collect::<Vec<_>>());
    let requested: Vec<Label> = requested.iter().map(|rule| label(rule)).collect();
    let requested: Vec<&Label> = requested.iter().collect();
    policy.retention(&RetentionFacts {
        class,
        source: &source,
        sensitivity: &sensitivity,
        requested: &requested,
    })
}

// A45: "longest rule wins"; the rule is named. What a sender asks for lengthens and never shortens.
#[test]
fn the_longest_rule_that_applies_wins() {
    let policy = policy(Policy::shipped_texts().retention);
    for (class, requested, rule, days) in [
        (None, &[][..], "keep-every-document", 30),
        (Some(DocClass::Miscellaneous), &[], "keep-every-document", 30),
        (Some(DocClass::Claim), &[], "keep-payer", 180),
        (Some(DocClass::Claim), &["keep-every-document"], "keep-payer", 180),
        (Some(DocClass::Claim), &["one-year"], "one-year", 365),
        (None, &["six-years"], "six-years", 2192),
        (None, &["one-year", "six-years"], "six-years", 2192),
        (None, &["no-such-rule"], "keep-every-document", 30),
    ] {
        let kept = asked(&policy, class, &[], requested);
        let log = ("keep-every-document", 2192);
        assert_eq!(told(&kept), [[(rule, days); 4].as_slice(), &[log]].concat(), "{class:?} {requested:?}");
    }
}

// B46: "retention schedules for originals, derivatives, OCR text, logs, review artefacts": five periods, each
// with the longest rule that applies and its name.
#[test]
fn each_schedule_has_its_own_longest_rule() {
    let policy = policy(
        r#"
        [[rule]]
        id = "all"
        days = 10
        text-days = 1
        log-days = 5000

        [[rule]]
        id = "claims-redacted"
        redacted-days = 400
        classes = ["claim"]

        [[rule]]
        id = "short"
        days = 5
        original-days = 20
        sources = ["scanner"]

        [[rule]]
        id = "hiv-review"
        review-days = 900
        sensitivity = ["hiv"]

        [[rule]]
        id = "elsewhere"
        days = 9000
        sources = ["fax"]
        "#,
    );
    let kept = asked(&policy, None, &[], &[]);
    assert_eq!(told(&kept), [("short", 20), ("all", 10), ("short", 5), ("all", 10), ("all", 5000)]);
    let kept = asked(&policy, Some(DocClass::Claim), &["substance-use", "hiv"], &[]);
    assert_eq!(
        told(&kept),
        [("short", 20), ("claims-redacted", 400), ("short", 5), ("hiv-review", 900), ("all", 5000)]
    );
}

// 45 CFR 164.316(b)(2): six years. A rule that says nothing of the log does not make it short by accident.
#[test]
fn the_log_is_kept_for_six_years_unless_a_rule_says_otherwise() {
    let silent = policy("[[rule]]\nid = \"all\"\ndays = 0\n");
    let kept = asked(&silent, None, &[], &[]);
    assert_eq!((kept.original.days, kept.log.days), (0, 2192));
    let outspoken = policy("[[rule]]\nid = \"all\"\ndays = 0\nlog-days = 7\n");
    assert_eq!(asked(&outspoken, None, &[], &[]).log.days, 7);
    let shipped = policy(Policy::shipped_texts().retention);
    assert!(asked(&shipped, None, &[], &[]).log.days >= 2192);
    assert!(asked(&shipped, None, &["hiv"], &[]).log.days > 2192);
}

// B46: nothing is kept or destroyed by a rule that nobody can read as it was meant.
#[test]
fn wrong_retention_rules_are_refused_with_their_line() {
    let all = "[[rule]]\nid = \"all\"\ndays = 1\n";
    for (rules, expected) in [
        (String::new(), "`days` or `original-days` and without"),
        ("[[rule]]\nid = \"x\"\noriginal-days = 3\n".to_owned(), "`days` or `redacted-days` and without"),
        (format!("{all}classes = [\"claim\"]\n"), "it applies to every document"),
        (format!("{all}sensitivity = [\"hiv\"]\n"), "it applies to every document"),
        (format!("{all}on-request = true\n"), "it applies to every document"),
        (
            format!("{all}[[rule]]\nid = \"x\"\ndays = 1\nsensitivity = [\"secret\"]\n"),
            "retention.toml:4: no [[sensitivity]] of classes.toml has the label `secret`",
        ),
        (format!("{all}[[rule]]\nid = \"x\"\n"), "retention.toml:4: `days, or the days of one schedule"),
        (
            format!("{all}review-days = 36526\n"),
            "retention.toml:1: `review-days` must lie between 0 and 36525",
        ),
        (format!("{all}images-days = 1\n"), "unknown field `images-days`"),
    ] {
        let said = mistakes(PolicyTexts { retention: &rules, ..Policy::shipped_texts() });
        assert!(said.contains(expected), "{rules}: {said}");
    }
    assert_eq!(
        mistakes(PolicyTexts {
            retention: &format!("{all}review-days = 36525\n"),
            ..Policy::shipped_texts()
        }),
        ""
    );
}

fn labels(texts: &[&str]) -> Vec<String> {
    let geometry = PageGeometry {
        width_px: 2000,
        height_px: 1700,
        dpi: 200,
        rotation_deg: 0,
        skew_centideg: 0,
        transform: Transform::IDENTITY,
        bilevel: false,
        blank: false,
    };
    let pages: Vec<PageWords> = texts.iter().map(|text| PageWords { words: words(text) }).collect();
    let views: Vec<PageView<'_>> =
        pages.iter().map(|words| PageView { words, geometry: &geometry }).collect();
    policy(Policy::shipped_texts().retention).sensitivity(&views).iter().map(ToString::to_string).collect()
}

fn words(text: &str) -> Vec<Word> {
    let word = |(at, word): (usize, &str)| Word {
        text: Phi::new(word.to_owned()),
        rect: Rect { x0: at as u32 * 100, y0: 20, x1: at as u32 * 100 + 90, y1: 40 },
        confidence: Confidence::new(0.9),
        line: 0,
        block: 0,
    };
    text.split(' ').enumerate().map(word).collect()
}

// Design 5: "sensitivity labels (behavioural health, substance use, HIV) change route, retention and who may
// read": as many different terms as the table asks for, as whole words, on whatever pages.
#[test]
fn sensitive_documents_get_their_labels_and_others_none() {
    for (pages, expected) in [
        (&["Please see this patient for a cough and hearing aids"][..], &[][..]),
        (&["Psychiatric: normal mood"], &[]),
        (&["Referred for psychotherapy. Major depressive disorder, PHQ-9 of 17"], &["behavioural-health"]),
        (&["seen in psychiatry", "suicidal ideation denied"], &["behavioural-health"]),
        (&["HIV-1 antibody: non-reactive"], &["hiv"]),
        (&["archive of hives"], &[]),
        (&["Opioid use disorder on buprenorphine"], &["substance-use"]),
        (
            &["Opioid use disorder on buprenorphine; HIV; psychiatry, PTSD"],
            &["behavioural-health", "substance-use", "hiv"],
        ),
    ] {
        assert_eq!(labels(pages), expected, "{pages:?}");
    }
}

#[test]
fn wrong_sensitivity_tables_are_refused() {
    let shipped = Policy::shipped_texts();
    for (from, to, expected) in [
        ("label = \"hiv\"", "label = \"substance-use\"", "the rule id `substance-use` is used twice"),
        (
            "label = \"hiv\"\nminimum-hits = 1",
            "label = \"hiv\"\nminimum-hits = 99",
            "`minimum-hits` must lie between 1 and 10",
        ),
        ("label = \"hiv\"\nminimum-hits = 1", "label = \"hiv\"\nminimum-hits = 0", "`minimum-hits` must lie"),
        ("terms = [\"hiv\"", "terms = [\"-\"", "`terms` must not be empty"),
    ] {
        assert!(shipped.classes.contains(from), "{from}");
        let classes = shipped.classes.replacen(from, to, 1);
        let said = mistakes(PolicyTexts { classes: &classes, ..shipped });
        assert!(said.contains(expected) && said.contains("classes.toml:"), "{to}: {said}");
    }
}

#[test]
fn the_schedules_have_stable_names() {
    let names = Schedule::ALL.map(Schedule::name);
    assert_eq!(names, ["original", "redacted", "text", "review", "log"]);
    assert!(Schedule::ALL.iter().all(|schedule| schedule.name().parse() == Ok(*schedule)));
}
