//! What is written for people stays true: reasons, links, shipped files, the types that hold PHI.

use house::{File, code_only, files, none_of, root, rust_files};
use std::fmt::Write as _;
use types::{Disposition, Reason};

/// Set to write docs/reference/reasons.md anew instead of comparing it.
const BLESS: &str = "LAZARET_BLESS";
const REASONS: &str = "docs/reference/reasons.md";

fn reasons_page() -> String {
    let mut page = String::from(
        "# Reason codes\n\n\
         Why a document is where it is. `lazaretctl doc show`, the ledger and the manifests use these codes; codes are\n\
         added, never changed. This page is written by `LAZARET_BLESS=1 cargo test --release -p house` from\n\
         `daemon/types/src/reason.rs`.\n",
    );
    for (disposition, title) in [
        (Disposition::Reject, "Final: the document goes no further"),
        (Disposition::Wait, "It waits in quarantine for a person"),
        (Disposition::Review, "A reviewer decides"),
        (Disposition::Retry, "It is tried again by itself"),
    ] {
        write!(page, "\n## {title}\n\n| code | what happened and what to do |\n|---|---|\n")
            .unwrap_or_default();
        for reason in Reason::ALL.iter().filter(|reason| reason.disposition() == disposition) {
            writeln!(page, "| `{}` | {} |", reason.code(), reason.sentence()).unwrap_or_default();
        }
    }
    page
}

#[test]
fn every_reason_is_in_the_reference_with_its_sentence() {
    let path = root().join(REASONS);
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, reasons_page()).expect("the house is writable when it is blessed");
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == reasons_page(),
        "{REASONS} is not up to date: run {BLESS}=1 cargo test --release -p house"
    );
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut breaches = Vec::new();
    for page in files().iter().filter(|file| file.path.ends_with(".md")) {
        for link in links(&page.text) {
            if let Some(fault) = fault(page, link) {
                breaches.push(format!("{}: {link}: {fault}", page.path));
            }
        }
    }
    none_of(breaches);
}

fn links(text: &str) -> Vec<&str> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    inline.filter(|link| !link.contains("://") && !link.starts_with("mailto:")).collect()
}

fn fault(page: &File, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let folder = root().join(&page.path);
    let target = if path.is_empty() { folder } else { folder.parent()?.join(path) };
    if !target.exists() {
        return Some("there is no such file".to_owned());
    }
    let anchor = anchor?;
    let text = std::fs::read_to_string(target).ok()?;
    let known = text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
    (!known).then(|| "there is no such heading".to_owned())
}

fn slug(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Types whose values are PHI.
const PHI_TYPES: [&str; 3] = ["Phi", "Word", "PageWords"];

// B42: no OCR text, no file names with names in logs: such types cannot be formatted at all.
#[test]
fn types_that_hold_phi_cannot_be_printed() {
    let mut breaches = Vec::new();
    for file in rust_files().iter().filter(|file| file.path.starts_with("daemon/types/")) {
        let code = code_only(&file.text);
        for name in PHI_TYPES {
            let derived =
                code.split(&format!("pub struct {name}")).next().filter(|before| before.len() < code.len());
            let derives = derived.and_then(|before| before.rsplit("#[derive(").next()?.split(')').next());
            if derives.is_some_and(|list| list.contains("Debug") || list.contains("Display")) {
                breaches.push(format!("{}: {name} holds PHI and derives Debug", file.path));
            }
            let printed =
                ["Debug", "Display"].iter().filter(|kind| code.contains(&format!("{kind} for {name} ")));
            breaches.extend(printed.map(|kind| format!("{}: {name} holds PHI and has {kind}", file.path)));
        }
    }
    none_of(breaches);
}

#[test]
fn the_shipped_configuration_parses() {
    let example = root().join("daemon/config/lazaret.example.toml");
    // The one choice that the example leaves to the site: where the master key comes from.
    let text =
        std::fs::read_to_string(&example).unwrap_or_default().replace("# credential =", "credential =");
    if let Err(errors) = config::parse(&text, &example) {
        none_of(errors.iter().map(ToString::to_string).collect());
    }
    if let Err(errors) = policy::Policy::parse(&policy::Policy::shipped_texts()) {
        none_of(errors.iter().map(ToString::to_string).collect());
    }
    let roles = std::fs::read_to_string(root().join("policy/rules/roles.toml")).unwrap_or_default();
    if let Err(errors) = policy::Roles::parse(&roles) {
        none_of(errors.iter().map(ToString::to_string).collect());
    }
}

/// Shortest reason that can be one.
const WHY_CHARS_MIN: usize = 12;

#[test]
fn every_system_call_that_a_worker_may_make_has_its_reason() {
    let profiles = files().into_iter().filter(|file| file.path.starts_with("policy/confinement/"));
    let mut lines = 0;
    for file in profiles.filter(|file| file.path.ends_with(".toml")) {
        let profile: toml::Table = file.text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.path));
        let allow = profile.get("allow").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        for line in &allow {
            let why = line.get("why").and_then(toml::Value::as_str).unwrap_or_default();
            let call = line.get("call").map(ToString::to_string).unwrap_or_default();
            assert!(why.len() >= WHY_CHARS_MIN, "{}: {call} has no reason", file.path);
            lines += 1;
        }
    }
    assert!(lines > 10, "policy/confinement holds the profiles of the worker");
}

#[test]
fn exceptions_to_advisories_are_the_same_for_both_tools_and_reasoned() {
    let audit = read(".cargo/audit.toml");
    let deny = read(".deny.toml");
    let ids = |text: &str| -> Vec<String> {
        let quoted = text.split('"').filter(|part| part.starts_with("RUSTSEC-"));
        quoted.map(str::to_owned).collect()
    };
    assert_eq!(ids(&audit), ids(&deny), ".cargo/audit.toml and .deny.toml must name the same exceptions");
    for text in [&audit, &deny] {
        let lines: Vec<_> = text.lines().map(str::trim_start).collect();
        for pair in lines.windows(2).filter(|pair| pair[1].contains("\"RUSTSEC-")) {
            assert!(pair[0].starts_with("# "), "{}: say why in the lines above", pair[1]);
        }
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_directive_of_a_unit_has_its_reason_on_the_line_above() {
    let mut breaches = Vec::new();
    for unit in
        files().iter().filter(|file| file.path.starts_with("systemd/") && file.path.ends_with(".service"))
    {
        let mut above = "";
        for line in unit.text.lines() {
            let directive = line.contains('=') && !line.starts_with('#');
            if directive && !above.starts_with("# ") {
                breaches.push(format!("{}: {line}: say why on the line above", unit.path));
            }
            above = line;
        }
    }
    none_of(breaches);
}
