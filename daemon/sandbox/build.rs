//! Compiles `policy/confinement` into seccomp programs, and names this build.
//!
//! The programs become constants of the crate, so the daemon knows the digest of the program that a
//! worker of each role must have loaded, and the worker needs no parser to confine itself.

#[path = "build/fingerprint.rs"]
mod fingerprint;
#[path = "build/profiles.rs"]
mod profiles;

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let house = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let arch = env::var("CARGO_CFG_TARGET_ARCH")?;
    let profiles = house.join("policy/confinement").join(&arch);
    println!("cargo::rerun-if-changed={}", profiles.display());
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");

    let code = profiles::compile_folder(&profiles, &arch)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("profiles.rs"), code)?;

    let sources = [
        "daemon/types",
        "daemon/wire",
        "daemon/sandbox",
        "daemon/worker",
        "policy/confinement",
        "Cargo.lock",
    ];
    for source in sources {
        println!("cargo::rerun-if-changed={}", house.join(source).display());
    }
    println!("cargo::rustc-env=LAZARET_BUILD={}", fingerprint::of(&house, &sources)?);
    Ok(())
}
