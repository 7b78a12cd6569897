//! What Cargo knows: our packages, what each names as a dependency, and what a binary really links.

use crate::root;
use serde_json::Value;
use std::{collections::BTreeSet, process::Command};

/// One of our packages.
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, from the root.
    pub folder: String,
    /// What it names under `[dependencies]` and `[build-dependencies]`.
    pub uses: BTreeSet<String>,
    /// The same for `[dependencies]` alone: what is linked.
    pub links: BTreeSet<String>,
}

/// Every package of the workspace.
#[must_use]
pub fn packages() -> Vec<Package> {
    let text = run(&["metadata", "--format-version", "1", "--offline", "--locked", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&text).expect("cargo metadata prints JSON");
    let root = format!("{}/", root().display());
    let list = metadata["packages"].as_array().expect("cargo metadata has packages");
    list.iter()
        .map(|package| {
            let manifest = package["manifest_path"].as_str().unwrap_or_default();
            let folder = manifest.trim_start_matches(&root).trim_end_matches("/Cargo.toml").to_owned();
            let uses = named(package, &["null", "\"build\""]);
            Package { name: text_of(&package["name"]), folder, uses, links: named(package, &["null"]) }
        })
        .collect()
}

/// Every package that ends up in what `package` builds, without what only its tests or its build need.
#[must_use]
pub fn closure(package: &str) -> BTreeSet<String> {
    let tree = run(&["tree", "-p", package, "-e", "normal", "--prefix", "none", "--offline", "--locked"]);
    tree.lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn named(package: &Value, kinds: &[&str]) -> BTreeSet<String> {
    let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
    let of_kind =
        dependencies.iter().filter(|dependency| kinds.contains(&dependency["kind"].to_string().as_str()));
    of_kind.map(|dependency| text_of(&dependency["name"])).collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn run(args: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(args)
        .current_dir(root())
        .output()
        .expect("cargo runs the tests, so it is there");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {}: {errors}", args.join(" "));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}
