//! What admins rely on: rule files are refused with every mistake named, and routes, retention and
//! roles decide as written.
#![allow(clippy::unwrap_used)]

use policy::{Policy, PolicyError, PolicyTexts, Roles, RouteFacts, Verdict};
use std::collections::BTreeSet;
use types::{Confidence, DocClass, Label, Reason, Scope};

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

fn shipped() -> Policy {
    Policy::parse(&Policy::shipped_texts()).unwrap_or_else(|errors| panic!("{}", lines(&errors)))
}

fn lines(errors: &[PolicyError]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

fn mistakes(texts: PolicyTexts<'_>) -> String {
    lines(&Policy::parse(&texts).err().unwrap_or_default())
}

fn facts(source: &Label) -> RouteFacts<'_> {
    RouteFacts {
        class: DocClass::LabResult,
        confidence: Confidence::new(0.96),
        source,
        mixed: false,
        reading: Confidence::new(0.93),
        words: 240,
        unread_pages: 0,
        black_pages: 0,
        decided_by_person: false,
        pages: 1,
        blank_pages: 0,
    }
}

#[test]
fn no_class_without_a_route_an_owner_and_an_sla() {
    // A36: config check refuses a class without a route, owner and SLA.
    let routes = Policy::shipped_texts().routes;
    let check = |routes: &str| mistakes(PolicyTexts { routes, ..Policy::shipped_texts() });
    for (from, to, expected) in [
        ("classes = [\"lab-result\"]", "classes = []", "class `lab-result` has no route"),
        ("owner = \"pharmacy\"\n", "", "missing field `owner`"),
        (
            "sla-hours = 4\nfolder = \"pharmacy\"",
            "sla-hours = 0\nfolder = \"pharmacy\"",
            "needs `sla-hours` of at least 1",
        ),
        ("sla-hours = 4\nfolder = \"pharmacy\"", "folder = \"pharmacy\"", "missing field `sla-hours`"),
        ("[\"claim\", ", "[\"claim\", \"referral\", ", "class `referral` has more than one route"),
        ("folder = \"chart\"", "folder = \"../chart\"", "must be a plain relative path"),
        ("classes = [\"referral\"]", "classes = [\"letters\"]", "unknown variant `letters`"),
        ("sla-hours = 24", "sla-hours = 24\nslow = true", "unknown field `slow`"),
    ] {
        assert!(routes.contains(from), "{from}");
        let said = check(&routes.replacen(from, to, 1));
        assert!(said.contains(expected) && said.contains("routes.toml:"), "{from} -> {to}: {said}");
    }
}

#[test]
fn every_mistake_is_reported_at_once_with_its_line() {
    let shipped = Policy::shipped_texts();
    let classes = shipped.classes.replacen("class = \"claim\"", "class = \"bill\"", 1);
    let identifiers = shipped.identifiers.replacen("id = \"date-iso\"", "id = \"date-slashes\"", 1);
    let identifiers = identifiers.replacen(r"'''\b(?P<m><9>{1,2})-", r"'''((", 1);
    let retention = shipped.retention.replacen("days = 30\n", "days = 30\nwhy = 1\n", 1);
    let said = mistakes(PolicyTexts {
        classes: &classes,
        identifiers: &identifiers,
        retention: &retention,
        ..shipped
    });
    for expected in [
        "unknown variant `bill`",
        "the rule id `date-slashes` is used twice",
        "not a usable pattern",
        "retention.toml:13: unknown field `why`",
        "it applies to every document",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn patterns_that_cost_too_much_are_refused() {
    let shipped = Policy::shipped_texts();
    let huge =
        shipped.identifiers.replacen(r"\b(?P<m><9>{1,2})-", r"(?:\pL{1,900}){1,900}(?P<m><9>{1,2})-", 1);
    assert!(mistakes(PolicyTexts { identifiers: &huge, ..shipped }).contains("not a usable pattern"));
}

#[test]
fn clear_documents_go_straight_and_doubtful_ones_to_a_person() {
    // A37: 0.96 lab report goes straight; 0.61 goes to review. A39: the verdict names owner and rule.
    let (policy, source) = (shipped(), label("fax-1"));
    let straight = policy.route(&facts(&source));
    let Verdict::Send { route, owner, rule } = straight else { panic!("{straight:?}") };
    assert_eq!(
        (route.as_str(), owner.as_str(), rule.as_str()),
        ("results", "laboratory-liaison", "automatic")
    );
    type Change = fn(&mut RouteFacts<'_>);
    let cases: [(Change, Reason); 9] = [
        (|f| f.confidence = Confidence::new(0.61), Reason::LowConfidence),
        (|f| f.confidence = Confidence::new(0.9499), Reason::LowConfidence),
        (|f| f.words = 0, Reason::NoText),
        (|f| f.unread_pages = 1, Reason::PoorReading),
        (|f| f.reading = Confidence::new(0.4), Reason::PoorReading),
        (|f| f.black_pages = 1, Reason::RedactionResidue),
        (|f| f.mixed = true, Reason::MixedClasses),
        (|f| f.class = DocClass::Miscellaneous, Reason::ClassNeedsReview),
        (|f| f.confidence = Confidence::new(f32::NAN), Reason::LowConfidence),
    ];
    for (change, expected) in cases {
        let mut facts = facts(&source);
        change(&mut facts);
        let verdict = policy.route(&facts);
        assert!(
            matches!(verdict, Verdict::Review { reason, .. } if reason == expected),
            "{expected}: {verdict:?}"
        );
        facts.decided_by_person = true;
        assert!(
            matches!(policy.route(&facts), Verdict::Send { rule, .. } if rule == label("decided-by-reviewer"))
        );
    }
}

#[test]
fn the_strictest_threshold_that_applies_counts() {
    let shipped = Policy::shipped_texts();
    let stricter = "\n[[threshold]]\nid = \"fax\"\nautomatic-at = 0.99\nsources = [\"fax-1\"]\n";
    let routes = format!("{}{stricter}", shipped.routes);
    let policy = Policy::parse(&PolicyTexts { routes: &routes, ..shipped }).ok().unwrap();
    let (fax, scanner) = (label("fax-1"), label("scanner"));
    assert!(matches!(policy.route(&facts(&fax)), Verdict::Review { reason: Reason::LowConfidence, .. }));
    assert!(matches!(policy.route(&facts(&scanner)), Verdict::Send { .. }));
}

#[test]
fn every_class_has_somebody_who_answers_for_it() {
    // A36: no class without an action.
    let policy = shipped();
    for class in DocClass::ALL {
        let route = policy.routes().iter().find(|route| route.classes.contains(&class)).unwrap();
        assert!(route.sla_hours > 0);
        assert_eq!(policy.route_named(&route.name), Some(route));
    }
    assert_eq!(policy.route_named(&label("nowhere")), None);
}

#[test]
fn roles_give_their_scopes_and_no_more() {
    // B31: scopes are verbatim. B32: eight roles. B30: nobody is authorised by default.
    let text = Roles::shipped_text();
    let roles = Roles::parse(text).unwrap();
    let names =
        ["submitter", "clinician", "billing", "reviewer", "support", "records-officer", "auditor", "admin"];
    for name in names {
        assert!(!roles.scopes_of_role(&label(name)).is_empty(), "{name}");
        let reads = roles.scopes_of_role(&label(name)).contains(&Scope::ReadOriginal);
        assert_eq!(reads, matches!(name, "clinician" | "reviewer"), "{name}");
    }
    assert_eq!(roles.scopes_of_role(&label("admin")), BTreeSet::from([Scope::Admin]));
    assert!(roles.scopes_of(&label("anybody")).is_empty());
    let roles = Roles::parse(&format!("{text}ward-3 = [\"clinician\", \"submitter\"]\n")).unwrap();
    let expected = [Scope::Upload, Scope::ReadRedacted, Scope::ReadOriginal];
    assert_eq!(roles.scopes_of(&label("ward-3")), BTreeSet::from(expected));
}

#[test]
fn unknown_roles_and_scopes_are_refused() {
    let text = "[roles]\nreader = [\"document:read\"]\n\n[clients]\nward = [\"nurse\"]\n[extra]\n";
    assert!(lines(&Roles::parse(text).unwrap_err()).contains("roles.toml:6: unknown field `extra`"));
    let said = lines(&Roles::parse(text.strip_suffix("[extra]\n").unwrap()).unwrap_err());
    assert!(said.contains("roles.toml:2: unknown variant `document:read`"), "{said}");
    assert!(said.contains("roles.toml:5: client `ward` has the unknown role `nurse`"), "{said}");
}
