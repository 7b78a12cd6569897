//! How files look: short, introduced by what they do, free of unfinished work, unsafe only at its address.

use house::{code_only, none_of, packages, root, rust_files};

/// One screenful is better; above this nobody reads to the end.
const LINES_MAX: usize = 400;
/// Where unsafe may live: the sandbox's system calls, and the calls into Tesseract.
const UNSAFE_PLACES: [&str; 2] = ["daemon/sandbox/", "daemon/worker/src/ocr/tesseract.rs"];
/// Rooms that restate the workspace's lints because they lift one of them.
const OWN_LINTS: [&str; 2] = ["sandbox", "worker"];
/// Everything that may lie at the top, beside what git and Cargo keep there.
const TOP: [&str; 17] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "daemon",
    "ctl",
    "policy",
    "systemd",
    "packaging",
    "tests",
    "docs",
    ".cargo",
    ".ci",
    ".clippy.toml",
    ".deny.toml",
    ".gitignore",
    ".rustfmt.toml",
    ".gitattributes",
];

#[test]
fn no_file_is_longer_than_people_read() {
    let long = rust_files().into_iter().map(|file| (file.text.lines().count(), file.path));
    none_of(
        long.filter(|(lines, _)| *lines > LINES_MAX)
            .map(|(lines, path)| {
                format!("{path} has {lines} lines; split it at a seam, {LINES_MAX} is the limit")
            })
            .collect(),
    );
}

#[test]
fn every_file_says_what_it_does() {
    let silent = rust_files().into_iter().filter(|file| !file.text.starts_with("//!"));
    none_of(
        silent
            .map(|file| format!("{} does not begin with `//!`: say what it does and what not", file.path))
            .collect(),
    );
}

#[test]
fn unsafe_has_an_address() {
    let mut breaches = Vec::new();
    for file in
        rust_files().iter().filter(|file| !UNSAFE_PLACES.iter().any(|place| file.path.starts_with(place)))
    {
        for (number, line) in code_only(&file.text).lines().enumerate() {
            if line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe") {
                breaches.push(format!("{}:{}: unsafe lives in daemon/sandbox", file.path, number + 1));
            }
        }
    }
    none_of(breaches);
}

#[test]
fn every_package_keeps_the_lints_of_the_house() {
    let mut breaches = Vec::new();
    for package in packages() {
        let manifest =
            std::fs::read_to_string(root().join(&package.folder).join("Cargo.toml")).unwrap_or_default();
        let manifest: toml::Table = manifest.parse().unwrap_or_default();
        let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace")).is_some();
        if inherits == OWN_LINTS.contains(&package.name.as_str()) {
            breaches.push(format!("{}: [lints] workspace = true, except in {OWN_LINTS:?}", package.folder));
        }
    }
    none_of(breaches);
}

#[test]
fn nothing_is_unfinished_and_no_build_is_special() {
    // Put together here, so that this file does not name what it looks for.
    let in_code = [
        ["todo", "!"].concat(),
        ["unimplemented", "!"].concat(),
        ["cfg(debug", "_assertions)"].concat(),
        ["#[ign", "ore"].concat(),
    ];
    let anywhere = [["FIX", "ME"].concat(), ["TO", "DO"].concat(), ["XX", "X"].concat()];
    let mut breaches = Vec::new();
    for file in rust_files() {
        let code = code_only(&file.text);
        let found = in_code.iter().filter(|word| code.contains(*word));
        let found = found.chain(anywhere.iter().filter(|word| file.text.contains(*word)));
        breaches.extend(found.map(|word| format!("{} says {word}: finish it or leave it out", file.path)));
    }
    none_of(breaches);
}

#[test]
fn the_top_of_the_house_holds_only_its_rooms() {
    let entries = std::fs::read_dir(root()).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let strange = names.filter(|name| !TOP.contains(&name.as_str()) && name != ".git" && name != "target");
    none_of(
        strange.map(|name| format!("{name} does not belong at the top; see docs/architecture.md")).collect(),
    );
}

#[test]
fn no_file_names_somebodys_machine() {
    let homes =
        [["/ho", "me/"].concat(), ["/ro", "ot/"].concat(), ["/Us", "ers/"].concat(), ["/wo", "rk/"].concat()];
    let mut breaches = Vec::new();
    for file in house::files() {
        let found = homes.iter().filter(|home| file.text.contains(*home));
        breaches.extend(found.map(|home| format!("{} names a path under {home}", file.path)));
    }
    none_of(breaches);
}
