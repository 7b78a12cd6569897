//! What an admin sees of a right and of a wrong file.
#![allow(clippy::unwrap_used)]

use super::*;
use std::path::Path;
use types::Limits;

const PATH: &str = "/etc/lazaret/lazaret.toml";
const LEAST: &str = "[site]\nname = \"ward\"\n[keys]\nmaster-key-file = \"k\"\n[[source]]\nname = \"fax\"\n";

fn read(text: &str) -> Result<Settings, Vec<ConfigError>> {
    parse(text, Path::new(PATH))
}

fn errors(text: &str) -> Vec<String> {
    read(text).unwrap_err().iter().map(ToString::to_string).collect()
}

/// The only error of `LEAST` with `extra` behind it.
fn only_error(extra: &str) -> String {
    let errors = errors(&format!("{LEAST}{extra}"));
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors.into_iter().next().unwrap()
}

#[test]
fn the_shipped_example_is_printed_from_the_rules() {
    assert_eq!(
        example(),
        include_str!("../lazaret.example.toml"),
        "write what config::example() returns to daemon/config/lazaret.example.toml"
    );
}

#[test]
fn the_shipped_example_says_what_holds_when_nothing_is_said() {
    let shown = example().replace("# master-key-file", "master-key-file");
    let least = "[site]\nname = \"general-hospital\"\n[keys]\nmaster-key-file = \"master.key\"\n[[source]]\nname = \"fax\"\n";
    assert_eq!(read(&shown).unwrap(), read(least).unwrap());
}

#[test]
fn every_key_of_the_example_can_be_uncommented() {
    let mut text = example();
    for key in [
        "# tcp",
        "# crl",
        "# master-key-file",
        "# folder",
        "# spool-dir",
        "# expected-class",
        "# fallback-dpi",
        "# retention",
    ] {
        assert!(text.contains(&format!("\n{key} = ")), "{key}");
        text = text.replace(&format!("\n{key} = "), &format!("\n{} = ", &key[2..]));
    }
    let settings = read(&text).unwrap();
    assert_eq!(settings.listen.tcp.unwrap().port(), 7443);
    assert_eq!(settings.sources[0].fallback_dpi, Some(300));
}

#[test]
fn defaults_are_those_of_the_design_and_paths_start_at_the_file() {
    let settings = read(LEAST).unwrap();
    let source = &settings.sources[0];
    assert_eq!((source.scan_ms, source.settle_ms), (15_000, 10_000));
    assert_eq!(source.limits, Limits::default());
    assert_eq!(source.findings.javascript, FindingAction::Hold);
    assert_eq!(
        (settings.workers.documents, settings.workers.processes, settings.workers.tries_max),
        (4, 2, 3)
    );
    assert_eq!(settings.space.floor_bytes, 2 << 30);
    assert!(!settings.sandbox.allow_degraded);
    assert_eq!(settings.keys.master_key_file.unwrap(), Path::new("/etc/lazaret/k"));
    assert_eq!(settings.policy.dir, Path::new("/etc/lazaret/policy"));
}

// A3: "per-inbox source profile (limits, default class, thresholds, DPI floor, trust)"
// B10: "processing options only in root-owned config"
#[test]
fn each_source_has_a_profile_of_its_own() {
    let settings = read(&format!(
        "{LEAST}folder = \"in/fax\"\nfallback-dpi = 204\n[source.limits]\npages-max = 50\n[source.findings]\nlaunch = \"reject\"\n\
         [[source]]\nname = \"lab\"\nexpected-class = \"lab-result\"\nretention = \"long\"\n"
    ))
    .unwrap();
    let [fax, lab] = &settings.sources[..] else { panic!("two sources") };
    assert_eq!((fax.limits.pages_max, lab.limits.pages_max), (50, 500));
    assert_eq!((fax.fallback_dpi, lab.fallback_dpi), (Some(204), None));
    assert_eq!((fax.findings.launch, lab.findings.launch), (FindingAction::Reject, FindingAction::Hold));
    assert_eq!(lab.expected_class, Some(types::DocClass::LabResult));
    assert_eq!(fax.folder.as_deref(), Some(Path::new("/etc/lazaret/in/fax")));
}

#[test]
fn every_error_is_reported_at_once_in_the_order_of_the_lines() {
    let text = "[site]\nname = \"two words\"\n\n[workers]\ndocuments = 0\nproceses = 2\n\n[listen]\ntcp = \"nowhere\"\n\n\
                [keys]\n\n[[source]]\nname = \"fax\"\nscan-ms = 1999\n[source.limits]\npages-max = \"many\"\n[sauce]\n";
    assert_eq!(
        errors(text),
        [
            "2: site.name: expected a name of 1 to 64 characters A-Z a-z 0-9 . _ -, found \"two words\"",
            "5: workers.documents: expected a number from 1 to 64, found 0",
            "6: workers.proceses: expected one of documents, processes, warm, tries-max, found an unknown key; did you mean processes?",
            "9: listen.tcp: expected an address and a port, for example 10.1.2.3:7443, found \"nowhere\"",
            "11: keys: expected one of master-key-file, credential and passphrase, found none",
            "15: source.scan-ms: expected a number from 2000 to 60000, found 1999",
            "17: source.limits.pages-max: expected a number from 1 to 5000, found \"many\"",
            "18: sauce: expected one of site, paths, listen, tls, keys, policy, workers, space, audit, backup, sandbox, source, found an unknown key; did you mean source?",
        ]
        .map(|error| format!("{PATH}:{error}"))
    );
}

#[test]
fn no_table_takes_an_unknown_key() {
    for table in ["site", "paths", "listen", "tls", "keys", "policy", "workers", "space", "audit", "sandbox"]
    {
        let header = format!("[{table}]\n");
        let line = "surprise = 1\n";
        let text = if LEAST.contains(&header) {
            LEAST.replace(&header, &format!("{header}{line}"))
        } else {
            format!("{LEAST}{header}{line}")
        };
        let errors = errors(&text);
        assert!(errors.len() == 1 && errors[0].contains(&format!(" {table}.surprise: ")), "{errors:#?}");
    }
    assert!(only_error("surprise = 1").contains(" source.surprise: "));
    assert!(only_error("[source.limits]\nsurprise = 1").contains(" source.limits.surprise: "));
    assert!(only_error("[source.findings]\nsurprise = 1").contains(" source.findings.surprise: "));
    assert!(errors(&format!("surprise = 1\n{LEAST}"))[0].contains(":1: surprise: "));
}

#[test]
fn misspelt_keys_are_recognised() {
    assert!(only_error("[source.limits]\nmax-pages = 2").ends_with("found an unknown key"));
    assert!(only_error("settle_ms = 2").ends_with("did you mean settle-ms?"));
    assert!(only_error("[source.limits]\npage-max = 2").ends_with("did you mean pages-max?"));
}

#[test]
fn inboxes_that_could_swallow_each_other_or_our_state_are_refused() {
    let second = "folder = \"/data/in\"\n[[source]]\nname = \"lab\"\nfolder = ";
    for folder in ["/data/in", "/data/./in/", "/data/in/lab", "/data"] {
        assert!(
            only_error(&format!("{second}\"{folder}\"")).contains("overlaps with source fax"),
            "{folder}"
        );
    }
    read(&format!("{LEAST}{second}\"/data/in2\"")).unwrap();
    assert!(only_error("[[source]]\nname = \"fax\"").contains("\"fax\" a second time"));
    for folder in ["/var/lib/lazaret/in", "/var/lib/lazaret", "/var/lib"] {
        assert!(only_error(&format!("folder = \"{folder}\"")).contains("paths.state-dir"), "{folder}");
    }
    assert!(only_error("folder = \"/srv/lazaret/outbox/lab\"").contains("paths.outbox-dir"));
    assert!(only_error("folder = \"/data/in/../../var/lib/lazaret\"").contains("without `..`"));
}

#[test]
fn two_names_of_one_folder_are_one_folder() {
    let home = std::env::temp_dir().join(format!("lazaret-config-{}", std::process::id()));
    std::fs::create_dir_all(home.join("real")).unwrap();
    std::os::unix::fs::symlink(home.join("real"), home.join("alias")).unwrap();
    let text = format!(
        "{LEAST}folder = \"{0}/real\"\n[[source]]\nname = \"lab\"\nfolder = \"{0}/alias/new\"\n",
        home.display()
    );
    let errors = errors(&text);
    std::fs::remove_dir_all(&home).unwrap();
    assert!(errors[0].contains("overlaps with source fax"), "{errors:#?}");
}

#[test]
fn broken_toml_and_wrong_shapes_name_their_line() {
    let broken = errors("[site]\nname = ward\n");
    assert!(broken[0].starts_with("/etc/lazaret/lazaret.toml:2: expected valid TOML, found "), "{broken:#?}");
    assert!(
        errors("source = 1\n[site]\nname = \"a\"\n")
            .iter()
            .any(|e| e.contains(":1: source: expected 1 to 256 tables"))
    );
    assert!(
        errors("[site]\nname = \"a\"\n")
            .iter()
            .any(|e| e.contains("source: expected 1 to 256 tables [[source]], found none"))
    );
    assert!(
        errors(&format!("paths = 3\n{LEAST}"))[0].contains(":1: paths: expected the table [paths], found 3")
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_repeated_short_and_harmless() {
    let error = only_error(&format!("retention = \"{}\\u001b[31m\"", "x".repeat(200)));
    assert!(error.len() < 300 && !error.contains('\u{1b}'), "{error}");
    assert!(only_error("settle-ms = -1").contains("found -1"));
    assert!(
        errors(&LEAST.replace("master-key-file = \"k\"", "credential = \"../shadow\""))[0]
            .contains("keys.credential")
    );
    assert!(only_error("settle-ms = 1.5").contains("found a value of type float"));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_and_never_a_default() {
    let missing = load(Path::new("/nonexistent/lazaret.toml")).unwrap_err();
    assert!(missing[0].to_string().contains("expected a readable file"), "{}", missing[0]);
    let path = std::env::temp_dir().join(format!("lazaret-config-{}.toml", std::process::id()));
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    let large = load(&path).unwrap_err();
    std::fs::write(&path, b"\xff\xfe").unwrap();
    let binary = load(&path).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert!(large[0].to_string().ends_with("found a larger one"), "{}", large[0]);
    assert!(binary[0].to_string().contains("UTF-8"), "{}", binary[0]);
}
