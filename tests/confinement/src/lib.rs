//! Probes of the sandbox: the real worker program, the real kernel, no privilege assumed to be missing.
//!
//! A probe that cannot run fails; none is skipped. This crate only brings the worker program and a
//! launcher for it; what must hold is in `tests/`.

pub mod trip;

use sandbox::Launcher;
use std::{env, path::PathBuf, process::Command, sync::OnceLock};

/// Address space for a worker here: its libraries, Tesseract's data, and a page.
pub const MEMORY_BYTES: u64 = 1 << 30;

/// Where Debian keeps Tesseract's data.
const TESSDATA: &str = "/usr/share/tesseract-ocr/5/tessdata";

/// A launcher of the worker program that belongs to this build.
#[must_use]
pub fn launcher() -> Launcher {
    launcher_of(worker_program())
}

/// A launcher of any program.
#[must_use]
pub fn launcher_of(program: PathBuf) -> Launcher {
    Launcher::new(program, TESSDATA.into(), sandbox::BUILD)
}

/// The worker program, brought up to date once for each test program.
///
/// # Panics
/// When it cannot be built: these tests prove nothing without it.
#[must_use]
pub fn worker_program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build_worker).clone()
}

fn build_worker() -> PathBuf {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The whole workspace, so that the features are those of every other build and nothing is made twice.
    cargo.args(["build", "--quiet", "--workspace", "--bin", "lazaret-worker"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo can be started");
    assert!(built.status.success(), "the worker cannot be built: {}", String::from_utf8_lossy(&built.stderr));
    // target/PROFILE/deps/THIS-TEST, and the worker two steps up.
    let test = env::current_exe().expect("a running program has a path");
    let profile = test.ancestors().nth(2).expect("a test lies below its profile's folder");
    profile.join("lazaret-worker")
}
