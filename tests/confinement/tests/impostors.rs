//! The daemon must not be talked into trusting a worker that is not what it says.
#![allow(clippy::unwrap_used)]

use confinement::{MEMORY_BYTES, launcher, launcher_of, worker_program};
use sandbox::{BUILD, LaunchError, Launcher, ProveError, prove};
use std::{fs, io::Write, os::unix::fs::PermissionsExt, process::Command, process::Stdio};
use tempfile::TempDir;
use wire::{Enforcement, Fault, Hello, Kind, Role, encode, write_frame};

/// A program made of a shell script.
fn script(folder: &TempDir, name: &str, text: &str) -> Launcher {
    let program = folder.path().join(name);
    fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    launcher_of(program)
}

/// A program that is not confined at all and says `hello` as if it were.
fn liar(folder: &TempDir, hello: &Hello) -> Launcher {
    let mut words = Vec::new();
    write_frame(&mut words, Kind::Hello, &encode(hello).unwrap()).unwrap();
    let file = folder.path().join("hello");
    fs::write(&file, words).unwrap();
    script(folder, "liar", &format!("cat {}; exec cat", file.display()))
}

fn honest_hello(role: Role) -> Hello {
    let enforcement = Enforcement {
        landlock_abi: 7,
        landlock_full: true,
        no_new_privs: true,
        seccomp: sandbox::digest_of(role).0,
    };
    Hello { role, build: BUILD.to_owned(), enforcement }
}

#[test]
fn the_confinement_is_proven_on_this_kernel() {
    let proof = prove(&launcher()).unwrap();
    assert!(proof.landlock_abi >= 1 && proof.landlock_full, "{proof:?}");
    assert_eq!(proof.seccomp, sandbox::digest_of(Role::Probe));
}

// No landlock or seccomp: the daemon refuses to start, with one clear line.
#[test]
fn a_worker_that_does_not_confine_itself_proves_nothing() {
    let folder = TempDir::new().unwrap();
    let refused = prove(&launcher_of("/bin/cat".into())).unwrap_err();
    assert!(matches!(refused, ProveError::Launch(LaunchError::NotReady { .. })), "{refused}");

    let refused = prove(&liar(&folder, &honest_hello(Role::Probe))).unwrap_err();
    assert!(matches!(refused, ProveError::Launch(LaunchError::NotConfined { .. })), "{refused}");
    assert!(!refused.to_string().contains('\n'));
}

#[test]
fn what_a_worker_says_about_itself_is_checked_word_by_word() {
    let spawn = |hello: &Hello| {
        let folder = TempDir::new().unwrap();
        liar(&folder, hello).spawn(Role::Ocr, MEMORY_BYTES).err().unwrap()
    };
    let honest = honest_hello(Role::Ocr);
    let stranger = spawn(&Hello { build: "0.0.1+0".to_owned(), ..honest.clone() });
    assert!(matches!(stranger, LaunchError::Stranger { .. }), "{stranger}");
    let stranger = spawn(&Hello { role: Role::Parse, ..honest.clone() });
    assert!(matches!(stranger, LaunchError::Stranger { .. }), "{stranger}");
    for enforcement in [
        Enforcement { landlock_abi: 0, ..honest.enforcement.clone() },
        Enforcement { landlock_full: false, ..honest.enforcement.clone() },
        Enforcement { no_new_privs: false, ..honest.enforcement.clone() },
        Enforcement { seccomp: sandbox::digest_of(Role::Probe).0, ..honest.enforcement.clone() },
    ] {
        // The OCR profile is not the probe's, or the last case would show nothing.
        let loose = spawn(&Hello { enforcement, ..honest.clone() });
        assert!(matches!(loose, LaunchError::NotConfined { .. }), "{loose}");
    }
}

#[test]
fn a_worker_that_cannot_start_says_why_in_one_line() {
    let folder = TempDir::new().unwrap();
    let missing = launcher_of(folder.path().join("none")).spawn(Role::Parse, MEMORY_BYTES).err().unwrap();
    assert!(matches!(missing, LaunchError::Start { .. }), "{missing}");

    let broken = script(&folder, "broken", "echo 'libtesseract.so.5: not found' >&2; exit 127");
    let broken = broken.spawn(Role::Parse, MEMORY_BYTES).err().unwrap();
    assert!(matches!(broken, LaunchError::NotReady { fault: Fault::Crash, .. }), "{broken}");
    assert!(broken.to_string().contains("libtesseract.so.5: not found"), "{broken}");

    let tessdata = folder.path().to_owned();
    let blind =
        Launcher::new(worker_program(), tessdata, BUILD).spawn(Role::Ocr, MEMORY_BYTES).err().unwrap();
    assert!(matches!(blind, LaunchError::CannotConfine { .. }), "{blind}");
}

/// Runs the worker by hand and says how it ended and what it said.
fn by_hand(stdin: impl Into<Stdio>, variable: Option<(&str, &str)>) -> (Option<i32>, String) {
    let mut worker = Command::new(worker_program());
    worker.args(["parse", "--memory=1073741824"]).env_clear().env("OMP_THREAD_LIMIT", "1").envs(variable);
    worker.stdin(stdin);
    let output = worker.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_worker_refuses_surroundings_that_are_not_the_daemons() {
    let (code, said) = by_hand(pipe(), Some(("LD_BIND_NOT", "1")));
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("OMP_THREAD_LIMIT=1"), "{said}");

    let (code, said) = by_hand(Stdio::null(), None);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("descriptor 0 is not a pipe"), "{said}");

    let (code, said) = by_hand(closed_pipe(), None);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("before the document"), "{said}");
}

fn pipe() -> std::io::PipeReader {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[1]).unwrap();
    reader
}

fn closed_pipe() -> std::io::PipeReader {
    std::io::pipe().unwrap().0
}
