//! Derives the format of the index from the sources that decide it. A build whose types differ from
//! those an index was written with then rebuilds the index instead of misreading it.
#![allow(clippy::print_stdout, reason = "cargo reads a build script's standard output")]

use std::{
    fs,
    hash::{DefaultHasher, Hasher as _},
    io,
    path::PathBuf,
};

/// Folders whose types are kept in the index.
const FOLDERS: [&str; 3] = ["../types/src", "../lifecycle/src", "src"];

fn main() -> io::Result<()> {
    let mut hasher = DefaultHasher::new();
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
        files.sort();
        for file in files.iter().filter(|file| file.is_file()) {
            hasher.write(&fs::read(file)?);
        }
    }
    println!("cargo::rustc-env=LAZARET_INDEX_FORMAT={:016x}", hasher.finish());
    Ok(())
}
