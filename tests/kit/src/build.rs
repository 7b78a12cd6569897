//! The three programs under test.

use anyhow::{Context, Result, ensure};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Folder of the programs; built first if they are not up to date.
///
/// # Errors
/// When they do not build.
pub fn programs() -> Result<&'static Path> {
    static PROGRAMS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let programs = PROGRAMS.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    programs.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn build() -> Result<PathBuf> {
    // A test runs as TARGET/PROFILE/deps/NAME-HASH.
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).context("a test lies in TARGET/PROFILE/deps")?.to_owned();
    let target = folder.parent().context("a profile lies in TARGET")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // The whole workspace, so that dependencies have the features of every other build.
    let built = Command::new(cargo)
        .args(["build", "--release", "--workspace", "--bins", "--locked", "--quiet", "--target-dir"])
        .arg(target)
        .current_dir(root)
        .status()?;
    ensure!(built.success(), "the programs do not build");
    ensure!(folder.ends_with("release"), "tests run with --release, as the product does");
    Ok(folder)
}
