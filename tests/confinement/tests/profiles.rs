//! The profiles as a reviewer reads them: complete, reasoned, and without what must never be there.
#![allow(clippy::unwrap_used)]

use serde::Deserialize;
use std::{collections::BTreeSet, fs, path::Path};
use wire::Role;

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    allow: Vec<Line>,
}

#[derive(Clone, Deserialize)]
struct Line {
    call: String,
    #[serde(default)]
    when: Vec<String>,
    why: String,
}

/// Every processor the appliance is built for.
const ARCHITECTURES: [&str; 1] = ["x86_64"];

/// All that a worker may ever call, in any role. Growing this list is growing what a hostile document
/// can reach in the kernel.
const REVIEWED: [&str; 15] = [
    "brk",
    "clock_gettime",
    "exit_group",
    "futex",
    "getpid",
    "getrandom",
    "gettid",
    "mmap",
    "mremap",
    "munmap",
    "read",
    "rt_sigprocmask",
    "tgkill",
    "write",
    "writev",
];

fn folder(arch: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policy/confinement").join(arch)
}

fn read(file: &Path) -> Profile {
    toml::from_str(&fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))).unwrap()
}

fn lines(arch: &str, role: Role) -> Vec<Line> {
    let profile = read(&folder(arch).join(role.name()).with_extension("toml"));
    let parts = profile
        .include
        .iter()
        .flat_map(|name| read(&folder(arch).join("parts").join(name).with_extension("toml")).allow);
    parts.chain(profile.allow.iter().cloned()).collect()
}

#[test]
fn every_role_has_a_profile_and_every_line_a_reason() {
    for arch in ARCHITECTURES {
        for role in Role::ALL {
            let lines = lines(arch, role);
            assert!(!lines.is_empty(), "{arch} {role:?}");
            for line in lines {
                assert!(
                    line.why.split_whitespace().count() >= 4,
                    "{role:?}: {} has no reason: {}",
                    line.call,
                    line.why
                );
            }
        }
    }
}

#[test]
fn no_role_may_call_what_was_not_reviewed() {
    let called: BTreeSet<String> = ARCHITECTURES
        .into_iter()
        .flat_map(|arch| Role::ALL.map(|role| lines(arch, role)))
        .flatten()
        .map(|line| line.call)
        .collect();
    let reviewed: BTreeSet<String> = REVIEWED.map(str::to_owned).into();
    assert_eq!(called.difference(&reviewed).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn memory_is_never_executable_and_only_the_three_pipes_are_touched() {
    for (arch, role) in ARCHITECTURES.into_iter().flat_map(|arch| Role::ALL.map(|role| (arch, role))) {
        for line in lines(arch, role) {
            let says = |condition: &str| line.when.iter().any(|found| found == condition);
            let narrow = match line.call.as_str() {
                "mmap" | "mprotect" => says("arg2 lacks PROT_EXEC"),
                "read" => says("arg0 is 0"),
                "write" | "writev" => says("arg0 is 1") || says("arg0 is 2"),
                "tgkill" => says("arg0 is SELF") && says("arg2 is SIGABRT"),
                _ => true,
            };
            assert!(narrow, "{role:?}: {} {:?}", line.call, line.when);
        }
    }
}

#[test]
fn no_profile_file_is_left_over() {
    let roles: BTreeSet<String> = Role::ALL.map(|role| format!("{}.toml", role.name())).into();
    for arch in ARCHITECTURES {
        let files: BTreeSet<String> = fs::read_dir(folder(arch))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".toml"))
            .collect();
        assert_eq!(files, roles, "{arch}");
    }
}
